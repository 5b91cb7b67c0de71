"""Identity: a file stays the same file, by number and as a node, as long as it lives.

"The same file must be the same object": where it is not, hard links do not look like links, locks do not
exclude, and what one program writes another does not see.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

from puffpy.testing.checks.looking import regular
from puffpy.testing.promise import NotApplicable, expect, promise
from puffpy.testing.trial import Trial


@promise()
def a_file_in_use_is_the_same_node_when_found_again(k: Trial) -> None:
    for each in regular(k):
        counts = []
        with ExitStack() as held:
            for _ in range(3):
                held.enter_context(k.opened(each.path))
                k.drop_caches()
                counts.append(len(k.overseen.session.nodes))
        what = f"how many nodes are in use while {each.path!r} is opened three times"
        expect(counts, counts[:1] * 3, what)


@promise()
def a_forgotten_file_keeps_its_number(k: Trial) -> None:
    numbered = [each for each in regular(k) if k.own_numbers(each.path)]
    if not numbered:
        raise NotApplicable("the library numbers the files")
    for each in numbered:
        k.drop_caches()
        expect(
            k.stat(each.path).st_ino, each.stat.st_ino, f"st_ino of {each.path!r}, forgotten and found again"
        )


@promise({"create", "remove", "write", "read"})
def unlinked_files_live_while_open(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        k.write_all(fd, b"before")
        k.unlink("file")
        k.drop_caches()
        expect(k.pread(fd, 100, 0), b"before", "what the removed file holds")
        k.write_all(fd, b" and after")
        expect(k.pread(fd, 100, 0), b"before and after", "what it holds once written to")
        told = k.fstat(fd)
        expect((told.st_nlink, told.st_size), (0, 16), "its st_nlink and st_size")
        if "setattr" in k.ops:
            k.ftruncate(fd, 3)
            k.fchmod(fd, 0o600)
            expect(k.pread(fd, 100, 0), b"bef", "what it holds once truncated")


@promise({"create", "remove", "write", "read"})
def a_new_file_does_not_disturb_an_unlinked_one(k: Trial) -> None:
    k.make_file("file", b"old")
    with k.opened("file") as fd:
        k.unlink("file")
        k.make_file("file", b"new")
        k.drop_caches()
        expect(k.content("file"), b"new", "what the new file holds")
        expect(k.pread(fd, 10, 0), b"old", "what the removed file of the same name holds")


@promise({"create", "rename", "write", "read"})
def a_renamed_file_stays_open(k: Trial) -> None:
    with k.opened("old", os.O_CREAT | os.O_RDWR) as fd:
        k.write_all(fd, b"before")
        k.rename("old", "new")
        k.drop_caches()
        k.write_all(fd, b" and after")
        expect(k.content("new"), b"before and after", "what is read by the new name")


@promise({"create", "write", "read"})
def data_outlive_being_forgotten(k: Trial) -> None:
    k.make_file("file", b"kept")
    k.make_file("other", b"something else")
    for _ in range(2):
        k.drop_caches()
        expect(k.content("file"), b"kept", "what a file holds that was closed and forgotten")
