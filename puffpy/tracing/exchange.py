"""A request with its reply: how records become a trace.

Requests and replies are paired by their unique; what a reply that came later answers is told in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from puffpy.record import Record, What, number
from puffpy.tracing.paths import Paths
from puffpy.wire import IN_HEADER, MESSAGES, OUT_HEADER, Opcode, dump

RESENT: Final = 1 << 63
"""Set in the unique of a request that the kernel sends a second time (FUSE_UNIQUE_RESEND)."""

HAS_SIZE: Final = frozenset(
    {Opcode.READ, Opcode.READDIR, Opcode.READDIRPLUS, Opcode.GETXATTR, Opcode.LISTXATTR}
)
"""What their replies carry is data that was moved."""


@attrs.define(kw_only=True)
class Exchange:
    """A request, and what became of it; times in nanoseconds since 1970."""

    opcode: int
    unique: int
    nodeid: int
    uid: int
    gid: int
    pid: int
    path: str
    """What it was about, for people: a path, or two, or ``#7`` for a node whose name was never seen."""

    begin: int
    end: int | None = None
    """When it was answered; None if it was not."""

    error: int = 0
    """The errno of the answer; 0 is success."""

    size: int = 0
    """How many bytes of data were moved, either way."""

    @property
    def name(self) -> str:
        """The opcode's."""
        return Opcode(self.opcode).name if self.opcode in _KNOWN else f"opcode {self.opcode}"

    @property
    def duration(self) -> int | None:
        """How long the answer took, in nanoseconds."""
        return None if self.end is None else max(0, self.end - self.begin)

    @property
    def waits(self) -> bool:
        """Whether the kernel waits for an answer still; some requests take none, and an interrupt may."""
        answered = self.opcode not in _KNOWN or MESSAGES[Opcode(self.opcode)].answered
        return self.end is None and answered and self.opcode != Opcode.INTERRUPT


_KNOWN: Final = frozenset(MESSAGES)
_WRITE_HEAD: Final = IN_HEADER.size + 40  # and fuse_write_in


@attrs.frozen
class Notice:
    """Something that the kernel was told unasked, as one line."""

    when: int
    text: str


@attrs.define
class Trace:
    """Everything that passed, in the order in which it began; and how many records are missing."""

    exchanges: list[Exchange] = attrs.field(factory=list)
    notices: list[Notice] = attrs.field(factory=list)
    begin: int = 0
    end: int = 0
    lost: int = 0

    @property
    def seconds(self) -> float:
        """How long it went on."""
        return (self.end - self.begin) / 10**9

    def slowest(self, count: int) -> list[Exchange]:
        """Return the *count* exchanges that took longest; those unanswered first, as they took for ever."""
        asked = [each for each in self.exchanges if each.waits or each.duration is not None]
        return sorted(asked, key=self._length, reverse=True)[:count]

    def _length(self, each: Exchange) -> tuple[bool, int]:
        return each.waits, self.end - each.begin if each.duration is None else each.duration


def traced(records: Iterable[Record]) -> Trace:
    """Return what *records* tell."""
    trace, paths = Trace(), Paths()
    waiting: dict[int, tuple[Exchange, bytes]] = {}
    for record in records:
        trace.begin = trace.begin or record.when
        trace.end = max(trace.end, record.when)
        if record.what is What.REQUEST and len(record.data) >= IN_HEADER.size:
            exchange = _asked(record, paths)
            trace.exchanges.append(exchange)
            waiting[exchange.unique] = exchange, record.data
        elif record.what in (What.REPLY, What.LATER) and len(record.data) >= OUT_HEADER.size:
            unique = OUT_HEADER.unpack_from(record.data)[2]
            if not unique:
                trace.notices.append(Notice(record.when, dump(record.data)))
            elif found := waiting.pop(unique & ~RESENT, None):
                _answered(*found, record, paths)
        elif record.what is What.LOST:
            trace.lost += number(record)
    return trace


def _asked(record: Record, paths: Paths) -> Exchange:
    length, opcode, unique, nodeid, uid, gid, pid, _ = IN_HEADER.unpack_from(record.data)
    return Exchange(
        opcode=opcode,
        unique=unique & ~RESENT,
        nodeid=nodeid,
        uid=uid,
        gid=gid,
        pid=pid,
        path=paths.subject(record.data),
        begin=record.when,
        # By the header, as the data itself may have been left out.
        size=length - _WRITE_HEAD if opcode == Opcode.WRITE else 0,
    )


def _answered(exchange: Exchange, request: bytes, record: Record, paths: Paths) -> None:
    length, error, _ = OUT_HEADER.unpack_from(record.data)
    exchange.end, exchange.error = record.when, -error
    if not error:
        if exchange.opcode in HAS_SIZE:
            exchange.size = length - OUT_HEADER.size
        paths.learn(request, record.data)
