"""A link to a session in this very process: bytes in, bytes out, no descriptor between.

How a session answers is not known here; anything with these three methods is one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from typing_extensions import Buffer

from puffpy.userkernel.link import Hear, InFlight, unheard


class SessionLike(Protocol):
    """A server that is called rather than written to (``puffpy.session.Session`` is one)."""

    def receive(self, message: bytearray, size: int) -> bytes | tuple[Buffer, ...] | None:
        """Take one message, its first *size* bytes, and return the reply, or ``None`` for none or later."""

    def close(self) -> None:
        """The kernel is gone."""


class SessionLink:
    """Calls a session, one thread at a time.

    *make* gets a callable for what the session says unasked (replies that come later, notifications) and
    returns the session.

    One lock lets one thread into the session; it is taken before the table of requests in flight and never
    held while sleeping, so that a request which has to wait (a lock) lets the others pass.
    """

    limit = 0

    def __init__(self, make: Callable[[Callable[[bytes], object]], SessionLike]) -> None:
        self._inside = threading.Lock()
        self._inflight = InFlight()
        self._hear: Hear = unheard
        self._session = make(self._late)

    def listen(self, hear: Hear) -> None:
        """See :meth:`Link.listen`."""
        self._hear = hear

    def call(self, request: bytes) -> bytes:
        """See :meth:`Link.call`."""
        waiting = self._inflight.enter(request)
        try:
            reply = self._receive(request)
            return waiting.wait() if reply is None else reply
        finally:
            self._inflight.leave(waiting)

    def post(self, message: bytes) -> None:
        """See :meth:`Link.post`."""
        if not self._inflight.open:
            return
        reply = self._receive(message)
        if reply is not None:
            self._hear(reply)

    def resend(self) -> None:
        """See :meth:`Link.resend`."""
        for message in self._inflight.again():
            reply = self._receive(message)
            if reply is not None:
                self._late(reply)

    def close(self) -> None:
        """See :meth:`Link.close`."""
        if self._inflight.end():
            with self._inside:
                self._session.close()

    def _receive(self, message: bytes) -> bytes | None:
        with self._inside:
            return self._copy(self._session.receive(bytearray(message), len(message)))

    @staticmethod
    def _copy(reply: bytes | tuple[Buffer, ...] | None) -> bytes | None:
        # The pieces may point into the file system's storage, which must not change before they are copied,
        # and cannot grow before they are dropped: so this ends before the next thread is let in.
        return b"".join(reply) if isinstance(reply, tuple) else reply

    def _late(self, message: bytes) -> None:
        message = bytes(message)
        if not self._inflight.answer(message):
            self._hear(message)
