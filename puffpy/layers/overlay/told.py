"""What one of the trees tells the kernel, in terms of what is seen.

What a tree tells, and when, is its own business.
"""

from __future__ import annotations

from typing import Any

from puffpy.layers.overlay.nodes import Nodes
from puffpy.ops import Kernel


class Told:
    """A :class:`Kernel` for one tree; it speaks of nodes that the kernel behind it has never heard of."""

    def __init__(self, kernel: Kernel, nodes: Nodes) -> None:
        self._kernel = kernel
        self._nodes = nodes

    def inval_inode(self, vp: Any, offset: int = 0, length: int = 0) -> None:
        """See :meth:`Kernel.inval_inode`."""
        node = self._nodes.seen(vp)
        if node is not None:
            self._kernel.inval_inode(node, offset, length)

    def inval_entry(self, dvp: Any, name: str) -> None:
        """See :meth:`Kernel.inval_entry`."""
        node = self._nodes.seen(dvp)
        if node is not None:
            self._kernel.inval_entry(node, name)

    def expire_entry(self, dvp: Any, name: str) -> None:
        """See :meth:`Kernel.expire_entry`."""
        node = self._nodes.seen(dvp)
        if node is not None:
            self._kernel.expire_entry(node, name)

    def delete(self, dvp: Any, vp: Any, name: str) -> None:
        """It may be there in the other tree, so that it is only asked for again."""
        self.inval_entry(dvp, name)

    def open_count(self, vp: Any) -> int | None:
        """See :meth:`Kernel.open_count`."""
        node = self._nodes.seen(vp)
        return None if node is None else self._kernel.open_count(node)

    def store(self, vp: Any, offset: int, data: bytes) -> None:
        """See :meth:`Kernel.store`."""
        node = self._nodes.seen(vp)
        if node is not None:
            self._kernel.store(node, offset, data)

    def retrieve(self, vp: Any, offset: int, size: int) -> bytes:
        """See :meth:`Kernel.retrieve`."""
        node = self._nodes.seen(vp)
        return b"" if node is None else self._kernel.retrieve(node, offset, size)

    def inc_epoch(self) -> None:
        """See :meth:`Kernel.inc_epoch`."""
        self._kernel.inc_epoch()

    def prune(self, *vps: Any) -> None:
        """See :meth:`Kernel.prune`."""
        self._kernel.prune(*(node for node in map(self._nodes.seen, vps) if node is not None))

    def resend(self) -> None:
        """See :meth:`Kernel.resend`."""
        self._kernel.resend()
