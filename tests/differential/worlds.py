"""Three worlds that ought to agree: the user kernel over detrempe, a real mount of it, and tmpfs.

What is done in them is the tests' business.
"""

from __future__ import annotations

import ctypes
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from filesystems.detrempe import Detrempe
from puffpy.userkernel import UserKernel
from tests.mounted.harness import DETREMPE, launch

AT_FDCWD = -100

DEEP = b"deep/down/in/there"
"""So that links to ``..`` lead out of the tested directory, and not out of the world."""

_libc = ctypes.CDLL(None, use_errno=True)


class World(Protocol):
    """A file system and the calls of ``os`` upon it."""

    name: str
    os: Any

    def at(self, path: bytes) -> bytes:
        """Return *path*, which is relative to the world's top, as its calls want it."""

    def rename(self, source: bytes, target: bytes, flags: int) -> None:
        """Call renameat2(2)."""

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None:
        """Call fallocate(2)."""


class Pretended:
    """The user kernel over a detrempe of its own."""

    name = "user kernel"

    def __init__(self) -> None:
        self.os = UserKernel.over(Detrempe())
        self.os.makedirs(b"/" + DEEP, 0o755)

    def at(self, path: bytes) -> bytes:
        """Below some directories, as in the other worlds."""
        return os.path.join(b"/", DEEP, path)

    def rename(self, source: bytes, target: bytes, flags: int) -> None:
        """The kernel's own."""
        self.os.rename(source, target, flags=flags)

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None:
        """The kernel's own."""
        self.os.fallocate(fd, mode, offset, length)

    def end(self) -> None:
        """See that everything was given back."""
        self.os.drop_caches()
        assert self.os.balance().zero, self.os.balance()
        self.os.unmount()


class Real:
    """A directory that the machine's kernel serves."""

    os = os

    def __init__(self, name: str, top: Path) -> None:
        self.name = name
        self._top = os.path.join(os.fsencode(tempfile.mkdtemp(dir=top)), DEEP)
        os.makedirs(self._top, 0o755)

    def at(self, path: bytes) -> bytes:
        """Below the directory."""
        return os.path.join(self._top, path)

    def rename(self, source: bytes, target: bytes, flags: int) -> None:
        """By hand: ``os`` has no flags."""
        if _libc.renameat2(AT_FDCWD, source, AT_FDCWD, target, flags):
            raise OSError(ctypes.get_errno(), "renameat2")

    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None:
        """By hand: ``os`` has no modes."""
        if _libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)):
            raise OSError(ctypes.get_errno(), "fallocate")


@contextmanager
def worlds() -> Iterator[Callable[[], list[Any]]]:
    """Mount what is to be mounted; yield what makes three fresh worlds."""
    with ExitStack() as stack:
        places = [
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="puffpy-agree-"))) for _ in range(2)
        ]
        mnt, log = places[0] / "mnt", places[1] / "log"
        mnt.mkdir()
        tmpfs = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="puffpy-agree-", dir="/dev/shm")))
        server = launch(DETREMPE, mnt, log=log, limit=600)
        stack.callback(server.close)
        server.wait_until_mounted()
        yield lambda: [Pretended(), Real("mount", mnt), Real("tmpfs", tmpfs)]
        assert "Traceback" not in server.said()


def told(world: World, st: os.stat_result) -> tuple[Any, ...]:
    """Return what must agree of a file's attributes; the size of a directory is everybody's own."""
    size = None if stat.S_ISDIR(st.st_mode) else st.st_size
    return oct(st.st_mode), st.st_nlink, st.st_uid, st.st_gid, size
