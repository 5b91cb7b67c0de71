"""The nodes: what a file, a directory or a link is made of.

What is done to them is in the vectors; a node only knows what it has, and refuses what it has not: the data
of a directory are EISDIR, the children of a file ENOTDIR.

==============  ===================================================
:class:`Inode`      attributes, extended attributes; enough for devices, fifos and sockets
:class:`File`       ... and data
:class:`Directory`  ... and children by name, and the parent
:class:`Symlink`    ... and a target
==============  ===================================================
"""

from __future__ import annotations

import errno
import stat
import time
from typing import Final

import puffpy
from filesystems.detrempe.data import NOTHING, Data
from filesystems.detrempe.room import PAGE, Room
from filesystems.detrempe.xattrs import Xattrs

DAY: Final = 86_400 * 10**9
SET_ID: Final = stat.S_ISUID | stat.S_ISGID
SECTOR: Final = 512
"""Bytes in what ``st_blocks`` counts."""


def accessed(va: puffpy.Vattr) -> None:
    """Note that a node was read, the way Linux mounts do by default (``relatime``).

    The time moves only if the last one is older than the last change, or than a day: programs that ask "read
    since it was written?" are answered right, and reading costs nothing more.
    """
    now = time.time_ns()
    if not va.mtime_ns < va.atime_ns > va.ctime_ns or now - va.atime_ns >= DAY:
        va.atime_ns = now


class Inode(puffpy.Node):
    """A node with attributes; its number is ``vattr.ino``."""

    __slots__ = ("xattrs",)

    xattrs: Xattrs | None

    def __init__(self, vattr: puffpy.Vattr) -> None:
        super().__init__(vattr)
        self.xattrs = None
        vattr.blocks = 0

    @property
    def data(self) -> Data:
        """The data, of a file."""
        raise puffpy.FsError(errno.EINVAL)

    @property
    def children(self) -> dict[str, Inode]:
        """The nodes by name, of a directory."""
        raise puffpy.FsError(errno.ENOTDIR)

    @property
    def target(self) -> str:
        """Where it points, of a symbolic link."""
        raise puffpy.FsError(errno.EINVAL)

    def release(self) -> None:
        """Give back all room that the node has taken."""
        if self.xattrs is not None:
            self.xattrs.clear()


class File(Inode):
    """A regular file."""

    __slots__ = ("data",)

    data: Data

    def __init__(self, vattr: puffpy.Vattr) -> None:
        super().__init__(vattr)
        self.data = NOTHING
        if vattr.mode & SET_ID:
            self.suspect()

    def storage(self, room: Room) -> Data:
        """Return the data for writing: its own from now on, in *room*."""
        if self.data is NOTHING:
            self.data = Data(room)
        return self.data

    def changed(self, size: int, now: int) -> None:
        """Note that the data have changed, and that the file is *size* bytes long now."""
        va = self.vattr
        va.size = size
        va.blocks = self.data.pages * (PAGE // SECTOR)
        va.mtime_ns = va.ctime_ns = now

    def timed(self) -> None:
        """Note that somebody has set the time of last access or of data."""

    def suspect(self) -> None:
        """Have the kernel ask for the attributes each time while the file is set-uid or set-gid.

        A write may clear those bits, and the kernel does not look for that in the answer to a write.
        """
        va = self.vattr
        va.ttl = 0.0 if va.mode & SET_ID else None

    def release(self) -> None:
        """Give back all room that the node has taken."""
        super().release()
        self.data.cut(0)


class Directory(Inode):
    """A directory; once removed it has no links, no children, and nothing can be made in it."""

    __slots__ = ("children", "parent")

    children: dict[str, Inode]

    def __init__(self, vattr: puffpy.Vattr, parent: Directory | None = None) -> None:
        super().__init__(vattr)
        vattr.nlink = 2
        self.children = {}
        self.parent = parent or self

    @property
    def data(self) -> Data:
        """A directory is no file."""
        raise puffpy.FsError(errno.EISDIR)

    def touch(self, now: int) -> None:
        """Note that a name has come, gone or changed."""
        va = self.vattr
        va.mtime_ns = va.ctime_ns = now

    def drop(self, name: str) -> None:
        """Take *name* away."""
        del self.children[name]
        if not self.children:
            # A dict that was large stays large; a directory that was must not.
            self.children = {}


class Symlink(Inode):
    """A symbolic link."""

    __slots__ = ("target",)

    target: str

    def __init__(self, vattr: puffpy.Vattr, target: str) -> None:
        super().__init__(vattr)
        self.target = target
