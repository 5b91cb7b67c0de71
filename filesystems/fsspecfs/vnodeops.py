"""The file system: names and data together, the mount as a whole, and the options.

What is done to a node is in ``names`` and ``data``.
"""

from __future__ import annotations

import threading
from typing import Final

import attrs

import puffpy
from filesystems.fsspecfs.backend import Backend
from filesystems.fsspecfs.blocks import Blocks
from filesystems.fsspecfs.data import Data
from filesystems.fsspecfs.names import Names
from filesystems.fsspecfs.nodes import Node, Nodes

BLOCK: Final = puffpy.Size("1M")
CACHE: Final = puffpy.Size("64M")
AS_LARGE_AS_FITS: Final = puffpy.Size(0)

FRSIZE: Final = 4096
PLENTY: Final = 1 << 38
"""Blocks of 4 KiB that ``df`` shows: backends do not say, and programs that look for room must find some."""


@puffpy.blocking
class FsspecFS(Names, Data, puffpy.VfsOps):
    """Whatever fsspec can reach, as a directory.

    Everything belongs to whoever mounts it.  Files are read in blocks; what is written is collected and
    handed over, as a whole, when the file is closed or synced.  Modes, owners and times that are set are kept
    until the end of the mount.

    Args:
        url: What to mount, as fsspec names it: s3://bucket/prefix, zip://::a.zip, memory://, a directory.
        storage: fsspec's options for it, a JSON object.
        ttl: For how many seconds names and attributes are believed without asking again.
        block: How many bytes are read at once.
        cache: How many bytes of blocks are kept in memory.
        largest: How many bytes a file may have that is written to; 0: what there is room for in TMPDIR.
    """

    options = puffpy.MountOptions(
        fsname="puffs:fsspec", subtype="fsspec", default_permissions=True, auto_cache=True
    )

    def __init__(
        self,
        url: str,
        *,
        storage: str = "",
        ttl: float = 5.0,
        block: puffpy.Size = BLOCK,
        cache: puffpy.Size = CACHE,
        largest: puffpy.Size = AS_LARGE_AS_FITS,
    ) -> None:
        if not ttl >= 0:
            raise ValueError(f"ttl={ttl}: expected seconds, 0 or more")
        if block < 1:
            raise ValueError(f"block={block}: expected bytes, 1 or more")
        backend = Backend(url, storage)
        self.nodes = Nodes(backend, Blocks(block, cache), ttl, largest)
        self.changing = threading.RLock()
        if backend.read_only:
            self.options = attrs.evolve(self.options, ro=True)

    def root(self) -> Node:
        """The directory that the URL names."""
        return self.nodes.root

    def statvfs(self, vp: Node, call: puffpy.Call) -> puffpy.StatVfs:
        """Plenty: no backend says how much there is."""
        free = min(PLENTY - -(-self.nodes.added // FRSIZE), PLENTY)
        return puffpy.StatVfs(
            frsize=FRSIZE, blocks=PLENTY, bfree=free, bavail=free, files=PLENTY, ffree=PLENTY
        )

    def sync(self, call: puffpy.Call) -> None:
        """Hand over everything that was written."""
        for node in self.nodes.root.below():
            self._push(node)

    def reclaim(self, vp: Node) -> None:
        """Nothing of it is kept, unless nobody else knows it."""
        self.nodes.reclaim(vp)

    def unmount(self) -> None:
        """Every file has been closed; no reader is left open."""
        for node in self.nodes.root.below():
            if node.contents is not None:
                node.contents.stale()
                node.contents.close()
