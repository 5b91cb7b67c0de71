"""The machine's own system calls: those of ``os``, and what it lacks, named as the user kernel names them.

Nothing here knows what is mounted, or whose thread it runs in.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
from collections.abc import Callable
from typing import Any, Final

from puffpy.types import Lock

AT_FDCWD: Final = -100
AT_EMPTY_PATH: Final = 0x1000
UTIME_NOW: Final = (1 << 30) - 1
UTIME_OMIT: Final = (1 << 30) - 2
DIRENT: Final = 19
"""Bytes of ``struct linux_dirent64`` before the name."""

libc: Final = ctypes.CDLL(None, use_errno=True)

KINDS: Final = {fcntl.LOCK_SH: fcntl.F_RDLCK, fcntl.LOCK_EX: fcntl.F_WRLCK, fcntl.LOCK_UN: fcntl.F_UNLCK}


class Flock(ctypes.Structure):
    """``struct flock`` of a 64-bit Linux."""

    _fields_ = (
        ("l_type", ctypes.c_short),
        ("l_whence", ctypes.c_short),
        ("l_start", ctypes.c_int64),
        ("l_len", ctypes.c_int64),
        ("l_pid", ctypes.c_int),
    )


def checked(result: int, *paths: object) -> int:
    """Return *result*, or raise what the C library says has gone wrong."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), *paths[:1])
    return result


def at(fd: int | None) -> int:
    """Return the descriptor that a path is relative to."""
    return AT_FDCWD if fd is None else fd


class Linux:
    """``os``, completed.  Waits for locks end with EINTR when a signal comes: they are not begun again."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call: Callable[..., Any] = getattr(os, name)
        return call

    def rename(
        self,
        src: str,
        dst: str,
        *,
        src_dir_fd: int | None = None,
        dst_dir_fd: int | None = None,
        flags: int = 0,
    ) -> None:
        """See renameat2(2)."""
        source, target = os.fsencode(src), os.fsencode(dst)
        checked(libc.renameat2(at(src_dir_fd), source, at(dst_dir_fd), target, flags), src)

    def link_open(self, fd: int, path: str) -> None:
        """Give the open file *fd*, which may have no name, the name *path*."""
        checked(libc.linkat(fd, b"", AT_FDCWD, os.fsencode(path), AT_EMPTY_PATH), path)

    def utimensat(self, path: str, atime: tuple[int, int], mtime: tuple[int, int]) -> None:
        """See utimensat(2); times are seconds and nanoseconds."""
        times = (ctypes.c_int64 * 4)(*atime, *mtime)
        checked(libc.utimensat(AT_FDCWD, os.fsencode(path), times, 0), path)

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None:
        """See fallocate(2)."""
        checked(libc.fallocate(fd, mode, ctypes.c_int64(offset), ctypes.c_int64(length)))

    def syncfs(self, fd: int) -> None:
        """See syncfs(2)."""
        checked(libc.syncfs(fd))

    def flock(self, fd: int, operation: int) -> None:
        """See flock(2)."""
        checked(libc.flock(fd, operation))

    def lockf(self, fd: int, cmd: int, length: int = 0, start: int = 0, whence: int = 0) -> None:
        """See ``fcntl.lockf``."""
        kind = KINDS[cmd & ~fcntl.LOCK_NB]
        operation = fcntl.F_SETLK if cmd & fcntl.LOCK_NB else fcntl.F_SETLKW
        lock = Flock(kind, whence, start, length, 0)
        checked(libc.fcntl(fd, operation, ctypes.byref(lock)))

    def getlk(self, fd: int, cmd: int, length: int = 0, start: int = 0, whence: int = 0) -> Lock | None:
        """Return the POSIX lock that stands in the way of *cmd*, if one does (F_GETLK of fcntl(2))."""
        lock = Flock(KINDS[cmd], whence, start, length, 0)
        checked(libc.fcntl(fd, fcntl.F_GETLK, ctypes.byref(lock)))
        if lock.l_type == fcntl.F_UNLCK:
            return None
        end = lock.l_start + lock.l_len - 1 if lock.l_len else 2**63 - 1
        return Lock(lock.l_type, lock.l_start, end, lock.l_pid)

    def readdir(self, fd: int) -> tuple[int, str] | None:
        """Return the position after the next entry of *fd*, and its name; ``None`` at the end."""
        buffer = ctypes.create_string_buffer(1024)
        if not checked(libc.getdents64(fd, buffer, len(buffer))):
            return None
        position = int.from_bytes(buffer.raw[8:16], "little", signed=True)
        self.seekdir(fd, position)
        return position, os.fsdecode(buffer.raw[DIRENT:].split(b"\0", 1)[0])

    def telldir(self, fd: int) -> int:
        """Return where the open directory *fd* stands."""
        return os.lseek(fd, 0, os.SEEK_CUR)

    def seekdir(self, fd: int, position: int) -> None:
        """Go on reading the open directory *fd* from *position*."""
        if checked(os.lseek(fd, position, os.SEEK_SET)) != position:
            raise OSError(errno.EIO, "a directory has moved elsewhere than it was asked to")
