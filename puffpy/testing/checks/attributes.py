"""Attributes: mode, owner, size, and the figures of the whole.

Times are in times, who may change what in permissions.
"""

from __future__ import annotations

import os
import stat

from puffpy.testing.promise import NotApplicable, expect, expect_that, promise
from puffpy.testing.trial import Trial

SIZE = 4 << 20

MODES = (0, 0o400, 0o640, 0o755, 0o777, 0o1777, 0o2755, 0o4711, 0o7777)


@promise({"create"})
def a_new_file_has_the_mode_asked_for(k: Trial) -> None:
    k.umask(0o027)
    k.make_file("file", mode=0o666)
    k.make_file("program", mode=0o777)
    k.drop_caches()
    expect(
        oct(k.stat("file").st_mode), oct(stat.S_IFREG | 0o640), "the mode of a file made 0666 with umask 027"
    )
    expect(oct(k.stat("program").st_mode), oct(stat.S_IFREG | 0o750), "the mode of one made 0777")


@promise({"mkdir"})
def a_new_directory_has_the_mode_asked_for(k: Trial) -> None:
    k.umask(0o022)
    k.mkdir("directory", 0o1777)
    k.drop_caches()
    expect(
        oct(k.stat("directory").st_mode),
        oct(stat.S_IFDIR | 0o1755),
        "the mode of a directory made 01777 with umask 022",
    )


@promise({"create", "setattr"})
def chmod_sets_all_twelve_bits(k: Trial) -> None:
    k.make_file("file")
    for mode in MODES:
        k.chmod("file", mode)
        k.drop_caches()
        expect(oct(k.stat("file").st_mode), oct(stat.S_IFREG | mode), f"the mode after chmod to {mode:04o}")


@promise({"create", "setattr"})
def chmod_changes_nothing_else(k: Trial) -> None:
    k.make_file("file", b"12345" if "write" in k.ops else b"")
    before = k.stat("file")
    k.chmod("file", 0o600)
    k.drop_caches()
    after = k.stat("file")
    for field in ("st_size", "st_uid", "st_gid", "st_nlink"):
        expect(getattr(after, field), getattr(before, field), f"{field} after chmod")


@promise({"create", "setattr"})
def chown_sets_what_it_is_given_and_no_more(k: Trial) -> None:
    k.make_file("file")
    with k.root():
        k.chown("file", 12345, 54321)
        k.chown("file", 4_000_000_000, -1)
        k.drop_caches()
        expect((k.stat("file").st_uid, k.stat("file").st_gid), (4_000_000_000, 54321), "owner and group")
        k.chown("file", -1, 0)
        k.drop_caches()
        expect((k.stat("file").st_uid, k.stat("file").st_gid), (4_000_000_000, 0), "owner and group")


@promise({"create", "setattr"})
def truncate_sets_the_size(k: Trial) -> None:
    k.make_file("file")
    for size in (1, 5000, 4096, 3 << 20, 0):
        k.truncate("file", size)
        k.drop_caches()
        expect(k.stat("file").st_size, size, f"st_size after truncate to {size}")


@promise({"create", "write"})
def the_size_is_where_the_last_byte_ends(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        for offset, data, size in ((0, b"12345", 5), (2, b"x", 5), (5, b"67", 7), (4095, b"89", 4097)):
            k.pwrite(fd, data, offset)
            expect(k.fstat(fd).st_size, size, f"st_size after writing {len(data)} bytes at {offset}")
    k.drop_caches()
    expect(k.stat("file").st_size, 4097, "st_size once it was closed")


@promise({"create", "mkdir", "setattr"})
def a_set_gid_directory_hands_its_group_down(k: Trial) -> None:
    with k.root():
        k.mkdir("directory")
        k.chown("directory", 0, 4711)
        k.chmod("directory", 0o2775)
        k.make_file("directory/file")
        k.mkdir("directory/below")
        k.drop_caches()
        expect(k.stat("directory/file").st_gid, 4711, "the group of a file made in it")
        below = k.stat("directory/below")
        expect(below.st_gid, 4711, "the group of a directory made in it")
        mode = oct(below.st_mode)
        expect_that(bool(below.st_mode & stat.S_ISGID), "its mode", expected="with S_ISGID", got=mode)


@promise({"statvfs"})
def figures_are_not_absurd(k: Trial) -> None:
    figures = k.statvfs(".")
    expect_that(figures.f_frsize > 0, "f_frsize", expected="more than 0", got=figures.f_frsize)
    expect_that(figures.f_bsize > 0, "f_bsize", expected="more than 0", got=figures.f_bsize)
    for less, more in (("f_bfree", "f_blocks"), ("f_bavail", "f_bfree"), ("f_ffree", "f_files")):
        few, many = getattr(figures, less), getattr(figures, more)
        expect_that(few <= many, less, expected=f"{many} at most, as {more} says", got=few)


@promise({"statvfs", "create", "write", "remove"})
def a_removed_file_gives_its_room_back(k: Trial) -> None:
    before = k.statvfs(".")
    if not before.f_blocks:
        raise NotApplicable("it does not say how much room there is")
    half = SIZE // 2 // before.f_frsize  # somebody else may use the same room meanwhile
    k.make_file("large", os.urandom(SIZE))
    during = k.statvfs(".").f_bfree
    less = f"{before.f_bfree - half} at most"
    expect_that(during <= before.f_bfree - half, "f_bfree with 4 MiB written", expected=less, got=during)
    k.unlink("large")
    k.drop_caches()
    after = k.statvfs(".").f_bfree
    more = f"{during + half} at least"
    expect_that(
        after >= during + half, "f_bfree once they are removed and forgotten", expected=more, got=after
    )
