"""What can go wrong, as a tree, and the one place where an exception becomes an errno.

Nothing here logs, retries or knows about messages.

    Exception
      PuffpyError                  anything puffpy itself reports
        WireError                  the bytes of a message are wrong
        ReplyError                 a file system's answer cannot be true
        VectorError (TypeError)    an operation vector is refused when it is mounted
        MountError  (OSError)      the machine lacks something, or refused the mount
      OSError
        FsError                    a file system says no, with an errno
        FileNotFoundError
          Absent                   there is no such name, and the kernel may remember it

A file system refuses with any OSError; FsError is there for the errnos Python has no class for.
"""

import errno
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

LAST_ERRNO: Final = 511
"""The kernel takes errnos up to here in a reply; from 512 on they are its own (include/linux/errno.h)."""


class PuffpyError(Exception):
    """Anything puffpy itself reports."""


class WireError(PuffpyError):
    """The bytes of a message are wrong: cut short, too long, or one length contradicts another."""


class ReplyError(PuffpyError):
    """A file system's answer cannot be true: a wrong type, an unknown kind, more bytes than asked for."""


class VectorError(PuffpyError, TypeError):
    """An operation vector is refused: a misspelt operation, or parameters that are not the operation's."""


class WatchError(PuffpyError):
    """A mount cannot be looked at: there is none, it is not ours, or its server is silent."""


class MountError(PuffpyError, OSError):
    """The machine lacks something, or refused the mount.  The message ends with what to do.

    Args:
        message: What is missing or was refused, and the remedy.
        errno: The system's reason, where there is one.
    """

    def __init__(self, message: str, errno: int | None = None) -> None:
        super().__init__(message)
        self.errno = errno

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.args[0], self.errno)


class FsError(OSError):
    """A file system says no: ``raise FsError(errno.ENOTEMPTY)``.

    Args:
        code: An errno, 1 to 511; another number is a ValueError at the raise, where the mistake is.
        message: For the log; the caller of the file system sees only the errno.
    """

    def __init__(self, code: int, message: str = "") -> None:
        if not 0 < code <= LAST_ERRNO:
            raise ValueError(f"{code} is no errno: give one of the errno module's, 1 to {LAST_ERRNO}")
        super().__init__(code, message or os.strerror(code))


class Absent(FileNotFoundError):
    """There is no such name, and the kernel may go on saying so by itself.

    Args:
        ttl: For how many seconds; ``math.inf`` is for ever, 0 is not at all, as FileNotFoundError is.
    """

    def __init__(self, ttl: float = 0.0) -> None:
        if not ttl >= 0:
            raise ValueError(f"ttl is {ttl}: give the seconds the kernel may remember the absence, 0 or more")
        super().__init__(errno.ENOENT, os.strerror(errno.ENOENT))
        self.ttl = ttl

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.ttl,)


ERRNO_BY_CLASS: Final[Mapping[type[BaseException], int]] = MappingProxyType(
    {
        BlockingIOError: errno.EAGAIN,
        BrokenPipeError: errno.EPIPE,
        ChildProcessError: errno.ECHILD,
        ConnectionAbortedError: errno.ECONNABORTED,
        ConnectionRefusedError: errno.ECONNREFUSED,
        ConnectionResetError: errno.ECONNRESET,
        FileExistsError: errno.EEXIST,
        FileNotFoundError: errno.ENOENT,
        InterruptedError: errno.EINTR,
        IsADirectoryError: errno.EISDIR,
        MemoryError: errno.ENOMEM,
        NotADirectoryError: errno.ENOTDIR,
        NotImplementedError: errno.EOPNOTSUPP,
        PermissionError: errno.EACCES,
        ProcessLookupError: errno.ESRCH,
        TimeoutError: errno.ETIMEDOUT,
    }
)
"""What a class means where the exception carries no errno of its own."""


def errno_of(exc: BaseException) -> int:
    """Return the errno, 1 to 511, that tells the kernel about *exc*.

    An OSError's own errno counts first, then the class, nearest ancestor first; anything else is a bug in the
    file system and EIO.  ENOSYS becomes EOPNOTSUPP: to Linux it means "never ask again", which only the
    operation table may say.
    """
    if isinstance(exc, OSError) and isinstance(exc.errno, int) and 0 < exc.errno <= LAST_ERRNO:
        return errno.EOPNOTSUPP if exc.errno == errno.ENOSYS else exc.errno
    for cls in type(exc).__mro__:
        if cls in ERRNO_BY_CLASS:
            return ERRNO_BY_CLASS[cls]
    return errno.EIO


class TimedOut(BaseException):
    """Raised inside an operation that has run for longer than the mount's ``timeout``; its caller has gone.

    No ``Exception``, so that it is not taken for an error of what the operation was doing.
    """
