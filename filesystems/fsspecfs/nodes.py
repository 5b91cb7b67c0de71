"""The nodes that are alive, and what is kept of each: what the backend told, and what it has no place for.

Operations are in ``names`` and ``data``.

Theory of operation.  A node hangs below its parent by its name, so that a renamed directory takes everything
below it along.  It is dropped when the kernel has forgotten it, unless it holds something that only this
mount knows: attributes that somebody set, or a directory that the backend does not show because it is empty.
What the backend told is believed for the time to live, and then asked for again.
"""

from __future__ import annotations

import hashlib
import math
import os
import stat
import threading
import time
from collections.abc import Iterator
from typing import Final

import attrs

import puffpy
from filesystems.fsspecfs.backend import Backend
from filesystems.fsspecfs.blocks import Blocks
from filesystems.fsspecfs.contents import Contents
from filesystems.fsspecfs.status import DIRECTORY, Status

USUAL: Final = {stat.S_IFDIR: 0o755, stat.S_IFLNK: 0o777}
"""Permission bits where the backend has none; 0644 for everything else."""

LONG_AGO: Final = -math.inf


@attrs.define
class Kept:
    """Attributes that were set through the mount and that the backend has no place for."""

    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    atime_ns: int | None = None
    mtime_ns: int | None = None
    ctime_ns: int | None = None


@attrs.define(eq=False)
class Node:
    """A file called *name* in *parent*; *status* is what the backend told at the monotonic time *told*.

    *made*: a directory that is there because it was made here, whether or not the backend shows it.
    *set*: attributes in *kept* that must outlive the kernel's interest.  *dated*: its time of change is one
    that somebody set.  *gone*: it has no name any more.
    """

    name: str
    parent: Node | None
    ino: int
    status: Status
    told: float
    kept: Kept = attrs.field(factory=Kept)
    made: bool = False
    dated: bool = False
    set: bool = False
    gone: bool = False
    alive: bool = False
    opened: int = 0
    children: dict[str, Node] = attrs.field(factory=dict)
    listing: dict[str, Status] | None = None
    listed: float = LONG_AGO
    contents: Contents | None = None

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return self.status.is_dir

    def below(self) -> Iterator[Node]:
        """Yield the node and everything below it that is known."""
        yield self
        for child in list(self.children.values()):
            yield from child.below()

    def touch(self) -> None:
        """Its names, or its data, change now."""
        self.kept.mtime_ns = self.kept.ctime_ns = time.time_ns()


