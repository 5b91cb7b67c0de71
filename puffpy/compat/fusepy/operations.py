"""What a program subclasses: ``Operations`` with fusepy's default answers, and what goes with it.

Nothing here is asked by a kernel; the vector in ``vector`` stands in between.
"""

from __future__ import annotations

import errno
import functools
import logging
import os
import stat
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

ENOTSUP: Final = errno.EOPNOTSUPP
ENOATTR: Final = errno.ENODATA
"""What says that a file has no such extended attribute; macOS has a number of its own for it."""

IGNORED: Final = "libfuse_ignore"
"""mfusepy's mark of a method that is there to be read, and not to be asked."""

ReadDirResult = Iterable[str] | Iterable[tuple[str, dict[str, Any] | int | None, int]]
"""What ``readdir`` answers; mfusepy's name for it."""

fuse_version_major: Final = 3
fuse_version_minor: Final = 0
"""Which libfuse programs should think of: that of the options and of the configuration they are shown."""

Method = TypeVar("Method", bound=Callable[..., Any])

log = logging.getLogger("fuse.log-mixin")


class FuseOSError(OSError):
    """A refusal: ``raise FuseOSError(errno.ENOENT)``."""

    def __init__(self, errno: int) -> None:
        super().__init__(errno, os.strerror(errno))


def _default(method: Method) -> Method:
    setattr(method, IGNORED, True)
    return method


