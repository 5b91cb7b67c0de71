"""What libfuse calls, by path: each is a system call on the user kernel, by a process with the caller's ids.

How a path is walked is the user kernel's business, and who calls when is libfuse's.

The names and parameters of the methods are those that fusepy and mfusepy prescribe; a file is known by its
``fuse_file_info``, a directory by the number in it.  What is not here is not passed on by libfuse at all, or
answered by the system's kernel: ``poll``, ``ioctl``, ``bmap``.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import os
from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

from puffpy.libfuse.binding import ENCODING, Binding
from puffpy.libfuse.kernel import CallbackKernel
from puffpy.libfuse.locks import Flock, Queue
from puffpy.wire.flags import OpenOut

P = ParamSpec("P")
R = TypeVar("R")

SHOWN: Final = (
    "st_ino",
    "st_mode",
    "st_nlink",
    "st_uid",
    "st_gid",
    "st_rdev",
    "st_size",
    "st_blksize",
    "st_blocks",
)
TIMES: Final = ("st_atime", "st_mtime", "st_ctime")

FIGURES: Final = (
    "f_bsize",
    "f_frsize",
    "f_blocks",
    "f_bfree",
    "f_bavail",
    "f_files",
    "f_ffree",
    "f_favail",
    "f_flag",
    "f_namemax",
)

ATOMIC_O_TRUNC: Final = 1 << 3
"""``FUSE_CAP_ATOMIC_O_TRUNC``, which libfuse 3 asks for."""


def served(
    method: Callable[Concatenate[Callbacks, P], R],
) -> Callable[Concatenate[Callbacks, P], R]:
    """Make a method a callback: what it does is done by the process that called."""

    @functools.wraps(method)
    def callback(self: Callbacks, *args: P.args, **kwargs: P.kwargs) -> R:
        owner = next((each.lock_owner for each in args if hasattr(each, "lock_owner")), 0)
        kernel = self.kernel
        with kernel.acting(kernel.client(*self.binding.caller(), owner)):
            return method(self, *args, **kwargs)

    return cast("Callable[Concatenate[Callbacks, P], R]", callback)


class Callbacks:
    """The operations of one mount.

    Args:
        binding: Tells who calls.
        begin: Called once, before everything else; returns the kernel.
        max_read: The mount option of that name.
    """

    use_ns = True
    flag_nullpath_ok = True
    """An open file that is no longer anywhere has no path: ``None``."""
    flag_utime_omit_ok = True

    def __init__(self, binding: Binding, begin: Callable[[], CallbackKernel], max_read: int) -> None:
        self.binding = binding
        self._begin = begin
        self._max_read = max_read
        self._queue = Queue(binding.interrupted)
        self._kernel: CallbackKernel | None = None

    @property
    def kernel(self) -> CallbackKernel:
        """The kernel; ENOTCONN where there is none."""
        if self._kernel is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return self._kernel

    def init(self, _path: str) -> None:
        """The mount is there, and the first request in it can be answered after this."""
        try:
            self._kernel = self._begin()
        except OSError:
            self.binding.leave()  # the server has refused, and knows why

    def init_with_config(self, connection: Any, _config: Any) -> None:
        """Begin, where mfusepy lets the terms be changed."""
        # An open that the kernel refuses after all (ETXTBSY) must not have emptied the file.
        connection.want &= ~ATOMIC_O_TRUNC
        connection.max_read = self._max_read  # libfuse 3 wants to be told twice
        self.init("/")

    def give_up(self) -> None:
        """Wait for nothing any more: it may never come."""
        self._queue.close()

    def end(self) -> None:
        """The mount is gone."""
        kernel, self._kernel = self._kernel, None
        if kernel is not None:
            kernel.unmount()

    # names

    @served
    def mkdir(self, path: str, mode: int) -> None:
        self.kernel.mkdir(raw(path), mode)

    @served
    def mknod(self, path: str, mode: int, dev: int) -> None:
        self.kernel.mknod(raw(path), mode, dev)

    @served
    def symlink(self, name: str, target: str) -> None:
        self.kernel.symlink(raw(target), raw(name))

    @served
    def link(self, name: str, existing: str) -> None:
        self.kernel.link(raw(existing), raw(name))

    @served
    def readlink(self, path: str) -> str:
        return self.kernel.readlink(raw(path)).decode(ENCODING)

    @served
    def unlink(self, path: str) -> None:
        if not self.kernel.remove_hidden(raw(path)):
            self.kernel.unlink(raw(path))

    @served
    def rmdir(self, path: str) -> None:
        self.kernel.rmdir(raw(path))

    @served
    def rename(self, old: str, new: str, flags: int = 0) -> None:
        if self.kernel.hides(raw(old), raw(new)):
            self.kernel.hide(raw(old), raw(new))
        else:
            self.kernel.rename(raw(old), raw(new), flags=flags)

    # attributes

    @served
    def getattr(self, path: str | None, fi: Any = None) -> dict[str, int]:
        place = fi.fh if path is None or fi else raw(path)
        told = self.kernel.stat(place, follow_symlinks=False)
        return {name: getattr(told, name) for name in SHOWN} | {
            name: getattr(told, f"{name}_ns") for name in TIMES
        }

    @served
    def access(self, path: str, mode: int) -> None:
        self.kernel.permit(raw(path), mode)

    @served
    def chmod(self, path: str, mode: int) -> None:
        self.kernel.chmod(raw(path), mode)

    @served
    def chown(self, path: str, uid: int, gid: int) -> None:
        self.kernel.chown(raw(path), uid, gid, follow_symlinks=False)

    @served
    def utimens(self, path: str, stamps: tuple[tuple[int, int], ...]) -> None:
        self.kernel.set_times(raw(path), stamps)

    @served
    def truncate(self, path: str | None, length: int, fi: Any = None) -> None:
        self.kernel.truncate(fi.fh if path is None or fi else raw(path), length)

    @served
    def statfs(self, path: str) -> dict[str, int]:
        told = self.kernel.statvfs(raw(path))
        return {name: getattr(told, name) for name in FIGURES}

    @served
    def getxattr(self, path: str, name: str, _position: int = 0) -> bytes:
        return self.kernel.getxattr(raw(path), raw(name), follow_symlinks=False)

    @served
    def setxattr(self, path: str, name: str, value: bytes, options: int, _position: int = 0) -> None:
        self.kernel.setxattr(raw(path), raw(name), value, options, follow_symlinks=False)

    @served
    def listxattr(self, path: str) -> list[str]:
        names = self.kernel.listxattr(raw(path), follow_symlinks=False)
        return [os.fsencode(name).decode(ENCODING) for name in names]

    @served
    def removexattr(self, path: str, name: str) -> None:
        self.kernel.removexattr(raw(path), raw(name), follow_symlinks=False)

    # open files

    @served
    def open(self, path: str, fi: Any) -> None:
        self._opened(fi, self.kernel.open_path(raw(path), fi.flags))

    @served
    def create(self, path: str, mode: int, fi: Any) -> None:
        self._opened(fi, self.kernel.open_path(raw(path), fi.flags | os.O_CREAT, mode))

    @served
    def read(self, _path: str | None, size: int, offset: int, fi: Any) -> bytes:
        return self.kernel.pread(fi.fh, size, offset)

    @served
    def write(self, _path: str | None, data: bytes, offset: int, fi: Any) -> int:
        return self.kernel.pwrite(fi.fh, data, offset)

    @served
    def flush(self, _path: str | None, fi: Any) -> None:
        self.kernel.flush(fi.fh)

    @served
    def release(self, _path: str | None, fi: Any) -> None:
        self.kernel.release(fi.fh)

    @served
    def fsync(self, _path: str | None, datasync: int, fi: Any) -> None:
        (self.kernel.fdatasync if datasync else self.kernel.fsync)(fi.fh)

    @served
    def fallocate(self, _path: str | None, mode: int, offset: int, length: int, fi: Any) -> None:
        self.kernel.fallocate(fi.fh, mode, offset, length)

    @served
    def lseek(self, _path: bytes | None, offset: int, whence: int, fi: Any) -> int:
        return self.kernel.lseek(fi.fh, offset, whence)

    def _opened(self, fi: Any, fd: int) -> None:
        how = self.kernel.how(fd)
        fi.fh = fd
        # Without notifications, what the page cache has is not known to be right at the next open.
        fi.keep_cache = False
        fi.direct_io = bool(how & OpenOut.DIRECT_IO)
        fi.nonseekable = bool(how & (OpenOut.NONSEEKABLE | OpenOut.STREAM))

    # directories

    @served
    def opendir(self, path: str, flags: int) -> int:
        return self.kernel.open_path(raw(path), flags | os.O_DIRECTORY)

    @served
    def readdir(self, _path: str | None, fd: int) -> list[tuple[str, dict[str, int], int]]:
        """Return the whole listing: fusepy passes no position on.  Libfuse asks once for every rewind."""
        self.kernel.rewinddir(fd)
        listing = []
        while (record := self.kernel.readdir(fd)) is not None:
            kind = {"st_ino": record.ino, "st_mode": record.kind << 12}
            listing.append((record.name.decode(ENCODING), kind, 0))
        return listing

    @served
    def releasedir(self, _path: str | None, fd: int) -> None:
        self.kernel.release(fd)

    @served
    def fsyncdir(self, _path: str | None, datasync: int, fd: int) -> None:
        (self.kernel.fdatasync if datasync else self.kernel.fsync)(fd)

    # locks

    @served
    def lock(self, _path: str | None, fi: Any, cmd: int, address: Any) -> None:
        wanted = Flock.at(address)
        if cmd == fcntl.F_GETLK:
            wanted.say(self.kernel.getlk(fi.fh, wanted.command, *wanted.place))
        else:
            take = functools.partial(self.kernel.lockf, fi.fh)
            self._queue.take(take, wanted.command, *wanted.place, wait=cmd == fcntl.F_SETLKW)

    @served
    def flock(self, _path: str | None, fi: Any, operation: int) -> None:
        take = functools.partial(self.kernel.flock, fi.fh)
        command = operation & ~fcntl.LOCK_NB
        self._queue.take(take, command, wait=command == operation)


class NamedCallbacks(Callbacks):
    """The same for fusepy, which calls the whole with an operation's name."""

    def __call__(self, operation: str, *args: Any) -> Any:
        """Call the operation of that name."""
        return getattr(self, operation)(*args)


def raw(text: str) -> bytes:
    """Return the bytes that *text*, as the bindings pass it, stands for."""
    return text.encode(ENCODING)
