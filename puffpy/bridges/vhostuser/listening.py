"""The socket that front ends connect to.

What they say is ``control``'s.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat

from puffpy.bridges.vhostuser.control import Control
from puffpy.errors import MountError

PRIVATE = 0o600
"""The socket's mode: whoever may connect to it may do with the files whatever the server may."""


class Listener:
    """A socket at *path*, which goes when this is closed.

    Raises:
        MountError: it cannot be there.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        _clear(path)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            # Linux makes the file with the mode that the socket has.
            os.fchmod(self.sock.fileno(), PRIVATE)
            self.sock.bind(f"{path}~")
            self.sock.listen()
            self._inode = os.stat(f"{path}~").st_ino
            # Whoever sees the socket can connect to it.
            os.rename(f"{path}~", path)
        except OSError as exc:
            self.sock.close()
            raise MountError(
                f"cannot listen at {path}: {exc.strerror or exc}: give the path of a socket to be "
                "made, of at most 106 bytes, in a directory that you may write to",
                exc.errno,
            ) from None

    def accept(self) -> Control | None:
        """Return the next front end, None if it has changed its mind."""
        try:
            sock, _ = self.sock.accept()
        except OSError as exc:
            if exc.errno in (errno.EAGAIN, errno.ECONNABORTED, errno.EINTR):
                return None
            raise
        return Control(sock)

    def close(self) -> None:
        """Listen no more, and take the socket away unless somebody has put another there."""
        with contextlib.suppress(OSError):
            if os.stat(self.path).st_ino == self._inode:
                os.unlink(self.path)
        self.sock.close()


def _clear(path: str) -> None:
    """Take away the socket that a server left at *path* when it died."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise MountError(
                f"cannot listen at {path}: it is something else than a socket: choose another path"
            )
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            return
        except OSError:
            pass
    raise MountError(f"cannot listen at {path}: another server does: choose another path", errno.EADDRINUSE)
