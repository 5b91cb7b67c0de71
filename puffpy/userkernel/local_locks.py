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
    other = in_the_way(held, owner, wanted)
    return None if other is None else other.lock


def in_the_way(held: list[Held], owner: int, wanted: Lock) -> Held | None:
    """Return what somebody else has that *wanted* cannot go with."""
    for other in held:
        lock = other.lock
        if (
            other.owner != owner
            and lock.flock == wanted.flock
            and fcntl.F_WRLCK in (lock.kind, wanted.kind)
            and lock.start <= wanted.end
            and wanted.start <= lock.end
        ):
            return other
    return None


def replace(held: list[Held], owner: int, new: Lock) -> list[Held]:
    """Return the locks once *owner* has *new*, which takes the place of what it had in that range.

    It becomes one with what it touches and is like it, as POSIX ranges do.
    """
    kept = []
    for other in held:
        lock = other.lock
        like = lock.kind == new.kind
        apart = lock.end + like < new.start or new.end + like < lock.start
        if other.owner != owner or lock.flock != new.flock or apart:
            kept.append(other)
            continue
        if like:
            new = attrs.evolve(new, start=min(lock.start, new.start), end=max(lock.end, new.end))
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
        # Who waits for whom, for a POSIX range.
        self._waiting: dict[int, int] = {}

    def test(self, inode: Inode, owner: int, lock: Lock) -> Lock | None:
        """Return what stands in the way of *lock*."""
        with self._changed:
            return conflict(self._held.get(inode, []), owner, lock)

    def take(self, inode: Inode, owner: int, lock: Lock, *, wait: bool) -> None:
        """Take *lock*, or drop what it covers.

        Raises:
            EAGAIN: somebody else's is in the way, and *wait* is false.
            EDEADLK: who has it waits, by whatever detour, for *owner*.
            EINTR: the wait was interrupted.
        """
        signalled = threading.Event()
        with self._changed:
            while lock.kind != fcntl.F_UNLCK:
                other = in_the_way(self._held.get(inode, []), owner, lock)
                if other is None:
                    break
                if not wait:
                    raise refusal(errno.EAGAIN)
                if signalled.is_set():
                    raise refusal(errno.EINTR)
                if lock.flock:
                    self._sleep(signalled)
                else:
                    self._sleep_for(other.owner, owner, signalled)
            self._held[inode] = replace(self._held.get(inode, []), owner, lock)
            self._changed.notify_all()

    def drop(self, inode: Inode, owner: int) -> None:
        """Drop every lock of *owner* on *inode*."""
        with self._changed:
            if inode in self._held:
                self._held[inode] = [held for held in self._held[inode] if held.owner != owner]
                self._changed.notify_all()

    def _sleep_for(self, other: int, owner: int, signalled: threading.Event) -> None:
        """Sleep, unless that would be for ever (fs/locks.c, posix_locks_deadlock)."""
        last = other
        while last in self._waiting:
            last = self._waiting[last]
            if last == owner:
                raise refusal(errno.EDEADLK)
        self._waiting[owner] = other
        try:
            self._sleep(signalled)
        finally:
            del self._waiting[owner]

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
