"""A fork that shares its descriptors: what the child opens stays open when the child is killed.

What the child does, and which of its descriptors are kept, is the supervisor's business.

Theory of operation.  clone(2) with CLONE_FILES makes a child that has no copy of the table of descriptors but
the very table.  So there is nothing to be handed over when the child dies: an open file has the same number
in the next child as in the last one, with its offset, its rights, and the life of a file that has no name any
more.  Python's own bookkeeping of a fork is done by hand.  The C library keeps the number of the forking
thread and would signal the wrong one with pthread_kill(3), so nothing here does that.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
from typing import Final

from puffpy.errors import MountError

CLONE_FILES: Final = 0x400
PR_SET_PDEATHSIG: Final = 1

CLONE: Final = {"x86_64": 56, "aarch64": 220, "riscv64": 220, "loongarch64": 220, "ppc64le": 120}
"""The number of clone(2) by machine, where flags come first and the stack second."""

_python = ctypes.PyDLL(None, use_errno=True)
_python.syscall.restype = ctypes.c_long


def fork_sharing_descriptors() -> int:
    """Fork as os.fork does, from a process that has one thread; the child shares the descriptors.

    Raises:
        MountError: the number of the system call is not known for this machine.
        OSError: as clone(2) fails.
    """
    number = CLONE.get(platform.machine())
    if number is None:
        raise MountError(
            f"--supervise is not known to work on {platform.machine()}: leave it out", errno.EOPNOTSUPP
        )
    nothing = ctypes.c_void_p(0)
    _python.PyOS_BeforeFork()
    # With the interpreter's lock held (PyDLL): the child's one thread must be the one that holds it.
    pid = int(
        _python.syscall(
            *(ctypes.c_long(number), ctypes.c_ulong(CLONE_FILES | signal.SIGCHLD)),
            *(nothing, nothing, nothing, nothing),
        )
    )
    if pid == 0:
        _python.PyOS_AfterFork_Child()
        return 0
    code = ctypes.get_errno()
    _python.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(code, os.strerror(code))
    return pid


def die_with(parent: int) -> None:
    """Have this process killed when *parent*, which forked it, ends; at once if it already has."""
    _python.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def descriptors() -> set[int]:
    """Return the descriptors that are open in this process."""
    return {fd for fd in map(int, os.listdir("/proc/self/fd")) if _is_open(fd)}


def _is_open(fd: int) -> bool:
    """Tell whether *fd* is open still: the one that a listing was read through is not."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