class Operations:
    """A file system by path; subclass it and write the methods that yours has.

    A path begins with ``/``, which is the mount's root.  Refuse by raising :class:`FuseOSError` or any
    ``OSError``; a method that answers a number may also return a negative errno.  What is left out answers as
    below, and where the kernel can give that answer alone it never asks.  Set ``use_ns = True`` and times are
    nanoseconds, whole numbers; otherwise they are seconds.
    """

    use_ns = False

    def __call__(self, op: str, *args: Any) -> Any:
        """Do *op*.  A subclass that overrides this sees every operation pass."""
        if not hasattr(self, op):
            raise FuseOSError(errno.EFAULT)
        return getattr(self, op)(*args)

    @_default
    def access(self, path: str, amode: int) -> int:
        """Refuse if the caller may not use *path* for *amode*.  Default: permitted."""
        return 0

    bmap: Any = None

    @_default
    def chmod(self, path: str, mode: int) -> Any:
        """Set the permissions."""
        raise FuseOSError(errno.EROFS)

    @_default
    def chown(self, path: str, uid: int, gid: int) -> Any:
        """Set owner and group; -1 leaves one as it is."""
        raise FuseOSError(errno.EROFS)

    @_default
    def create(self, path: str, mode: int, fi: Any = None) -> Any:
        """Make a regular file and open it; return the handle, a number.

        With ``raw_fi``, *fi* is a :class:`fuse_file_info` that takes the handle.  Otherwise it is the flags,
        as mfusepy has them: ``O_CREAT | O_RDWR`` here, whatever the caller said.
        """
        raise FuseOSError(errno.EROFS)

    @_default
    def destroy(self, path: str) -> Any:
        """The mount has ended; *path* is ``/``."""

    @_default
    def fallocate(self, path: str, mode: int, offset: int, length: int, fh: Any) -> Any:
        """Reserve room, or punch a hole; *mode* as in fallocate(2)."""
        raise FuseOSError(errno.EOPNOTSUPP)

    @_default
    def flock(self, path: str, fh: Any, op: int) -> Any:
        """Lock the whole file; *op* as in flock(2).  Default: the kernel keeps locks itself."""
        raise FuseOSError(errno.EOPNOTSUPP)

    @_default
    def flush(self, path: str, fh: Any) -> Any:
        """A descriptor of the open file is being closed."""
        return 0

    @_default
    def fsync(self, path: str, datasync: int, fh: Any) -> Any:
        """Make the file's data safe, and unless *datasync* its attributes."""
        return 0

    @_default
    def fsyncdir(self, path: str, datasync: int, fh: Any) -> Any:
        """Make a directory's names safe."""
        return 0

    def getattr(self, path: str, fh: Any = None) -> dict[str, Any]:
        """Return the attributes: a dict with the keys of ``os.stat_result``, at least ``st_mode``."""
        if path != "/":
            raise FuseOSError(errno.ENOENT)
        return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}

    @_default
    def getxattr(self, path: str, name: str, position: int = 0) -> bytes:
        """Return the value of the extended attribute *name*."""
        raise FuseOSError(ENOTSUP)

    @_default
    def init(self, path: str) -> Any:
        """The mount is there, and in the process that serves it; *path* is ``/``.  Start threads here."""

    @_default
    def init_with_config(self, conn_info: Any, config_3: Any) -> Any:
        """As ``init``, which is then not asked: *config_3* may still be changed."""

    @_default
    def ioctl(self, path: str, cmd: int, arg: Any, fh: Any, flags: int, data: Any) -> Any:
        """Do *cmd*; *data* is the address of what the caller passed by pointer, and gets back."""
        raise FuseOSError(errno.ENOTTY)

    @_default
    def link(self, target: str, source: str) -> Any:
        """Make *target* one more name of *source*."""
        raise FuseOSError(errno.EROFS)

    @_default
    def listxattr(self, path: str) -> Iterable[str]:
        """Return the names of all extended attributes."""
        return []

    lock: Any = None

    @_default
    def mkdir(self, path: str, mode: int) -> Any:
        """Make a directory."""
        raise FuseOSError(errno.EROFS)

    @_default
    def mknod(self, path: str, mode: int, dev: int) -> Any:
        """Make a file of the type that *mode* says."""
        raise FuseOSError(errno.EROFS)

    @_default
    def open(self, path: str, flags: int) -> Any:
        """Open a file; return the handle, a number.

        With ``raw_fi``, *flags* is a :class:`fuse_file_info` that has them, and takes the handle.
        """
        return 0

    @_default
    def opendir(self, path: str) -> Any:
        """Open a directory; return the handle, a number.  Asked whenever a listing is taken."""
        return 0

    @_default
    def read(self, path: str, size: int, offset: int, fh: Any) -> bytes:
        """Return up to *size* bytes from *offset*."""
        raise FuseOSError(errno.EIO)

    def readdir(self, path: str, fh: Any) -> Iterable[Any]:
        """List a directory: names, or ``(name, attributes, offset)``; of the attributes the type is used."""
        return [".", ".."]

    @_default
    def readdir_with_offset(self, path: str, offset: int, fh: Any) -> Iterable[Any]:
        """As ``readdir``, from the position *offset*, which an earlier entry named; 0 is the start."""
        return [".", ".."]

    @_default
    def readlink(self, path: str) -> str:
        """Return what a symbolic link says."""
        raise FuseOSError(errno.ENOENT)

    @_default
    def release(self, path: str, fh: Any) -> Any:
        """Nobody uses the open file any more."""
        return 0

    @_default
    def releasedir(self, path: str, fh: Any) -> Any:
        """The listing has been taken."""
        return 0

    @_default
    def removexattr(self, path: str, name: str) -> Any:
        """Remove the extended attribute *name*."""
        raise FuseOSError(ENOTSUP)

    @_default
    def rename(self, old: str, new: str) -> Any:
        """Move *old* to *new*, in whose place it is if that is there.

        With a third parameter, ``flags``, it gets those of renameat2(2).  Without, ``RENAME_NOREPLACE`` is
        seen to by the library, and the others are refused with EINVAL.
        """
        raise FuseOSError(errno.EROFS)

    @_default
    def rmdir(self, path: str) -> Any:
        """Take away an empty directory."""
        raise FuseOSError(errno.EROFS)

    @_default
    def setxattr(self, path: str, name: str, value: bytes, options: int, position: int = 0) -> Any:
        """Set the extended attribute *name*."""
        raise FuseOSError(ENOTSUP)

    @_default
    def statfs(self, path: str) -> dict[str, Any]:
        """Return the figures of the file system: a dict with the keys of ``os.statvfs_result``."""
        return {}

    @_default
    def symlink(self, target: str, source: str) -> Any:
        """Make a symbolic link, called *target*, that says *source*."""
        raise FuseOSError(errno.EROFS)

    @_default
    def truncate(self, path: str, length: int, fh: Any = None) -> Any:
        """Cut or extend the data to *length* bytes."""
        raise FuseOSError(errno.EROFS)

    @_default
    def unlink(self, path: str) -> Any:
        """Take away a name that is not a directory's."""
        raise FuseOSError(errno.EROFS)

    @_default
    def utimens(self, path: str, times: Any = None) -> Any:
        """Set the times of access and change, a pair; ``None`` is now."""
        return 0

    @_default
    def write(self, path: str, data: bytes, offset: int, fh: Any) -> Any:
        """Store *data* at *offset*; return how many bytes were stored."""
        raise FuseOSError(errno.EROFS)


class LoggingMixIn:
    """Put before ``Operations`` in the bases, it logs every operation and its answer, at level DEBUG."""

    log = log

    def __call__(self, op: str, path: str, *args: Any) -> Any:
        """Do *op*, and log it."""
        return _logged(self.log, op, getattr(self, op), path, *args)


def log_callback(method: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate an operation: it is logged, with its answer, at level DEBUG."""

    @functools.wraps(method)
    def logged(self: Any, *args: Any) -> Any:
        return _logged(log, method.__name__, functools.partial(method, self), *args)

    return logged


def _logged(where: logging.Logger, op: str, method: Callable[..., Any], path: Any, *args: Any) -> Any:
    where.debug("-> %s %s %r", op, path, args)
    answer: Any = "[Unhandled Exception]"
    try:
        answer = method(path, *args)
    except OSError as exc:
        answer = str(exc)
        raise
    finally:
        where.debug("<- %s %r", op, answer)
    return answer


def overrides(parent: type) -> Callable[[Method], Method]:
    """Decorate a method that must be there in *parent* too; an AssertionError says that it is not."""

    def check(method: Method) -> Method:
        if not callable(getattr(parent, method.__name__, None)):
            raise AssertionError(f"{parent.__name__} has no {method.__name__} to override")
        return method

    return check
