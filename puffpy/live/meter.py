"""Counts what passes, operation by operation, and what is waiting for an answer.

It is in the way of every request only while somebody looks; what it counted travels as a snapshot.
"""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Iterator
from typing import Final

import attrs
from typing_extensions import Buffer

from puffpy.latency import Histogram
from puffpy.record import Answer, Message, Reply
from puffpy.wire import IN_HEADER, MESSAGES, OUT_HEADER, Opcode

HEAD: Final = struct.Struct("=IIQ")
"""Length, opcode and unique of a request; length, error and unique of a reply."""

NO_REPLY: Final = frozenset(
    {Opcode.INTERRUPT, *(row.opcode for row in MESSAGES.values() if not row.answered)}
)
CARRY_DATA: Final = frozenset({Opcode.READ, Opcode.READDIR, Opcode.READDIRPLUS})
WRITE_HEAD: Final = IN_HEADER.size + 40


@attrs.define
class Count:
    """What was counted of one operation."""

    number: int = 0
    errors: int = 0
    size: int = 0
    latencies: Histogram = attrs.field(factory=Histogram)


@attrs.frozen
class Begun:
    """A request that came and was not answered: its head, and when it came (``time.monotonic_ns``)."""

    head: bytes
    when: int


class Meter:
    """See :class:`puffpy.record.Observer`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[int, Count] = {}
        self._begun: dict[int, Begun] = {}

    def answering(self, answer: Answer) -> Answer:
        """Return *answer* with its requests counted."""

        def metered(message: Message, size: int) -> Reply:
            _, opcode, unique = HEAD.unpack_from(message)
            begun = Begun(bytes(message[: IN_HEADER.size]), time.monotonic_ns())
            if opcode in NO_REPLY:
                self._count(opcode).number += 1
                return answer(message, size)
            self._begun[unique] = begun
            reply = answer(message, size)
            if reply is not None:
                self._answered(reply)
            return reply

        return metered

    def later(self, message: bytes) -> None:
        """Count the request that *message* answers."""
        self._answered(message)

    def counts(self) -> Iterator[tuple[int, Count]]:
        """Yield what was counted so far, by opcode."""
        with self._lock:
            yield from list(self._counts.items())

    def begun(self) -> list[Begun]:
        """Return the requests that wait for an answer."""
        return list(self._begun.values())

    def _count(self, opcode: int) -> Count:
        found = self._counts.get(opcode)
        if found is None:
            found = self._counts[opcode] = Count()
        return found

    def _answered(self, reply: bytes | tuple[Buffer, ...]) -> None:
        head = memoryview(reply[0] if type(reply) is tuple else reply)  # type: ignore[arg-type]
        length, error, unique = OUT_HEADER.struct.unpack_from(head)
        begun = self._begun.pop(unique, None)
        if begun is None:
            return  # a notification, or the reply to what came before anybody looked
        asked, opcode, _ = HEAD.unpack_from(begun.head)
        with self._lock:
            count = self._count(opcode)
            count.number += 1
            count.errors += error != 0
            count.latencies.add(time.monotonic_ns() - begun.when)
            if opcode == Opcode.WRITE:
                count.size += asked - WRITE_HEAD
            elif opcode in CARRY_DATA and not error:
                count.size += length - OUT_HEADER.size
