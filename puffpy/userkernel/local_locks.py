"""Locks that the kernel keeps by itself, where the server has left them to it.

Locks that the server keeps are requests; see locks.
"""

from __future__ import annotations

import errno
import fcntl
import threading
from weakref import WeakKeyDictionary

import attrs

from puffpy.types import Lock
from puffpy.userkernel.connection import Connection
from puffpy.userkernel.inodes import Inode
from puffpy.userkernel.permissions import refusal


@attrs.frozen
class Held:
    """A lock and its owner."""

    owner: int
    lock: Lock


def conflict(held: list[Held], owner: int, wanted: Lock) -> Lock | None:
    """Return a lock of somebody else that *wanted* cannot go with."""
    for other in held:
        lock = other.lock
        if (
            other.owner != owner
            and lock.flock == wanted.flock
            and fcntl.F_WRLCK in (lock.kind, wanted.kind)
            and lock.start <= wanted.end
            and wanted.start <= lock.end
        ):
            return lock
    return None


def replace(held: list[Held], owner: int, new: Lock) -> list[Held]:
    """Return the locks once *owner* has *new*, which takes the place of what it had in that range."""
    kept = []
    for other in held:
        lock = other.lock
        if other.owner != owner or lock.flock != new.flock or lock.end < new.start or new.end < lock.start:
            kept.append(other)
            continue
        if lock.start < new.start:
            kept.append(Held(owner, attrs.evolve(lock, end=new.start - 1)))
        if lock.end > new.end:
            kept.append(Held(owner, attrs.evolve(lock, start=new.end + 1)))
    if new.kind != fcntl.F_UNLCK:
        kept.append(Held(owner, new))
    return kept


class LocalLocks:
    """Every lock on every inode.  One condition guards them all and is held for no request."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._changed = threading.Condition()
        self._held: WeakKeyDictionary[Inode, list[Held]] = WeakKeyDictionary()

    def test(self, inode: Inode, owner: int, lock: Lock) -> Lock | None:
        """Return what stands in the way of *lock*."""
        with self._changed:
            return conflict(self._held.get(inode, []), owner, lock)

    def take(self, inode: Inode, owner: int, lock: Lock, *, wait: bool) -> None:
        """Take *lock*, or drop what it covers.

        Raises:
            EAGAIN: somebody else's is in the way, and *wait* is false.
            EINTR: the wait was interrupted.
        """
        signalled = threading.Event()
        with self._changed:
            while lock.kind != fcntl.F_UNLCK and conflict(self._held.get(inode, []), owner, lock):
                if not wait:
                    raise refusal(errno.EAGAIN)
                if signalled.is_set():
                    raise refusal(errno.EINTR)
                self._sleep(signalled)
            self._held[inode] = replace(self._held.get(inode, []), owner, lock)
            self._changed.notify_all()

    def drop(self, inode: Inode, owner: int) -> None:
        """Drop every lock of *owner* on *inode*."""
        with self._changed:
            if inode in self._held:
                self._held[inode] = [held for held in self._held[inode] if held.owner != owner]
                self._changed.notify_all()

    def _sleep(self, signalled: threading.Event) -> None:
        self._connection.sleeping(lambda: self._wake(signalled))
        try:
            self._changed.wait()
        finally:
            self._connection.sleeping(None)

    def _wake(self, signalled: threading.Event) -> None:
        with self._changed:
            signalled.set()
            self._changed.notify_all()
