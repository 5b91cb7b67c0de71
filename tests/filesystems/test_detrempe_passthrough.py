"""Passthrough: which files are moved underneath and when, and what is true of them while others write there.

The kernel's part is played by this process, which writes to the file underneath as the kernel would.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias, cast

import attrs
import pytest

import puffpy
from filesystems.detrempe.backed import BackedFile
from filesystems.detrempe.contents import KEEP_SIZE
from filesystems.detrempe.nodes import File
from filesystems.detrempe.passthrough import LARGE
from filesystems.detrempe.tmpfs import IDLE
from tests.filesystems.below import Below, backing, descriptors, made, makers, streamed
from tests.filesystems.direct import PAGE, ROOT_CALL

Making: TypeAlias = Callable[..., Below]

FAR = 500 * 10**9
SECOND = 10**9


@pytest.fixture
def make() -> Iterator[Making]:
    with makers("below") as make:
        yield cast(Making, make)


@pytest.fixture
def fs(make: Making) -> Below:
    return make()


def test_an_empty_file_that_is_only_written_is_passed_through_and_comes_back_if_it_stays_small(
    fs: Below,
) -> None:
    before = descriptors()
    node = streamed(fs, "f", b"floyd")
    assert type(node) is File
    assert fs.read(node) == b"floyd"
    assert (node.vattr.size, node.vattr.blocks, fs.used()) == (5, 8, (1, 2))
    assert descriptors() <= before + IDLE


def test_what_has_become_large_stays_where_it_is(fs: Below) -> None:
    node = streamed(fs, "f", b"x" * LARGE)
    assert type(node) is BackedFile
    assert (node.vattr.size, node.vattr.blocks, fs.used()) == (LARGE, LARGE // 512, (LARGE // PAGE, 2))
    assert os.pread(backing(fs.open(node, os.O_RDONLY)), 2 * LARGE, 0) == b"x" * LARGE


def test_a_small_file_that_could_be_read_or_mapped_is_not_moved(fs: Below) -> None:
    empty, small = made(fs, "a"), made(fs, "b", b"pink")
    assert fs.open(empty, os.O_RDWR | os.O_CREAT) == os.O_RDWR | os.O_CREAT
    assert fs.open(empty, os.O_RDONLY) == os.O_RDONLY
    assert fs.open(small, os.O_WRONLY | os.O_APPEND) == os.O_WRONLY | os.O_APPEND
    assert type(empty) is type(small) is File


def test_a_file_that_anybody_could_have_mapped_does_not_come_back(fs: Below) -> None:
    node = made(fs)
    os.pwrite(backing(fs.open(node, os.O_WRONLY)), b"pink", 0)
    fd = backing(fs.open(node, os.O_RDONLY))
    fs.close(node)
    os.pwrite(fd, b"P", 0)  # as the memory map would
    assert fs.read(node) == b"Pink"


def test_a_file_that_grows_through_the_server_is_moved_when_it_is_large(fs: Below) -> None:
    node = made(fs, "f", b"a" * (LARGE - 1))
    assert type(node) is File
    assert fs.write(node, LARGE - 1, b"z") == 1
    assert type(node) is BackedFile
    other = made(fs, "g")
    fs.allocate(other, 0, LARGE)
    assert type(other) is BackedFile
    third = made(fs, "h")
    assert fs.copy(node, 0, third, 10, FAR) == LARGE
    assert type(third) is BackedFile
    assert fs.read(third) == bytes(10) + b"a" * (LARGE - 1) + b"z"
    fourth = made(fs, "i")
    fs.truncate(fourth, LARGE)
    backing(fs.open(fourth, os.O_RDWR))


def test_moving_a_file_keeps_all_that_it_has(fs: Below) -> None:
    node = made(fs, "f", b"pink")
    fs.write(node, 10 * PAGE, b"floyd")
    fs.truncate(node, 12 * PAGE)
    fs.allocate(node, 13 * PAGE, 2 * PAGE, KEEP_SIZE)
    fs.fs.setextattr(node, "user.wall", b"brick", 0, ROOT_CALL)
    fs.fs.setattr(node, puffpy.SetAttr(atime_ns=7 * SECOND, mtime_ns=5 * SECOND), ROOT_CALL)
    was = (fs.read(node), node.vattr.size, node.vattr.blocks, fs.used())
    assert fs.used()[0] == 5
    fs.move(node)
    assert (fs.read(node), node.vattr.size, node.vattr.blocks, fs.used()) == was
    assert fs.fs.getextattr(node, "user.wall", ROOT_CALL) == b"brick"
    assert fs.data_at(node, PAGE) == 10 * PAGE
    assert node.vattr.mtime_ns == 5 * SECOND


def test_a_file_that_comes_back_keeps_all_that_it_has(fs: Below) -> None:
    node = made(fs)
    fd = backing(fs.open(node, os.O_WRONLY))
    os.pwrite(fd, b"z", 10 * PAGE)
    fs.fs.setattr(node, puffpy.SetAttr(atime_ns=5, mtime_ns=7, mode=0o600), ROOT_CALL)
    changed = node.vattr.ctime_ns
    fs.close(node)
    va = node.vattr
    assert type(node) is File
    assert (va.atime_ns, va.mtime_ns, va.ctime_ns, stat.S_IMODE(va.mode)) == (5, 7, changed, 0o600)
    assert (va.size, va.blocks, fs.data_at(node, 0)) == (10 * PAGE + 1, 8, 10 * PAGE)
    assert fs.read(node) == bytes(10 * PAGE) + b"z"


def test_size_and_times_are_those_of_what_the_kernel_wrote(fs: Below) -> None:
    node = made(fs)
    fd = backing(fs.open(node, os.O_WRONLY))
    latest = node.vattr.mtime_ns
    for number in range(1, 40):
        os.write(fd, b"x" * 1000)
        if number % 3 == 0:
            now = time.time_ns()
            fs.fs.setattr(node, puffpy.SetAttr(mtime_ns=now, mtime_now=True), ROOT_CALL)
        va = node.vattr
        assert va.size == number * 1000
        assert latest <= va.mtime_ns <= va.ctime_ns <= time.time_ns()
        latest = va.mtime_ns


@pytest.mark.parametrize("data", [b"", b"floyd"])
def test_moving_a_file_there_and_back_is_no_change_of_it(fs: Below, data: bytes) -> None:
    node = made(fs, "f")
    before = attrs.evolve(node.vattr)
    fd = backing(fs.open(node, os.O_WRONLY))
    assert node.vattr.ctime_ns == before.ctime_ns
    os.write(fd, data)
    now = node.vattr
    fs.close(node)
    after = node.vattr
    assert type(node) is File
    assert (after.atime_ns, after.mtime_ns, after.ctime_ns) == (now.atime_ns, now.mtime_ns, now.ctime_ns)
    assert after.mtime_ns >= before.mtime_ns
    if not data:
        assert (after.mtime_ns, after.ctime_ns) == (before.mtime_ns, before.ctime_ns)


def test_a_time_that_is_set_holds_until_the_next_write(fs: Below) -> None:
    node = streamed(fs, "f", b"x" * LARGE)
    fd = backing(fs.open(node, os.O_RDWR))
    for when in (5, time.time_ns() + 1000 * SECOND, -SECOND):
        fs.fs.setattr(node, puffpy.SetAttr(atime_ns=when, mtime_ns=when), ROOT_CALL)
        assert (node.vattr.atime_ns, node.vattr.mtime_ns) == (when, when)
        before = time.time_ns() - SECOND
        os.pwrite(fd, b"y", 0)
        assert before < node.vattr.mtime_ns <= time.time_ns()


def test_a_write_of_the_kernels_moves_the_time_of_change_too(fs: Below) -> None:
    node = streamed(fs, "f", b"x" * LARGE)
    fd = backing(fs.open(node, os.O_RDWR))
    before = node.vattr.ctime_ns
    deadline = time.monotonic() + 5
    while node.vattr.ctime_ns == before:  # until its clock has gone on
        os.pwrite(fd, b"y", 0)
        assert time.monotonic() < deadline
    assert node.vattr.ctime_ns == node.vattr.mtime_ns > before


@pytest.mark.parametrize("large", [False, True])
def test_who_opens_with_o_noatime_leaves_no_trace(fs: Below, large: bool) -> None:
    node = made(fs, "f", b"x" * (LARGE if large else 10))
    fs.fs.setattr(node, puffpy.SetAttr(atime_ns=5), ROOT_CALL)
    answer = fs.open(node, os.O_RDONLY | os.O_NOATIME)
    if large:
        again = os.open(f"/proc/self/fd/{backing(answer)}", os.O_RDONLY | os.O_NOATIME)  # as the kernel does
        os.pread(again, 10, 0)
        os.close(again)
    else:
        fs.fs.read(node, 0, 10, puffpy.Call(0, 0, 1, answer))
    assert node.vattr.atime_ns == 5
    fs.read(node)
    assert node.vattr.atime_ns > 5


def test_a_file_underneath_that_is_used_again_shows_nothing_of_the_old_one(fs: Below) -> None:
    for number in range(3):
        node = streamed(fs, f"f{number}", b"secret" * 100)
        other = made(fs, f"g{number}")
        fd = backing(fs.open(other, os.O_WRONLY))
        os.ftruncate(fd, 2 * LARGE)
        assert os.pread(fd, 2 * LARGE, 0) == bytes(2 * LARGE)
        assert other.vattr.atime_ns >= node.vattr.ctime_ns
        fs.close(other)


def test_a_file_that_lost_its_name_before_it_was_closed_is_not_brought_back(fs: Below) -> None:
    node = made(fs)
    fd = backing(fs.open(node, os.O_WRONLY))
    fs.remove("f")
    os.pwrite(fd, b"x", 0)
    fs.close(node)
    fs.fs.reclaim(node)
    assert fs.used() == (0, 1)


@pytest.mark.parametrize(("uid", "mode"), [(0, 0o6777), (1000, 0o777)])
def test_a_change_of_nothing_clears_set_uid_bits_as_the_kernel_asks_for_it(
    fs: Below, uid: int, mode: int
) -> None:
    node = streamed(fs, "f", b"x" * LARGE)
    fs.fs.setattr(node, puffpy.SetAttr(mode=0o6777), ROOT_CALL)
    fs.fs.setattr(node, puffpy.SetAttr(), puffpy.Call(uid, uid, 1))
    assert stat.S_IMODE(node.vattr.mode) == mode


def test_a_change_of_nothing_leaves_a_directory_as_it_is(fs: Below) -> None:
    node = fs.dir("d", mode=0o2777)
    fs.fs.setattr(node, puffpy.SetAttr(), puffpy.Call(1000, 1000, 1))
    assert stat.S_IMODE(node.vattr.mode) == 0o2777


def test_a_file_for_which_there_is_no_room_underneath_stays_whole_where_it_is(make: Making) -> None:
    fs = make(pages=40)
    data = bytes(range(256)) * (15 * PAGE // 256)
    node = made(fs, "f", data)
    made(fs, "g", b"x" * 15 * PAGE)
    fs.truncate(node, LARGE)
    assert fs.open(node, os.O_RDWR) == os.O_RDWR
    assert fs.read(node) == data + bytes(PAGE)
    assert fs.used()[0] == 30


def test_what_is_reserved_beyond_the_end_stays_reserved(fs: Below) -> None:
    node = made(fs)
    fd = backing(fs.open(node, os.O_WRONLY))
    os.pwrite(fd, b"x", 0)
    fs.allocate(node, 0, 5 * PAGE, KEEP_SIZE)
    fs.close(node)
    assert (node.vattr.size, node.vattr.blocks, fs.used()[0]) == (1, 40, 5)


@pytest.mark.parametrize("large", [False, True])
def test_what_setattr_answers_is_how_it_is_then(fs: Below, large: bool) -> None:
    node = made(fs, "f", b"x" * (2 * LARGE if large else 10))
    before = node.vattr.mtime_ns
    va = fs.fs.setattr(node, puffpy.SetAttr(size=PAGE, atime_ns=5), ROOT_CALL)
    assert (va.size, va.blocks, va.atime_ns) == (PAGE, 8, 5)
    assert before <= va.mtime_ns <= va.ctime_ns
    assert node.vattr.mtime_ns == va.mtime_ns


def test_data_far_behind_stay_sparse(fs: Below) -> None:
    node = made(fs)
    fd = backing(fs.open(node, os.O_WRONLY))
    os.pwrite(fd, b"end", FAR)
    fs.close(node)
    assert (node.vattr.size, node.vattr.blocks, fs.used()) == (FAR + 3, 8, (1, 2))
    fs.truncate(node, 2 * FAR)
    assert fs.data_at(node, 0) == FAR // PAGE * PAGE
    assert fs.read(node, FAR - 2, 7) == b"\0\0end\0\0"
