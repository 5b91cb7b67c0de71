"""The file system: both halves of the node vector, and its options.

What is done to a node is in ``names`` and ``contents``.
"""

from __future__ import annotations

import math
from typing import Final

import puffpy
from filesystems.detrempe.contents import Contents
from filesystems.detrempe.names import Names
from filesystems.detrempe.nodes import Directory, Inode
from filesystems.detrempe.vfsops import DetrempeVfs
from filesystems.detrempe.volume import Volume

UNLIMITED: Final = puffpy.Size(0)


def permissions(text: str) -> int:
    """Return the permission bits that the octal digits of *text* mean."""
    if not text or set(text) - set("01234567") or int(text, 8) > 0o7777:
        raise ValueError(f"mode={text}: give the root's permissions in octal, such as 0755 or 1777")
    return int(text, 8)


class Detrempe(Names, Contents):
    """A complete POSIX file system in memory.

    The kernel checks permissions, keeps locks, and may believe for ever what it has been told: nobody changes
    anything here but through the mount.  What is left is to do each operation to the letter, with all that it
    does to times, links and room.

    Args:
        size: Bytes of data it may hold; 0: half of the memory that the process may have.
        inodes: How many nodes it may have; 0: as many as the other half has room for.
        mode: Permissions of the root, in octal digits as for chmod(1).
    """

    unveiled = ()
    root: Directory
    vfsops: DetrempeVfs
    options = puffpy.MountOptions(
        fsname="puffs:detrempe",
        subtype="detrempe",
        default_permissions=True,
        kernel_cache=True,
        attr_timeout=math.inf,
        entry_timeout=math.inf,
        negative_timeout=math.inf,
    )

    def __init__(self, *, size: puffpy.Size = UNLIMITED, inodes: int = 0, mode: str = "0755") -> None:
        if inodes < 0:
            raise ValueError(f"inodes={inodes}: give how many there may be, or 0")
        self.volume = Volume(size, inodes, permissions(mode))
        self.root = self.volume.root
        self.vfsops = DetrempeVfs(self.volume)
        self.unnamed = set()

    def inactive(self, vp: Inode) -> None:
        """Nobody has *vp* open any more: if it has no name either, it and its data go."""
        if self.volume.nameless and not vp.vattr.nlink and self.volume.unused(vp):
            self.unnamed.discard(vp)

    def reclaim(self, vp: Inode) -> None:
        """The kernel has forgotten *vp*: if it has no name, it and its data go, if they have not gone yet."""
        if not vp.vattr.nlink:
            self.unnamed.discard(vp)
            self.volume.discard(vp)
