"""Becoming an ordinary user for good.

What that user may open is not changed here; see ``landlock``.
"""

from __future__ import annotations

import ctypes
import os
import pwd

from puffpy.errors import MountError

PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38


def become(user: str) -> None:
    """Be *user* (a name or a number), in that user's groups, with no way back, and none to more rights.

    Raises:
        MountError: there is no such user, or this process may not become anybody.
    """
    uid, gid, name = _known(user)
    try:
        if name:
            os.initgroups(name, gid)
        else:
            os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except PermissionError:
        raise MountError(f"only root can serve as {user}") from None
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    # Or /proc/self would belong to root, and descriptors could not be opened again by way of it.
    _prctl(PR_SET_DUMPABLE, 1)


def _known(user: str) -> tuple[int, int, str]:
    try:
        entry = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except KeyError:
        if user.isdigit():
            return int(user), int(user), ""
        raise MountError(f"there is no user {user}") from None
    return entry.pw_uid, entry.pw_gid, entry.pw_name


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)):
        number = ctypes.get_errno()
        raise MountError(f"prctl({option}): {os.strerror(number)}", number)
