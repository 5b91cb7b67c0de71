"""A ``/dev/fuse`` that somebody else has mounted and handed over, on a socket that stays between the two.

Mounting and unmounting are the other side's; messages go straight between the kernel and here.
"""

from __future__ import annotations

import contextlib
import os
import socket

from puffpy.bridges.devfuse import DevFuse
from puffpy.options import MountOptions


class HandedDevice(DevFuse):
    """The open device *fd*, ours from now on, and *sock*, at whose other end is whoever mounted it."""

    name = "handed"

    def __init__(self, fd: int, sock: socket.socket) -> None:
        super().__init__()
        os.set_inheritable(fd, False)
        self.fd = fd
        self._sock = sock

    def attach(self, _mountpoint: str, options: MountOptions) -> None:
        """Nothing is to be mounted."""
        self._poll_as(options)

    def detach(self) -> bool:
        """Ask the other side to unmount, by saying nothing more to it."""
        if not self.connected():
            return True
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
        return False
