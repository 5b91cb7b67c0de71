"""Directory entries: the records of READDIR and READDIRPLUS, one at a time or a whole listing at once.

How many fit a reply, and what a cookie stands for, is decided by the caller.

A record is a fixed part, the name without a NUL, and zeros up to a multiple of 8.  A large directory is
packed here entry by entry, so each length of padded name has its structure compiled beforehand: one call of
``pack`` writes the fixed part, the name and, as ``s`` does by itself, the zeros.  Where all the names of a
listing but ``.`` and ``..`` have one padded length, which is the rule in the largest directories, one call
writes CHUNK records.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from struct import Struct

import attrs

from puffpy.errors import WireError
from puffpy.wire.structs import DIRENT, ENTRY_OUT, Buffer

ALIGNMENT = 8

CHUNK = 128
"""How many records one call packs where all are of one size."""

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
    return size + -size % ALIGNMENT


def _structs(head: str) -> tuple[Struct, ...]:
    by_padded = {padded: Struct(f"={head}{DIRENT.format}{padded}s") for padded in range(0, NAME_MAX + 9, 8)}
    return tuple(by_padded[_padded(length)] for length in range(NAME_MAX + 1))


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
    return DIRENT.struct.pack(ino, off, length, kind) + name + bytes(-length % ALIGNMENT)


def dirents(
    inos: Sequence[int], first: int, kinds: Sequence[int], names: Sequence[bytes]
) -> tuple[bytes, Sequence[int]]:
    """Return the records of READDIR of a whole listing, and where each begins, with the end of the last.

    Args:
        first: The cookie of the entry behind the first; it grows by one with each.
        inos, kinds, names: As for :func:`dirent`.
    """
    count = len(names)
    lengths = list(map(len, names))
    padded = {length + -length % ALIGNMENT for length in set(lengths[DOTS:])}
    apart = count if len(padded) != 1 else DOTS
    packed = list(map(dirent, inos[:apart], range(first, first + apart), kinds, names))
    ends = list(accumulate(map(len, packed), initial=0))
    if apart < count:
        packed.append(_alike(inos[apart:], first + apart, kinds[apart:], names[apart:], lengths[apart:]))
        size = DIRENT.size + padded.pop()
        ends.extend(range(ends[-1] + size, ends[-1] + size * (count - apart) + 1, size))
    return b"".join(packed), ends


def _alike(
    inos: Sequence[int], first: int, kinds: Sequence[int], names: Sequence[bytes], lengths: Sequence[int]
) -> bytes:
    """Return the records of names that all have one padded length."""
    count = len(names)
    room = _padded(lengths[0])
    values: list[int | bytes] = [0] * (5 * count)
    values[0::5] = inos
    values[1::5] = range(first, first + count)
    values[2::5] = lengths
    values[3::5] = kinds
    values[4::5] = names
    step = 5 * CHUNK
    whole = count - count % CHUNK
    pack = _uniform(room, CHUNK).pack
    packed = [pack(*values[at : at + step]) for at in range(0, 5 * whole, step)]
    if whole < count:
        packed.append(_uniform(room, count - whole).pack(*values[5 * whole :]))
    return b"".join(packed)


@lru_cache(maxsize=64)
def _uniform(room: int, count: int) -> Struct:
    return Struct("=" + f"{DIRENT.format}{room}s" * count)


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