class Nodes:
    """All nodes of *backend*; what it tells is believed for *ttl* seconds.

    *lock* guards the tree, and is never held while the backend is asked, nor when a file's own lock is taken:
    that may be held for as long as an upload takes.  *added* are the bytes that there are more than at first.
    """

    def __init__(self, backend: Backend, blocks: Blocks, ttl: float, largest: int) -> None:
        self.backend = backend
        self.blocks = blocks
        self.ttl = ttl
        self.largest = largest
        self.lock = threading.RLock()
        self.born_ns = time.time_ns()
        self.owner = os.getuid(), os.getgid()
        self.added = 0
        self._numbers: set[int] = {1}
        self.root = Node("", None, 1, DIRECTORY, math.inf, alive=True)

    # where a node is

    def path(self, node: Node) -> str:
        """Return where the backend has *node*."""
        if node.parent is None:
            return self.backend.top
        if self.backend.pages:
            return node.status.key
        return self.backend.below(self.path(node.parent), node.name)

    def number(self, path: str) -> int:
        """Return the inode number of a file at *path* that nothing else is known of."""
        return int.from_bytes(hashlib.blake2b(os.fsencode(path), digest_size=7).digest(), "big") | 2

    # from names to nodes

    def fresh(self, since: float) -> bool:
        """Tell whether what was told at *since* is still to be believed."""
        return time.monotonic() - since < self.ttl

    def find(self, dvp: Node, name: str) -> Node | None:
        """Return the node called *name* in *dvp*, or ``None``."""
        child = dvp.children.get(name)
        if child is not None and (child.opened or child.made or self.fresh(child.told)):
            return child
        try:
            if self.backend.pages or (dvp.listing is not None and self.fresh(dvp.listed)):
                status = self.listing(dvp).get(name)
            else:
                status = self.backend.status(self.backend.below(self.path(dvp), name))
        except FileNotFoundError:
            status = None
        if status is None:
            if child is not None:
                self.detach(child)
            return None
        return self.enter(dvp, name, status)

    def listing(self, dvp: Node) -> dict[str, Status]:
        """Return what is in *dvp*, as the backend tells, or told not long ago."""
        listing = dvp.listing
        if listing is None or not self.fresh(dvp.listed):
            try:
                listing = self.backend.list(self.path(dvp))
            except FileNotFoundError:
                if not dvp.made and dvp.parent is not None:
                    raise  # else: an object store knows no directory without a file in it
                listing = {}
            dvp.listing, dvp.listed = listing, time.monotonic()
        return listing

    def enter(self, dvp: Node, name: str, status: Status) -> Node:
        """Return the node called *name* in *dvp*, of which the backend just told *status*."""
        with self.lock:
            child = dvp.children.get(name)
            if child is not None and child.status.kind != status.kind:
                self.detach(child)
                child = None
            if child is None:
                child = Node(name, dvp, 0, status, time.monotonic())
                child.ino = self._unique(self.number(self.path(child)))
                dvp.children[name] = child
                if dvp.listing is not None:
                    dvp.listing[name] = status
                return child
        self.told(child, status)
        return child

    def told(self, node: Node, status: Status, *, ours: bool = False) -> None:
        """Take note of what the backend says of *node* now; *ours*: it has changed by what was done here."""
        with self.lock:
            changed = status.version != node.status.version
            if status.size is None and not changed:
                status = attrs.evolve(status, size=node.status.size)
            if ours and not node.is_dir:
                self.added += (status.size or 0) - (node.status.size or 0)
            node.status, node.told = status, time.monotonic()
            if node.parent is not None and node.parent.listing is not None and not node.gone:
                node.parent.listing[node.name] = status
        if changed and not ours:
            if not node.is_dir:
                node.kept.mtime_ns = node.kept.ctime_ns = None
            if node.contents is not None:
                node.contents.stale()

    def refresh(self, node: Node, *, ours: bool = False) -> None:
        """Ask the backend about *node* again."""
        self.told(node, self.backend.status(self.path(node)), ours=ours)

    def contents(self, node: Node) -> Contents:
        """Return the data of the file *node*."""
        with self.lock:
            if node.contents is None:
                node.contents = Contents(self.backend, self.blocks, self.largest, self.path(node))
            return node.contents

    # names that come and go

    def detach(self, node: Node) -> None:
        """*node* has lost its name."""
        with self.lock:
            node.gone = True
            self.added -= node.status.size or 0
            if node.parent is not None:
                if node.parent.children.get(node.name) is node:
                    del node.parent.children[node.name]
                if node.parent.listing is not None:
                    node.parent.listing.pop(node.name, None)
            self._drop(node)

    def attach(self, node: Node, dvp: Node, name: str) -> None:
        """*node* is called *name* in *dvp* from now on, and nowhere else."""
        with self.lock:
            assert node.parent is not None
            node.parent.children.pop(node.name, None)
            if node.parent.listing is not None:
                node.parent.listing.pop(node.name, None)
            node.parent, node.name = dvp, name
            dvp.children[name] = node
            if dvp.listing is not None:
                dvp.listing[name] = node.status
            moved = [(each, each.contents) for each in node.below() if each.contents is not None]
        for each, contents in moved:
            with contents.lock:
                contents.path = self.path(each)
                contents.stale()

    def reclaim(self, node: Node) -> None:
        """The kernel has forgotten *node*."""
        with self.lock:
            node.alive = False
            self._drop(node)

    def _drop(self, node: Node) -> None:
        """Drop *node*, and what is above it, where nothing is left to be kept of it."""
        while node.parent is not None:
            if node.alive or node.opened or node.children:
                return
            if not node.gone and (node.made or node.set):
                return
            self._numbers.discard(node.ino)
            if node.contents is not None:
                self.blocks.drop(node.contents.owner)
            if node.parent.children.get(node.name) is node:
                del node.parent.children[node.name]
            node = node.parent

    def _unique(self, number: int) -> int:
        while number in self._numbers:
            number += 1
        self._numbers.add(number)
        return number

    # attributes

    def vattr(self, node: Node) -> puffpy.Vattr:
        """Return what ``stat`` shows of *node*."""
        status, kept = node.status, node.kept
        size = node.contents.size if node.contents is not None else None
        if size is None:
            size = len(os.fsencode(status.target)) if status.target is not None else status.size or 0
        changed = status.mtime_ns if status.mtime_ns is not None else self.born_ns
        mtime = changed if kept.mtime_ns is None else kept.mtime_ns
        mode = next(
            each for each in (kept.mode, status.mode, USUAL.get(status.kind, 0o644)) if each is not None
        )
        return puffpy.Vattr(
            status.kind | mode,
            nlink=0 if node.gone else 1,  # of a directory: nobody knows
            uid=self.owner[0] if kept.uid is None else kept.uid,
            gid=self.owner[1] if kept.gid is None else kept.gid,
            size=0 if node.is_dir else size,
            atime_ns=mtime if kept.atime_ns is None else kept.atime_ns,
            mtime_ns=mtime,
            ctime_ns=mtime if kept.ctime_ns is None else kept.ctime_ns,
            btime_ns=0,
            ino=node.ino,
        )
