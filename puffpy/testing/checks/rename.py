"""Rename: what may replace what, and what is what afterwards.

The matrix: what is moved is a file, a link, an empty or a full directory; what is met is any of them, or
nothing.

================  =======  ========  ========  ===============  ==============
moved, met        nothing  a file    a link    empty directory  full directory
================  =======  ========  ========  ===============  ==============
a file, a link    moved    replaced  replaced  EISDIR           EISDIR
a directory       moved    ENOTDIR   ENOTDIR   replaced         ENOTEMPTY
================  =======  ========  ========  ===============  ==============
"""

from __future__ import annotations

import errno

from puffpy.testing.checks.kinds import NOT_EMPTY
from puffpy.testing.promise import NotApplicable, expect, expect_refused, promise
from puffpy.testing.trial import Trial

NOREPLACE, EXCHANGE = 1, 2


def make(k: Trial, kind: str, name: str) -> None:
    """Make a "file", a "link", an "empty" or a "full" directory."""
    if kind == "file":
        k.make_file(name)
    elif kind == "link":
        k.symlink("file", name)
    else:
        k.mkdir(name)
        if kind == "full":
            k.make_file(f"{name}/inside")


def kinds(k: Trial, *wanted: str) -> list[str]:
    """Return those of *wanted* that can be made here."""
    needed = {"file": "create", "link": "symlink", "empty": "mkdir", "full": "mkdir"}
    return [kind for kind in wanted if needed[kind] in k.ops]


def flagged(k: Trial, flags: int, *names: str) -> None:
    """Rename with *flags*, which not every file system has."""
    try:
        k.rename(*names, flags=flags)
    except OSError as exc:
        if exc.errno in (errno.EINVAL, errno.ENOSYS):
            raise NotApplicable(f"rename with flags {flags} is not supported") from exc
        raise


@promise({"create", "rename"})
def what_is_renamed_has_its_new_name_alone(k: Trial) -> None:
    for kind in kinds(k, "file", "link", "empty", "full"):
        make(k, kind, f"old {kind}")
        number = k.lstat(f"old {kind}").st_ino
        k.rename(f"old {kind}", f"new {kind}")
        expect(k.lstat(f"new {kind}").st_ino, number, f"st_ino of a renamed {kind}")
        k.drop_caches()
        expect_refused(errno.ENOENT, k.lstat, f"old {kind}")
        k.lstat(f"new {kind}")
        if "readdir" in k.ops:
            names = [name for name in k.names() if name.endswith(kind)]
            expect(names, [f"new {kind}"], "the names listed")


@promise({"create", "rename"})
def what_is_no_directory_replaces_what_is_none(k: Trial) -> None:
    for moved in kinds(k, "file", "link"):
        for met in kinds(k, "file", "link"):
            make(k, moved, f"{moved} to {met}")
            make(k, met, f"{met} from {moved}")
            number = k.lstat(f"{moved} to {met}").st_ino
            k.rename(f"{moved} to {met}", f"{met} from {moved}")
            expect(
                k.lstat(f"{met} from {moved}").st_ino, number, f"what a {met} is once a {moved} replaced it"
            )
            k.drop_caches()
            expect_refused(errno.ENOENT, k.lstat, f"{moved} to {met}")


@promise({"create", "mkdir", "rename"})
def what_is_no_directory_does_not_replace_one(k: Trial) -> None:
    for moved in kinds(k, "file", "link"):
        for met in ("empty", "full"):
            make(k, moved, f"{moved} to {met}")
            make(k, met, f"{met} from {moved}")
            k.drop_caches()
            expect_refused(errno.EISDIR, k.rename, f"{moved} to {met}", f"{met} from {moved}")
            k.lstat(f"{moved} to {met}")


@promise({"create", "mkdir", "rename"})
def a_directory_does_not_replace_what_is_none(k: Trial) -> None:
    for moved in ("empty", "full"):
        for met in kinds(k, "file", "link"):
            make(k, moved, f"{moved} to {met}")
            make(k, met, f"{met} from {moved}")
            k.drop_caches()
            expect_refused(errno.ENOTDIR, k.rename, f"{moved} to {met}", f"{met} from {moved}")
            k.lstat(f"{moved} to {met}")


@promise({"create", "mkdir", "rename"})
def a_directory_replaces_an_empty_one(k: Trial) -> None:
    for moved in ("empty", "full"):
        make(k, moved, f"{moved} moved")
        make(k, "empty", f"for {moved}")
        number = k.stat(f"{moved} moved").st_ino
        k.rename(f"{moved} moved", f"for {moved}")
        expect(k.stat(f"for {moved}").st_ino, number, "st_ino of the directory by its new name")
        k.drop_caches()
        expect_refused(errno.ENOENT, k.stat, f"{moved} moved")
    k.stat("for full/inside")


