"""Runs a recording again, against a file system that should answer as the recorded one did.

A bug report becomes a test: ``assert not replay(load("report.puffs"), MyFs)``.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator

import attrs

from puffpy.errors import WireError
from puffpy.mount import prepared
from puffpy.ops import VnodeOps
from puffpy.record import Record, What, number, read, turned_back_clock
from puffpy.session import Session
from puffpy.wire import dump
from puffpy.wire.flags import InitFlag
from puffpy.wire.structs import IN_HEADER, INIT_OUT, OUT_HEADER


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
    """A request, its reply, and what the clock and the kernel's passthrough said meanwhile."""

    request: bytes
    reply: bytes = b""
    clock: list[int] = attrs.field(factory=list)
    backings: list[int] = attrs.field(factory=list)


@attrs.define
class _Backings:
    """Gives the backing ids that were recorded, for files that are not looked at."""

    recorded: list[int] = attrs.field(factory=list)

    def backing_open(self, _fd: int) -> int:
        backing_id = self.recorded.pop(0) if self.recorded else -errno.EPERM
        if backing_id < 0:
            raise OSError(-backing_id, os.strerror(-backing_id))
        return backing_id

    def backing_close(self, backing_id: int) -> None:
        """Nothing was registered."""


def load(path: str | os.PathLike[str]) -> list[Record]:
    """Return the records of the recording at *path*."""
    with open(path, "rb") as file:
        return list(read(file))


def replay(records: Iterable[Record], make: Callable[[], VnodeOps]) -> list[Difference]:
    """Send every recorded request to a fresh session over what *make* makes; return the differences.

    The clock (``time.time_ns``) says what it said then, to *make* as well, and files are passed through as
    they were; so a file system that depends on nothing else answers byte for byte the same.  Replies that
    came later than at once are not compared.
    """
    first, *exchanges = _exchanges(records)
    with turned_back_clock(first.clock):
        vnodeops = make()
    vfsops, options = prepared(vnodeops, None, None)
    backings = _Backings()
    passed = any(len(e.reply) > OUT_HEADER.size and _passes(e) for e in exchanges[:1])
    session = Session(vnodeops, vfsops, options, lambda _: None, backings if passed else None)
    differences = []
    try:
        for exchange in exchanges:
            backings.recorded = exchange.backings
            with turned_back_clock(exchange.clock):
                reply = session.receive(exchange.request, len(exchange.request))
            got = b"" if reply is None else b"".join(reply) if isinstance(reply, tuple) else reply
            if got != exchange.reply:
                differences.append(Difference(exchange.request, exchange.reply, got))
    finally:
        session.close()
    return differences


def _passes(init: _Exchange) -> bool:
    """Tell whether the recorded session agreed on passthrough."""
    fields = INIT_OUT.named(INIT_OUT.unpack_from(init.reply, OUT_HEADER.size))
    return bool(fields["flags2"] << 32 & InitFlag.PASSTHROUGH)


def _exchanges(records: Iterable[Record]) -> Iterator[_Exchange]:
    """Yield what happened before the first request, then request by request."""
    exchange = _Exchange(b"")
    for record in records:
        if record.what is What.REQUEST:
            yield exchange
            exchange = _Exchange(record.data)
        elif record.what is What.TRIMMED:
            raise WireError("this was listened to and has no file data in it: it cannot be run again")
        elif record.what is What.REPLY:
            exchange.reply = record.data
        elif record.what is What.CLOCK:
            exchange.clock.append(number(record))
        elif record.what is What.BACKING:
            exchange.backings.append(number(record))
    yield exchange
