"""Locks as libfuse hands them over, and the wait for one that somebody else has.

Who has which lock is known to the file system, or to the user kernel.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from puffpy.types import Lock

COMMANDS: Final[Mapping[int, int]] = MappingProxyType(
    {fcntl.F_RDLCK: fcntl.LOCK_SH, fcntl.F_WRLCK: fcntl.LOCK_EX, fcntl.F_UNLCK: fcntl.LOCK_UN}
)
"""What lockf(3) calls the kinds of fcntl(2)."""

TO_THE_END: Final = 2**63 - 1

SHORTEST, LONGEST = 0.001, 0.05
"""Seconds between two attempts at a lock that somebody else has."""


class Flock(ctypes.Structure):
    """``struct flock`` of fcntl(2), which the bindings hand over as an address."""

    _fields_ = (
        ("l_type", ctypes.c_short),
        ("l_whence", ctypes.c_short),
        ("l_start", ctypes.c_longlong),
        ("l_len", ctypes.c_longlong),
        ("l_pid", ctypes.c_int),
    )

    @classmethod
    def at(cls, address: Any) -> Flock:
        """Return the one at *address*; what is written to it is written there."""
        there: Flock = ctypes.cast(address, ctypes.POINTER(cls)).contents
        return there

    @property
    def command(self) -> int:
        """What lockf(3) calls it."""
        return COMMANDS[self.l_type]

    @property
    def place(self) -> tuple[int, int]:
        """Its length, 0 for "to the end", and where it starts."""
        return self.l_len, self.l_start

    def say(self, found: Lock | None) -> None:
        """Become what F_GETLK answers: the lock that is in the way, or that none is."""
        self.l_type = fcntl.F_UNLCK
        if found is not None:
            self.l_type, self.l_start, self.l_pid = found.kind, found.start, found.pid
            self.l_len = 0 if found.end == TO_THE_END else found.end - found.start + 1


class Queue:
    """Those who wait for locks.

    Libfuse tells that a caller has given up to nobody but who asks, in the thread that it called.  So a
    waiter does not sleep in the user kernel: it tries again and again, and asks meanwhile.
    """

    def __init__(self, interrupted: Callable[[], bool]) -> None:
        self._interrupted = interrupted
        self._closed = threading.Event()

    def close(self) -> None:
        """Nobody gets a lock from now on who has not got it yet."""
        self._closed.set()

    def take(self, take: Callable[..., None], command: int, *place: int, wait: bool) -> None:
        """Call *take* with *command*, made one that does not wait, and *place*, until it succeeds.

        Raises:
            EAGAIN: somebody else has the lock, and *wait* is false.
            EINTR: the caller was signalled.
            ECONNABORTED: the mount is gone.
        """
        pause = 0.0
        while not self._closed.wait(pause):
            try:
                return take(command | fcntl.LOCK_NB, *place)
            except BlockingIOError:
                if not wait:
                    raise
                if self._interrupted():
                    raise InterruptedError(errno.EINTR, os.strerror(errno.EINTR)) from None
            pause = min(2 * pause or SHORTEST, LONGEST)
        raise OSError(errno.ECONNABORTED, os.strerror(errno.ECONNABORTED))
