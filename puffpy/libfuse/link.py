"""A link from a user kernel to a server in the same process that waits for messages, as it would of a device.

What asks and what answers is not known here.
"""

from __future__ import annotations

import errno
from queue import SimpleQueue

from typing_extensions import Buffer

from puffpy.userkernel.link import Hear, InFlight, unheard, unique_of
from puffpy.wire.structs import OUT_HEADER


class QueueLink:
    """Whole messages, in the order in which they were sent.

    The only lock is that of the table of requests in flight.
    """

    limit = 0

    def __init__(self) -> None:
        self._inflight = InFlight()
        self._sent: SimpleQueue[bytes | None] = SimpleQueue()
        self._hear: Hear = unheard
        self._cut = False

    # the user kernel's end; see Link

    def listen(self, hear: Hear) -> None:
        """See :meth:`Link.listen`."""
        self._hear = hear

    def call(self, request: bytes) -> bytes:
        """See :meth:`Link.call`."""
        waiting = self._inflight.enter(request)
        try:
            self._sent.put(request)
            return waiting.wait()
        finally:
            self._inflight.leave(waiting)

    def post(self, message: bytes) -> None:
        """See :meth:`Link.post`."""
        if self._inflight.open:
            self._sent.put(message)

    def resend(self) -> None:
        """See :meth:`Link.resend`."""
        for message in self._inflight.again():
            self.post(message)

    def close(self) -> None:
        """See :meth:`Link.close`; the server is given all that was sent before."""
        if self._inflight.end():
            self._sent.put(None)

    # the server's end; see Bridge

    def receive(self, buffer: bytearray) -> int:
        """Put the next message into *buffer* and return its size; 0 after the last one."""
        while not self._cut:
            message = self._sent.get()
            if message is None:
                self._cut = True
            elif len(message) <= len(buffer):
                buffer[: len(message)] = message
                return len(message)
            else:
                # What no buffer of the server's can hold is its fault to the kernel (fuse_dev_do_read).
                self.send(OUT_HEADER.pack(OUT_HEADER.size, -errno.EIO, unique_of(message)))
        return 0

    def send(self, message: bytes | tuple[Buffer, ...]) -> bool:
        """Take a reply, or what the server says unasked; False if nobody is there to hear it."""
        whole = b"".join(message) if isinstance(message, tuple) else bytes(message)
        if not self._inflight.answer(whole):
            if not self._inflight.open:
                return False
            self._hear(whole)
        return True

    def cut(self) -> None:
        """End at once: what is not received yet never is, and whoever waits fails."""
        self._cut = True
        self.close()
        self._sent.put(None)
