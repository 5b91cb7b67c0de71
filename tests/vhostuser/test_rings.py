"""A ring as a hostile guest fills it: whatever is in it, nothing outside of memory is touched."""

from __future__ import annotations

import os
import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from puffpy.bridges.vhostuser.chains import Chain, cut, gather, scatter
from puffpy.bridges.vhostuser.memory import Memory, Region
from puffpy.bridges.vhostuser.rings import LONGEST, Ring
from puffpy.errors import WireError

SIZE = 16
START = 0x10000
LENGTH = 0x8000
AVAIL, USED, TABLE, DATA = 0x1000, 0x2000, 0x3000, 0x4000
NEXT, WRITE, INDIRECT = 1, 2, 4


class World:
    """Two regions that adjoin and a ring in the first; the guest's addresses begin at START."""

    def __init__(self) -> None:
        fd = os.memfd_create("memory")
        os.ftruncate(fd, 2 * LENGTH)
        first = Region.map(START, LENGTH, 0, 0, fd)
        second = Region.map(START + LENGTH, LENGTH, LENGTH, LENGTH, fd)
        whole = Region.map(0, 2 * LENGTH, 0, 0, fd)
        os.close(fd)
        self.view = whole.view
        self.memory = Memory([second, first])
        self.ring = Ring(1)
        self.ring.resize(SIZE)
        self.ring.place(0, USED, AVAIL, self.memory)
        self.ring.start(self.memory)
        self.offered = 0

    def describe(self, number: int, address: int, length: int, flags: int = 0, after: int = 0) -> None:
        """Write a descriptor."""
        struct.pack_into("<QIHH", self.view, number * 16, address, length, flags, after)

    def table(self, *rows: tuple[int, int, int, int]) -> None:
        """Write an indirect table, and descriptor 0 that leads to it."""
        for number, row in enumerate(rows):
            struct.pack_into("<QIHH", self.view, TABLE + number * 16, *row)
        self.describe(0, START + TABLE, len(rows) * 16, INDIRECT)

    def offer(self, *heads: int) -> None:
        """Put chains into the ring."""
        for head in heads:
            struct.pack_into("<H", self.view, AVAIL + 4 + self.offered % SIZE * 2, head)
            self.offered += 1
        struct.pack_into("<H", self.view, AVAIL + 2, self.offered & 0xFFFF)

    def take(self) -> Chain:
        """Return the next chain, which is there."""
        chain = self.ring.take()
        assert chain is not None
        return chain


@pytest.fixture
def world() -> World:
    """A fresh ring."""
    return World()


def test_a_chain_is_what_its_descriptors_say(world: World) -> None:
    world.describe(3, START + DATA, 10, NEXT, 7)
    world.describe(7, START + DATA + 100, 5, NEXT, 1)
    world.describe(1, START + DATA + 200, 20, WRITE)
    world.view[DATA : DATA + 10] = b"0123456789"
    world.view[DATA + 100 : DATA + 105] = b"abcde"
    world.offer(3)
    chain = world.take()
    assert (chain.head, chain.size, chain.room) == (3, 15, 20)
    assert b"".join(chain.readable) == b"0123456789abcde"
    assert world.ring.take() is None
    assert world.ring.answer(chain, (b"ans", b"wer"))
    assert bytes(world.view[DATA + 200 : DATA + 206]) == b"answer"
    assert struct.unpack_from("<HHII", world.view, USED) == (0, 1, 3, 6)


def test_a_table_elsewhere_is_read_as_well(world: World) -> None:
    world.table((START + DATA, 4, NEXT, 2), (0, 0, 0, 0), (START + DATA + 8, 4, WRITE, 0))
    world.offer(0)
    chain = world.take()
    assert (chain.size, chain.room) == (4, 4)


def test_a_buffer_may_lie_across_two_regions(world: World) -> None:
    world.describe(0, START + LENGTH - 3, 6)
    world.view[LENGTH - 3 : LENGTH + 3] = b"across"
    world.offer(0)
    assert b"".join(world.take().readable) == b"across"


def test_indexes_wrap(world: World) -> None:
    world.describe(0, START + DATA, 4)
    for _ in range(0x10000 + 5):
        world.offer(0)
        world.ring.give(world.take(), 0)
    assert struct.unpack_from("<H", world.view, USED + 2) == (5,)
    assert world.ring.take() is None


