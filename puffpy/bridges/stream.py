"""A connected socket: messages and replies as they are, one behind the other, each with its length in front.

Who is at the other end, and what it does with them, is not known here.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import struct
import threading

from typing_extensions import Buffer

from puffpy.options import MountOptions

log = logging.getLogger("puffpy")

LENGTH = struct.Struct("=I")
REQUEST, REPLY = 40, 16
"""Bytes of the headers, which every message has one of."""


class Stream:
    """Carries messages over *sock*, a stream socket, which stays its owner's.

    *shortest* tells requests, which come here, from replies, which come to a relay.
    """

    name = "stream"

    def __init__(self, sock: socket.socket, shortest: int = REQUEST) -> None:
        self._sock, self._shortest = sock, shortest
        self._ahead = b""
        self._sending = threading.Lock()

    def attach(self, mountpoint: str, options: MountOptions) -> None:
        """Nothing is to be done: it is connected."""

    def receive(self, buffer: bytearray) -> int:
        """Read the next message; 0 at the end, and where what came is none."""
        held = len(self._ahead)
        buffer[:held] = self._ahead
        self._ahead = b""
        with memoryview(buffer) as view:
            while True:
                if held >= LENGTH.size:
                    length: int = LENGTH.unpack_from(view)[0]
                    if not self._shortest <= length <= len(view):
                        log.error(
                            "a message of %d bytes came, expected %d to %d: the connection ends",
                            length,
                            self._shortest,
                            len(view),
                        )
                        self.cut(0)
                        return 0
                    if held >= length:
                        self._ahead = bytes(view[length:held])
                        return length
                try:
                    came = self._sock.recv_into(view[held:])
                except OSError as exc:
                    if exc.errno == errno.EINTR:
                        continue
                    return 0
                if not came:
                    return 0
                held += came

    def send(self, message: bytes | tuple[Buffer, ...]) -> bool:
        """Write one message, all of it; from any thread."""
        pieces: tuple[Buffer, ...] = message if isinstance(message, tuple) else (message,)
        try:
            # The kernel writes what is larger than its buffers in parts, and lets others in between.
            with self._sending:
                sent = self._sock.sendmsg(pieces)
                whole = sum(memoryview(piece).nbytes for piece in pieces)
                if sent < whole:
                    self._sock.sendall(b"".join(pieces)[sent:])
        except OSError:
            return False
        return True

    def detach(self) -> bool:
        """Say that nothing more comes from here; the other end unmounts, if nobody uses the mount."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        return False

    def cut(self, receiver: int) -> None:  # noqa: ARG002  a socket is cut for all threads
        """Have ``receive`` end."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Say and hear nothing more."""
        self.cut(0)


def peer(sock: socket.socket) -> tuple[int, int, int]:
    """Return pid, uid and gid of who is at the other end of a UNIX socket, as it was when it connected."""
    credentials = struct.Struct("=iII")
    told = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    pid, uid, gid = credentials.unpack(told)
    return int(pid), int(uid), int(gid)
