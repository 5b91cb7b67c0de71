"""A tunnel called directly, one method an operation: no kernel, no wire, no library in between."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import puffpy
from filesystems.tunnel import TunnelFS
from filesystems.tunnel.handles import Handles
from filesystems.tunnel.nodes import SPARE, Nodes
from filesystems.tunnel.volumes import Node
from tests.filesystems.direct import name

NOBODY = 65534
FEW = 16
"""How many nodes a tunnel with few descriptors may hold."""


def asked(uid: int = 0, gid: int = 0) -> puffpy.Call:
    """A request by somebody who is in no other groups; each operation has its own."""
    return puffpy.Call(uid, gid, 0)


@contextmanager
def same_process() -> Iterator[None]:
    """Undo what a tunnel does to the thread that it runs on: umask and groups; here it is the tests' own."""
    umask, groups = os.umask(0o022), os.getgroups()
    os.umask(umask)
    try:
        yield
    finally:
        os.umask(umask)
        if os.geteuid() == 0:
            os.setgroups(groups)


class Tunnel:
    """The operations with less to write: nodes by their path below the top directory."""

    def __init__(self, top: Path, *, read_only: bool = False, hide: str = "", few: bool = False) -> None:
        self.top = top
        self.fs = TunnelFS(str(top), read_only=read_only, hide=hide)
        if few:
            self.fs.nodes.close()
            self.fs.nodes = self.fs.vfsops.nodes = Nodes(str(top), SPARE + FEW)
            self.fs.handles = self.fs.vfsops.handles = Handles(self.fs.nodes)
            self.fs.root = self.fs.nodes.root

    def find(self, path: str, uid: int = 0, gid: int = 0) -> Node:
        node: Node = self.fs.root
        for part in path.split("/") if path else ():
            node = self.fs.lookup(node, name(part), asked(uid, gid))
        return node

    def at(self, path: str) -> tuple[Node, puffpy.ComponentName]:
        """The directory that *path* is in, and its name there."""
        head, _, tail = path.rpartition("/")
        return self.find(head), name(tail)

    def stat(self, node: Node) -> puffpy.Vattr:
        return self.fs.getattr(node, asked())

    def names(self, path: str = "") -> list[str]:
        return sorted(item.name for item in self.fs.readdir(self.find(path), asked()))[2:]

    def create(self, path: str, mode: int = 0o644, uid: int = 0, gid: int = 0) -> tuple[Node, int]:
        entry = self.fs.create(*self.at(path), new(stat.S_IFREG, mode), asked(uid, gid))
        assert entry.opened is not None
        assert entry.opened.backing == entry.opened.handle
        return entry.node, entry.opened.handle

    def mkdir(self, path: str, mode: int = 0o755, uid: int = 0, gid: int = 0) -> Node:
        node: Node = self.fs.mkdir(*self.at(path), new(stat.S_IFDIR, mode), asked(uid, gid))
        return node

    def rename(self, old: str, to: str, flags: int = 0) -> None:
        self.fs.rename(*self.at(old), *self.at(to), flags, asked())

    def remove(self, path: str) -> None:
        self.fs.remove(*self.at(path), asked())

    def rmdir(self, path: str) -> None:
        self.fs.rmdir(*self.at(path), asked())

    def set(self, path: str, change: puffpy.SetAttr, uid: int = 0, gid: int = 0) -> puffpy.Vattr:
        self.fs.setattr(self.find(path), change, asked(uid, gid))
        return self.stat(self.find(path))

    @contextmanager
    def open(self, path: str, flags: int, uid: int = 0, gid: int = 0) -> Iterator[tuple[Node, puffpy.Call]]:
        """An open file: its node, and a call that comes through it."""
        node = self.find(path)
        call = asked(uid, gid)
        call.handle = self.fs.open(node, flags, call).handle
        yield node, call
        self.fs.close(node, flags, call)

    def read(self, path: str) -> bytes:
        with self.open(path, os.O_RDONLY) as (node, call):
            return bytes(self.fs.read(node, 0, 1 << 16, call))

    def starve(self, *but: Node) -> None:
        """Have all descriptors closed that can be, by using others; *but* these."""
        crowd = self.top / "crowd"
        crowd.mkdir(exist_ok=True)
        for number in range(2 * FEW):
            (crowd / str(number)).touch()
            for node in but:
                self.fs.nodes.descriptor(node)
            self.find(f"crowd/{number}")


def new(kind: int, mode: int) -> puffpy.Vattr:
    """Attributes as the library hands them out for a new node."""
    now = time.time_ns()
    return puffpy.Vattr(kind | mode, 1, 0, 0, 0, now, now, now, now)
