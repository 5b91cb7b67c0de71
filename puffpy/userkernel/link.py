"""The way to a server, as the user kernel sees it: messages out, replies and notifications back.

What a message says is not understood here; only its length and its unique are read.

Theory of operation.  A thread that asks enters its request in the table of those in flight, sends it, and
sleeps until somebody (another thread that reads, or the session itself, later) brings the answer with the
same unique.  What is no answer to anything in flight is *heard*: a notification, or an answer that came too
late.  When the server is gone everybody who waits is woken with ECONNABORTED, and whoever comes later is
told ENOTCONN, as the kernel does (fs/fuse/dev.c, fuse_abort_conn).
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

import attrs

from puffpy.wire.opcodes import UNIQUE_RESEND
from puffpy.wire.structs import IN_HEADER, OUT_HEADER

Hear = Callable[[bytes], None]
"""Takes what is no answer.  Called from any thread, and must return at once."""


def unheard(_message: bytes) -> None:
    """Nobody listens yet."""


UNIQUE = slice(8, 16)
"""Where both headers have the unique."""


class Link(Protocol):
    """A way to one server.  Every method may be called from many threads at once."""

    limit: int
    """The longest message that gets through, in bytes; 0 where any does."""

    def listen(self, hear: Hear) -> None:
        """Have *hear* called with every message that is no answer; before the first request."""

    def call(self, request: bytes) -> bytes:
        """Send *request* and return its reply, whenever that comes.

        Raises:
            ECONNABORTED: the server went away meanwhile.
            ENOTCONN: it was gone before.
        """

    def post(self, message: bytes) -> None:
        """Send what is not answered: FORGET, INTERRUPT, NOTIFY_REPLY.  A server that is gone is no error."""

    def resend(self) -> None:
        """Send everything again that is in flight, marked as sent before."""

    def close(self) -> None:
        """Let go of the server; whoever waits for it is woken.  Closing twice is closing once."""


@attrs.define(eq=False)
class Waiting:
    """One request in flight, and where its answer goes (``None``: there will be none)."""

    message: bytes
    answer: SimpleQueue[bytes | None] = attrs.field(factory=SimpleQueue)

    def wait(self) -> bytes:
        """Sleep until the answer is there; ECONNABORTED if there will be none."""
        reply = self.answer.get()
        if reply is None:
            raise OSError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED))
        return reply


class InFlight:
    """The requests in flight, by unique.

    One lock guards the table and whether it is still open; it is taken last and held for no call.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, Waiting] = {}
        self.open = True

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, message: bytes) -> Waiting:
        """Put *message* in; ENOTCONN once the server is gone."""
        waiting = Waiting(message)
        with self._lock:
            if not self.open:
                raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
            self._waiting[unique_of(message)] = waiting
        return waiting

    def leave(self, waiting: Waiting) -> None:
        """Take a request out, answered or not."""
        with self._lock:
            self._waiting.pop(unique_of(waiting.message), None)

    def answer(self, reply: bytes) -> bool:
        """Wake the one who waits for *reply*; False if nobody does."""
        with self._lock:
            waiting = self._waiting.pop(unique_of(reply) & ~UNIQUE_RESEND, None)
        if waiting is None:
            return False
        waiting.answer.put(reply)
        return True

    def again(self) -> list[bytes]:
        """Return every message in flight, each marked as sent before."""
        with self._lock:
            return [_marked(waiting.message) for waiting in self._waiting.values()]

    def end(self) -> bool:
        """Take nothing more, and wake everybody; False if that was done before."""
        with self._lock:
            was_open, self.open = self.open, False
            abandoned, self._waiting = list(self._waiting.values()), {}
        for waiting in abandoned:
            waiting.answer.put(None)
        return was_open


def unique_of(message: bytes) -> int:
    """Return the unique of a request or a reply."""
    return int.from_bytes(message[UNIQUE], "little" if _LITTLE else "big")


def _marked(message: bytes) -> bytes:
    length, opcode, unique, *rest = IN_HEADER.unpack_from(message)
    return IN_HEADER.pack(length, opcode, unique | UNIQUE_RESEND, *rest) + message[IN_HEADER.size :]


_LITTLE = OUT_HEADER.pack(1, 0, 0)[0] == 1
