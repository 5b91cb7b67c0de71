"""System calls that Python's ``os`` has no function for, each with the errors of ``os``.

Nothing here knows a node or a mount.  Those that change who the caller is change it for the calling thread
alone: that is why they are not ``os.setgroups`` and its like, which speak for the whole process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Sequence
from typing import Final

from puffpy import Vattr

AT_FDCWD: Final = -100
AT_SYMLINK_NOFOLLOW: Final = 0x100
AT_NO_AUTOMOUNT: Final = 0x800
AT_EMPTY_PATH: Final = 0x1000
AT_STATX_DONT_SYNC: Final = 0x4000
CLONE_FS: Final = 0x200
UTIME_NOW: Final = (1 << 30) - 1
UTIME_OMIT: Final = (1 << 30) - 2
MAX_HANDLE_SZ: Final = 128
NANO: Final = 10**9
NOBODY: Final = 0xFFFFFFFF
"""No user's number and no group's: asking for it changes nothing, and returns what there is."""

SETGROUPS: Final = {"x86_64": 116, "aarch64": 159, "riscv64": 159, "loongarch64": 159, "ppc64le": 81}
"""The number of setgroups(2) by machine; the C library's function would change all threads."""

OPEN_TREE: Final = 428
"""The number of open_tree(2), the same on all machines."""

_BASIC_AND_BTIME: Final = 0xFFF
_STATX: Final = struct.Struct("=4xI8xIIIH2xQQQ8x" + 4 * "qI4x" + "IIII")
_HANDLE: Final = struct.Struct("=Ii")

_libc = ctypes.CDLL(None, use_errno=True)
_int, _long, _uint, _text, _pointer = (
    ctypes.c_int,
    ctypes.c_long,
    ctypes.c_uint,
    ctypes.c_char_p,
    ctypes.c_void_p,
)
_libc.statx.argtypes = (_int, _text, _int, _uint, _pointer)
_libc.renameat2.argtypes = (_int, _text, _int, _text, _uint)
_libc.fallocate.argtypes = (_int, _int, ctypes.c_int64, ctypes.c_int64)
_libc.utimensat.argtypes = (_int, _text, _pointer, _int)
_libc.futimens.argtypes = (_int, _pointer)
_libc.name_to_handle_at.argtypes = (_int, _text, _pointer, _pointer, _int)
_libc.open_by_handle_at.argtypes = (_int, _text, _int)
_libc.syscall.argtypes = (_long, _long, _pointer)
_libc.syscall.restype = _long
_libc.setfsuid.argtypes = _libc.setfsgid.argtypes = (_uint,)
_libc.inotify_add_watch.argtypes = (_int, _text, ctypes.c_uint32)
_libc.inotify_rm_watch.argtypes = (_int, _int)


def _checked(result: int, what: object = None) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)
    return result


