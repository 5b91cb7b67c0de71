"""The extension area: what ends a request that creates something (protocol 7.36 and later).

Whether a request may have one is a row of :mod:`puffpy.wire.messages`; finding it is the codec's.

The area is a row of records, each a multiple of 8 bytes and each with its own size in front:

    security contexts   secctx_header, then for each: secctx, name, NUL, value, padding to 8
    groups              ext_header, supp_groups, that many 32-bit gids, padding to 8

The second word tells them apart.  Of a security record it is how many contexts follow, at most 31; from 32
on it is a type (``enum fuse_ext_type``).
"""

from collections.abc import Iterator, Sequence
from struct import Struct

from puffpy.errors import WireError
from puffpy.wire.structs import EXT_HEADER, SECCTX, SECCTX_HEADER, SUPP_GROUPS, Buffer

EXT_UNIT = 8
"""``in_header.total_extlen`` counts these."""

MAX_NR_SECCTX = 31
"""A larger second word is a type."""

EXT_GROUPS = 32
"""The type of a record of supplementary groups."""

SecurityContext = tuple[bytes, bytes]
"""The name of an extended attribute, and the value the new node is to have in it."""


def decode_extensions(area: Buffer) -> tuple[tuple[SecurityContext, ...], tuple[int, ...]]:
    """Return the security contexts and the groups in *area*; records of a type unknown here are passed over.

    Raises:
        WireError: A size is not true.
    """
    area = bytes(area)
    secctx: list[SecurityContext] = []
    groups: list[int] = []
    for kind, record in _records(area):
        if kind <= MAX_NR_SECCTX:
            secctx += _contexts(record, kind)
        elif kind == EXT_GROUPS:
            groups += _groups(record)
    return tuple(secctx), tuple(groups)


def encode_extensions(secctx: Sequence[SecurityContext], groups: Sequence[int]) -> bytes:
    """Return the area the kernel would send, contexts first; nothing for neither."""
    area = b""
    if len(secctx) > MAX_NR_SECCTX:
        raise WireError(f"{len(secctx)} security contexts; there is room for {MAX_NR_SECCTX}")
    if secctx:
        contexts = b"".join(
            _padded(SECCTX.pack(len(value)) + _checked(name) + b"\0" + value) for name, value in secctx
        )
        area += SECCTX_HEADER.pack(SECCTX_HEADER.size + len(contexts), len(secctx)) + contexts
    if groups:
        gids = b"".join(SUPP_GROUPS.pack(gid) for gid in groups)
        record = _padded(SUPP_GROUPS.pack(len(groups)) + gids)
        area += EXT_HEADER.pack(EXT_HEADER.size + len(record), EXT_GROUPS) + record
    return area


def _records(area: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset < len(area):
        size, kind = EXT_HEADER.unpack_from(area, offset)
        if size < EXT_HEADER.size or size % EXT_UNIT or offset + size > len(area):
            raise WireError(
                f"extension at {offset} says {size} bytes; {len(area) - offset} bytes are left of the area, "
                f"and it takes a multiple of {EXT_UNIT}, at least {EXT_HEADER.size}"
            )
        yield kind, area[offset + EXT_HEADER.size : offset + size]
        offset += size


def _contexts(record: bytes, count: int) -> Iterator[SecurityContext]:
    offset = 0
    for _ in range(count):
        (size,) = SECCTX.unpack_from(record, offset)
        start = offset + SECCTX.size
        nul = record.find(b"\0", start)
        if nul < 0:
            raise WireError(f"name of the security context at {offset} has no NUL in {len(record)} bytes")
        end = nul + 1 + size
        if end > len(record):
            raise WireError(
                f"security context at {offset} says {size} bytes of value; {len(record) - nul - 1} are left"
            )
        yield record[start:nul], record[nul + 1 : end]
        offset = end + -end % EXT_UNIT


def _groups(record: bytes) -> tuple[int, ...]:
    (count,) = SUPP_GROUPS.unpack_from(record)
    room = (len(record) - SUPP_GROUPS.size) // SUPP_GROUPS.size
    if count > room:
        raise WireError(f"extension says {count} groups; it has room for {room}")
    return Struct(f"={count}I").unpack_from(record, SUPP_GROUPS.size)


def _checked(name: bytes) -> bytes:
    if b"\0" in name:
        raise WireError(f"name {name!r} holds a NUL")
    return name


def _padded(part: bytes) -> bytes:
    return part + bytes(-len(part) % EXT_UNIT)
