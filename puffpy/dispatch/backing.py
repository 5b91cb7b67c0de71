"""Kernel passthrough: which open files the kernel reads and writes by itself, on a file underneath.

The rules are Linux's (fs/fuse/iomode.c): a node is either open through the page cache or backed, never both;
and while it is backed, every open of it names the same backing id.  An open that breaks them would fail with
EIO, so the first open decides, and whoever comes later does as it did.
"""

from __future__ import annotations

import errno
import logging

from puffpy.nodes import Opened, Vnode
from puffpy.types import BackingDevice

log = logging.getLogger("puffpy")

NEVER = (errno.EPERM, errno.ENOTTY, errno.EOPNOTSUPP, errno.ENOSYS)
"""The kernel, or the right to it (CAP_SYS_ADMIN), is missing: it is not asked again."""


class Backings:
    """The backing ids of one mount, one per node that has backed files open."""

    def __init__(self, device: BackingDevice | None) -> None:
        self._device = device

    def begin(self, opened: Opened, fd: int | None, *, direct: bool) -> int:
        """Settle how *opened* is read and written; return the backing id to be named, 0 for none."""
        vnode = opened.vnode
        if vnode is None:
            return 0
        if not vnode.nbacked and fd is not None and not vnode.ncached:
            vnode.backing_id = self._register(fd)
        if vnode.backing_id:
            vnode.nbacked += 1
            opened.backed = True
        elif not direct:
            vnode.ncached += 1
            opened.cached = True
        return vnode.backing_id

    def end(self, opened: Opened) -> None:
        """*opened* is gone; the kernel's hold on the file underneath goes with the last one."""
        vnode = opened.vnode
        if vnode is None:
            return
        if opened.cached:
            vnode.ncached -= 1
        elif opened.backed:
            vnode.nbacked -= 1
            if not vnode.nbacked:
                self._unregister(vnode)

    def _register(self, fd: int) -> int:
        if self._device is None:
            return 0
        try:
            return self._device.backing_open(fd)
        except OSError as exc:
            if exc.errno in NEVER:
                log.info("no passthrough: %s; files are read and written the ordinary way", exc)
                self._device = None
            return 0

    def _unregister(self, vnode: Vnode) -> None:
        backing_id, vnode.backing_id = vnode.backing_id, 0
        if self._device is not None:
            try:
                self._device.backing_close(backing_id)
            except OSError as exc:
                if exc.errno == errno.ENOENT:
                    return  # an earlier server died after it had given it back, before it could say so
                log.warning("backing id %d: %s", backing_id, exc)