class Statx:
    """statx(2) of descriptors, into a buffer that is used again and again: one thread at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray(256)
        self._cells = (ctypes.c_char * 256).from_buffer(self._buffer)
        self._address = ctypes.addressof(self._cells)

    def __call__(self, fd: int, name: str = "", sync: int = 0) -> tuple[int, Vattr]:
        """Return the device and the attributes of *fd* itself, or of *name* in it, which is not followed.

        *sync* may be AT_STATX_DONT_SYNC: what is known without asking anybody.
        """
        if name:
            flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | sync
            result = _libc.statx(fd, os.fsencode(name), flags, _BASIC_AND_BTIME, self._address)
        else:
            result = _libc.statx(fd, b"", AT_EMPTY_PATH | sync, _BASIC_AND_BTIME, self._address)
        _checked(result, name or fd)
        values = _STATX.unpack_from(self._buffer)
        blksize, nlink, uid, gid, mode, ino, size, blocks = values[:8]
        atime, atime_ns, btime, btime_ns, ctime, ctime_ns, mtime, mtime_ns = values[8:16]
        major, minor, device_major, device_minor = values[16:]
        va = Vattr(
            mode,
            nlink,
            uid,
            gid,
            size,
            atime * NANO + atime_ns,
            mtime * NANO + mtime_ns,
            ctime * NANO + ctime_ns,
            btime * NANO + btime_ns,
            ino,
            os.makedev(major, minor) if major or minor else 0,
            blocks,
            blksize,
        )
        return device_major << 32 | device_minor, va


def handle_of(fd: int) -> bytes:
    """Return the handle (name_to_handle_at(2)) of what *fd* is a descriptor of."""
    buffer = bytearray(_HANDLE.size + MAX_HANDLE_SZ)
    _HANDLE.pack_into(buffer, 0, MAX_HANDLE_SZ, 0)
    cells = (ctypes.c_char * len(buffer)).from_buffer(buffer)
    mount = ctypes.c_int()
    _checked(
        _libc.name_to_handle_at(fd, b"", ctypes.addressof(cells), ctypes.addressof(mount), AT_EMPTY_PATH), fd
    )
    return bytes(buffer[: _HANDLE.size + _HANDLE.unpack_from(buffer)[0]])


def open_by_handle(mount_fd: int, handle: bytes, flags: int) -> int:
    """Open what *handle* is the handle of; *mount_fd* is open, not ``O_PATH``, on the same file system.

    Raises:
        EPERM: CAP_DAC_READ_SEARCH is missing.
        ESTALE: there is no such file any more.
    """
    return _checked(_libc.open_by_handle_at(mount_fd, handle, flags | os.O_CLOEXEC))


def hold(fd: int) -> int:
    """Return a descriptor (``O_PATH``) of the very file that *fd* is a descriptor of.

    By open_tree(2), which without OPEN_TREE_CLONE does just that, in half the time of a path through /proc.
    Linux has it since 5.2, and filters may refuse it.
    """
    held: int = _libc.syscall(OPEN_TREE, fd, b"", AT_EMPTY_PATH | os.O_CLOEXEC)
    return held if held >= 0 else os.open(f"/proc/self/fd/{fd}", os.O_PATH | os.O_CLOEXEC)


def renameat2(old_fd: int, old: str, new_fd: int, new: str, flags: int) -> None:
    """Rename as renameat2(2) does."""
    _checked(_libc.renameat2(old_fd, os.fsencode(old), new_fd, os.fsencode(new), flags), old)


def fallocate(fd: int, mode: int, offset: int, length: int) -> None:
    """Reserve, zero or free a range (fallocate(2)), as *mode* says."""
    _checked(_libc.fallocate(fd, mode, offset, length), fd)


def utimensat(file: int | str, atime: tuple[int, int], mtime: tuple[int, int]) -> None:
    """Set times, each seconds and nanoseconds; the latter may be UTIME_NOW or UTIME_OMIT."""
    times = (ctypes.c_int64 * 4)(*atime, *mtime)
    if isinstance(file, int):
        _checked(_libc.futimens(file, ctypes.addressof(times)), file)
    else:
        _checked(_libc.utimensat(AT_FDCWD, os.fsencode(file), ctypes.addressof(times), 0), file)


def syncfs(fd: int) -> None:
    """Have the file system that *fd* is on write what it holds back (syncfs(2))."""
    _checked(_libc.syncfs(fd), fd)


def unshare_umask() -> None:
    """Let the calling thread have a umask (and working directory) of its own: CLONE_FS."""
    _checked(_libc.unshare(CLONE_FS))


def set_groups(groups: Sequence[int]) -> None:
    """Set the supplementary groups of the calling thread."""
    array = (ctypes.c_uint32 * len(groups))(*groups)
    _checked(_libc.syscall(SETGROUPS[platform.machine()], len(groups), ctypes.addressof(array)))


def lower_fs_ids(uid: int, gid: int) -> None:
    """Use files as *uid* and *gid* from now on, in the calling thread, which is root's.

    Raises:
        EPERM: the system would not; setfsuid(2) itself keeps silent about that.
    """
    # The user last: with root's rights goes the right to choose the group.
    _libc.setfsgid(gid)
    _libc.setfsuid(uid)
    if _libc.setfsuid(NOBODY) & NOBODY != uid or _libc.setfsgid(NOBODY) & NOBODY != gid:
        raise PermissionError(errno.EPERM, f"files cannot be used as user {uid} and group {gid} here")


def raise_fs_ids(gid: int) -> None:
    """Use files as root, and *gid*, again."""
    _libc.setfsuid(0)
    _libc.setfsgid(gid)


def inotify_init() -> int:
    """Return a descriptor that tells of changes; closed in children, never blocking."""
    return _checked(_libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))


def inotify_add_watch(fd: int, path: str, mask: int) -> int:
    """Watch *path*; return the number by which events name it."""
    return _checked(_libc.inotify_add_watch(fd, os.fsencode(path), mask), path)


def inotify_rm_watch(fd: int, number: int) -> None:
    """Stop watching."""
    _checked(_libc.inotify_rm_watch(fd, number))
