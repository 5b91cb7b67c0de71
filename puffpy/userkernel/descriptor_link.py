"""A link over a file descriptor that carries whole FUSE messages, to a server in another process.

A SOCK_SEQPACKET socket keeps the boundaries that the protocol needs; a byte stream does not, and is refused.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
import threading

from puffpy.userkernel.link import Hear, InFlight, unheard
from puffpy.wire.structs import OUT_HEADER

LARGEST = (1 << 20) + 4096
"""Bytes read at once where the descriptor sets no limit: 256 pages and their headers."""

SOCKET_OVERHEAD = 32
"""A UNIX socket refuses messages longer than its send buffer less this (net/unix, unix_dgram_sendmsg)."""

SO_SNDBUFFORCE = 32
"""As SO_SNDBUF, past the system's limit, for who may administer the network."""


class DescriptorLink:
    """Writes requests to *fd* and reads what comes back in a thread of its own.

    Whoever wants to may write at any time, one message a call; only the thread reads.  The link owns *fd*.

    The only lock is that of the table of requests in flight.

    Raises:
        ValueError: *fd* is a byte stream.
    """

    def __init__(self, fd: int) -> None:
        self.limit = _limit(fd)
        self._fd = fd
        self._inflight = InFlight()
        self._hear: Hear = unheard
        self._quit_read, self._quit_write = os.pipe()
        self._reader = threading.Thread(target=self._read, name="puffpy user kernel", daemon=True)
        self._reader.start()

    @classmethod
    def pair(cls, size: int = LARGEST) -> tuple[DescriptorLink, int]:
        """Return a link, and the descriptor for the server at its other end (inheritable, yours to close).

        Args:
            size: The longest message that should get through, in bytes; the system may allow less.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            _widen(end, size)
        theirs.set_inheritable(True)
        return cls(ours.detach()), theirs.detach()

    def listen(self, hear: Hear) -> None:
        """See :meth:`Link.listen`."""
        self._hear = hear

    def call(self, request: bytes) -> bytes:
        """See :meth:`Link.call`."""
        waiting = self._inflight.enter(request)
        try:
            self._write(request)
            return waiting.wait()
        finally:
            self._inflight.leave(waiting)

    def post(self, message: bytes) -> None:
        """See :meth:`Link.post`."""
        try:
            self._write(message)
        except OSError:
            pass  # only a server that is gone gets here, and it needs no FORGET

    def resend(self) -> None:
        """See :meth:`Link.resend`."""
        for message in self._inflight.again():
            self.post(message)

    def close(self) -> None:
        """See :meth:`Link.close`."""
        if self._quit_write < 0:
            return
        self._inflight.end()
        os.close(self._quit_write)
        self._quit_write = -1
        self._reader.join()
        os.close(self._quit_read)
        os.close(self._fd)
        self._fd = -1

    def _write(self, message: bytes) -> None:
        try:
            os.write(self._fd, message)
        except OSError as exc:
            if exc.errno == errno.EMSGSIZE:
                raise
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN)) from exc

    def _read(self) -> None:
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.register(self._quit_read, select.POLLIN)
        try:
            while all(fd == self._fd for fd, _ in poll.poll()):
                message = os.read(self._fd, self.limit or LARGEST)
                if len(message) < OUT_HEADER.size:
                    break
                if not self._inflight.answer(message):
                    self._hear(message)
        except OSError:
            pass  # the server died; whoever waits learns of it below
        finally:
            self._inflight.end()


def _limit(fd: int) -> int:
    if not stat.S_ISSOCK(os.fstat(fd).st_mode):
        return 0
    with socket.socket(fileno=os.dup(fd)) as end:
        if end.type == socket.SOCK_STREAM:
            raise ValueError(
                f"descriptor {fd} is a byte stream, which loses where a message ends: use SOCK_SEQPACKET"
            )
        return end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) - SOCKET_OVERHEAD


def _widen(end: socket.socket, size: int) -> None:
    # The kernel doubles what it is given.
    wanted = (size + SOCKET_OVERHEAD + 1) // 2
    try:
        end.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, wanted)
    except PermissionError:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, wanted)
