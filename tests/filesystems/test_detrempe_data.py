"""Data: reading and writing, holes, sizes, and their times and blocks."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filesystems.detrempe.chunk import CHUNK
from filesystems.detrempe.contents import KEEP_SIZE, ZERO_RANGE
from filesystems.detrempe.data import LARGEST
from filesystems.detrempe.nodes import Inode
from tests.filesystems.below import makers
from tests.filesystems.direct import PAGE, ROOT_CALL, Direct, age, refuses, times

FAR = 500 * 10**9


INSIDE = pytest.mark.parametrize("fs", ["plain"], indirect=True)
"""For data in this process alone: underneath, times are the kernel's and cannot be set back as one likes."""


@pytest.fixture(params=["plain", "below"])
def fs(request: pytest.FixtureRequest) -> Iterator[Direct]:
    with makers(request.param) as make:
        yield make()


def test_what_is_written_is_read(fs: Direct) -> None:
    node = fs.file("f", b"the lunatic is on the grass")
    assert fs.read(node) == b"the lunatic is on the grass"
    assert fs.read(node, 4, 7) == b"lunatic"
    assert fs.read(node, 27, 10) == fs.read(node, FAR, 10) == b""
    assert (node.vattr.size, node.vattr.blocks) == (27, 8)


@INSIDE
def test_a_read_shows_the_storage_itself(fs: Direct) -> None:
    node = fs.file("f", bytes(3 * CHUNK))
    within = fs.fs.read(node, 0, CHUNK, ROOT_CALL)
    across = fs.fs.read(node, 10, 2 * CHUNK, ROOT_CALL)
    assert isinstance(within, memoryview)
    assert isinstance(across, tuple)
    fs.write(node, 0, b"x" * 3 * CHUNK)
    assert bytes(within) == b"x" * CHUNK
    assert b"".join(across) == b"x" * 2 * CHUNK


def test_a_reply_on_its_way_out_does_not_keep_the_file_from_growing(fs: Direct) -> None:
    node = fs.file("f", b"pink")
    reply = fs.fs.read(node, 0, 4, ROOT_CALL)
    assert fs.write(node, 4, b" floyd") == 6
    fs.truncate(node, 2)
    fs.truncate(node, 6)
    assert isinstance(reply, memoryview)
    assert bytes(reply) == b"pink"
    assert fs.read(node) == b"pi\0\0\0\0"


@INSIDE
def test_writing_moves_the_time_of_data_and_attributes(fs: Direct) -> None:
    node = fs.file("f")
    age(node)
    fs.write(node, 0, b"x")
    assert times(node) == (3, node.vattr.mtime_ns, node.vattr.mtime_ns)
    assert node.vattr.mtime_ns > 3


@INSIDE
def test_writing_nothing_changes_nothing(fs: Direct) -> None:
    node = fs.file("f")
    age(node)
    assert fs.write(node, 100, b"") == 0
    assert (times(node), node.vattr.size, fs.used()) == ((3, 2, 1), 0, (0, 2))


def test_a_write_past_the_end_leaves_zeros_before_it(fs: Direct) -> None:
    for gap in (1, PAGE - 1, PAGE, PAGE + 1, CHUNK, CHUNK + 1):
        node = fs.file(f"f{gap}", b"a")
        fs.write(node, 1 + gap, b"z")
        assert fs.read(node) == b"a" + bytes(gap) + b"z"


