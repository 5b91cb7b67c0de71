"""Runs a recording again, against a file system that should answer as the recorded one did.

A bug report becomes a test: ``assert not replay(records, MyFs())``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import attrs

from puffpy.errors import WireError
from puffpy.mount import prepared
from puffpy.ops import VfsOps, VnodeOps
from puffpy.options import MountOptions
from puffpy.record import Record, What, clock_reading, read, turned_back_clock
from puffpy.session import Session
from puffpy.wire import dump
from puffpy.wire.structs import IN_HEADER


@attrs.frozen
class Difference:
    """A request that was answered otherwise than in the recording."""

    request: bytes
    expected: bytes
    got: bytes

    def __str__(self) -> str:
        opcode, unique = IN_HEADER.unpack_from(self.request)[1:3]
        lines = [dump(self.request)]
        for word, reply in (("expected", self.expected), ("got     ", self.got)):
            shown = dump(reply, opcode_of={unique: opcode}.get) if reply else "no reply"
            lines.append(f"    {word} {shown}")
        return "\n".join(lines)


@attrs.define
class _Exchange:
    request: bytes
    reply: bytes = b""
    clock: list[int] = attrs.field(factory=list)


def load(path: str | os.PathLike[str]) -> list[Record]:
    """Return the records of the recording at *path*."""
    with open(path, "rb") as file:
        return list(read(file))


def replay(
    records: Iterable[Record],
    vnodeops: VnodeOps,
    *,
    vfsops: VfsOps | None = None,
    options: MountOptions | None = None,
) -> list[Difference]:
    """Send every recorded request to a fresh session over *vnodeops*; return what is answered otherwise.

    The clock (``time.time_ns``) says what it said then, so a file system that depends on nothing else answers
    byte for byte the same.  Replies that came later than at once are not compared.
    """
    vfsops, options = prepared(vnodeops, vfsops, options)
    session = Session(vnodeops, vfsops, options, lambda _: None)
    differences = []
    try:
        for exchange in _exchanges(records):
            with turned_back_clock(exchange.clock):
                reply = session.receive(exchange.request, len(exchange.request))
            got = b"" if reply is None else b"".join(reply) if isinstance(reply, tuple) else reply
            if got != exchange.reply:
                differences.append(Difference(exchange.request, exchange.reply, got))
    finally:
        session.close()
    return differences


def _exchanges(records: Iterable[Record]) -> Iterator[_Exchange]:
    exchange: _Exchange | None = None
    for record in records:
        if record.what is What.REQUEST:
            if exchange is not None:
                yield exchange
            exchange = _Exchange(record.data)
        elif record.what is not What.LATER:
            if exchange is None:
                raise WireError(f"the recording has a {record.what.name} before any request")
            if record.what is What.REPLY:
                exchange.reply = record.data
            else:
                exchange.clock.append(clock_reading(record))
    if exchange is not None:
        yield exchange
