"""Sizes, holes, reserved room, offsets far beyond what any machine holds, and copies."""

from __future__ import annotations

import errno
import os

import pytest

from tests.posix.asking import answer, content, make, opened, refused
from tests.posix.callers import Caller

KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16
COLLAPSE_RANGE, INSERT_RANGE = 8, 32
PAGE = 4096
GIB = 1 << 30
RW = os.O_CREAT | os.O_RDWR


def extents(fs: Caller, fd: int) -> list[tuple[int, int]]:
    """Return where data begins and ends."""
    found, at, size = [], 0, fs.fstat(fd).st_size
    while at < size:
        start = answer(fs.lseek, fd, at, os.SEEK_DATA)
        if not isinstance(start, int):
            assert start == "ENXIO"
            break
        at = fs.lseek(fd, start, os.SEEK_HOLE)
        found.append((start, at))
    return found


def test_a_file_grows_with_zeros_and_does_not_show_what_was_cut_off(fs: Caller) -> None:
    make(fs, "/f", b"secret" * 1000)
    with opened(fs, "/f") as fd:
        fs.ftruncate(fd, 3)
        fs.ftruncate(fd, 10)
        assert fs.pread(fd, 20, 0) == b"sec" + bytes(7)
        fs.pwrite(fd, b"end", 5000)
        assert fs.pread(fd, 6000, 0) == b"sec" + bytes(4997) + b"end"
        fs.truncate("/f", 4)
        assert fs.fstat(fd).st_size == 4
        assert fs.pread(fd, 6000, 0) == b"sec\0"


@pytest.mark.parametrize("gigabytes", [3, 5, 300, 7000])
def test_offsets_of_any_size_hold_data_and_take_no_room(fs: Caller, gigabytes: int) -> None:
    at = gigabytes * GIB + 123
    with opened(fs, "/f", RW) as fd:
        assert fs.pwrite(fd, b"far", at) == 3
        assert fs.fstat(fd).st_size == at + 3
        assert fs.fstat(fd).st_blocks * 512 < GIB
        assert fs.pread(fd, 10, at - 2) == b"\0\0far"
        assert fs.lseek(fd, 0, os.SEEK_END) == at + 3
        assert fs.lseek(fd, 0, os.SEEK_DATA) == at // PAGE * PAGE
        fs.ftruncate(fd, at + 1)
        assert fs.pread(fd, 10, at) == b"f"
        fs.ftruncate(fd, 0)
        assert fs.fstat(fd).st_blocks == 0


def test_the_largest_offset_is_two_to_the_63_minus_one(fs: Caller) -> None:
    with opened(fs, "/f", RW) as fd:
        largest = 2**63 - 1
        fs.ftruncate(fd, largest)
        assert fs.fstat(fd).st_size == largest
        assert fs.pread(fd, 4, largest - 4) == bytes(4)
        assert fs.pread(fd, 0, largest) == b""
        # An offset and a length that together are too much to be counted.
        refused(errno.EINVAL, fs.pread, fd, 5, largest - 4)
        refused(errno.EINVAL, fs.pwrite, fd, b"12345", largest - 4)
        assert fs.pwrite(fd, b"", largest) == 0
        assert fs.lseek(fd, 0, os.SEEK_END) == largest
        refused(errno.EINVAL, fs.pwrite, fd, b"x", -1)
        refused(errno.EINVAL, fs.pread, fd, 1, -1)
        refused(errno.EINVAL, fs.ftruncate, fd, -1)
        refused(errno.EINVAL, fs.lseek, fd, -1, os.SEEK_SET)


def test_data_and_holes_are_where_they_were_made(fs: Caller) -> None:
    with opened(fs, "/f", RW) as fd:
        fs.ftruncate(fd, 10 * PAGE)
        assert extents(fs, fd) == []
        fs.pwrite(fd, b"x", 2 * PAGE + 5)
        fs.pwrite(fd, b"y" * PAGE, 7 * PAGE)
        assert extents(fs, fd) == [(2 * PAGE, 3 * PAGE), (7 * PAGE, 8 * PAGE)]
        assert fs.lseek(fd, 2 * PAGE + 100, os.SEEK_DATA) == 2 * PAGE + 100
        assert fs.lseek(fd, 2 * PAGE + 100, os.SEEK_HOLE) == 3 * PAGE
        assert fs.lseek(fd, 9 * PAGE + 1, os.SEEK_HOLE) == 9 * PAGE + 1
        refused(errno.ENXIO, fs.lseek, fd, 9 * PAGE, os.SEEK_DATA)
        refused(errno.ENXIO, fs.lseek, fd, 10 * PAGE, os.SEEK_DATA)
        refused(errno.ENXIO, fs.lseek, fd, 10 * PAGE, os.SEEK_HOLE)
        refused(errno.ENXIO, fs.lseek, fd, -1, os.SEEK_HOLE)
        refused(errno.EINVAL, fs.lseek, fd, 0, 77)


