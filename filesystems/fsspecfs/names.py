"""The operations on names: finding, listing, making, removing, renaming.

Data are in ``data``; what a backend does about a name is in ``backend``.
"""

from __future__ import annotations

import errno
import stat
import threading
import time
from collections.abc import Iterator
from typing import Final

import puffpy
from filesystems.fsspecfs.nodes import USUAL, Node, Nodes
from filesystems.fsspecfs.status import DIRECTORY, Status

NOREPLACE: Final = 1


class Names(puffpy.VnodeOps):
    """Whoever changes names holds *changing*: a backend has no transactions, so one change at a time."""

    nodes: Nodes
    changing: threading.RLock

    def lookup(self, dvp: Node, cn: puffpy.ComponentName, call: puffpy.Call) -> Node:
        """A name to its node."""
        node = self.nodes.find(dvp, cn.name)
        if node is None:
            raise FileNotFoundError
        node.alive = True
        return node

    def readdir(self, dvp: Node, call: puffpy.Call) -> Iterator[puffpy.Dirent]:
        """What the backend lists, and the directories that it does not know are there."""
        listing = dict(self.nodes.listing(dvp))
        with self.nodes.lock:
            children = dict(dvp.children)
        for name, child in children.items():
            if child.made or child.opened:
                listing.setdefault(name, child.status)
        path = self.nodes.path(dvp)
        above = dvp.parent or dvp
        entries = [
            puffpy.Dirent(".", dvp.ino, DIRECTORY.kind >> 12),
            puffpy.Dirent("..", above.ino, DIRECTORY.kind >> 12),
        ]
        for name, status in listing.items():
            known = children.get(name)
            number = known.ino if known else self.nodes.number(self.nodes.backend.below(path, name))
            entries.append(puffpy.Dirent(name, number, status.kind >> 12))
        return iter(entries)

    def readlink(self, vp: Node, call: puffpy.Call) -> str:
        """What the link says; it is the kernel that follows it, on this side of the mount."""
        if vp.status.target is None:
            raise puffpy.FsError(errno.EINVAL)
        return vp.status.target

    # making

    def create(self, dvp: Node, cn: puffpy.ComponentName, va: puffpy.Vattr, call: puffpy.Call) -> Node:
        """An empty object at once, so that whoever may not is told here and not when closing."""
        with self.changing:
            path = self._new(dvp, cn)
            self.nodes.backend.create(path)
            return self._made(dvp, cn, self._status(path, Status(kind=stat.S_IFREG, size=0)), va)

    def mkdir(self, dvp: Node, cn: puffpy.ComponentName, va: puffpy.Vattr, call: puffpy.Call) -> Node:
        """A directory; one that the backend does not show while it is empty is shown all the same."""
        with self.changing:
            path = self._new(dvp, cn)
            self.nodes.backend.mkdir(path)
            node = self._made(dvp, cn, self._status(path, DIRECTORY), va)
            node.made = True
            return node

    def _new(self, dvp: Node, cn: puffpy.ComponentName) -> str:
        if dvp.gone:
            raise FileNotFoundError
        if self.nodes.find(dvp, cn.name) is not None:
            raise puffpy.FsError(errno.EEXIST)
        return self.nodes.backend.below(self.nodes.path(dvp), cn.name)

    def _status(self, path: str, otherwise: Status) -> Status:
        try:
            return self.nodes.backend.status(path)
        except FileNotFoundError:
            return otherwise

    def _made(self, dvp: Node, cn: puffpy.ComponentName, status: Status, va: puffpy.Vattr) -> Node:
        node = self.nodes.enter(dvp, cn.name, status)
        node.alive = True
        va.inherit(self.nodes.vattr(dvp))
        mode = stat.S_IMODE(va.mode)
        usual = USUAL.get(status.kind, 0o644) if status.mode is None else status.mode
        if mode != usual:
            node.kept.mode, node.set = mode, True
        if (va.uid, va.gid) != self.nodes.owner:
            node.kept.uid, node.kept.gid, node.set = va.uid, va.gid, True
        if status.mtime_ns is None:
            node.kept.atime_ns = node.kept.mtime_ns = node.kept.ctime_ns = va.mtime_ns
        self._touch(dvp)
        return node

    def _touch(self, dvp: Node) -> None:
        """Its names have changed now; some backends take note of that themselves."""
        if dvp.status.mtime_ns is None:
            dvp.touch()
        else:
            self.nodes.refresh(dvp, ours=True)

    # removing

    def remove(self, dvp: Node, cn: puffpy.ComponentName, call: puffpy.Call) -> None:
        """The name goes, and the object; whoever has it open reads on from a copy."""
        with self.changing:
            node = self._found(dvp, cn)
            if node.is_dir:
                raise puffpy.FsError(errno.EISDIR)
            self._save(node)
            self.nodes.backend.remove(self.nodes.path(node))
            self.nodes.detach(node)
            self._left(dvp)

    def rmdir(self, dvp: Node, cn: puffpy.ComponentName, call: puffpy.Call) -> None:
        """An empty directory goes."""
        with self.changing:
            node = self._found(dvp, cn)
            if not node.is_dir:
                raise puffpy.FsError(errno.ENOTDIR)
            self._empty(node)
            self.nodes.backend.rmdir(self.nodes.path(node))
            self.nodes.detach(node)
            self._left(dvp)

    def _found(self, dvp: Node, cn: puffpy.ComponentName) -> Node:
        node = self.nodes.find(dvp, cn.name)
        if node is None:
            raise FileNotFoundError
        return node

    def _empty(self, node: Node) -> None:
        """Refuse if something is in the directory *node*, whoever put it there."""
        if any(child.made for child in node.children.values()):
            raise puffpy.FsError(errno.ENOTEMPTY)
        if not self.nodes.backend.is_empty(self.nodes.path(node)):
            raise puffpy.FsError(errno.ENOTEMPTY)

    def _save(self, node: Node) -> None:
        """Have the data of *node*, whose object goes, here for those who have it open."""
        if node.opened and not node.is_dir:
            contents = self.nodes.contents(node)
            with contents.lock:
                contents.fetch()
                node.gone = True

    def _left(self, dvp: Node) -> None:
        """A name has gone from *dvp*: it is there, though an object store may not know it any more."""
        self._touch(dvp)
        if dvp.parent is not None and not dvp.made and not dvp.listing:
            dvp.made = True

    # renaming

    def rename(
        self,
        fdvp: Node,
        fcn: puffpy.ComponentName,
        tdvp: Node,
        tcn: puffpy.ComponentName,
        flags: int,
        call: puffpy.Call,
    ) -> None:
        """One step where the backend can, or else a copy and a removal, of everything below a directory."""
        if flags & ~NOREPLACE:
            raise puffpy.FsError(errno.EINVAL)
        with self.changing:
            node = self._found(fdvp, fcn)
            target = self.nodes.find(tdvp, tcn.name)
            if target is node:
                return
            if any(each is tdvp for each in node.below()):
                raise puffpy.FsError(errno.EINVAL)
            if target is not None:
                self._replaceable(node, target, flags)
            for each in node.below():
                if each.contents is not None and each.contents.push():
                    self.nodes.refresh(each, ours=True)
            self._move(node, tdvp, tcn.name, target)
            self.nodes.attach(node, tdvp, tcn.name)
            self._left(fdvp)
            self._touch(tdvp)
            node.kept.ctime_ns = time.time_ns()

    def _replaceable(self, node: Node, target: Node, flags: int) -> None:
        if flags & NOREPLACE:
            raise puffpy.FsError(errno.EEXIST)
        if target.is_dir != node.is_dir:
            raise puffpy.FsError(errno.EISDIR if target.is_dir else errno.ENOTDIR)
        if target.is_dir:
            self._empty(target)

    def _move(self, node: Node, tdvp: Node, name: str, target: Node | None) -> None:
        backend = self.nodes.backend
        path, to = self.nodes.path(node), backend.below(self.nodes.path(tdvp), name)
        if target is not None:
            self._save(target)
            if target.is_dir:
                backend.rmdir(to)
        try:
            backend.move(path, to, node.status)
        except FileNotFoundError:
            if not node.made or backend.exists(path):
                raise  # else: a directory that nobody but us knows
        if target is not None:
            self.nodes.detach(target)
