"""The user kernel as libfuse's callbacks need it: callers with ids, times one by one, names of the nameless.

Paths are walked, and requests made, as for any user of the user kernel.
"""

from __future__ import annotations

import os
import re
import time
from typing import Final

import attrs
from typing_extensions import override

from puffpy.types import Credentials, Lock
from puffpy.userkernel import Link, Process, UserKernel
from puffpy.userkernel.descriptors import OpenInode
from puffpy.userkernel.inodes import NSEC, Inode
from puffpy.userkernel.machine import Path, call
from puffpy.userkernel.walk import PATH_MAX, Last
from puffpy.wire.flags import OpenOut, SetattrValid

HIDDEN: Final = re.compile(rb"\.fuse_hidden[0-9a-f]{16}")
"""What libfuse calls a file that has lost its name while it was open (lib/fuse.c, hidden_name)."""

NOW: Final = (1 << 30) - 1
OMIT: Final = (1 << 30) - 2
"""The nanoseconds that say "now" and "leave it" (utimensat(2))."""

DONE_ALREADY: Final = os.O_APPEND | os.O_SYNC
"""Of an open file's flags, what the system's kernel sees to itself: it says where to write, and syncs."""


@attrs.define(eq=False)
class Client(Process):
    """The process that made libfuse call; *pid* is its thread's id in this system."""

    pid: int = 0

    @property
    @override
    def tid(self) -> int:
        return self.pid


class CallbackKernel(UserKernel):
    """A user kernel whose callers have been let through by the system's kernel already.

    Theory of operation of hidden names.  Libfuse has nothing but paths, so it gives a file that is removed
    while it is open a new name in the same directory, and removes that when the file is closed.  Here such a
    file is really removed, and its hidden name, which is in no directory, leads to its inode until libfuse
    removes it: the directory is empty when it looks empty, and the file has no link when it has none.
    """

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self._hidden: dict[bytes, Inode] = {}

    def client(self, uid: int, gid: int, pid: int, owner: int) -> Client:
        """Return the process that has these ids; *owner* is by what its locks are known.

        The umask has been applied already, and every group that matters been looked at.
        """
        return Client(Credentials(uid, gid), self._tree.root, owner, umask=0, pid=pid)

    # names

    def hides(self, old: bytes, new: bytes) -> bool:
        """Tell whether libfuse, renaming *old* to *new*, hides an open file."""
        (above, name), (beside, hidden) = os.path.split(old), os.path.split(new)
        if above != beside or HIDDEN.fullmatch(name) or not HIDDEN.fullmatch(hidden):
            return False
        inode = self._find(old, follow=False)
        return any(self._has_open(fd, inode) for fd in self._descriptors.all())

    def _has_open(self, fd: int, inode: Inode) -> bool:
        try:
            return self._open_inode(fd).inode is inode
        except OSError:
            return False  # closed in this moment

    @call(1)
    def hide(self, path: bytes, hidden: bytes) -> None:
        """Remove *path*, and let *hidden* lead to what it was."""
        inode = self._find(path, follow=False)
        self.unlink(path)
        self._hidden[hidden] = inode

    def remove_hidden(self, path: bytes) -> bool:
        """Forget a hidden name; False if *path* is none."""
        return self._hidden.pop(path, None) is not None

    @override
    def _find(self, path: Path | int, *, follow: bool = True, dir_fd: int | None = None) -> Inode:
        if not isinstance(path, bytes):
            return super()._find(path, follow=follow, dir_fd=dir_fd)
        inode = self._hidden.get(path)
        return inode or self._walker.find(self.process, *self._shortened(path), follow=follow)

    @override
    def _last(self, path: Path, dir_fd: int | None = None) -> Last:
        if not isinstance(path, bytes):
            return super()._last(path, dir_fd)
        return self._walker.last(self.process, *self._shortened(path))

    def _shortened(self, path: bytes) -> tuple[bytes, Inode]:
        """Walk the first part of what is too long for a path; libfuse's begin at the root, however deep."""
        here = self._tree.root
        while len(path) >= PATH_MAX:
            head, _, _ = path[:PATH_MAX].rpartition(b"/")
            here = self._walker.find(self.process, head, here)
            path = path[len(head) :].lstrip(b"/")
        return path, here

    @override
    def _file_mode(self, directory: Inode, mode: int) -> int:
        return mode

    # open files

    @call(1)
    def open_path(self, path: bytes, flags: int, mode: int = 0) -> int:
        """Return a descriptor, as ``open``; of a hidden name as well."""
        inode = self._hidden.get(path)
        if inode is None:
            fd = self.open(path, flags, mode)
        else:
            fd = self._descriptors.add(self._open_existing(inode, flags))
        self._open_inode(fd).flags &= ~DONE_ALREADY
        return fd

    def how(self, fd: int) -> OpenOut:
        """Return what the file system said when *fd* was opened."""
        return self._open_inode(fd).out

    @call()
    def flush(self, fd: int) -> None:
        """One of the numbers under which programs know *fd* was closed."""
        self._flush(self._open_inode(fd))

    @call()
    def release(self, fd: int) -> None:
        """The last one was."""
        self._release(self._descriptors.take(fd))

    # attributes

    @call(1)
    def permit(self, path: bytes, mask: int) -> None:
        """As ``access``, with the file system's own reason."""
        self._guard.access(self._find(path, follow=False), self.process, mask)

    @call(1)
    def set_times(self, path: bytes, stamps: tuple[tuple[int, int], ...]) -> None:
        """Set the times of access and of change, each (seconds, nanoseconds), as utimensat(2); () is now."""
        valid, fields = SetattrValid(0), {}
        rows = (
            ("atime", SetattrValid.ATIME, SetattrValid.ATIME_NOW),
            ("mtime", SetattrValid.MTIME, SetattrValid.MTIME_NOW),
        )
        for (name, bit, now), (seconds, nanoseconds) in zip(rows, stamps or ((0, NOW),) * 2, strict=True):
            if nanoseconds == OMIT:
                continue
            if nanoseconds == NOW:
                valid |= now
                seconds, nanoseconds = divmod(time.time_ns(), NSEC)
            valid |= bit
            fields[name], fields[f"{name}nsec"] = seconds, nanoseconds
        inode = self._find(path, follow=False)
        if valid:
            self._setattr(inode, valid, fields)

    # locks

    @override
    def _range(self, opened: OpenInode, kind: int, length: int, start: int, whence: int) -> Lock:
        return attrs.evolve(super()._range(opened, kind, length, start, whence), pid=self.process.tid)
