"""File handles: by which number a kernel may ask for a node whose life has ended, and what finds it again.

What is alive is in ``nodes``; handles that the system underneath makes are in ``volumes``.

Only what has been seen through the mount can be asked for: a number means nothing but to the server that
gave it.  So nobody, root of a virtual machine included, can make one up that leads out of the directory.  A
file that was moved out of it meanwhile is still found, as over NFS.
"""

from __future__ import annotations

import errno
import itertools
import os
from struct import Struct
from typing import Final

import puffpy
from filesystems.tunnel.nodes import Nodes
from filesystems.tunnel.volumes import Node

REMEMBERED: Final = 1 << 16
"""How many ended nodes are remembered, the latest; each takes some 300 bytes."""

AT_ONCE: Final = 8
"""When there are too many, one of so many goes, the oldest: a dict is slow to say what is its first."""

FILE: Final = Struct("=QQ")
"""Device and inode number, which a record of an ended node begins with; the rest is what opens it."""


class Handles:
    """The numbers of all nodes of *nodes*, and the last *most* that have ended."""

    def __init__(self, nodes: Nodes, most: int = REMEMBERED) -> None:
        self._nodes = nodes
        self._most = most
        self._numbers = itertools.count(2)
        self._ended: dict[int, bytes] = {}
        self._by_file: dict[bytes, int] = {}
        # An earlier server's numbers are not ours; the kernel compares this to tell.
        self._generation = int.from_bytes(os.urandom(4), "little")

    def number(self, node: Node) -> tuple[int, int]:
        """Return the number and generation of *node*: those it had in an earlier life, if that is known."""
        if not node.number:
            node.number = self._earlier(node) or next(self._numbers)
        return node.number, self._generation

    def retire(self, node: Node) -> None:
        """The life of *node* ends; whoever has its number may still ask for it."""
        volume = node.volume
        if not node.number or not volume.handles or self._nodes.is_unnamed(node):
            return
        try:
            proof = volume.handle(node)
        except OSError:
            return
        file = FILE.pack(volume.device, node.ino)
        self._forget(self._by_file.get(file))
        self._remember(node.number, file, proof)
        if len(self._ended) > self._most:
            for number in list(itertools.islice(self._ended, max(self._most // AT_ONCE, 1))):
                self._forget(number)

    def find(self, number: int) -> Node:
        """Return the node with *number*, alive again.

        Raises:
            ESTALE: its file is gone, it was never given, or too many have ended since.
        """
        record = self._ended.get(number)
        if record is None:
            raise puffpy.FsError(errno.ESTALE)
        return self._nodes.revive(FILE.unpack_from(record)[0], record[FILE.size :])

    def _remember(self, number: int, file: bytes, proof: bytes) -> None:
        self._ended[number] = file + proof
        self._by_file[file] = number

    def _earlier(self, node: Node) -> int:
        """Return the number that the file of *node* had before, or 0; a new file may have an old inode."""
        number = self._by_file.get(FILE.pack(node.volume.device, node.ino))
        if number is None:
            return 0
        same = self._ended[number][FILE.size :] == node.volume.handle(node)
        self._forget(number)
        return number if same else 0

    def _forget(self, number: int | None) -> None:
        if number is not None:
            del self._by_file[self._ended.pop(number)[: FILE.size]]
