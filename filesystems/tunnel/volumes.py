"""The file systems underneath: how a node of each is found again once its descriptor has been closed.

Which nodes there are, and which are held, is in ``nodes``.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

import puffpy
from filesystems.tunnel.syscalls import handle_of, open_by_handle

OPATH: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a node is held: whatever it is, nothing happens to it, and no symbolic link is followed."""

REFUSALS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EOVERFLOW, errno.EACCES})
"""Why handles may be of no use: no right to open them, or a file system that has none."""

INO_BITS: Final = 48
"""Where the number of a volume goes in an inode number, so that two volumes' do not meet."""


class Volume:
    """One file system underneath: the one of the root has *number* 0, those mounted below it others.

    Opening by handle needs CAP_DAC_READ_SEARCH and a file system that has handles.  Without them a node is
    looked for where it was last seen, and taken only if it is the same: by its number, kind and birth.
    """

    def __init__(self, device: int, number: int) -> None:
        self.device = device
        self.number = number
        self.nodes: dict[int, Node] = {}
        self.handles = False
        self._mount_fd = -1

    def begin(self, fd: int) -> None:
        """Find out what can be done with handles; *fd* is any node of the volume."""
        if not stat.S_ISDIR(os.stat(fd).st_mode):
            return  # a file mounted upon a file; there is nothing else on such a volume
        try:
            self._mount_fd = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            os.close(open_by_handle(self._mount_fd, handle_of(fd), OPATH))
        except OSError as exc:
            if exc.errno not in REFUSALS:
                raise
            self.close()
        else:
            self.handles = True

    def close(self) -> None:
        """Let go of the volume."""
        if self._mount_fd >= 0:
            os.close(self._mount_fd)
            self._mount_fd = -1

    def shown(self, ino: int) -> int:
        """Return the inode number that is shown for the volume's own *ino*."""
        return ino ^ self.number << INO_BITS

    def proof(self, fd: int, va: puffpy.Vattr) -> bytes:
        """Return what only this file, of all that have had its number, has."""
        return handle_of(fd) if self.handles else b"%o %d" % (va.mode >> 12, va.btime_ns)

    def handle(self, node: Node) -> bytes:
        """Return the handle of *node*; only where *handles* says that it will be of use."""
        return handle_of(node.fd) if node.fd >= 0 else node.proof

    def reopen(self, handle: bytes) -> int:
        """Return a new descriptor of the file that *handle* is the handle of.

        Raises:
            ESTALE: it is gone.
        """
        return open_by_handle(self._mount_fd, handle, OPATH)


class Node:
    """A file of the *kind* ``mode >> 12``: *ino* on *volume*, last seen as *name* in *parent*.

    *fd* is its descriptor, -1 while it has none; *proof* is set while it has none.  *file* is an open file of
    it, -1 if none is known of.  *number* is what handles of it say, 0 until somebody wants to know.
    """

    __slots__ = ("__weakref__", "fd", "file", "ino", "kind", "name", "number", "parent", "proof", "volume")

    def __init__(self, volume: Volume, va: puffpy.Vattr) -> None:
        self.volume = volume
        self.ino = va.ino
        self.kind = va.mode >> 12
        self.fd = self.file = -1
        self.proof = b""
        self.parent: Node | None = None
        self.name = ""
        self.number = 0

    def __repr__(self) -> str:
        return f"<{self.name or 'root'}: {self.volume.number}:{self.ino}>"
