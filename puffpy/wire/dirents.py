"""Directory entries: the records of READDIR and READDIRPLUS, one at a time or a whole listing at once.

How many fit a reply, and what a cookie stands for, is decided by the caller.

A record is a fixed part, the name without a NUL, and zeros up to a multiple of 8.  A large directory is
packed here entry by entry, so each length of padded name has its structure compiled beforehand: one call of
``pack`` writes the fixed part, the name and, as ``s`` does by itself, the zeros.  Where all names
take as much room, which is the rule in the largest directories, one record is repeated, and written over
column by column.
"""

import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from struct import Struct

import attrs

from puffpy.errors import WireError
from puffpy.wire.structs import DIRENT, ENTRY_OUT, Buffer

WORD = 8
"""The bytes of a word; a record is a number of whole ones."""

HALF = 32
"""The bits of half a word."""

INDEX, LENGTH, KIND = (2 if sys.byteorder == "little" else 3), 4, 5
"""Which halves of a record's words the lower half of the cookie, the length of the name and the type are."""

COUNTED = 14
"""Numbers of so many bits are counted once, for the cookies; for larger directories there are more."""

CHUNK = 128
"""How many names one call packs; a smaller listing is packed entry by entry, which is quicker then."""

DOTS = 2
"""How many records come first whose names are shorter than all others: ``.`` and ``..``."""

NAME_MAX = 255
"""Longer names are packed as well, but without a structure compiled for them."""


@attrs.frozen
class DirentRecord:
    """One entry of READDIR."""

    ino: int
    off: int
    """The cookie of the entry behind this one."""

    kind: int
    """``mode >> 12``; 0 is unknown."""

    name: bytes


@attrs.frozen
class DirentPlusRecord:
    """One entry of READDIRPLUS: with what LOOKUP would have said."""

    entry: Mapping[str, int]
    """The fields of ENTRY_OUT; its nodeid is 0 where nothing is said, and nothing is counted."""

    ino: int
    off: int
    kind: int
    name: bytes


def _padded(size: int) -> int:
    return size + -size % WORD


def _structs(head: str) -> tuple[Struct, ...]:
    by_room = {room: Struct(f"={head}{DIRENT.format}{room}s") for room in range(0, NAME_MAX + 9, 8)}
    return tuple(by_room[_padded(length)] for length in range(NAME_MAX + 1))


_PACK_DIRENT = tuple(record.pack for record in _structs(""))
_PACK_DIRENTPLUS = tuple(record.pack for record in _structs(f"{ENTRY_OUT.size}s"))


def dirent(ino: int, off: int, kind: int, name: bytes) -> bytes:
    """Return one record of READDIR.

    Args:
        ino: What ``stat`` shows; not 0.
        off: The cookie of the next entry; not 0, below 2**63.
        kind: ``mode >> 12``, or 0 for unknown.
        name: Not empty, without ``/`` and NUL; the caller has looked.
    """
    length = len(name)
    if length <= NAME_MAX:
        return _PACK_DIRENT[length](ino, off, length, kind, name)
    return DIRENT.struct.pack(ino, off, length, kind) + name + bytes(-length % WORD)


def dirents(
    inos: Sequence[int], listing: int, kinds: Sequence[int], names: Sequence[bytes]
) -> tuple[bytes, Sequence[int]]:
    """Return the records of READDIR of a whole listing, and where each begins, with the end of the last.

    Args:
        listing: The upper half of all cookies; the lower is how many entries come before, so the first
            record, which holds the cookie of the second, has 1.
        inos, kinds, names: As for :func:`dirent`.
    """
    count, lengths = len(names), list(map(len, names))
    rooms = {_padded(length) for length in set(lengths[DOTS:])}
    apart = DOTS if len(rooms) == 1 and count >= CHUNK else count
    first = (listing << HALF) + 1
    packed: list[Buffer] = list(map(dirent, inos[:apart], range(first, first + apart), kinds, names))
    ends = list(accumulate(map(len, packed), initial=0))
    if apart < count:
        (room,) = rooms
        rest = slice(apart, None)
        packed.append(_alike(inos[rest], first + apart, kinds[rest], lengths[rest], names[rest], room))
        size = DIRENT.size + room
        ends.extend(range(ends[-1] + size, ends[-1] + size * (count - apart) + 1, size))
    return b"".join(packed), ends


