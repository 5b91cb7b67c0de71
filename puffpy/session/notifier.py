"""What a file system tells the kernel, and may ask of it: the :class:`puffpy.ops.Kernel` of one session.

Nothing is sent from here; messages are handed to whoever may send them without waiting.
"""

from __future__ import annotations

import errno
import itertools
import queue
from collections.abc import Callable
from typing import Any

from puffpy.errors import FsError
from puffpy.nodes import NodeTable, Vnode
from puffpy.wire import (
    encode_delete,
    encode_inc_epoch,
    encode_inval_entry,
    encode_inval_inode,
    encode_poll,
    encode_prune,
    encode_resend,
    encode_retrieve,
    encode_store,
)
from puffpy.wire.flags import InvalEntryFlag

RETRIEVE_TIMEOUT = 10.0
"""Seconds after which a kernel that does not answer a RETRIEVE is given up."""


class Notifier:
    """Turns nodes and names into notifications.

    Methods may be called from any thread: a look into the node table is one dictionary access, and the
    message is queued.
    """

    def __init__(self, nodes: NodeTable, send: Callable[[bytes], object]) -> None:
        self._nodes = nodes
        self._send = send
        self._uniques = itertools.count(1)
        self._retrieving: dict[int, queue.SimpleQueue[bytes]] = {}

    def inval_inode(self, vp: Any, offset: int = 0, length: int = 0) -> None:
        """Drop what is cached of *vp*."""
        if (vnode := self._nodes.find(vp)) is not None:
            self._send(encode_inval_inode(vnode.cookie, offset, length))

    def inval_entry(self, dvp: Any, name: str) -> None:
        """Forget where *name* in *dvp* leads."""
        if (parent := self._changed(dvp)) is not None:
            self._send(encode_inval_entry(parent.cookie, _raw(name)))

    def expire_entry(self, dvp: Any, name: str) -> None:
        """Ask again before *name* in *dvp* is used."""
        if (parent := self._changed(dvp)) is not None:
            self._send(encode_inval_entry(parent.cookie, _raw(name), InvalEntryFlag.EXPIRE_ONLY))

    def delete(self, dvp: Any, vp: Any, name: str) -> None:
        """Tell watchers that *name* in *dvp* is gone."""
        parent, child = self._changed(dvp), self._nodes.find(vp)
        if parent is not None and child is not None:
            self._send(encode_delete(parent.cookie, child.cookie, _raw(name)))

    def open_count(self, vp: Any) -> int | None:
        """Return how many open files there are of *vp*."""
        vnode = self._nodes.find(vp)
        return None if vnode is None else vnode.nopen

    def store(self, vp: Any, offset: int, data: bytes) -> None:
        """Put *data* into the page cache."""
        if (vnode := self._nodes.find(vp)) is not None:
            self._send(encode_store(vnode.cookie, offset, data))

    def retrieve(self, vp: Any, offset: int, size: int) -> bytes:
        """Return what the page cache holds."""
        vnode = self._nodes.find(vp)
        if vnode is None:
            return b""
        unique = next(self._uniques)
        arrival: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._retrieving[unique] = arrival
        self._send(encode_retrieve(unique, vnode.cookie, offset, size))
        try:
            return arrival.get(timeout=RETRIEVE_TIMEOUT)
        except queue.Empty:
            raise FsError(errno.ETIMEDOUT, f"no answer to RETRIEVE within {RETRIEVE_TIMEOUT} s") from None
        finally:
            del self._retrieving[unique]

    def retrieved(self, unique: int, data: bytes) -> None:
        """A NOTIFY_REPLY came."""
        if (arrival := self._retrieving.get(unique)) is not None:
            arrival.put(data)

    def refused(self, unique: int) -> None:
        """The kernel would not take a RETRIEVE: it has nothing of that node."""
        self.retrieved(unique, b"")

    def inc_epoch(self) -> None:
        """Have every cached name asked for again."""
        self._send(encode_inc_epoch())

    def prune(self, *vps: Any) -> None:
        """Ask for unused nodes back."""
        vnodes = [vnode for vp in vps if (vnode := self._nodes.find(vp)) is not None]
        self._send(encode_prune([vnode.cookie for vnode in vnodes]))

    def resend(self) -> None:
        """Have what is not answered sent again."""
        self._send(encode_resend())

    def wake(self, kh: int) -> None:
        """What POLL of the kernel handle *kh* would say has changed."""
        self._send(encode_poll(kh))

    def _changed(self, dvp: Any) -> Vnode | None:
        """Return the vnode of a directory whose names are not what a listing in progress says."""
        vnode = self._nodes.find(dvp)
        if vnode is not None:
            vnode.stamp += 1
        return vnode


def _raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