def test_a_punched_hole_is_seen_at_once_reads_as_zeros_and_gives_its_room_back(fs: Caller) -> None:
    with opened(fs, "/f", RW) as fd:
        fs.pwrite(fd, b"d" * 8 * PAGE, 0)
        taken = fs.fstat(fd).st_blocks
        fs.fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 2 * PAGE + 10, 3 * PAGE)
        assert extents(fs, fd) == [(0, 3 * PAGE), (5 * PAGE, 8 * PAGE)]
        expected = b"d" * (2 * PAGE + 10) + bytes(3 * PAGE) + b"d" * (3 * PAGE - 10)
        assert fs.pread(fd, 8 * PAGE, 0) == expected
        assert fs.fstat(fd).st_blocks == taken - 2 * PAGE // 512
        assert fs.fstat(fd).st_size == 8 * PAGE
        fs.fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 7 * PAGE, 100 * GIB)
        assert fs.fstat(fd).st_size == 8 * PAGE
        assert extents(fs, fd) == [(0, 3 * PAGE), (5 * PAGE, 7 * PAGE)]


def test_reserving_extends_a_file_or_not(fs: Caller) -> None:
    with opened(fs, "/f", RW) as fd:
        fs.pwrite(fd, b"data", 0)
        fs.posix_fallocate(fd, 2, 10 * PAGE)
        assert fs.fstat(fd).st_size == 10 * PAGE + 2
        assert fs.fstat(fd).st_blocks == 11 * PAGE // 512
        assert fs.pread(fd, 6, 0) == b"data\0\0"
        fs.fallocate(fd, KEEP_SIZE, 0, 20 * PAGE)
        assert fs.fstat(fd).st_size == 10 * PAGE + 2
        assert fs.fstat(fd).st_blocks == 20 * PAGE // 512
        fs.posix_fallocate(fd, 0, 1)
        assert fs.fstat(fd).st_size == 10 * PAGE + 2


def test_fallocate_says_why_not(fs: Caller) -> None:
    fs.mkdir("/d")
    with opened(fs, "/f", RW) as fd:
        refused(errno.EINVAL, fs.fallocate, fd, 0, 0, 0)
        refused(errno.EINVAL, fs.fallocate, fd, 0, -1, 1)
        refused(errno.EINVAL, fs.fallocate, fd, 0, 0, -1)
        refused(errno.EFBIG, fs.fallocate, fd, 0, 2**63 - 2, 10)
        refused(errno.EOPNOTSUPP, fs.fallocate, fd, PUNCH_HOLE, 0, 1)
        refused(errno.EOPNOTSUPP, fs.fallocate, fd, COLLAPSE_RANGE, 0, PAGE)
        refused(errno.EOPNOTSUPP, fs.fallocate, fd, INSERT_RANGE, 0, PAGE)
        refused(errno.ENOSPC, fs.fallocate, fd, 0, 0, 2**62)
        assert fs.fstat(fd).st_size == 0
    with opened(fs, "/f", os.O_RDONLY) as fd:
        refused(errno.EBADF, fs.fallocate, fd, 0, 0, 1)
    with opened(fs, "/d", os.O_RDONLY) as fd:
        refused(errno.EBADF, fs.fallocate, fd, 0, 0, 1)


def test_every_read_and_write_moves_the_offset_by_what_was_done(fs: Caller) -> None:
    with opened(fs, "/f", RW) as fd:
        assert fs.write(fd, b"0123456789") == 10
        assert fs.lseek(fd, 3, os.SEEK_SET) == 3
        assert fs.read(fd, 4) == b"3456"
        assert fs.read(fd, 100) == b"789"
        assert fs.read(fd, 100) == b""
        assert fs.lseek(fd, -2, os.SEEK_END) == 8
        assert fs.lseek(fd, -3, os.SEEK_CUR) == 5
        assert fs.pwrite(fd, b"x", 0) == 1
        assert fs.lseek(fd, 0, os.SEEK_CUR) == 5
        assert fs.lseek(fd, 100, os.SEEK_END) == 110
        assert fs.fstat(fd).st_size == 10
        assert fs.write(fd, b"end") == 3
        assert fs.writev(fd, [b"a", b"", b"bc"]) == 3
    assert content(fs, "/f") == b"x123456789" + bytes(100) + b"endabc"


