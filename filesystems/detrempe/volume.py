"""All of one file system: its nodes by number, its root, its limits.

No operation is here; both vectors work on one volume.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

import puffpy
from filesystems.detrempe.nodes import Directory, Inode
from filesystems.detrempe.numbers import Numbers
from filesystems.detrempe.room import PAGE, Room, memory, pages

BYTES_PER_NODE = 1024
"""What an empty file may take in this process, all told, with a good margin."""


class Volume:
    """Room for *size* bytes of data and *inodes* nodes.

    Where these are 0 the machine sets the limit: half of its memory for data, as tmpfs has it, and the other
    half for nodes, so that a full file system ends in ENOSPC and not in the death of its server.  Data are
    counted by pages and nodes by number; the two do not compete, so 10 MiB of room hold 10 MiB of data.
    """

    def __init__(self, size: int, inodes: int, mode: int) -> None:
        half = memory() // 2
        self.room = Room(pages(size) if size else half // PAGE)
        self.inodes = inodes or half // BYTES_PER_NODE
        self.nodes = Numbers()
        self.nameless = 0
        self.open_count: Callable[[Inode], int | None] = lambda node: None
        self.root = Directory.directory(mode)
        self.admit(self.root)

    def admit(self, node: Inode) -> None:
        """Number the new *node*.

        A node without a name does not count against the limit: it waits for its last user, and the kernel may
        be a few requests late in saying that there is none, so whoever removes a file could not make another.

        Raises:
            ENOSPC: there are as many as there may be.
        """
        nodes = self.nodes
        if len(nodes) - self.nameless >= self.inodes:
            raise puffpy.FsError(errno.ENOSPC)
        node.vattr.ino = nodes.add(node)

    def lost_name(self, node: Inode) -> None:
        """Note that *node* has no name any more, and let go of it if nobody has it open."""
        self.nameless += 1
        self.unused(node)

    def unused(self, node: Inode) -> bool:
        """Let go of the nameless *node*, and tell so, if nobody has it open and its room may be wanted.

        The kernel is a few requests late in saying that it has forgotten a node, and whoever removes a file
        to make room would not have it until then.  Where there is plenty nobody needs it so soon, and the
        node waits for ``reclaim``: somebody may have found it before its name went, and open it now.
        """
        unused = 2 * self.room.free < self.room.limit and self.open_count(node) == 0
        if unused:
            self.discard(node)
        return unused

    def discard(self, node: Inode) -> None:
        """Let go of *node*, which has no name and no user any more, and of all it holds."""
        if self.nodes.take_out(node.vattr.ino):
            self.nameless -= 1
            node.release()
