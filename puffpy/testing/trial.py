"""A trial: one fresh file system under a kernel of its own, and what checks do with it again and again.

Nothing is expected or judged here.
"""

from __future__ import annotations

import inspect
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import attrs
from typing_extensions import Buffer

from puffpy.mount import prepared
from puffpy.ops import ReadOnly, VfsOps, VnodeOps, written
from puffpy.options import MountOptions
from puffpy.session import Session
from puffpy.userkernel import Mount, Process, SessionLink, UserKernel

LISTED_NODES = 500
"""An inventory stops after so many nodes: a view of something huge is not walked to its end."""

GRANULARITY = 0.02
"""Seconds within which two times of a file may be the same."""

PIECE = 1 << 20
"""Bytes that are read at once."""


def implemented(vnodeops: VnodeOps, vfsops: VfsOps) -> frozenset[str]:
    """Return the operations that a file system really has: what ``ReadOnly`` refuses is not among them."""
    ops = written(vnodeops) | written(vfsops)
    kept = {name for name in ops if vars(ReadOnly).get(name) is not None and not _own(vnodeops, name)}
    return frozenset(ops - kept)


def _own(vnodeops: VnodeOps, name: str) -> bool:
    # Also where a layer has put something around it.
    operation = inspect.unwrap(getattr(vnodeops, name))
    return getattr(operation, "__func__", operation) is not getattr(ReadOnly, name)


@attrs.frozen
class Found:
    """Something in a file system: its path from where the trial works, and its attributes."""

    path: str
    stat: os.stat_result

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.stat.st_mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.stat.st_mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.stat.st_mode)


@attrs.define(eq=False)
class Overseen:
    """A session of which is noted, just before its end, what the kernel had not given back."""

    session: Session
    nodes: int = 0
    handles: int = 0

    def receive(self, message: bytearray, size: int) -> bytes | tuple[Buffer, ...] | None:
        """See :meth:`Session.receive`."""
        return self.session.receive(message, size)

    def close(self) -> None:
        """See :meth:`Session.close`."""
        if not self.session.closed:
            # The root is known, and the handle of those who opened without asking is there, to the end.
            self.nodes = len(self.session.nodes) - 1
            self.handles = len(self.session.handles) - 1
        self.session.close()


class Trial(UserKernel):
    """A kernel with a fresh file system mounted, working in the directory *at*.

    It behaves towards the file system as Linux would, so a check written with it is one that a program could
    make on a mount.
    """

    def __init__(self, vnodeops: VnodeOps, options: MountOptions | None = None, at: str = "/") -> None:
        vfsops, chosen = prepared(vnodeops, None, options)
        self.ops = implemented(vnodeops, vfsops)
        self.options = chosen

        def serve(send: Callable[[bytes], object]) -> Overseen:
            self.overseen = Overseen(Session(vnodeops, vfsops, chosen, send))
            return self.overseen

        link = SessionLink(serve)
        mount = Mount(default_permissions=chosen.default_permissions, ro=chosen.ro, max_read=chosen.max_read)
        super().__init__(link, mount)
        try:
            self.chdir(at)
        except BaseException:
            self.unmount()
            raise

    @property
    def permissions(self) -> bool:
        """Whether permissions are checked at all."""
        return self.options.default_permissions or "access" in self.ops

    def root(self) -> AbstractContextManager[Process]:
        """Have what is done in this context be done by root."""
        return self.as_user(0, 0)

    # doing

    @contextmanager
    def opened(self, path: str | bytes, flags: int = os.O_RDONLY, mode: int = 0o644) -> Iterator[int]:
        """Open *path* in this context; gives the descriptor."""
        fd = self.open(path, flags, mode)
        try:
            yield fd
        finally:
            self.close(fd)

    def make_file(self, path: str | bytes, data: bytes = b"", mode: int = 0o644) -> None:
        """Make a regular file that holds *data*."""
        with self.opened(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode) as fd:
            if data:
                self.write_all(fd, data)

    def write_all(self, fd: int, data: bytes) -> None:
        """Write all of *data*, however many writes that takes."""
        view = memoryview(data)
        while view:
            view = view[self.write(fd, view) :]

    def tick(self) -> None:
        """Return when what happens now has another time than what happened before."""
        time.sleep(2 * GRANULARITY)

    # looking

    def names(self, path: str | int = ".") -> list[str]:
        """Return the names in a directory, sorted."""
        return sorted(os.fsdecode(name) for name in self.listdir(path))

    def content(self, path: str | bytes) -> bytes:
        """Return all that a file holds."""
        with self.opened(path) as fd:
            return self.read_all(fd)

    def read_all(self, fd: int) -> bytes:
        """Return what is left to be read of an open file."""
        pieces = []
        while piece := self.read(fd, PIECE):
            pieces.append(piece)
        return b"".join(pieces)

    def longest_name(self) -> int:
        """Return how many bytes a name may have."""
        return self.statvfs(".").f_namemax or 255

    def own_numbers(self, path: str) -> bool:
        """Tell whether the file system numbers its files, or leaves that to the library, life by life."""
        return "nodetofh" in self.ops or self.stat(path).st_ino not in self.overseen.session.nodes.cookies

    # something to look at

    def furnish(self) -> None:
        """Make one of each kind of node that can be made here, so that there is something to look at."""
        if "create" in self.ops:
            self.make_file("furnished", b"something to read\n" * 300 if "write" in self.ops else b"")
        if "mkdir" in self.ops:
            self.mkdir("furnished.d")
            if "create" in self.ops:
                self.make_file("furnished.d/inside")
        if "symlink" in self.ops:
            self.symlink("furnished", "furnished.link")
        if {"create", "link"} <= self.ops:
            self.link("furnished", "furnished.again")
        if "mknod" in self.ops:
            self.mkfifo("furnished.fifo")

    def inventory(self) -> list[Found]:
        """Furnish, and return everything there is, up to a limit, parents first."""
        self.furnish()
        found = [Found(".", self.stat("."))]
        for each in found:
            if each.is_dir and "readdir" in self.ops:
                for name in self.names(each.path):
                    path = name if each.path == "." else f"{each.path}/{name}"
                    found.append(Found(path, self.lstat(path)))
                    if len(found) == LISTED_NODES:
                        return found
        return found


class Complaints(logging.Handler):
    """Collects what the library logs as the file system's bugs, in place of its being printed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message, and of a traceback the last place."""
        self.lines.append(record.getMessage())
        exc: Any = record.exc_info[1] if record.exc_info else None
        trace = exc.__traceback__ if exc is not None else None
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        if trace is not None:
            self.lines[-1] += f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})"

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Collect in this context."""
        log = logging.getLogger("puffpy")
        propagates, log.propagate = log.propagate, False
        log.addHandler(self)
        try:
            yield
        finally:
            log.removeHandler(self)
            log.propagate = propagates