HOSTILE = {
    "a head that is no descriptor": [],
    "a next that is no descriptor": [(0, START + DATA, 4, NEXT, SIZE)],
    "a chain that bites its tail": [(0, START + DATA, 4, NEXT, 1), (1, START + DATA, 4, NEXT, 0)],
    "a buffer of nothing": [(0, START + DATA, 0, 0, 0)],
    "a buffer in front of memory": [(0, START - 1, 4, 0, 0)],
    "a buffer behind memory": [(0, START + 2 * LENGTH, 4, 0, 0)],
    "a buffer that ends behind memory": [(0, START + 2 * LENGTH - 3, 4, WRITE, 0)],
    "a buffer without end": [(0, START, 0xFFFFFFFF, 0, 0)],
    "an address that wraps": [(0, 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFF, 0, 0)],
    "reading behind writing": [(0, START + DATA, 4, WRITE | NEXT, 1), (1, START + DATA, 4, 0, 0)],
    "a table of odd length": [(0, START + TABLE, 17, INDIRECT, 0)],
    "a table of nothing": [(0, START + TABLE, 0, INDIRECT, 0)],
    "a table that is too long": [(0, START + TABLE, (LONGEST + 1) * 16, INDIRECT, 0)],
    "a table outside of memory": [(0, 16, 16, INDIRECT, 0)],
    "a table that goes on": [(0, START + TABLE, 16, INDIRECT | NEXT, 1)],
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_chain_that_cannot_be_is_refused(world: World, what: str) -> None:
    for row in HOSTILE[what]:
        world.describe(*row)
    world.offer(0 if HOSTILE[what] else SIZE)
    with pytest.raises(WireError):
        world.ring.take()


def test_a_table_in_a_table_is_refused(world: World) -> None:
    world.table((START + TABLE, 16, INDIRECT, 0))
    world.offer(0)
    with pytest.raises(WireError, match="inside another"):
        world.ring.take()


def test_more_chains_than_there_are_descriptors_are_refused(world: World) -> None:
    struct.pack_into("<H", world.view, AVAIL + 2, SIZE + 1)
    with pytest.raises(WireError, match="claims 17"):
        world.ring.take()


@settings(max_examples=300, deadline=None)
@given(
    descriptors=st.binary(min_size=SIZE * 16, max_size=SIZE * 16),
    table=st.binary(max_size=256),
    heads=st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=SIZE),
    flags=st.lists(st.integers(0, 7), min_size=SIZE, max_size=SIZE),
    near=st.booleans(),
)
def test_nothing_that_a_guest_writes_does_more_than_be_refused(
    descriptors: bytes, table: bytes, heads: list[int], flags: list[int], near: bool
) -> None:
    world = World()
    world.view[: len(descriptors)] = descriptors
    world.view[TABLE : TABLE + len(table)] = table
    if near:  # addresses, lengths and numbers that are almost right
        for number in range(SIZE):
            address, length, _, after = struct.unpack_from("<QIHH", descriptors, number * 16)
            address = START + TABLE + address % LENGTH
            world.describe(number, address, length % 600, flags[number], after % (SIZE + 1))
    world.offer(*(head % (SIZE + 1) for head in heads))
    try:
        while (chain := world.ring.take()) is not None:
            assert chain.size == sum(map(len, chain.readable))
            assert chain.room == sum(map(len, chain.writable))
            world.ring.give(chain, 0)
    except WireError:
        pass


@given(
    data=st.binary(max_size=200),
    places=st.lists(st.integers(0, 200), max_size=8),
    ends=st.tuples(st.integers(0, 220), st.integers(0, 220)),
)
def test_copying_in_pieces_is_copying(data: bytes, places: list[int], ends: tuple[int, int]) -> None:
    def pieces(whole: memoryview) -> list[memoryview]:
        marks = sorted({0, len(whole), *(place for place in places if place < len(whole))})
        return [whole[a:b] for a, b in pairwise(marks)]

    source, target = bytearray(data), bytearray(len(data))
    gather(pieces(memoryview(source)), memoryview(target))
    assert target == data
    half = len(data) // 2
    for parts in ((data,), (data[:half], memoryview(data)[half:])):
        other = bytearray(len(data))
        assert scatter(parts, pieces(memoryview(other))) == len(data)
        assert other == data
    first, last = min(ends), max(ends)
    assert b"".join(cut(pieces(memoryview(source)), first, last)) == data[first:last]
