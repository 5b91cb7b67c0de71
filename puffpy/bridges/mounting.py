"""mount(2) and umount2(2), and whether a mount point can be one.

Which file system, and who serves it, is nobody's business here.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import stat

from puffpy.errors import MountError
from puffpy.options import MountOptions

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_SYNCHRONOUS, MS_DIRSYNC, MS_NOATIME = 1, 2, 4, 8, 16, 128, 1024
MNT_FORCE, MNT_DETACH, UMOUNT_NOFOLLOW = 1, 2, 8

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)
_libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
_libc.signal.restype = ctypes.c_void_p


def mount(source: str, target: str, kind: str, flags: int, data: str) -> None:
    """Call mount(2); OSError as it fails."""
    arguments = (os.fsencode(source), os.fsencode(target), os.fsencode(kind), flags, os.fsencode(data))
    if _libc.mount(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), target)


def unmount(target: str, flags: int = MNT_DETACH | UMOUNT_NOFOLLOW) -> None:
    """Call umount2(2), lazily unless told otherwise; OSError as it fails."""
    if _libc.umount2(os.fsencode(target), flags) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), target)


def stir(thread: int) -> None:
    """Have the system call that *thread* waits in start anew, so that it looks at its descriptor again.

    SIGURG does nothing by default, and then the kernel wakes nobody for it; a handler in C that does nothing
    either (abs(3)) makes the difference.  One of Python's would need the main thread.  The call is restarted,
    not failed: signal(3) sets SA_RESTART.
    """
    previous = _libc.signal(signal.SIGURG, ctypes.cast(_libc.abs, ctypes.c_void_p))
    if previous not in (None, int(signal.SIG_IGN)):  # None is SIG_DFL, which need not come back
        _libc.signal(signal.SIGURG, previous)
    signal.pthread_kill(thread, signal.SIGURG)


def generic_flags(options: MountOptions) -> int:
    """Return the flags of mount(2) that *options* mean."""
    rows = (
        (options.ro, MS_RDONLY),
        (not options.suid, MS_NOSUID),
        (not options.dev, MS_NODEV),
        (not options.exec, MS_NOEXEC),
        (options.sync, MS_SYNCHRONOUS),
        (options.dirsync, MS_DIRSYNC),
        (options.noatime, MS_NOATIME),
    )
    return sum(flag for on, flag in rows if on)


def escape(text: str) -> str:
    """Return *text* as the value of one option: a comma or backslash in it would end it."""
    return text.replace("\\", "\\\\").replace(",", "\\,")


def check_mountpoint(path: str) -> str:
    """Return the real path of *path*, where a directory can be mounted upon.

    Raises:
        MountError: it is not there, not a directory, or a dead mount.
    """
    if is_dead(path):
        remedy = f"take it over (-o replace), or unmount it: fusermount3 -u {path}, as root umount -l {path}"
        raise MountError(f"{path} is a mount whose server has died: {remedy}", errno.ENOTCONN)
    try:
        mode = os.stat(path).st_mode
    except OSError as exc:
        remedy = f"mkdir {path}" if exc.errno == errno.ENOENT else "choose another"
        raise MountError(f"mount point {path}: {exc.strerror}: {remedy}", exc.errno) from None
    if not stat.S_ISDIR(mode):
        raise MountError(f"mount point {path} is not a directory: choose one that is", errno.ENOTDIR)
    return os.path.realpath(path)


def is_dead(path: str) -> bool:
    """Tell whether *path* is a mount whose server is gone.

    Its figures are asked for, because they alone are never answered from what the kernel remembers.
    """
    try:
        os.statvfs(path)
    except OSError as exc:
        return exc.errno in (errno.ENOTCONN, errno.ECONNABORTED)
    return False


def abort(minor: int) -> None:
    """End the connection *minor* whoever waits on it, where fusectl is mounted."""
    with contextlib.suppress(OSError), open(f"/sys/fs/fuse/connections/{minor}/abort", "wb") as control:
        control.write(b"1")


def minor_of(path: str) -> int | None:
    """Return the minor device number of the topmost mount at *path*, which names its connection.

    Read from the mount table: to ask the mount itself could mean to ask oneself.
    """
    found = None
    with open("/proc/self/mountinfo", "rb") as table:
        for line in table:
            fields = line.split()
            if fields[4].decode("unicode_escape").encode("latin-1") == os.fsencode(path):
                found = int(fields[2].split(b":")[1])
    return found
