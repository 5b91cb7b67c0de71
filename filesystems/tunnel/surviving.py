"""The tunnel whose server may die: what the next one must know to go on, kept where it outlives this one.

What is done to files is the same as ever.

Theory of operation.  The number of a node is written down with the handle of its file, so that the next
server finds the file by it; one that has no name any more is held by a descriptor.  Descriptors of open files
are held as they are: their rights, and the life of what they show, go on.
"""

from __future__ import annotations

import itertools
import os
import struct
from typing import Final

import attrs

import puffpy
from filesystems.tunnel.handles import FILE, Handles
from filesystems.tunnel.nodes import Nodes
from filesystems.tunnel.vfsops import TunnelVfs
from filesystems.tunnel.vnodeops import TunnelFS
from filesystems.tunnel.volumes import Node
from filesystems.tunnel.watch import UNWATCHED

RECORD: Final = struct.Struct("=QQi")
"""Device, inode number, and a descriptor or -1; behind it the handle."""

NUMBERS: Final = 0
"""Under this number, which no node has, is written down up to which number they may be given out."""

AHEAD: Final = 4096
"""How many numbers are taken at once; a server that dies leaves some unused."""


class KeptNodes(Nodes):
    """Nodes of which the nameless ones are told to *handles*."""

    handles: KeptHandles | None = None

    def pin(self, node: Node) -> None:
        """See :meth:`Nodes.pin`."""
        super().pin(node)
        if self.handles is not None and node.number:
            self.handles.keep(node)

    def is_pinned(self, node: Node) -> bool:
        """Tell whether the descriptor of *node* is not to be closed."""
        return node.fd >= 0 and node.fd not in self._held


class KeptHandles(Handles):
    """Numbers of *nodes* that mean the same to the next server."""

    def __init__(self, nodes: KeptNodes) -> None:
        super().__init__(nodes)
        self.kept: puffpy.Kept | None = None
        self._all = nodes
        self._taken = 0

    def resume(self, kept: puffpy.Kept) -> None:
        """Begin with what the server before this one has written down, which may be nothing."""
        self.kept = kept
        written = kept.get(NUMBERS)
        self._taken = int.from_bytes(written or b"\2", "little")
        self._numbers = itertools.count(self._taken)
        spares = 0
        for number in kept:
            record = kept.get(number)
            if number != NUMBERS and record is not None:
                device, ino, spare = RECORD.unpack_from(record)
                spares += spare >= 0
                self._remember(number, FILE.pack(device, ino), record[RECORD.size :])
        self._most += len(self._ended)
        self._all.pinned += spares
        self._all.opened = len(kept.descriptors) - spares

    def number(self, node: Node) -> tuple[int, int]:
        """See :meth:`Handles.number`; a new one is written down."""
        new = not node.number
        number = super().number(node)
        if new and self.kept is not None:
            if number[0] >= self._taken:
                self._taken = number[0] + AHEAD
                self.kept.put(NUMBERS, self._taken.to_bytes(8, "little"))
            self.keep(node)
        return number

    def keep(self, node: Node) -> None:
        """Write down where *node* is; hold it if it has no name to be found by."""
        if self.kept is None:
            return
        self._let_go(node.number)
        spare = -1
        if self._all.is_pinned(node):
            spare = os.dup(node.fd)
            self.kept.hold(spare)
            self._all.pinned += 1
        try:
            proof = node.volume.handle(node)
        except OSError:
            proof = b""
        record = RECORD.pack(node.volume.device, node.ino, spare) + proof
        self.kept.put(node.number, record)

    def retire(self, node: Node) -> None:
        """See :meth:`Handles.retire`."""
        super().retire(node)
        if self.kept is not None and node.number:
            self._let_go(node.number)
            self.kept.drop(node.number)

    def find(self, number: int) -> Node:
        """See :meth:`Handles.find`; what is held is found even where handles are of no use."""
        spare = self._spare(number)
        if spare < 0:
            node = super().find(number)
        else:
            node, _ = self._all._admitted(os.dup(spare))
        self.number(node)
        if spare >= 0:
            self._all.pin(node)
        return node

    def _spare(self, number: int) -> int:
        record = self.kept.get(number) if self.kept is not None else None
        spare: int = RECORD.unpack_from(record)[2] if record else -1
        return spare

    def _let_go(self, number: int) -> None:
        spare = self._spare(number)
        if spare >= 0 and self.kept is not None:
            self.kept.close(spare)
            self._all.pinned -= 1


class SurvivingVfs(TunnelVfs):
    """The mount of one directory, by one server after the other."""

    fs: SurvivingTunnel

    def start(self, kernel: puffpy.Kernel) -> None:
        """Go on from what is kept."""
        kept, handles = self.fs.kept, self.handles
        if kept is not None and isinstance(handles, KeptHandles):
            handles.resume(kept)
        super().start(kernel)


class SurvivingTunnel(TunnelFS):
    """Another directory, seen through a mount that outlives its server.

    Args:
        directory: As for :class:`TunnelFS`.
        read_only: As for :class:`TunnelFS`.
        hide: As for :class:`TunnelFS`.
        watch: As for :class:`TunnelFS`.
    """

    kept: puffpy.Kept | None = None

    def __init__(
        self, directory: str, *, read_only: bool = False, hide: str = "", watch: bool = False
    ) -> None:
        super().__init__(directory, read_only=read_only, hide=hide, watch=watch)
        if watch:
            # Watches die with their server, so that nothing is believed for longer than without them.
            self.options = attrs.evolve(
                self.options, attr_timeout=UNWATCHED, entry_timeout=UNWATCHED, cache_readdir=False
            )
        self.nodes.close()
        nodes = KeptNodes(directory)
        self.nodes, self.root = nodes, nodes.root
        self.handles = nodes.handles = KeptHandles(nodes)
        self.vfsops = vfsops = SurvivingVfs(nodes, self.handles, self.watch)
        vfsops.fs = self

    def close(self, vp: Node, flags: int, call: puffpy.Call) -> None:
        """Not before the kernel has been answered: until then, it may ask again."""
        if self.kept is None:
            super().close(vp, flags, call)
            return
        self.nodes.take_back(vp, call.handle)
        self.kept.close(call.handle)

    def _opened(self, vp: Node, fd: int) -> puffpy.OpenFile:
        if self.kept is not None:
            self.kept.hold(fd)
        return super()._opened(vp, fd)

    def _made_open(self, fd: int, dvp: Node, name: str, call: puffpy.Call) -> puffpy.Entry:
        entry = super()._made_open(fd, dvp, name, call)
        if self.kept is not None:
            self.kept.hold(fd)
        return entry
