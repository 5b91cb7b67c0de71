"""The mount-wide vector: figures, and nodes found again by number.

What is done to nodes is in ``vnodeops``.
"""

from __future__ import annotations

import errno

import puffpy
from filesystems.detrempe.nodes import Inode
from filesystems.detrempe.room import PAGE
from filesystems.detrempe.volume import Volume

NAME_MAX = 255


class DetrempeVfs(puffpy.VfsOps):
    """The mount of one *volume*."""

    def __init__(self, volume: Volume) -> None:
        self.volume = volume

    def start(self, kernel: puffpy.Kernel) -> None:
        """The kernel knows what is open."""
        self.volume.open_count = kernel.open_count

    def root(self) -> Inode:
        """The directory everything is in."""
        return self.volume.root

    def statvfs(self, vp: Inode, call: puffpy.Call) -> puffpy.StatVfs:
        """Pages of data as blocks, and nodes, the root among them, as ``df -i`` shows them."""
        volume = self.volume
        free = volume.room.free
        return puffpy.StatVfs(
            bsize=PAGE,
            frsize=PAGE,
            blocks=volume.room.limit,
            bfree=free,
            bavail=free,
            files=volume.inodes,
            ffree=max(volume.inodes - len(volume.nodes), 0),
            namemax=NAME_MAX,
        )

    def nodetofh(self, vp: Inode) -> tuple[int, int]:
        """The number is enough: none is used twice, so every node is of the first generation."""
        return vp.vattr.ino, 0

    def fhtonode(self, fileid: int) -> Inode:
        """Found in one step, whether or not the kernel still knows the node."""
        node = self.volume.nodes.get(fileid)
        if node is None:
            raise puffpy.FsError(errno.ESTALE)
        return node