def test_cutting_a_file_and_extending_it_again_leaves_zeros(fs: Direct) -> None:
    for size in (10, PAGE, CHUNK - 1, CHUNK, CHUNK + 5):
        node = fs.file(f"f{size}", b"x" * 2 * CHUNK)
        fs.truncate(node, size)
        assert node.vattr.blocks == -(-size // PAGE) * 8
        fs.truncate(node, 2 * CHUNK)
        assert fs.read(node) == b"x" * size + bytes(2 * CHUNK - size)
        assert node.vattr.blocks == -(-size // PAGE) * 8


@INSIDE
def test_setting_the_size_moves_the_time_of_data_also_where_it_stays(fs: Direct) -> None:
    node = fs.file("f", b"x")
    for size in (0, 0, 5, 5):
        age(node)
        fs.truncate(node, size)
        now = node.vattr.ctime_ns
        assert now > 3
        assert times(node) == (3, now, now)


@INSIDE
def test_a_file_has_a_largest_size(fs: Direct) -> None:
    node = fs.file("f", b"x")
    age(node)
    for attempt in (
        lambda: fs.truncate(node, LARGEST + 1),
        lambda: fs.write(node, LARGEST, b"x"),
        lambda: fs.allocate(node, LARGEST - 1, 2),
    ):
        with refuses(errno.EFBIG):
            attempt()
    with refuses(errno.EINVAL):
        fs.truncate(node, -1)
    assert (times(node), node.vattr.size) == ((3, 2, 1), 1)
    fs.truncate(node, LARGEST)
    assert fs.write(node, LARGEST - 1, b"z") == 1
    assert fs.read(node, LARGEST - 2, 10) == b"\0z"
    fs.truncate(node, 0)
    assert fs.used() == (0, 2)


def test_hundreds_of_gigabytes_of_hole_cost_nothing(fs: Direct) -> None:
    node = fs.file("f")
    fs.truncate(node, FAR)
    assert (node.vattr.blocks, fs.used()) == (0, (0, 2))
    assert fs.write(node, FAR, b"end") == 3
    assert (node.vattr.size, node.vattr.blocks) == (FAR + 3, 8)
    assert fs.read(node, FAR - 2, 100) == b"\0\0end"
    assert fs.data_at(node, 0) == FAR // PAGE * PAGE
    assert fs.read(node, FAR // 2, 3 * CHUNK) == bytes(3 * CHUNK)


def test_data_and_holes_are_found_where_they_are(fs: Direct) -> None:
    node = fs.file("f")
    fs.write(node, 2 * PAGE, b"x" * PAGE)
    fs.write(node, 3 * CHUNK - 10, b"x" * 20)
    fs.truncate(node, 5 * CHUNK)
    assert fs.data_at(node, 0) == 2 * PAGE
    assert fs.data_at(node, 2 * PAGE + 5) == 2 * PAGE + 5
    assert fs.data_at(node, 3 * PAGE) == 3 * CHUNK - PAGE
    assert fs.hole_at(node, 0) == 0
    assert fs.hole_at(node, 2 * PAGE + 5) == 3 * PAGE
    assert fs.hole_at(node, 3 * CHUNK - 1) == 3 * CHUNK + PAGE
    for offset in (5 * CHUNK, 5 * CHUNK + 1, -1):
        for find in (fs.data_at, fs.hole_at):
            with refuses(errno.ENXIO):
                find(node, offset)
    with refuses(errno.ENXIO):
        fs.data_at(node, 4 * CHUNK)
    with refuses(errno.EINVAL):
        fs.fs.seek(node, 0, os.SEEK_END, ROOT_CALL)


def test_the_end_of_the_file_is_a_hole(fs: Direct) -> None:
    node = fs.file("f", b"x" * 10)
    assert fs.hole_at(node, 0) == fs.hole_at(node, 9) == 10
    full = fs.file("g", b"x" * CHUNK)
    assert fs.hole_at(full, 3) == CHUNK


def test_a_hole_just_punched_is_seen(fs: Direct) -> None:
    node = fs.file("f", b"x" * 4 * PAGE)
    age(node)
    fs.punch(node, PAGE - 10, PAGE + 20)
    assert fs.read(node) == b"x" * (PAGE - 10) + bytes(PAGE + 20) + b"x" * (2 * PAGE - 10)
    assert (fs.hole_at(node, 0), fs.data_at(node, PAGE)) == (PAGE, 2 * PAGE)
    assert (node.vattr.size, node.vattr.blocks) == (4 * PAGE, 24)
    assert times(node)[1] == times(node)[2] > 3


def test_a_hole_up_to_the_end_takes_the_last_page_along(fs: Direct) -> None:
    node = fs.file("f", b"x" * (PAGE + 10))
    fs.punch(node, PAGE, 10)
    assert (fs.hole_at(node, 0), node.vattr.blocks, node.vattr.size) == (PAGE, 8, PAGE + 10)
    fs.punch(node, 0, FAR)
    assert (fs.used(), node.vattr.size) == ((0, 2), PAGE + 10)


@INSIDE
def test_allocating_takes_room_and_extends_the_file(fs: Direct) -> None:
    node = fs.file("f", b"x")
    age(node)
    fs.allocate(node, 0, CHUNK + 1)
    assert (node.vattr.size, node.vattr.blocks) == (CHUNK + 1, (CHUNK // PAGE + 1) * 8)
    assert fs.read(node) == b"x" + bytes(CHUNK)
    assert times(node)[1] == times(node)[2] > 3
    assert fs.hole_at(node, 0) == CHUNK + 1


def test_allocating_may_keep_the_size(fs: Direct) -> None:
    node = fs.file("f", b"x" * 10)
    fs.allocate(node, 0, 3 * PAGE, KEEP_SIZE)
    assert (node.vattr.size, node.vattr.blocks) == (10, 24)
    assert fs.read(node) == b"x" * 10
    with refuses(errno.ENXIO):
        fs.data_at(node, 10)
    fs.truncate(node, 10)
    assert node.vattr.blocks == 8


def test_a_range_can_be_zeroed(fs: Direct) -> None:
    node = fs.file("f", b"x" * 3 * PAGE)
    fs.allocate(node, 10, PAGE + 10, ZERO_RANGE)
    assert fs.read(node) == b"x" * 10 + bytes(PAGE + 10) + b"x" * (2 * PAGE - 20)
    assert node.vattr.blocks == 24
    fs.allocate(node, 2 * PAGE, 2 * PAGE, ZERO_RANGE | KEEP_SIZE)
    assert (node.vattr.size, node.vattr.blocks) == (3 * PAGE, 32)
    assert fs.read(node, 2 * PAGE) == bytes(PAGE)


def test_other_ways_to_allocate_are_refused(fs: Direct) -> None:
    node = fs.file("f", b"x")
    for mode in (0x08, 0x20, 0x40):
        with refuses(errno.EOPNOTSUPP):
            fs.allocate(node, 0, PAGE, mode)
    for offset, length in ((-1, 10), (0, 0), (0, -1)):
        with refuses(errno.EINVAL):
            fs.allocate(node, offset, length)
        with refuses(errno.EINVAL):
            fs.punch(node, offset, length)


@INSIDE
def test_copying_a_range_keeps_its_holes(fs: Direct) -> None:
    source, target = fs.file("a"), fs.file("b", b"z" * 4 * PAGE)
    fs.write(source, 2 * CHUNK, b"x" * PAGE)
    fs.truncate(source, 3 * CHUNK)
    age(source, target)
    assert fs.copy(source, 0, target, PAGE, FAR) == 3 * CHUNK
    assert fs.read(target) == b"z" * PAGE + bytes(2 * CHUNK) + b"x" * PAGE + bytes(CHUNK - PAGE)
    assert target.vattr.blocks == 16
    assert times(target)[1] == times(target)[2] > 3
    assert times(source)[1:] == (2, 1)


@INSIDE
def test_copying_from_the_end_on_copies_nothing(fs: Direct) -> None:
    source, target = fs.file("a", b"x"), fs.file("b")
    age(target)
    assert fs.copy(source, 1, target, 0, 10) == 0
    assert fs.copy(source, FAR, target, 0, 10) == 0
    assert times(target) == (3, 2, 1)


def test_a_file_is_copied_into_itself_but_not_onto_itself(fs: Direct) -> None:
    node = fs.file("a", bytes(range(100)))
    assert fs.copy(node, 0, node, 100, 100) == 100
    assert fs.read(node) == bytes(range(100)) * 2
    with refuses(errno.EINVAL):
        fs.copy(node, 0, node, 50, 100)


def test_data_belong_to_regular_files(fs: Direct) -> None:
    for node, code in ((fs.dir("d"), errno.EISDIR), (fs.symlink("l", "x"), errno.EINVAL)):
        attempts: tuple[Callable[[Inode], object], ...] = (
            fs.read,
            lambda vp: fs.write(vp, 0, b"x"),
            lambda vp: fs.allocate(vp, 0, 1),
            lambda vp: fs.punch(vp, 0, 1),
            lambda vp: fs.data_at(vp, 0),
            lambda vp: fs.copy(vp, 0, vp, 10, 1),
        )
        for attempt in attempts:
            with refuses(code):
                attempt(node)


class Model:
    """What a file ought to be: its bytes, and the pages that are data."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.pages: set[int] = set()

    def extend(self, size: int) -> None:
        self.bytes.extend(bytes(max(size - len(self.bytes), 0)))

    def write(self, start: int, data: bytes) -> None:
        self.extend(start + len(data))
        self.bytes[start : start + len(data)] = data
        self.hold(start, start + len(data))

    def hold(self, start: int, stop: int) -> None:
        self.pages |= set(range(start // PAGE, -(-stop // PAGE)))

    def truncate(self, size: int) -> None:
        if size <= len(self.bytes):
            self.pages = {page for page in self.pages if page * PAGE < size}
        del self.bytes[size:]
        self.extend(size)

    def zero(self, start: int, stop: int) -> None:
        stop = min(stop, len(self.bytes))
        self.bytes[start:stop] = bytes(max(stop - start, 0))

    def punch(self, start: int, stop: int) -> None:
        self.zero(start, stop)
        if stop >= len(self.bytes):
            stop = -(-stop // PAGE) * PAGE
        self.pages -= set(range(-(-start // PAGE), stop // PAGE))


_EDGES = (0, 1, PAGE - 1, PAGE, PAGE + 1, CHUNK - PAGE, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 7)
_OFFSETS = st.sampled_from(_EDGES) | st.integers(0, 2 * CHUNK)
_LENGTHS = st.sampled_from([1, 10, PAGE, PAGE + 1, 3 * PAGE, CHUNK, CHUNK + PAGE]) | st.integers(1, 2 * CHUNK)
_WRITING = ("write", "write", "truncate", "punch", "copy")
_STEPS = {
    "plain": st.tuples(st.sampled_from([*_WRITING, "zero", "reserve"]), _OFFSETS, _LENGTHS),
    # To tmpfs, what is reserved and not written is a hole to be found.
    "below": st.tuples(st.sampled_from(_WRITING), _OFFSETS, _LENGTHS),
}


def apply(fs: Direct, node: Inode, model: Model, step: tuple[str, int, int], fill: int) -> None:
    """Do one step to the file and to what it ought to be."""
    what, start, length = step
    stop = start + length
    if what == "write":
        data = bytes([fill]) * length
        assert fs.write(node, start, data) == length
        model.write(start, data)
    elif what == "truncate":
        fs.truncate(node, start)
        model.truncate(start)
    elif what == "punch":
        fs.punch(node, start, length)
        model.punch(start, stop)
    elif what == "zero":
        fs.allocate(node, start, length, ZERO_RANGE)
        model.extend(stop)
        model.zero(start, stop)
        model.hold(start, stop)
    elif what == "reserve":
        fs.allocate(node, start, length, KEEP_SIZE)
        model.hold(start, stop)
    else:
        # To a page boundary behind everything, so that holes stay holes.
        target = -(-len(model.bytes) // PAGE) * PAGE
        start = start // PAGE * PAGE
        stop = start + length
        data = bytes(model.bytes[start:stop])
        held = {page for page in range(start // PAGE, -(-len(model.bytes) // PAGE)) if page in model.pages}
        assert fs.copy(node, start, node, target, length) == len(data)
        if data:
            model.pages -= set(range(target // PAGE, (target + len(data)) // PAGE))
            model.extend(target + len(data))
            model.bytes[target : target + len(data)] = data
            shift = (target - start) // PAGE
            model.pages |= {page + shift for page in held if page * PAGE < start + len(data)}


@pytest.mark.parametrize("kind", _STEPS)
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_file_is_what_was_done_to_it(kind: str, data: st.DataObject) -> None:
    with makers(kind) as make:
        check_against_model(make(), data.draw(st.lists(_STEPS[kind], max_size=8)))


def check_against_model(fs: Direct, steps: list[tuple[str, int, int]]) -> None:
    """Do *steps*, and look after each whether all is as it ought to be."""
    model = Model()
    node = fs.file("f")
    for fill, step in enumerate(steps, 1):
        apply(fs, node, model, step, fill)
        size = len(model.bytes)
        assert node.vattr.size == size
        assert fs.read(node, 0, size + 1) == model.bytes
        assert node.vattr.blocks == 8 * len(model.pages)
        assert fs.used() == (len(model.pages), 2)
        for offset in range(0, size, 3 * PAGE + 1):
            held = [page for page in range(offset // PAGE, -(-size // PAGE)) if page in model.pages]
            if held:
                assert fs.data_at(node, offset) == max(offset, held[0] * PAGE)
            hole = offset // PAGE
            while hole in model.pages:
                hole += 1
            assert fs.hole_at(node, offset) == min(max(offset, hole * PAGE), size)
    fs.remove("f")
    fs.fs.reclaim(node)
    assert fs.used() == (0, 1)
