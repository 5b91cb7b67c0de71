"""Python file objects over the user kernel's descriptors, as ``open`` returns them.

Buffering and text are the standard library's; only the raw layer is here.
"""

from __future__ import annotations

import io
import os
from typing import IO, Any, Protocol, cast

from typing_extensions import Buffer, override


class DescriptorCalls(Protocol):
    """What a raw file calls."""

    def read(self, fd: int, n: int) -> bytes:
        """See ``os.read``."""

    def write(self, fd: int, data: Buffer) -> int:
        """See ``os.write``."""

    def lseek(self, fd: int, position: int, whence: int = 0) -> int:
        """See ``os.lseek``."""

    def ftruncate(self, fd: int, length: int) -> None:
        """See ``os.ftruncate``."""

    def close(self, fd: int) -> None:
        """See ``os.close``."""


def flags_of(mode: str) -> int:
    """Return the flags of ``os.open`` for a *mode* of ``open``; ValueError for one it has not."""
    kinds = [letter for letter in mode if letter in "rwax"]
    if len(kinds) != 1 or set(mode) - set("rwaxbt+") or len(set(mode)) != len(mode):
        raise ValueError(f"invalid mode: {mode!r}")
    if "b" in mode and "t" in mode:
        raise ValueError("can't have text and binary mode at once")
    flags = os.O_RDWR if "+" in mode else os.O_RDONLY if "r" in mode else os.O_WRONLY
    return (
        flags
        | {
            "r": 0,
            "w": os.O_CREAT | os.O_TRUNC,
            "a": os.O_CREAT | os.O_APPEND,
            "x": os.O_CREAT | os.O_EXCL,
        }[kinds[0]]
    )


class RawFile(io.RawIOBase):
    """An open descriptor of a user kernel as a raw file; closing it closes the descriptor.

    It has no ``fileno``: the number means nothing to the machine's own kernel.  *blksize* is how many bytes
    are best buffered, 0 where nobody has asked.
    """

    def __init__(self, kernel: DescriptorCalls, fd: int, mode: str, name: object) -> None:
        self.name = name
        self.mode = mode
        self._kernel = kernel
        self._fd = fd
        self.blksize = 0

    @override
    def readable(self) -> bool:
        return "r" in self.mode or "+" in self.mode

    @override
    def writable(self) -> bool:
        return "r" not in self.mode or "+" in self.mode

    @override
    def seekable(self) -> bool:
        try:
            self._kernel.lseek(self._fd, 0, os.SEEK_CUR)
        except OSError:
            return False
        return True

    @override
    def readinto(self, buffer: Buffer) -> int:
        self._usable(self.readable(), "read")
        view = memoryview(buffer).cast("B")
        data = self._kernel.read(self._fd, len(view))
        view[: len(data)] = data
        return len(data)

    @override
    def write(self, data: Buffer) -> int:
        self._usable(self.writable(), "write")
        return self._kernel.write(self._fd, data)

    @override
    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._kernel.lseek(self._fd, offset, whence)

    @override
    def truncate(self, size: int | None = None) -> int:
        self._usable(self.writable(), "truncate")
        size = self.tell() if size is None else size
        self._kernel.ftruncate(self._fd, size)
        return size

    @override
    def close(self) -> None:
        if not self.closed:
            try:
                super().close()
            finally:
                self._kernel.close(self._fd)

    def _usable(self, able: bool, what: str) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        if not able:
            raise io.UnsupportedOperation(what)


def wrap(
    raw: RawFile,
    mode: str,
    buffering: int,
    encoding: str | None,
    errors: str | None,
    newline: str | None,
) -> IO[Any]:
    """Put buffers and text around *raw* as ``open`` does."""
    text = "b" not in mode
    if not text and (encoding or errors or newline):
        raise ValueError("binary mode takes no encoding, errors or newline argument")
    if buffering == 0:
        if text:
            raise ValueError("can't have unbuffered text I/O")
        unbuffered: Any = raw
        return cast("IO[Any]", unbuffered)
    size = buffering if buffering > 1 else max(raw.blksize, io.DEFAULT_BUFFER_SIZE)
    buffer: Any
    if "+" in mode and raw.seekable():
        buffer = io.BufferedRandom(raw, size)
    else:
        buffer = io.BufferedWriter(raw, size) if raw.writable() else io.BufferedReader(raw, size)
    if not text:
        return cast("IO[Any]", buffer)
    wrapped = io.TextIOWrapper(buffer, encoding, errors, newline, line_buffering=buffering == 1)
    wrapped.mode = mode  # type: ignore[misc]  # open() sets it as well
    return wrapped