@promise({"create", "mkdir", "rename"})
def a_directory_does_not_replace_a_full_one(k: Trial) -> None:
    make(k, "full", "full")
    for moved in ("empty", "full"):
        make(k, moved, f"{moved} moved")
        expect_refused(NOT_EMPTY, k.rename, f"{moved} moved", "full")
    k.drop_caches()
    for path in ("empty moved", "full moved/inside", "full/inside"):
        k.stat(path)


@promise({"create", "rename"})
def renaming_what_is_not_there_is_enoent(k: Trial) -> None:
    k.make_file("file")
    for target in ("new", "file"):
        expect_refused(errno.ENOENT, k.rename, "nothing", target)
    k.drop_caches()
    k.stat("file")


@promise({"mkdir", "rename"})
def a_directory_does_not_move_below_itself(k: Trial) -> None:
    k.makedirs("a/b/c")
    k.drop_caches()
    expect_refused(errno.EINVAL, k.rename, "a", "a/new")
    expect_refused(errno.EINVAL, k.rename, "a", "a/b/c/new")
    k.drop_caches()
    k.stat("a/b/c")


@promise({"mkdir", "rename", "create"})
def a_moved_directory_takes_along_what_is_in_it(k: Trial) -> None:
    k.makedirs("from/moved/below")
    k.mkdir("to")
    k.make_file("from/moved/below/file")
    k.rename("from/moved", "to/moved")
    k.drop_caches()
    k.stat("to/moved/below/file")
    expect_refused(errno.ENOENT, k.stat, "from/moved")


@promise({"mkdir", "rename"})
def a_moved_directory_is_counted_where_it_is(k: Trial) -> None:
    k.makedirs("from/moved")
    k.mkdir("to")
    counted = k.stat("from").st_nlink != 1
    k.rename("from/moved", "to/moved")
    k.drop_caches()
    expected = (2, 3) if counted else (1, 1)
    expect(
        (k.stat("from").st_nlink, k.stat("to").st_nlink), expected, "st_nlink of where it was and where it is"
    )


@promise({"create", "rename", "write", "read"})
def a_replaced_file_lives_while_open(k: Trial) -> None:
    k.make_file("new", b"new")
    k.make_file("old", b"old")
    with k.opened("old") as fd:
        k.rename("new", "old")
        expect(k.content("old"), b"new", "what is read by the name")
        expect(k.pread(fd, 10, 0), b"old", "what is read by the descriptor of the replaced file")
        expect(k.fstat(fd).st_nlink, 0, "st_nlink of the replaced file")


@promise({"create", "rename", "link"})
def renaming_a_file_to_its_other_name_changes_nothing(k: Trial) -> None:
    k.make_file("one")
    k.link("one", "two")
    k.drop_caches()
    k.rename("one", "two")
    k.drop_caches()
    expect((k.stat("one").st_nlink, k.stat("two").st_nlink), (2, 2), "st_nlink by either name")


@promise({"create", "rename", "link"})
def a_replaced_link_is_one_less(k: Trial) -> None:
    k.make_file("kept")
    k.link("kept", "replaced")
    k.make_file("new")
    k.rename("new", "replaced")
    k.drop_caches()
    expect(k.stat("kept").st_nlink, 1, "st_nlink of a file of which one name was replaced")


@promise({"create", "rename"})
def noreplace_replaces_nothing(k: Trial) -> None:
    k.make_file("file")
    k.make_file("taken")
    flagged(k, NOREPLACE, "file", "free")
    k.drop_caches()
    expect_refused(errno.EEXIST, k.rename, "free", "taken", flags=NOREPLACE)
    for name in ("free", "taken"):
        k.stat(name)
    expect_refused(errno.ENOENT, k.stat, "file")


@promise({"create", "mkdir", "rename"})
def exchange_swaps_two_names(k: Trial) -> None:
    k.make_file("file")
    k.mkdir("elsewhere")
    make(k, "full", "elsewhere/full")
    numbers = k.stat("file").st_ino, k.stat("elsewhere/full").st_ino
    flagged(k, EXCHANGE, "file", "elsewhere/full")
    expect((k.stat("elsewhere/full").st_ino, k.stat("file").st_ino), numbers, "st_ino by the other's name")
    k.drop_caches()
    k.stat("file/inside")
    expect_refused(errno.ENOENT, k.rename, "file", "nothing", flags=EXCHANGE)