def test_a_large_write_is_done_whole(fs: Caller) -> None:
    data = bytes(range(256)) * (12 << 12)
    with opened(fs, "/f", RW) as fd:
        assert fs.pwrite(fd, data, 77) == len(data)
        assert fs.pread(fd, len(data), 77) == data
        assert fs.fstat(fd).st_size == len(data) + 77


def test_an_unlinked_file_lives_as_long_as_it_is_open(fs: Caller) -> None:
    make(fs, "/f", b"data")
    with opened(fs, "/f") as fd:
        fs.unlink("/f")
        assert fs.fstat(fd).st_nlink == 0
        fs.pwrite(fd, b"still", 2)
        fs.fchmod(fd, 0o600)
        make(fs, "/f", b"another")
        assert fs.pread(fd, 10, 0) == b"dastill"
    assert content(fs, "/f") == b"another"


def test_a_range_is_copied_from_file_to_file_and_within_one(fs: Caller) -> None:
    make(fs, "/f", b"0123456789")
    with opened(fs, "/f") as fd, opened(fs, "/g", RW) as other:
        assert fs.copy_file_range(fd, other, 4, 2, 10) == 4
        assert fs.pread(other, 100, 0) == bytes(10) + b"2345"
        assert fs.copy_file_range(fd, other, 100) == 10
        assert fs.copy_file_range(fd, other, 100) == 0
        assert fs.lseek(other, 0, os.SEEK_CUR) == 10
        assert fs.copy_file_range(fd, fd, 3, 0, 10) == 3
        assert fs.pread(fd, 100, 0) == b"0123456789012"
        refused(errno.EINVAL, fs.copy_file_range, fd, fd, 3, 0, 2)
        assert fs.copy_file_range(fd, other, 0, 0, 0) == 0
    with opened(fs, "/f", os.O_WRONLY | os.O_APPEND) as fd, opened(fs, "/g") as other:
        refused(errno.EBADF, fs.copy_file_range, other, fd, 1)
        refused(errno.EBADF, fs.copy_file_range, fd, other, 1)


def test_syncing_is_always_possible(fs: Caller) -> None:
    fs.mkdir("/d")
    for path, flags in (("/f", RW), ("/d", os.O_RDONLY), ("/f", os.O_RDONLY)):
        with opened(fs, path, flags) as fd:
            fs.fsync(fd)
            fs.fdatasync(fd)


def test_a_file_system_is_synced_through_anything_that_is_open_on_it(fs: Caller, real: None) -> None:
    fs.mkdir("/d")
    fs.mkfifo("/p")
    make(fs, "/f", b"data")
    for path in ("/f", "/d", "/"):
        with opened(fs, path, os.O_RDONLY) as fd:
            fs.syncfs(fd)
    with opened(fs, "/p", os.O_RDONLY | os.O_NONBLOCK) as fd:
        fs.syncfs(fd)
    with opened(fs, "/f", os.O_PATH) as fd:
        refused(errno.EBADF, fs.syncfs, fd)
    assert content(fs, "/f") == b"data"


def test_a_file_system_has_figures(fs: Caller) -> None:
    before = fs.statvfs("/")
    assert before.f_namemax == 255
    assert 0 < before.f_bavail <= before.f_bfree <= before.f_blocks
    assert 0 < before.f_ffree <= before.f_files
    assert before.f_bsize == before.f_frsize == PAGE
    with opened(fs, "/f", RW) as fd:
        fs.pwrite(fd, b"d" * 50 * PAGE, 0)
        after = fs.statvfs("/f")
    assert before.f_bfree - after.f_bfree >= 50
    assert before.f_ffree - after.f_ffree == 1
    fs.unlink("/f")


def test_the_block_size_is_worth_using_and_blocks_are_counted_in_512_bytes(fs: Caller) -> None:
    with opened(fs, "/f", RW) as fd:
        fs.pwrite(fd, b"d" * 3 * PAGE, 0)
        status = fs.fstat(fd)
    assert PAGE <= status.st_blksize <= 1 << 20
    assert status.st_blksize & (status.st_blksize - 1) == 0
    assert status.st_blocks == 3 * PAGE // 512
