"""Passes on what passes, as records without file data, to somebody who takes them in time.

Whoever serves never waits for them: what nobody takes is dropped, and counted.
"""

from __future__ import annotations

import queue
import struct
import time
from collections.abc import Iterator
from typing import Final

from typing_extensions import Buffer

from puffpy.record import Answer, Message, Record, Reply, What, counted, packed
from puffpy.wire import IN_HEADER, OUT_HEADER, Opcode

OPCODE: Final = struct.Struct("=4xI")
KEPT: Final = 8192
"""So much of a request is kept: any name, and the beginning of an attribute."""

WRITE_HEAD: Final = IN_HEADER.size + 40
MOST: Final = 20_000
"""Records that wait to be taken."""


class Tap:
    """See :class:`puffpy.record.Observer`."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._lost = 0
        self._told = 0

    def answering(self, answer: Answer) -> Answer:
        """Return *answer* with its requests and replies passed on."""

        def tapped(message: Message, size: int) -> Reply:
            opcode = OPCODE.unpack_from(message)[0]
            self._put(What.REQUEST, message[: min(size, WRITE_HEAD if opcode == Opcode.WRITE else KEPT)])
            reply = answer(message, size)
            if reply is not None:
                self._put(What.REPLY, _trimmed(reply, opcode))
            return reply

        return tapped

    def later(self, message: bytes) -> None:
        """Pass *message* on."""
        self._put(What.LATER, message[:KEPT])

    def taken(self, patience: float) -> Iterator[bytes]:
        """Yield the records that wait, as recordings have them; wait *patience* seconds for the first."""
        if self._lost > self._told:
            lost, self._told = self._lost - self._told, self._lost
            yield packed(counted(time.time_ns(), What.LOST, lost))
        try:
            # With a patience of 0 Python 3.10 waits for ever.
            yield self._queue.get(patience > 0, patience)
            for _ in range(self._queue.qsize()):
                yield self._queue.get_nowait()
        except queue.Empty:
            return

    def _put(self, what: What, data: bytes | bytearray) -> None:
        if self._queue.qsize() < MOST:
            self._queue.put(packed(Record(time.time_ns(), what, bytes(data))))
        else:
            self._lost += 1


def _trimmed(reply: bytes | tuple[Buffer, ...], opcode: int) -> bytes:
    if opcode == Opcode.READ:
        head = reply[0] if type(reply) is tuple else reply
        return bytes(memoryview(head)[: OUT_HEADER.size])  # type: ignore[arg-type]  # as it was packed
    return b"".join(reply) if type(reply) is tuple else bytes(reply)  # type: ignore[arg-type]  # as above
