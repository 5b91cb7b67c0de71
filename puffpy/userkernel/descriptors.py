"""Open files and directories, and the numbers by which a program knows them.

Nothing is read or written here, and nothing is sent.
"""

from __future__ import annotations

import errno
import heapq
import os
import threading
from collections.abc import Callable

import attrs

from puffpy.userkernel.inodes import Inode
from puffpy.userkernel.permissions import refusal
from puffpy.wire.dirents import DirentRecord
from puffpy.wire.flags import OpenOut

FIRST_DESCRIPTOR = 3
"""0, 1 and 2 are never given out: a mistake that writes to them does no harm."""


@attrs.define(eq=False)
class OpenInode:
    """One open file or directory (``struct file``).

    *lock* guards *offset* and what was read ahead of it; it is taken after the inode's lock.
    """

    inode: Inode
    flags: int
    owner: int
    """By this the server knows whose a ``flock`` is."""

    fh: int = 0
    out: OpenOut = attrs.field(default=OpenOut(0))
    told: bool = True
    """Whether the server was asked to open it, and so must be told when it is closed."""

    offset: int = 0
    flocked: bool = False
    pending: list[DirentRecord] = attrs.field(factory=list)
    lock: threading.RLock = attrs.field(factory=threading.RLock, repr=False)

    @property
    def readable(self) -> bool:
        """Whether it was opened for reading."""
        return self.flags & os.O_ACCMODE in (os.O_RDONLY, os.O_RDWR)

    @property
    def writable(self) -> bool:
        """Whether it was opened for writing."""
        return self.flags & os.O_ACCMODE in (os.O_WRONLY, os.O_RDWR)


class Descriptors:
    """The descriptors of one kernel, shared by its processes; the lowest free number is given out first.

    One lock guards the table; it is held for no request.
    """

    def __init__(self, owner: Callable[[], int]) -> None:
        self.owner = owner
        self._lock = threading.Lock()
        self._open: dict[int, OpenInode] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._open)

    def add(self, opened: OpenInode) -> int:
        """Return a number for *opened*."""
        with self._lock:
            # Without gaps the numbers in use are the first ones.
            fd = heapq.heappop(self._free) if self._free else FIRST_DESCRIPTOR + len(self._open)
            self._open[fd] = opened
        return fd

    def get(self, fd: int) -> OpenInode:
        """Return what *fd* has open; EBADF if nothing."""
        with self._lock:
            opened = self._open.get(fd)
        if opened is None:
            raise refusal(errno.EBADF)
        return opened

    def take(self, fd: int) -> OpenInode:
        """Return what *fd* had open, which is free from now on; EBADF if nothing."""
        with self._lock:
            opened = self._open.pop(fd, None)
            if opened is not None:
                heapq.heappush(self._free, fd)
        if opened is None:
            raise refusal(errno.EBADF)
        return opened

    def all(self) -> list[int]:
        """Return every number in use."""
        with self._lock:
            return list(self._open)
