"""Descriptors that come with a message (SCM_RIGHTS).

Whose they are, and how many are wanted, the caller knows.
"""

from __future__ import annotations

import array
import socket


def receive_with_descriptors(sock: socket.socket, size: int, most: int) -> tuple[bytes, list[int]]:
    """Return up to *size* bytes, and up to *most* descriptors that came with them; they are the caller's.

    No child inherits them: ``socket.recv_fds`` takes flags and does not pass them on (Python 3.10 to 3.13).
    """
    fds = array.array("i")
    room = socket.CMSG_LEN(most * fds.itemsize)
    data, ancillary, _, _ = sock.recvmsg(size, room, socket.MSG_CMSG_CLOEXEC)
    for level, kind, part in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(part[: len(part) - len(part) % fds.itemsize])
    return data, list(fds)
