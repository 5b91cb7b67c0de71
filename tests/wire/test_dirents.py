"""Directory entries: records as the kernel reads them."""

import itertools
import struct
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puffpy.errors import WireError
from puffpy.wire import (
    DirentPlusRecord,
    DirentRecord,
    dirent,
    direntplus,
    dirents,
    unpack_dirents,
    unpack_direntsplus,
)
from puffpy.wire.structs import ENTRY_OUT
from tests.wire.anatomy import RANGES, fields_of

COMPONENTS = st.binary(min_size=1, max_size=300).map(lambda name: name.replace(b"/", b"-"))
RECORDS = st.builds(DirentRecord, ino=RANGES["Q"], off=RANGES["Q"], kind=RANGES["I"], name=COMPONENTS)
PLUS_RECORDS = st.builds(
    DirentPlusRecord,
    entry=fields_of(ENTRY_OUT),
    ino=RANGES["Q"],
    off=RANGES["Q"],
    kind=RANGES["I"],
    name=COMPONENTS,
)


@given(st.lists(RECORDS, max_size=6))
def test_entries_survive_the_way_to_bytes_and_back(entries: list[DirentRecord]) -> None:
    data = b"".join(dirent(e.ino, e.off, e.kind, e.name) for e in entries)
    assert unpack_dirents(data) == entries
    assert unpack_dirents(memoryview(data)) == entries


@pytest.mark.parametrize("count", [0, 1, 125, 126, 127, 129, 254, 300])
@pytest.mark.parametrize("dots", [(), (b".", b"..")])
@pytest.mark.parametrize("odd", [(), (b"a name that is much longer",), (b"x" * 300,)])
@pytest.mark.parametrize("name", ["entry-%06d", "f%d"])
def test_a_listing_packed_at_once_is_its_entries_one_by_one(
    count: int, dots: tuple[bytes, ...], odd: tuple[bytes, ...], name: str
) -> None:
    names = [*dots, *((name % number).encode() for number in range(count)), *odd]
    check_listing(names, [8] * len(names))


@pytest.mark.parametrize("kinds", [(8, 8, 4), (4, 0), (0xFFFFFFFF,)])
def test_a_listing_packed_at_once_has_every_entrys_type(kinds: tuple[int, ...]) -> None:
    names = [b"entry-%06d" % number for number in range(200)]
    check_listing(names, [kinds[at % len(kinds)] for at in range(len(names))])


def test_the_largest_listing_so_far_is_packed_like_any_other() -> None:
    names = [b"%07d" % number for number in range(40_000)]
    check_listing(names, [8] * len(names))


def check_listing(names: list[bytes], kinds: list[int]) -> None:
    inos = [number << 40 | 7 for number in range(len(names))]
    records, ends = dirents(inos, 77, kinds, names)
    offs = range((77 << 32) + 1, (77 << 32) + 1 + len(names))
    single = [dirent(*entry) for entry in zip(inos, offs, kinds, names, strict=True)]
    assert records == b"".join(single)
    assert [records[a:b] for a, b in itertools.pairwise(ends)] == single


@pytest.mark.parametrize("wrong", [-1, 1 << 64, "7", None])
def test_a_number_that_is_none_is_refused_in_the_largest_listing_as_well(wrong: Any) -> None:
    names = [b"entry-%06d" % number for number in range(200)]
    with pytest.raises((struct.error, TypeError, OverflowError)):
        dirents([*range(199), wrong], 1, [8] * 200, names)
    with pytest.raises((struct.error, TypeError, OverflowError)):
        dirents([*range(200)], 1, [8] * 199 + [wrong], names)


@given(st.lists(PLUS_RECORDS, max_size=4))
def test_entries_with_attributes_survive_the_way_to_bytes_and_back(entries: list[DirentPlusRecord]) -> None:
    data = b"".join(direntplus(ENTRY_OUT.pack_named(e.entry), e.ino, e.off, e.kind, e.name) for e in entries)
    assert unpack_direntsplus(data) == entries


@pytest.mark.parametrize("length", [*range(1, 33), 254, 255, 256, 257, 4095])
def test_a_record_of_any_length_is_padded_with_zeros_to_eight(length: int) -> None:
    name = b"n" * length
    record = dirent(2, 3, 8, name)
    assert record[:24] == b"".join(
        number.to_bytes(size, sys.byteorder) for number, size in ((2, 8), (3, 8), (length, 4), (8, 4))
    )
    assert record[24:].rstrip(b"\0") == name
    assert len(record) == (24 + length + 7) // 8 * 8
    assert direntplus(bytes(128), 2, 3, 8, name) == bytes(128) + record


@pytest.mark.parametrize("name", [b"", b"a/b"])
def test_a_name_the_kernel_would_refuse_is_refused(name: bytes) -> None:
    with pytest.raises(WireError, match="directory entry at 32: the name is"):
        unpack_dirents(dirent(1, 1, 4, b"ok") + dirent(2, 2, 8, name))


@given(st.lists(RECORDS, min_size=1, max_size=2), st.data())
def test_entries_cut_anywhere_but_between_are_refused(
    entries: list[DirentRecord], data: st.DataObject
) -> None:
    packed = [dirent(e.ino, e.off, e.kind, e.name) for e in entries]
    whole = b"".join(packed)
    cut = data.draw(st.integers(0, len(whole)))
    if cut in (0, len(packed[0]), len(whole)):
        assert len(unpack_dirents(whole[:cut])) <= len(entries)
    else:
        with pytest.raises(WireError, match="directory entry at"):
            unpack_dirents(whole[:cut])


@given(st.binary(max_size=400))
def test_random_bytes_are_entries_or_refused(data: bytes) -> None:
    for unpack in (unpack_dirents, unpack_direntsplus):
        try:
            entries = unpack(data)
        except WireError:
            continue
        assert len(entries) <= len(data) // 32
