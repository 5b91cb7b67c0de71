"""Inodes and dentries: the server's nodes while the kernel uses them, the counts it owes for that, the names.

How names are found, kept and dropped is the tree's business; see dentries.

Theory of operation.  An inode lives as long as anybody in this process holds it: a name in the cache, an
open file, a working directory, a call on its way through a path.  Python counts those references, so nobody
pins or unpins; when the last one goes, the counts that the server has given for this inode are noted as owed,
and the next call that ends sends them back.  If the server names the same node meanwhile, a new inode begins
with a count of its own, and the FORGET of the old one takes away only what was given for the old one.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections import deque
from collections.abc import Mapping

import attrs

from puffpy.wire.opcodes import ROOT_NODEID
from puffpy.wire.rdev import decode_rdev
from puffpy.wire.structs import ATTR

MAX_SIZE = 2**63 - 1
"""No file is larger; a server that says so is not believed."""

KINDS = frozenset(
    (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK)
)

NSEC = 10**9


@attrs.frozen
class Attr:
    """A node's attributes as the server last told them, by the wire's names."""

    ino: int
    size: int
    blocks: int
    atime: int
    mtime: int
    ctime: int
    atimensec: int
    mtimensec: int
    ctimensec: int
    mode: int
    nlink: int
    uid: int
    gid: int
    rdev: int
    blksize: int
    flags: int

    @classmethod
    def of(cls, fields: Mapping[str, int]) -> Attr:
        """Take the attributes out of a reply; EIO where they cannot be true (fuse_invalid_attr)."""
        attr = cls(*(fields[name] for name in ATTR.fields))
        if stat.S_IFMT(attr.mode) not in KINDS or attr.size > MAX_SIZE:
            raise OSError(
                errno.EIO, f"the server says mode {attr.mode:o} and size {attr.size}: no file has these"
            )
        return attr

    def stat(self, dev: int) -> os.stat_result:
        """Return what ``os.stat`` would, on the device *dev*."""
        atime = self.atime * NSEC + min(self.atimensec, NSEC - 1)
        mtime = self.mtime * NSEC + min(self.mtimensec, NSEC - 1)
        ctime = self.ctime * NSEC + min(self.ctimensec, NSEC - 1)
        return os.stat_result(
            (
                *(self.mode, self.ino, dev, self.nlink, self.uid, self.gid, self.size),
                *(self.atime, self.mtime, self.ctime),
            ),
            {
                "st_atime": atime / NSEC,
                "st_mtime": mtime / NSEC,
                "st_ctime": ctime / NSEC,
                "st_atime_ns": atime,
                "st_mtime_ns": mtime,
                "st_ctime_ns": ctime,
                "st_blksize": self.blksize or 4096,
                "st_blocks": self.blocks,
                "st_rdev": decode_rdev(self.rdev),
            },
        )


@attrs.define(eq=False)
class Inode:
    """One node of the server, in use.

    *lock* serialises what changes the names in a directory, and what writes to a file; it is taken before the
    tree's.  Two directories' are taken in the order of their nodeids.  All other fields are the tree's to
    change, under its own lock.
    """

    nodeid: int
    generation: int
    attr: Attr
    owed: deque[tuple[int, int]] = attrs.field(repr=False)
    """Where this inode's counts go when it dies."""

    nlookup: int = 0
    """What the server has been made to count for it."""

    expires: float = 0.0
    """Until when the attributes may be used for permissions, by the tree's clock."""

    stale: bool = True
    """Whether ``stat`` has to ask although they have not expired: times or sizes have changed since."""

    version: int = 0
    """When they last changed, by the tree's counter: an older answer says nothing."""

    bad: bool = False
    """The server has used its number for something else."""

    target: bytes | None = None
    """What the symbolic link says, where that may be remembered."""

    parent: Inode | None = attrs.field(default=None, repr=False)
    name: bytes = b""
    children: dict[bytes, Dentry] = attrs.field(factory=dict, repr=False)

    stamp: int = 0
    """Moves with every change to the names in this directory."""

    plus: bool = False
    """Somebody has looked names up here since it was last listed: READDIRPLUS pays."""

    stored: tuple[int, bytes] = (0, b"")
    """What the server had us keep of its data, and from which offset."""

    lock: threading.RLock = attrs.field(factory=threading.RLock, repr=False)

    @property
    def kind(self) -> int:
        """The type bits of the mode, which never change."""
        return stat.S_IFMT(self.attr.mode)

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.attr.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.attr.mode)

    def check(self) -> Inode:
        """Return itself; EIO once it has gone bad."""
        if self.bad:
            raise OSError(errno.EIO, f"node {self.nodeid} has become something else under the same number")
        return self

    def __del__(self) -> None:
        # May run anywhere, in the middle of anything: nothing here may take a lock.
        if self.nodeid != ROOT_NODEID:
            self.owed.append((self.nodeid, self.nlookup))


@attrs.define(eq=False)
class Dentry:
    """One name in one directory; *inode* ``None``: that there is no such name.

    It may be used until *expires*, by the tree's clock, and while the tree's epoch is *epoch*.
    """

    parent: Inode
    name: bytes
    inode: Inode | None
    expires: float
    epoch: int
