"""Landlock (landlock(7)): this process can open nothing any more but what it has named.

Descriptors that are open stay as they are.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Iterable
from typing import Final

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""System calls, with the same numbers on every architecture that has them."""

VERSION_FLAG: Final = 1
PATH_BENEATH: Final = 1

EXECUTE, READ_FILE, READ_DIR = 1 << 0, 1 << 2, 1 << 3

HANDLED: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
"""The rights over files that each version knows."""

ON_FILES: Final = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
"""Those that make sense for something else than a directory."""

NEEDED: Final = ("/proc", "/dev/null", "/dev/urandom", "/etc/localtime", "/usr/share/zoneinfo")
"""What may always be read: other processes' groups, and what Python itself looks at."""

ABSENT: Final = (errno.ENOSYS, errno.EOPNOTSUPP)


def confine(paths: Iterable[str]) -> bool:
    """Have this thread, and all that it starts, open nothing but what is beneath *paths*.

    Python's own files, and a few more, can still be read.  Returns: False where the kernel has no Landlock.

    Raises:
        OSError: it has, and refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION_FLAG)
    if version < 0:
        number = ctypes.get_errno()
        if number in ABSENT:
            return False
        raise OSError(number, os.strerror(number))
    handled = HANDLED[min(version, max(HANDLED))]
    ruleset = _checked(libc.syscall(CREATE_RULESET, struct.pack("=Q", handled), ctypes.c_size_t(8), 0))
    try:
        reading = EXECUTE | READ_FILE | READ_DIR
        for path in (*NEEDED, sys.prefix, sys.base_prefix, *sys.path):
            _allow(libc, ruleset, path or ".", reading & handled)
        for path in paths:
            _allow(libc, ruleset, path, handled)
        _checked(libc.syscall(RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)
    return True


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there, or not for us, needs no rule
    try:
        if not os.path.isdir(path):
            rights &= ON_FILES
        rule = struct.pack("=Qi", rights, fd)
        _checked(libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0))
    finally:
        os.close(fd)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result