def _alike(
    inos: Sequence[int],
    first: int,
    kinds: Sequence[int],
    lengths: Sequence[int],
    names: Sequence[bytes],
    room: int,
) -> Buffer:
    """Return the records of names that all take *room* bytes with their zeros."""
    count = len(names)
    listing, index = divmod(first, 1 << HALF)
    records = bytearray(DIRENT.struct.pack(0, listing << HALF, lengths[0], kinds[0]) + bytes(room)) * count
    ahead, behind = DIRENT.size // WORD, room // WORD
    step = ahead + behind
    with memoryview(records) as whole, whole.cast("Q") as words, whole.cast("I") as halves:
        words[0::step] = array("Q", inos)
        halves[INDEX :: 2 * step] = _counted(index + count)[index : index + count]
        for field, column in ((LENGTH, lengths), (KIND, kinds)):
            if column.count(column[0]) < count:
                halves[field :: 2 * step] = array("I", column)
        with memoryview(_texts(names, room)).cast("Q") as texts:
            for at in range(behind):
                words[ahead + at :: step] = texts[at::behind]
    return records


def _counted(stop: int) -> memoryview:
    """Return the numbers from 0 up to *stop*, or beyond."""
    return _numbers(1 << max(stop.bit_length(), COUNTED))


@lru_cache(maxsize=1)
def _numbers(stop: int) -> memoryview:
    return memoryview(array("I", range(stop)))


def _texts(names: Sequence[bytes], room: int) -> bytes:
    """Return *names* one behind the other, each with zeros up to *room* bytes."""
    pack = _row(room).pack
    whole = len(names) - len(names) % CHUNK
    rows = [pack(*names[at : at + CHUNK]) for at in range(0, whole, CHUNK)]
    rows += [name.ljust(room, b"\0") for name in names[whole:]]
    return b"".join(rows)


@lru_cache(maxsize=NAME_MAX // WORD)
def _row(room: int) -> Struct:
    return Struct(f"{room}s" * CHUNK)


def direntplus(entry_bytes: bytes, ino: int, off: int, kind: int, name: bytes) -> bytes:
    """Return one record of READDIRPLUS.

    Args:
        entry_bytes: A packed ENTRY_OUT, 128 bytes; all zeros for ``.``, ``..`` and what is not to be counted.
        ino, off, kind, name: As for :func:`dirent`.
    """
    length = len(name)
    if length <= NAME_MAX:
        return _PACK_DIRENTPLUS[length](entry_bytes, ino, off, length, kind, name)
    return entry_bytes + dirent(ino, off, kind, name)


def unpack_dirents(data: Buffer) -> list[DirentRecord]:
    """Return the entries of a READDIR reply; :class:`WireError` where the kernel would refuse one."""
    return [DirentRecord(ino, off, kind, name) for _, ino, off, kind, name in _walk(bytes(data), 0)]


def unpack_direntsplus(data: Buffer) -> list[DirentPlusRecord]:
    """Return the entries of a READDIRPLUS reply; :class:`WireError` where the kernel would refuse one."""
    data = bytes(data)
    return [
        DirentPlusRecord(ENTRY_OUT.named(ENTRY_OUT.unpack_from(data, at)), ino, off, kind, name)
        for at, ino, off, kind, name in _walk(data, ENTRY_OUT.size)
    ]


def _walk(data: bytes, before: int) -> Iterator[tuple[int, int, int, int, bytes]]:
    """Yield where each record begins and its values; *before* bytes stand in front of its fixed part."""
    at = 0
    head = before + DIRENT.size
    while at < len(data):
        left = len(data) - at
        if left < head:
            raise WireError(f"directory entry at {at}: {left} bytes left, its fixed part has {head}")
        ino, off, length, kind = DIRENT.struct.unpack_from(data, at + before)
        size = _padded(head + length)
        if size > left:
            raise WireError(
                f"directory entry at {at}: a name of {length} makes {size} bytes, {left} are left"
            )
        name = data[at + head : at + head + length]
        if not name or b"/" in name:
            raise WireError(f"directory entry at {at}: the name is {name!r}; it takes one component")
        yield at, ino, off, kind, name
        at += size
