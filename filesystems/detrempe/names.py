"""The operations on names: find, make, move, take away, list.

Half of the node vector; the other half, on what a node holds, is in ``contents``.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable
from typing import Final

import puffpy
from filesystems.detrempe.nodes import Directory, File, Inode, Symlink, accessed
from filesystems.detrempe.rename import Place, bury, rename
from filesystems.detrempe.volume import Volume

SPECIAL: Final = frozenset({stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK})
"""Kinds of nodes of which the kernel needs the attributes alone."""

TARGET_MAX: Final = 4095
"""The longest target of a symbolic link, in bytes: PATH_MAX without its NUL."""


class Names(puffpy.VnodeOps):
    """Names in directories, all below ``volume.root``."""

    volume: Volume
    unnamed: set[Inode]
    """Files that ``tmpfile`` made and nobody has linked: the only ones that come from no link to one."""

    def lookup(self, dvp: Inode, cn: puffpy.ComponentName, call: puffpy.Call) -> Inode:
        """One dict, one get; ``..`` is asked by whoever found *dvp* by its file handle."""
        node = dvp.children.get(cn.name)
        if node is not None:
            return node
        if cn.name == ".." and isinstance(dvp, Directory) and dvp.vattr.nlink:
            return dvp.parent
        # Plain: how long the kernel may remember the absence is the mount's -o negative_timeout=.
        raise FileNotFoundError

    def create(self, dvp: Inode, cn: puffpy.ComponentName, va: puffpy.Vattr, call: puffpy.Call) -> Inode:
        """A file without data, until it is written."""
        return self._enter(dvp, cn, File(va))

    def mknod(self, dvp: Inode, cn: puffpy.ComponentName, va: puffpy.Vattr, call: puffpy.Call) -> Inode:
        """Nothing but attributes, of which the kind and ``rdev`` are what matters."""
        if stat.S_ISREG(va.mode):
            return self.create(dvp, cn, va, call)
        if stat.S_IFMT(va.mode) not in SPECIAL:
            raise puffpy.FsError(errno.EPERM if stat.S_ISDIR(va.mode) else errno.EINVAL)
        return self._enter(dvp, cn, Inode(va))

    def mkdir(self, dvp: Inode, cn: puffpy.ComponentName, va: puffpy.Vattr, call: puffpy.Call) -> Inode:
        """The new directory's ``..`` is one more link of its parent."""
        parent = _directory(dvp)
        node = self._enter(parent, cn, Directory(va, parent))
        parent.vattr.nlink += 1
        return node

    def symlink(
        self, dvp: Inode, cn: puffpy.ComponentName, va: puffpy.Vattr, target: str, call: puffpy.Call
    ) -> Inode:
        """The target is kept as it is given, whether or not there is such a thing."""
        va.size = len(os.fsencode(target))
        if va.size > TARGET_MAX:
            raise puffpy.FsError(errno.ENAMETOOLONG)
        return self._enter(dvp, cn, Symlink(va, target))

    def tmpfile(self, dvp: Inode, va: puffpy.Vattr, call: puffpy.Call) -> Inode:
        """A file that no directory knows; it goes when its last user does, unless it is linked before."""
        parent = _directory(dvp)
        if not parent.vattr.nlink:
            raise puffpy.FsError(errno.ENOENT)
        node = File(va)
        self.volume.admit(node)
        va.inherit(parent.vattr)
        va.nlink = 0
        self.volume.nameless += 1
        self.unnamed.add(node)
        return node

    def _enter(self, dvp: Inode, cn: puffpy.ComponentName, node: Inode) -> Inode:
        """Number the new *node* and enter it into *dvp*, with the group that the set-gid rule gives it."""
        children = dvp.children
        parent = dvp.vattr
        if not parent.nlink:
            raise puffpy.FsError(errno.ENOENT)
        if cn.name in children:
            raise puffpy.FsError(errno.EEXIST)
        self.volume.admit(node)
        va = node.vattr
        va.inherit(parent)
        children[cn.name] = node
        parent.mtime_ns = parent.ctime_ns = va.ctime_ns
        return node

    def link(self, dvp: Inode, vp: Inode, cn: puffpy.ComponentName, call: puffpy.Call) -> None:
        """One more name for the same node."""
        parent = _directory(dvp)
        if not parent.vattr.nlink:
            raise puffpy.FsError(errno.ENOENT)
        if cn.name in parent.children:
            raise puffpy.FsError(errno.EEXIST)
        if isinstance(vp, Directory):
            raise puffpy.FsError(errno.EPERM)
        if not vp.vattr.nlink and vp not in self.unnamed:
            raise puffpy.FsError(errno.ENOENT)
        self.volume.nameless -= not vp.vattr.nlink
        self.unnamed.discard(vp)
        parent.children[cn.name] = vp
        now = time.time_ns()
        vp.vattr.nlink += 1
        vp.vattr.ctime_ns = now
        parent.touch(now)

    def rename(
        self,
        fdvp: Inode,
        fcn: puffpy.ComponentName,
        tdvp: Inode,
        tcn: puffpy.ComponentName,
        flags: int,
        call: puffpy.Call,
    ) -> None:
        """The rules are in a file of their own."""
        source = Place(_directory(fdvp), fcn.name)
        target = Place(_directory(tdvp), tcn.name)
        rename(self.volume, source, target, flags, call)

    def remove(self, dvp: Inode, cn: puffpy.ComponentName, call: puffpy.Call) -> None:
        """Only the name goes; whoever has the file open keeps it, and its data."""
        node = dvp.children.get(cn.name)
        if node is None:
            raise puffpy.FsError(errno.ENOENT)
        if isinstance(node, Directory):
            raise puffpy.FsError(errno.EISDIR)
        self._take_away(_directory(dvp), cn.name, node)

    def rmdir(self, dvp: Inode, cn: puffpy.ComponentName, call: puffpy.Call) -> None:
        """A removed directory has no links left, which is how everybody who still uses it knows."""
        node = dvp.children.get(cn.name)
        if node is None:
            raise puffpy.FsError(errno.ENOENT)
        if not isinstance(node, Directory):
            raise puffpy.FsError(errno.ENOTDIR)
        if node.children:
            raise puffpy.FsError(errno.ENOTEMPTY)
        parent = _directory(dvp)
        self._take_away(parent, cn.name, node)
        parent.vattr.nlink -= 1

    def _take_away(self, parent: Directory, name: str, node: Inode) -> None:
        now = time.time_ns()
        parent.drop(name)
        parent.touch(now)
        bury(self.volume, node, now)

    def readdir(self, dvp: Inode, call: puffpy.Call) -> Iterable[tuple[str, Inode]]:
        """Everything at once, and so whole however the directory changes while it is read."""
        directory = _directory(dvp)
        if not directory.vattr.nlink:
            return ()
        accessed(directory.vattr)
        return {".": directory, "..": directory.parent, **directory.children}.items()

    def readlink(self, vp: Inode, call: puffpy.Call) -> str:
        """The target."""
        target = vp.target
        accessed(vp.vattr)
        return target


def _directory(dvp: Inode) -> Directory:
    if not isinstance(dvp, Directory):
        raise puffpy.FsError(errno.ENOTDIR)
    return dvp
