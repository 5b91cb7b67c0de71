"""Extents: holes, where data and holes are found, ranges that are reserved, punched, copied.

Plain reading and writing is in data.
"""

from __future__ import annotations

import errno
import os

from puffpy.testing.promise import NotApplicable, expect, expect_refused, expect_that, promise
from puffpy.testing.trial import Trial

KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16
BLOCK = 65_536
"""A unit that is a whole number of any file system's blocks."""


def reserved(k: Trial, fd: int, mode: int, offset: int, length: int) -> None:
    """Call fallocate in a mode that not every file system has."""
    try:
        k.fallocate(fd, mode, offset, length)
    except OSError as exc:
        if exc.errno == errno.EOPNOTSUPP:
            raise NotApplicable(f"fallocate with mode {mode} is not supported") from exc
        raise


@promise({"create", "write", "read"})
def what_was_never_written_reads_as_zeros(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        k.pwrite(fd, b"a", 0)
        k.pwrite(fd, b"b", 100_000)
        k.pwrite(fd, b"c", 1_000_000)
        data = bytearray(1_000_001)
        data[0], data[100_000], data[1_000_000] = b"abc"
        k.drop_caches()
        got = k.pread(fd, 2_000_000, 0)
        expect(len(got), len(data), "how many bytes a file with holes reads as")
        expect(got == bytes(data), True, "whether all that was not written is zeros")


@promise({"create", "write", "seek"})
def data_and_holes_are_found(k: Trial) -> None:
    """A hole may be told as data, and the end is a hole; but data are never told as a hole."""
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        for block in (0, 4, 5, 9):
            k.pwrite(fd, b"x" * BLOCK, block * BLOCK)
        size = 10 * BLOCK
        held, position = set(), 0
        while position < size:
            try:
                start = k.lseek(fd, position, os.SEEK_DATA)
            except OSError as exc:
                expect(exc.errno, errno.ENXIO, "errno of SEEK_DATA where no data follow")
                break
            stop = k.lseek(fd, start, os.SEEK_HOLE)
            expect_that(
                position <= start < stop <= size,
                "an extent",
                expected="in order",
                got=(position, start, stop),
            )
            held |= set(range(start // BLOCK, -(-stop // BLOCK)))
            position = stop
        expect_that(
            held >= {0, 4, 5, 9}, "the blocks told as data", expected="0, 4, 5 and 9", got=sorted(held)
        )
        expect(k.lseek(fd, size - 1, os.SEEK_HOLE), size, "SEEK_HOLE from the last byte on: the end")


@promise({"create", "write", "seek"})
def seeking_past_the_end_is_enxio(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        k.write_all(fd, b"data")
        for offset in (4, 5, 1 << 40):
            expect_refused(errno.ENXIO, k.lseek, fd, offset, os.SEEK_DATA)
            expect_refused(errno.ENXIO, k.lseek, fd, offset, os.SEEK_HOLE)


@promise({"create", "write", "read", "fallocate"})
def a_reserved_range_reads_as_it_did(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        k.write_all(fd, b"data")
        reserved(k, fd, 0, 0, 10_000)
        expect(k.fstat(fd).st_size, 10_000, "st_size after reserving 10000 bytes")
        expect(k.pread(fd, 20_000, 0), b"data" + bytes(9996), "what the file holds then")


@promise({"create", "write", "read", "fallocate"})
def reserving_beyond_the_end_may_keep_the_size(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        k.write_all(fd, b"data")
        reserved(k, fd, KEEP_SIZE, 0, 10_000)
        expect(k.fstat(fd).st_size, 4, "st_size after reserving with FALLOC_FL_KEEP_SIZE")
        expect(k.pread(fd, 100, 0), b"data", "what the file holds then")


@promise({"create", "write", "read", "fallocate"})
def a_zeroed_range_is_zeros_and_nothing_else_is(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        k.write_all(fd, b"x" * 20_000)
        reserved(k, fd, ZERO_RANGE | KEEP_SIZE, 1000, 10_000)
        expected = b"x" * 1000 + bytes(10_000) + b"x" * 9000
        expect(k.pread(fd, 30_000, 0), expected, "a file with a zeroed range")


@promise({"create", "write", "read", "fdiscard"})
def a_punched_range_is_zeros_and_nothing_else_is(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        k.write_all(fd, b"x" * 20_000)
        reserved(k, fd, PUNCH_HOLE | KEEP_SIZE, 1000, 10_000)
        expected = b"x" * 1000 + bytes(10_000) + b"x" * 9000
        expect(k.pread(fd, 30_000, 0), expected, "a file with a hole punched")


@promise({"create", "write", "read", "fdiscard"})
def punching_leaves_the_size(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        k.write_all(fd, b"x" * 10_000)
        for offset, length in ((5000, 100_000), (50_000, 10), (0, 1 << 20)):
            reserved(k, fd, PUNCH_HOLE | KEEP_SIZE, offset, length)
            expect(k.fstat(fd).st_size, 10_000, f"st_size after punching {length} bytes at {offset}")
        expect(k.pread(fd, 20_000, 0), bytes(10_000), "a file that is all hole")


@promise({"create", "write", "read", "copy_file_range"})
def a_copied_range_is_what_it_was_copied_from(k: Trial) -> None:
    data = bytes(range(256)) * 200
    k.make_file("source", data)
    k.make_file("target", b"." * 1000)
    with k.opened("source") as source, k.opened("target", os.O_RDWR) as target:
        done = 0
        while count := k.copy_file_range(source, target, 30_000 - done, 100 + done, 500 + done):
            done += count
        expect(done, 30_000, "how many bytes were copied")
        expect(k.pread(target, 40_000, 0), b"." * 500 + data[100:30_100], "what the target holds")
        expect(k.pread(source, len(data) + 1, 0), data, "what the source holds")


@promise({"create", "write", "copy_file_range"})
def copying_ends_where_the_source_does(k: Trial) -> None:
    k.make_file("source", b"12345")
    k.make_file("target")
    with k.opened("source") as source, k.opened("target", os.O_RDWR) as target:
        expect(k.copy_file_range(source, target, 100, 3, 0), 2, "bytes copied where two are left")
        expect(k.copy_file_range(source, target, 100, 5, 2), 0, "bytes copied from the end on")
        expect(k.fstat(target).st_size, 2, "st_size of the target")
