"""Files in memory and files past the cache: mmap, shared and private, and O_DIRECT.

The user kernel has neither.
"""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Iterator

import pytest

from tests.posix.asking import content, make, opened, refused
from tests.posix.callers import Caller

PAGE = mmap.PAGESIZE
RW = os.O_CREAT | os.O_RDWR

pytestmark = pytest.mark.usefixtures("real")


@pytest.fixture
def fd(fs: Caller) -> Iterator[int]:
    """A file of three pages, less some bytes."""
    make(fs, "/f", b"d" * (3 * PAGE - 100))
    with opened(fs, "/f") as opened_:
        yield opened_


def test_a_shared_mapping_writes_the_file(fs: Caller, fd: int) -> None:
    with mmap.mmap(fd, 3 * PAGE - 100) as memory:
        memory[5:9] = b"here"
        memory[PAGE : PAGE + 5] = b"there"
        memory.flush()
        assert fs.pread(fd, 10, 0) == b"dddddhered"
        assert fs.pread(fd, 6, PAGE) == b"thered"
        fs.pwrite(fd, b"written", 100)
        assert memory[99:108] == b"dwrittend"


def test_a_write_to_memory_beyond_the_end_does_not_move_the_end(fs: Caller, fd: int) -> None:
    fs.ftruncate(fd, 3 * PAGE)
    with mmap.mmap(fd, 3 * PAGE) as memory:
        fs.ftruncate(fd, 2 * PAGE + 5)
        assert memory[2 * PAGE : 2 * PAGE + 10] == b"d" * 5 + bytes(5)
        memory[2 * PAGE + 7] = 1
        memory.flush()
        assert fs.fstat(fd).st_size == 2 * PAGE + 5
        assert fs.pread(fd, 100, 2 * PAGE) == b"d" * 5


def test_a_mapping_outlives_its_descriptor_and_the_files_name(fs: Caller) -> None:
    make(fs, "/f", b"d" * PAGE)
    with opened(fs, "/f") as fd:
        memory = mmap.mmap(fd, PAGE)
    fs.link("/f", "/g")
    fs.unlink("/f")
    with memory:
        memory[:4] = b"late"
    assert content(fs, "/g")[:5] == b"lated"


def test_a_private_mapping_keeps_what_is_written_to_it(fs: Caller, fd: int) -> None:
    with mmap.mmap(fd, PAGE, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE) as memory:
        memory[:4] = b"mine"
        assert memory[:5] == b"mined"
        assert fs.pread(fd, 5, 0) == b"ddddd"


def test_a_file_opened_to_be_read_is_mapped_to_be_read(fs: Caller) -> None:
    make(fs, "/f", b"d" * PAGE)
    with opened(fs, "/f", os.O_RDONLY) as fd:
        with mmap.mmap(fd, PAGE, prot=mmap.PROT_READ) as memory:
            assert memory[:3] == b"ddd"
        with pytest.raises(PermissionError):
            mmap.mmap(fd, PAGE, prot=mmap.PROT_READ | mmap.PROT_WRITE)


def test_a_mapping_writes_into_a_hole(fs: Caller) -> None:
    with opened(fs, "/f", RW) as fd:
        fs.ftruncate(fd, 8 * PAGE)
        with mmap.mmap(fd, 8 * PAGE) as memory:
            assert memory[:] == bytes(8 * PAGE)
            memory[5 * PAGE + 7] = 1
            memory.flush()
        assert fs.lseek(fd, 0, os.SEEK_DATA) <= 5 * PAGE
        assert fs.pread(fd, 2, 5 * PAGE + 6) == b"\0\1"


def test_a_mapping_sees_a_truncation_and_a_hole(fs: Caller, fd: int) -> None:
    with mmap.mmap(fd, 2 * PAGE) as memory:
        assert memory[PAGE] == ord("d")
        fs.fallocate(fd, 3, 0, PAGE)
        assert memory[:PAGE] == bytes(PAGE)
        fs.ftruncate(fd, PAGE + 10)
        assert memory[PAGE : PAGE + 20] == b"d" * 10 + bytes(10)


@pytest.mark.parametrize("first", ["direct", "cached"])
def test_direct_and_cached_descriptors_see_one_file(fs: Caller, first: str) -> None:
    make(fs, "/f", b"d" * 2 * PAGE)
    flags = [os.O_RDWR | os.O_DIRECT, os.O_RDWR]
    if first == "cached":
        flags.reverse()
    with (
        opened(fs, "/f", flags[0]) as one,
        opened(fs, "/f", flags[1]) as other,
        mmap.mmap(-1, PAGE) as aligned,
    ):
        for fd, back, byte in ((one, other, b"1"), (other, one, b"2")):
            aligned[:] = byte * PAGE
            assert fs.pwritev(fd, [aligned], PAGE) == PAGE
            aligned[:] = bytes(PAGE)
            assert fs.preadv(back, [aligned], PAGE) == PAGE
            assert aligned[:] == byte * PAGE
    assert content(fs, "/f") == b"d" * PAGE + b"2" * PAGE


def test_a_file_opened_with_o_direct_can_be_mapped(fs: Caller) -> None:
    make(fs, "/f", b"d" * PAGE)
    with opened(fs, "/f", os.O_RDWR | os.O_DIRECT) as fd:
        with mmap.mmap(fd, PAGE) as memory:
            assert memory[:3] == b"ddd"
            memory[:3] = b"map"
            memory.flush()
        with mmap.mmap(fd, PAGE, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) as memory:
            assert memory[:4] == b"mapd"
    assert content(fs, "/f")[:4] == b"mapd"


def test_a_directory_is_not_mapped(fs: Caller) -> None:
    fs.mkdir("/d")
    with opened(fs, "/d", os.O_RDONLY) as fd, pytest.raises(OSError, match="No such device") as caught:
        mmap.mmap(fd, PAGE, prot=mmap.PROT_READ)
    assert caught.value.errno == errno.ENODEV
    refused(errno.EISDIR, fs.open, "/d", os.O_RDWR | os.O_DIRECT)
