"""Looking without touching: listing, finding, describing and reading agree with each other.

These are the promises of every file system, read-only ones too.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import defaultdict

from puffpy.testing.promise import Broken, NotApplicable, expect, expect_refused, expect_that, promise
from puffpy.testing.trial import Found, Trial

ABSENT = "there is no such name here"
UNNUMBERED = 0xFFFFFFFF
"""What a listing shows where the library is to number the nodes and has not met this one yet."""

KIND_UNKNOWN = 0
PIECE = 1000
"""A size that is no file system's unit."""


def regular(k: Trial) -> list[Found]:
    """Return some regular files to read, or say that there are none."""
    found = [each for each in k.inventory() if each.is_file][:20]
    if not found:
        raise NotApplicable("there is no regular file in it")
    return found


@promise()
def the_root_is_a_directory(k: Trial) -> None:
    mode = k.stat(".").st_mode
    expect_that(stat.S_ISDIR(mode), "stat('.').st_mode", expected="a directory", got=oct(mode))


@promise({"readdir"})
def what_is_listed_is_found(k: Trial) -> None:
    for each in k.inventory():
        k.drop_caches()
        k.lstat(each.path)


@promise({"readdir"})
def a_listing_and_stat_agree_about_numbers_and_types(k: Trial) -> None:
    for directory in [each for each in k.inventory() if each.is_dir]:
        with k.opened(directory.path, os.O_RDONLY | os.O_DIRECTORY) as fd:
            while (record := k.readdir(fd)) is not None:
                name = os.fsdecode(record.name)
                if name == "..":
                    continue  # of the top directory's, only the kernel knows where it leads
                told = k.lstat(f"{directory.path}/{name}")
                what = f"{name!r} as listed in {directory.path!r}, and lstat of it"
                if record.kind != KIND_UNKNOWN:
                    expect(record.kind, stat.S_IFMT(told.st_mode) >> 12, f"the type of {what}")
                if record.ino != UNNUMBERED:
                    expect(record.ino, told.st_ino, f"the number of {what}")


@promise()
def what_is_not_there_is_enoent(k: Trial) -> None:
    for directory in [each for each in k.inventory() if each.is_dir]:
        expect_refused(errno.ENOENT, k.stat, f"{directory.path}/{ABSENT}")
        expect_refused(errno.ENOENT, k.open, f"{directory.path}/{ABSENT}", os.O_RDONLY)


@promise()
def a_path_through_a_file_is_enotdir(k: Trial) -> None:
    for each in regular(k):
        k.drop_caches()
        expect_refused(errno.ENOTDIR, k.stat, f"{each.path}/{ABSENT}")
        expect_refused(errno.ENOTDIR, k.listdir, each.path)


@promise()
def attributes_are_the_same_when_asked_again(k: Trial) -> None:
    for each in k.inventory():
        k.drop_caches()
        again = k.lstat(each.path)
        for field in ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_mtime_ns", "st_rdev"):
            what = f"{field} of {each.path!r}, asked twice"
            expect(getattr(again, field), getattr(each.stat, field), what)


@promise()
def different_files_have_different_numbers(k: Trial) -> None:
    by_number = defaultdict(list)
    for each in k.inventory():
        if k.own_numbers(each.path):
            by_number[each.stat.st_ino].append(each)
    for number, found in by_number.items():
        one_file = len(found) == 1 or all(each.stat.st_nlink > 1 and not each.is_dir for each in found)
        paths = sorted(each.path for each in found)
        expect_that(one_file, f"st_ino {number}", expected="one file's", got=paths)


@promise({"read"})
def a_file_reads_as_many_bytes_as_its_size_says(k: Trial) -> None:
    for each in regular(k):
        if each.stat.st_size:  # 0 is also what is said of a file that is made as it is read
            expect(len(k.content(each.path)), each.stat.st_size, f"how many bytes {each.path!r} reads as")


@promise({"read"})
def reading_in_pieces_is_reading_at_once(k: Trial) -> None:
    for each in regular(k):
        with k.opened(each.path) as fd:
            whole = k.pread(fd, 1 << 20, 0)
            for offset in {0, 1, len(whole) // 2, max(len(whole) - PIECE // 2, 0)}:
                piece, what = k.pread(fd, PIECE, offset), f"pread of {each.path!r}, {PIECE}, {offset}"
                if len(whole) < 1 << 20 or offset + PIECE <= len(whole):
                    expect(piece, whole[offset : offset + PIECE], what)


@promise({"read"})
def reading_past_the_end_gives_nothing(k: Trial) -> None:
    for each in regular(k):
        with k.opened(each.path) as fd:
            for offset in (each.stat.st_size, each.stat.st_size + 1, each.stat.st_size + (1 << 40)):
                if each.stat.st_size:
                    expect(k.pread(fd, 100, offset), b"", f"pread of {each.path!r} at {offset}, past the end")


@promise({"read"})
def reading_changes_nothing(k: Trial) -> None:
    for each in regular(k):
        before, data = k.stat(each.path), k.content(each.path)
        k.drop_caches()
        expect(k.content(each.path), data, f"{each.path!r} read a second time")
        after = k.stat(each.path)
        for field in ("st_size", "st_mtime_ns", "st_ctime_ns", "st_nlink"):
            expect(
                getattr(after, field), getattr(before, field), f"{field} of {each.path!r} after reading it"
            )


@promise({"readlink"})
def the_size_of_a_link_is_its_targets_length(k: Trial) -> None:
    links = [each for each in k.inventory() if each.is_link]
    if not links:
        raise NotApplicable("there is no symbolic link in it")
    for each in links:
        size = each.stat.st_size
        if size:
            target = os.fsencode(k.readlink(each.path))
            if size != len(target):
                raise Broken(f"lstat({each.path!r}).st_size", f"{len(target)}, as its target has", str(size))
