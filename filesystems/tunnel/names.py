"""The operations on names: find, make, move, take away, list.

One third of the node vector; ``attributes`` and ``contents`` are the others.  Each name is one component, and
is used relative to the descriptor of its directory and never followed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Final

import puffpy
from filesystems.tunnel.credentials import Callers
from filesystems.tunnel.hidden import Hidden
from filesystems.tunnel.nodes import Nodes
from filesystems.tunnel.syscalls import hold, renameat2
from filesystems.tunnel.volumes import OPATH, Node
from filesystems.tunnel.watch import Watch

DIRECTORY: Final = stat.S_IFDIR >> 12
SYMLINK: Final = stat.S_IFLNK >> 12
REGULAR: Final = stat.S_IFREG >> 12
UNKNOWN: Final = 0

RENAME_EXCHANGE: Final = 2

NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Names(puffpy.VnodeOps):
    """Names in directories, all below ``nodes.root``."""

    nodes: Nodes
    callers: Callers
    hidden: Hidden
    watch: Watch | None

    def changing(self, call: puffpy.Call) -> AbstractContextManager[None]:
        """Return the context in which something is changed; EROFS where nothing may be."""
        raise NotImplementedError

    def lookup(self, dvp: Node, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        """The file that has the name now, held by a descriptor before anything is asked about it.

        ``..`` is asked for by a kernel that has nothing of a directory but its handle.
        """
        if cn.name == "..":
            return self.nodes.above(dvp)
        name = self.hidden.there(cn)
        if self.watch is not None:
            self.watch.add(dvp, self.nodes.path(dvp))
        directory = self.nodes.descriptor(dvp)
        with self.callers.being(call):
            fd = os.open(name, OPATH, dir_fd=directory)
        return self._named(fd, dvp, name, call)

    def create(
        self, dvp: Node, cn: puffpy.ComponentName, va: puffpy.Vattr, call: puffpy.Call
    ) -> puffpy.Entry:
        """Made and opened in one step: its mode may not let its owner open it again."""
        name = self.hidden.new(cn)
        directory = self.nodes.descriptor(dvp)
        self.callers.unmask()
        with self.nodes.lent:
            with self.changing(call):
                fd = os.open(name, NEW, stat.S_IMODE(va.mode), dir_fd=directory)
            return self._made_open(fd, dvp, name, call)

    def tmpfile(self, dvp: Node, va: puffpy.Vattr, call: puffpy.Call) -> puffpy.Entry:
        """Held for the rest of its life: there is no name to find it by."""
        directory = self.nodes.path(dvp)
        self.callers.unmask()
        with self.nodes.lent:
            with self.changing(call):
                fd = os.open(directory, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, stat.S_IMODE(va.mode))
            entry = self._made_open(fd, dvp, "", call)
        self.nodes.pin(entry.node)
        return entry

    def mknod(self, dvp: Node, cn: puffpy.ComponentName, va: puffpy.Vattr, call: puffpy.Call) -> Any:
        """A fifo, a socket, or a device if the caller may make one."""
        name = self.hidden.new(cn)
        directory = self.nodes.descriptor(dvp)
        self.callers.unmask()
        with self.changing(call):
            os.mknod(name, va.mode, va.rdev, dir_fd=directory)
        return self._made(directory, dvp, name, call)

    def mkdir(self, dvp: Node, cn: puffpy.ComponentName, va: puffpy.Vattr, call: puffpy.Call) -> Any:
        """Group and set-gid bit are the parent's affair, underneath."""
        name = self.hidden.new(cn)
        directory = self.nodes.descriptor(dvp)
        self.callers.unmask()
        with self.changing(call):
            os.mkdir(name, stat.S_IMODE(va.mode), dir_fd=directory)
        return self._made(directory, dvp, name, call)

    def symlink(
        self, dvp: Node, cn: puffpy.ComponentName, va: puffpy.Vattr, target: str, call: puffpy.Call
    ) -> Any:
        """Wherever *target* leads: it is followed in the mount, not here."""
        name = self.hidden.new(cn)
        directory = self.nodes.descriptor(dvp)
        with self.changing(call):
            os.symlink(target, name, dir_fd=directory)
        return self._made(directory, dvp, name, call)

    def link(self, dvp: Node, vp: Node, cn: puffpy.ComponentName, call: puffpy.Call) -> None:
        """By descriptor, so that it is *vp* that is linked, whatever its names are by now."""
        name = self.hidden.new(cn)
        path = self.nodes.path(vp)
        directory = self.nodes.descriptor(dvp)
        with self.changing(call):
            os.link(path, name, dst_dir_fd=directory, follow_symlinks=True)
        vp.parent, vp.name = dvp, name

    def rename(
        self,
        fdvp: Node,
        fcn: puffpy.ComponentName,
        tdvp: Node,
        tcn: puffpy.ComponentName,
        flags: int,
        call: puffpy.Call,
    ) -> None:
        """Who is moved is told where it is; who is replaced keeps its descriptor, having lost its name."""
        old, new = self.hidden.there(fcn), self.hidden.new(tcn)
        (moved, _), (replaced, last) = self.nodes.find(fdvp, old), self.nodes.find(tdvp, new)
        source, target = self.nodes.descriptor(fdvp), self.nodes.descriptor(tdvp)
        with self.changing(call):
            if flags:
                renameat2(source, old, target, new, flags)
            else:
                os.rename(old, new, src_dir_fd=source, dst_dir_fd=target)
        if moved is replaced:
            return
        if moved is not None:
            moved.parent, moved.name = tdvp, new
        if replaced is not None:
            if flags & RENAME_EXCHANGE:
                replaced.parent, replaced.name = fdvp, old
            elif last:
                self.nodes.pin(replaced)

    def remove(self, dvp: Node, cn: puffpy.ComponentName, call: puffpy.Call) -> None:
        """Only the name goes; the descriptor keeps the file for whoever still uses it."""
        name = self.hidden.there(cn)
        node, last = self.nodes.find(dvp, name)
        directory = self.nodes.descriptor(dvp)
        with self.changing(call):
            os.unlink(name, dir_fd=directory)
        if node is not None and last:
            self.nodes.pin(node)

    def rmdir(self, dvp: Node, cn: puffpy.ComponentName, call: puffpy.Call) -> None:
        """As ``remove``; somebody may have it as working directory."""
        name = self.hidden.there(cn)
        node, last = self.nodes.find(dvp, name)
        directory = self.nodes.descriptor(dvp)
        with self.changing(call):
            os.rmdir(name, dir_fd=directory)
        if node is not None and last:
            self.nodes.pin(node)

    def readdir(self, dvp: Node, call: puffpy.Call) -> Iterator[puffpy.Dirent]:
        """Names, numbers and types, as the directory itself keeps them; nothing in it is looked at."""
        path = self.nodes.path(dvp)
        if self.watch is not None:
            self.watch.add(dvp, path)
        with self.callers.being(call):
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with os.scandir(fd) as entries:
                found = [self._dirent(dvp, entry) for entry in entries if not self.hidden.has(entry.name)]
        finally:
            os.close(fd)
        parent = dvp.parent or dvp
        here, above = (node.volume.shown(node.ino) for node in (dvp, parent))
        return iter((puffpy.Dirent(".", here, DIRECTORY), puffpy.Dirent("..", above, DIRECTORY), *found))

    def readlink(self, vp: Node, call: puffpy.Call) -> str:
        """The target as it is."""
        return os.readlink("", dir_fd=self.nodes.descriptor(vp))

    def _dirent(self, dvp: Node, entry: os.DirEntry[str]) -> puffpy.Dirent:
        if entry.is_symlink():
            kind = SYMLINK
        elif entry.is_dir(follow_symlinks=False):
            kind = DIRECTORY
        else:
            kind = REGULAR if entry.is_file(follow_symlinks=False) else UNKNOWN
        # Another file system may be mounted upon a directory, over a network that does not answer: whoever
        # only wants the names must not wait for it.
        lookup = kind != DIRECTORY
        return puffpy.Dirent(entry.name, dvp.volume.shown(entry.inode()), kind, lookup)

    def _made(self, directory: int, dvp: Node, name: str, call: puffpy.Call) -> Any:
        return self._named(os.open(name, OPATH, dir_fd=directory), dvp, name, call)

    def _named(self, fd: int, dvp: Node, name: str, call: puffpy.Call) -> Any:
        node = self._found(fd, dvp, name, call)
        ttl = None if self.watch is None else self.watch.ttl(dvp)
        return node if ttl is None else puffpy.Entry(node, ttl)

    def _made_open(self, fd: int, dvp: Node, name: str, call: puffpy.Call) -> puffpy.Entry:
        try:
            # A descriptor that could write would keep the file from being run.
            held = hold(fd)
            node = self._found(held, dvp, name, call)
        except BaseException:
            os.close(fd)
            raise
        node.file = fd
        ttl = None if self.watch is None else self.watch.ttl(dvp)
        return puffpy.Entry(node, ttl, puffpy.OpenFile(fd, backing=fd))

    def _found(self, fd: int, dvp: Node, name: str, call: puffpy.Call) -> Node:
        node = self.nodes.admit(fd, dvp, name, call)
        if self.watch is not None and name:
            self.watch.remember(dvp, name, node)
        return node
