"""Threads that call as somebody: each with credentials, a root and perhaps open files of its own.

On Linux all of these belong to a thread, if it asks for that; so no test needs another process to act as
another user, and a descriptor that one user has opened can be used by the next.  Nothing here knows what is
called.
"""

from __future__ import annotations

import ctypes
import platform
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import attrs

from tests.posix.linux import checked, libc

PATIENCE: Final = 20
"""Seconds to wait for a call that should end."""

NUMBERS: Final = {
    "x86_64": {"setresuid": 117, "setresgid": 119, "setgroups": 116},
    "aarch64": {"setresuid": 147, "setresgid": 149, "setgroups": 159},
}
"""The system calls themselves: the C library's functions of these names change every thread."""

CLONE_FS: Final = 0x200
CLONE_FILES: Final = 0x400
PR_SET_KEEPCAPS: Final = 8
CAP_SYS_CHROOT: Final = 1 << 18
CAPABILITY_VERSION_3: Final = 0x20080522


@attrs.frozen
class Identity:
    """Who calls."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()


ROOT: Final = Identity()


def raw(name: str, *args: object) -> None:
    """Make the system call *name* for this thread alone."""
    checked(libc.syscall(NUMBERS[platform.machine()][name], *args))


def capabilities(effective: int) -> None:
    """Have *effective* as this thread's only capabilities."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(effective, effective, 0, 0, 0, 0)
    checked(libc.capset(header, sets))


def become(identity: Identity, root: str, own_files: bool) -> None:
    """Make this thread one of *identity*, to whom *root* is everything there is.

    The root is entered as that user: the mount of an ordinary user is closed even to root.
    """
    checked(libc.unshare(CLONE_FS | (CLONE_FILES if own_files else 0)))
    groups = (ctypes.c_uint32 * len(identity.groups))(*identity.groups)
    raw("setgroups", len(identity.groups), groups)
    raw("setresgid", identity.gid, identity.gid, identity.gid)
    if identity.uid:
        checked(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
        raw("setresuid", identity.uid, identity.uid, identity.uid)
        capabilities(CAP_SYS_CHROOT)
    checked(libc.chroot(root.encode()), root)
    checked(libc.chdir(b"/"))
    if identity.uid:
        capabilities(0)
    libc.umask(0o022)


class Caller:
    """Calls the functions of *calls* in a thread that has been prepared by *prepare*."""

    def __init__(
        self,
        calls: object,
        prepare: Callable[[], None],
        interrupt: Callable[[int], object] | None = None,
        end: Callable[[], None] | None = None,
    ) -> None:
        self.calls = calls
        self.end = end
        self._interrupt = interrupt or (lambda ident: signal.pthread_kill(ident, signal.SIGUSR1))
        self._thread = ThreadPoolExecutor(1, initializer=prepare)
        self._begun: Future[Any] | None = None
        self._left = False
        self.ident: int = self._thread.submit(threading.get_ident).result(PATIENCE)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self.calls, name)
        return lambda *args, **kwargs: self._thread.submit(call, *args, **kwargs).result(PATIENCE)

    def start(self, name: str, *args: object) -> Future[Any]:
        """Begin a call that may have to wait; what it says comes with the future."""
        self._begun = self._thread.submit(getattr(self.calls, name), *args)
        return self._begun

    def interrupt(self) -> None:
        """Send a signal to whatever this caller waits in."""
        self._interrupt(self.ident)

    def leave(self) -> None:
        """End the thread, and with it, if they were its own, its open files; twice is once."""
        if self._left:
            return
        self._left = True
        # A test that has failed may have left it waiting.
        while self._begun is not None and not self._begun.done():
            self.interrupt()
        if self.end is not None:
            self._thread.submit(self.end).result(PATIENCE)
        self._thread.shutdown()
