"""Whose rights an operation is done with: those of its caller, where this process may lend them.

Nothing is permitted or refused here; that is left to the file system underneath, which sees the caller.

Theory of operation.  Root's server does each operation as the user who asked for it: file-system user and
group, and supplementary groups, of the serving thread alone (setfsuid(2), which also lays down root's rights
over files, and setgroups(2) as a bare system call).  Root's come back before the operation is answered, so
that nothing the library does is done as somebody else.  A server that is not root does everything as itself,
and the kernel alone checks permissions, by ``default_permissions``.
"""

from __future__ import annotations

import os
import platform
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Final

import puffpy
from filesystems.tunnel.syscalls import SETGROUPS, lower_fs_ids, raise_fs_ids, set_groups, unshare_umask

CAP_FSETID: Final = 4
CAP_SETGID: Final = 6
CAP_SETUID: Final = 7

BELIEVED: Final = 1.0
"""Seconds for which a caller is taken to be in the groups that it was in."""


def may(*capabilities: int) -> bool:
    """Tell whether this process has all of *capabilities*, by their numbers in capabilities(7)."""
    with open("/proc/self/status", "rb") as status:
        effective = next(int(line.split()[1], 16) for line in status if line.startswith(b"CapEff:"))
    return all(effective >> number & 1 for number in capabilities)


class Callers:
    """Lends the serving thread the rights of whoever asks.

    *lending*: this is root, who can.  *keeps_setuid*: this process's writes do not clear set-uid bits.
    """

    def __init__(self) -> None:
        self.lending = os.geteuid() == 0 and may(CAP_SETGID, CAP_SETUID)
        self.keeps_setuid = may(CAP_FSETID)
        if self.lending and platform.machine() not in SETGROUPS:
            raise OSError(f"how to act as somebody on {platform.machine()} is not known: run it as no root")
        self._own = os.geteuid(), os.getegid()
        self._myself: AbstractContextManager[None] = nullcontext()
        self._guise = Guise()
        self._unmasked = 0
        self._asked: tuple[int, int, int] | None = None
        self._until = 0.0
        self._groups: tuple[int, ...] = ()

    def being(self, call: puffpy.Call) -> AbstractContextManager[None]:
        """Return a context in which files are used with the caller's rights.  One at a time.

        Whatever needs this process's own rights (a handle to be opened, above all) is done before it.
        """
        if not self.lending or (call.uid, call.gid) == self._own:
            return self._myself
        self._guise.wanted = call.uid, call.gid, self._groups_of(call)
        return self._guise

    def unmask(self) -> None:
        """Have the serving thread apply no umask: the caller's has been applied by the kernel."""
        thread = threading.get_ident()
        if thread != self._unmasked:
            unshare_umask()
            os.umask(0)
            self._unmasked = thread

    def _groups_of(self, call: puffpy.Call) -> tuple[int, ...]:
        """Return the caller's groups; root may do without any."""
        if not call.uid:
            return ()
        asked = call.pid, call.uid, call.gid
        now = time.monotonic()
        if asked != self._asked or now >= self._until:
            self._groups = call.groups
            self._asked, self._until = asked, now + BELIEVED
        return self._groups


class Guise:
    """The context in which this thread is somebody else: *wanted* is a user, a group, and more groups.

    The groups stay on until others are wanted: to root they make no difference.
    """

    def __init__(self) -> None:
        self.wanted: tuple[int, int, tuple[int, ...]] = 0, 0, ()
        self._gid = os.getegid()
        self._worn: tuple[int, tuple[int, ...]] | None = None

    def __enter__(self) -> None:
        uid, gid, groups = self.wanted
        wear = threading.get_ident(), groups
        if wear != self._worn:
            set_groups(groups)
            self._worn = wear
        try:
            lower_fs_ids(uid, gid)
        except PermissionError:
            raise_fs_ids(self._gid)
            raise

    def __exit__(self, *_: object) -> None:
        raise_fs_ids(self._gid)
