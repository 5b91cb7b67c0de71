"""One file system for several kernels: each has a session, and what there is only once is shared.

What a node's lives are is in ``puffpy.nodes.commons``.
"""

from __future__ import annotations

import threading
from typing import Any

from puffpy.nodes import Commons
from puffpy.ops import Kernel, VfsOps, VnodeOps, written


class Kernels:
    """All the kernels that have the file system mounted, told together: the ``Kernel`` that it is given."""

    def __init__(self) -> None:
        self.all: tuple[Kernel, ...] = ()

    def inval_inode(self, vp: Any, offset: int = 0, length: int = 0) -> None:
        """See :meth:`Kernel.inval_inode`."""
        for kernel in self.all:
            kernel.inval_inode(vp, offset, length)

    def inval_entry(self, dvp: Any, name: str) -> None:
        """See :meth:`Kernel.inval_entry`."""
        for kernel in self.all:
            kernel.inval_entry(dvp, name)

    def expire_entry(self, dvp: Any, name: str) -> None:
        """See :meth:`Kernel.expire_entry`."""
        for kernel in self.all:
            kernel.expire_entry(dvp, name)

    def delete(self, dvp: Any, vp: Any, name: str) -> None:
        """See :meth:`Kernel.delete`."""
        for kernel in self.all:
            kernel.delete(dvp, vp, name)

    def open_count(self, vp: Any) -> int | None:
        """See :meth:`Kernel.open_count`: in all of them together."""
        counts = [count for kernel in self.all if (count := kernel.open_count(vp)) is not None]
        return sum(counts) if counts else None

    def store(self, vp: Any, offset: int, data: bytes) -> None:
        """See :meth:`Kernel.store`."""
        for kernel in self.all:
            kernel.store(vp, offset, data)

    def retrieve(self, vp: Any, offset: int, size: int) -> bytes:
        """See :meth:`Kernel.retrieve`: what the first kernel has that has anything."""
        return next(filter(None, (kernel.retrieve(vp, offset, size) for kernel in self.all)), b"")

    def inc_epoch(self) -> None:
        """See :meth:`Kernel.inc_epoch`."""
        for kernel in self.all:
            kernel.inc_epoch()

    def prune(self, *vps: Any) -> None:
        """See :meth:`Kernel.prune`."""
        for kernel in self.all:
            kernel.prune(*vps)

    def resend(self) -> None:
        """See :meth:`Kernel.resend`."""
        for kernel in self.all:
            kernel.resend()


class Shared:
    """A file system's vectors, the lives of its nodes, and the lock that lets one session in at a time."""

    def __init__(self, vnodeops: VnodeOps, vfsops: VfsOps) -> None:
        self.vnodeops, self.vfsops = vnodeops, vfsops
        self.commons = Commons()
        # The root outlives every kernel: the next one begins with it.
        self._root = vfsops.root() if "root" in written(vfsops) else vnodeops.root
        self.commons.entered(self._root)
        self.turn = threading.Lock()
        self.kernels = Kernels()
        self.started = False

    def window(self) -> VfsOps:
        """Return the mount-wide vector for one session more."""
        return _Window(self)

    def end(self) -> None:
        """No session is left, and none will come."""
        if self.commons.left(self._root):
            self.vnodeops.reclaim(self._root)
        self.vfsops.unmount()


class _Window(VfsOps):
    """The mount-wide vector as one session sees it: the beginning and the end are everybody's."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._kernel: Kernel | None = None
        for name in written(shared.vfsops) - {"start", "unmount"}:
            if hasattr(VfsOps, name):
                setattr(self, name, getattr(shared.vfsops, name))

    def start(self, kernel: Kernel) -> None:
        """One more kernel."""
        self._kernel = kernel
        self._shared.kernels.all += (kernel,)
        if not self._shared.started:
            self._shared.started = True
            self._shared.vfsops.start(self._shared.kernels)

    def unmount(self) -> None:
        """One kernel less."""
        kernels = self._shared.kernels
        kernels.all = tuple(kernel for kernel in kernels.all if kernel is not self._kernel)
