"""What the tests of programs by path share: the smallest one, a kernel over one, and refusals."""

from __future__ import annotations

import contextlib
import errno
import re
import stat
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from puffpy.compat.fusepy import FuseOSError, Operations, vector
from puffpy.userkernel import UserKernel

DIRECTORY = {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
FILE = {"st_mode": stat.S_IFREG | 0o644, "st_size": 5}


class Flat(Operations):
    """A directory of files that hold their own names."""

    names: tuple[str, ...] = ("file",)

    def getattr(self, path: str, fh: Any = None) -> dict[str, Any]:
        if path == "/":
            return DIRECTORY
        if path[1:] not in self.names:
            raise FuseOSError(errno.ENOENT)
        return {**FILE, "st_size": len(path) - 1}

    def readdir(self, path: str, fh: Any) -> Iterable[Any]:
        return [*self.names, ".", ".."]

    def read(self, path: str, size: int, offset: int, fh: Any) -> bytes:
        return path[1:].encode()[offset : offset + size]


def kernel_over(operations: Any, **more: Any) -> UserKernel:
    """Return a kernel over a program; *more* is the vector's."""
    return UserKernel.over(vector(operations, **more))


def content(kernel: UserKernel, path: str) -> bytes:
    """Return what is in a file."""
    with kernel.open_file(path, "rb") as file:
        data: bytes = file.read()
        return data


def write(kernel: UserKernel, path: str, data: bytes = b"") -> None:
    """Make a file, or fill it anew."""
    with kernel.open_file(path, "wb") as file:
        file.write(data)


@contextlib.contextmanager
def refused(number: int) -> Iterator[None]:
    """See to it that what is done is refused with the errno *number*."""
    with pytest.raises(OSError, match=re.escape(f"[Errno {number}]")):
        yield
