"""What every system call works with: the connection, the tree, the open files, the calling process.

No system call is here; they are in the rooms that extend :class:`Machine`, one for each subject.
"""

from __future__ import annotations

import errno
import functools
import inspect
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, TypeAlias, TypeVar, cast

import attrs

from puffpy.userkernel.connection import Connection
from puffpy.userkernel.dentries import Tree
from puffpy.userkernel.descriptors import Descriptors, OpenInode
from puffpy.userkernel.inodes import Inode
from puffpy.userkernel.link import Link
from puffpy.userkernel.local_locks import LocalLocks
from puffpy.userkernel.negotiate import Offer
from puffpy.userkernel.notices import Notices
from puffpy.userkernel.permissions import Guard
from puffpy.userkernel.processes import Process, Processes
from puffpy.userkernel.walk import Last, Walker

Path: TypeAlias = "str | bytes | os.PathLike[str] | os.PathLike[bytes]"
"""What ``os`` takes for a path."""

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound="Machine")


@attrs.frozen(kw_only=True)
class Mount:
    """How the kernel is told to treat the mount; the fields are the mount options of the same names.

    *dev* is what ``st_dev`` shows, *max_read* bytes (0: no limit), *dentries* how many names are remembered.
    """

    default_permissions: bool = False
    ro: bool = False
    max_read: int = 0
    dev: int = os.makedev(0, 70)
    dentries: int = 100_000


@attrs.frozen
class Balance:
    """What the kernel has not given back: lookup counts by nodeid, open files, requests in flight."""

    lookups: Mapping[int, int]
    handles: int
    requests: int

    @property
    def zero(self) -> bool:
        """Whether everything has been given back."""
        return not (self.lookups or self.handles or self.requests)


class Machine:
    """The state of one kernel with one mount.

    Locks, in the order in which they are taken: that for notifications, that for renames, an inode's (two
    directories' by nodeid), an open file's, the tree's, the descriptors', the connection's, the link's.

    Args:
        link: The way to the server, closed with the kernel.
        mount: The mount options that are the kernel's business.
        offer: What INIT offers.
        clock: Seconds, for times to live.
    """

    def __init__(
        self,
        link: Link,
        mount: Mount | None = None,
        *,
        offer: Offer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.mount = mount or Mount()
        self._notices = Notices()
        self._connection = Connection(
            link, offer=offer or Offer(), max_read=self.mount.max_read, hear=self._notices.hear
        )
        self._tree = Tree(self._connection, clock, self.mount.dentries)
        self._guard = Guard(
            self._connection,
            self._tree,
            checks=self.mount.default_permissions,
            read_only=self.mount.ro,
        )
        self._walker = Walker(self._connection, self._tree, self._guard)
        self._processes = Processes(self._tree.root)
        self._descriptors = Descriptors(self._processes.owner)
        self._local_locks = LocalLocks(self._connection)
        self._notices.begin(self._connection, self._tree)

    # who calls

    @property
    def process(self) -> Process:
        """The process the calling thread belongs to."""
        return self._processes.current

    def fork(
        self, uid: int | None = None, gid: int | None = None, groups: Sequence[int] | None = None
    ) -> Process:
        """Return a new process, a child of the calling one, that has changed its ids to those given."""
        return self.process.fork(self._processes.owner(), uid, gid, groups)

    @contextmanager
    def acting(self, process: Process) -> Iterator[Process]:
        """Have what the calling thread does in this context be done by *process*."""
        previous = self._processes.become(process)
        try:
            yield process
        finally:
            self._processes.become(previous)

    @contextmanager
    def as_user(self, uid: int, gid: int, groups: Sequence[int] = ()) -> Iterator[Process]:
        """Have what the calling thread does in this context be done by a process of that user."""
        with self.acting(self.fork(uid, gid, groups)) as process:
            yield process

    def interrupt(self, thread: int) -> bool:
        """Signal *thread* (``threading.get_ident()``): what it waits for may fail with EINTR.

        Returns: False if it does not sleep in this kernel.
        """
        return self._connection.interrupt(thread)

    # what is left

    def balance(self) -> Balance:
        """Return what has not been given back; after ``unmount`` that must be nothing."""
        return Balance(self._tree.counts.outstanding(), len(self._descriptors), self._connection.inflight)

    # paths

    def _start(self, dir_fd: int | None) -> Inode | None:
        return None if dir_fd is None else self._descriptors.get(dir_fd).inode

    def _find(self, path: Path | int, *, follow: bool = True, dir_fd: int | None = None) -> Inode:
        """Return what a path leads to, or what a descriptor has open."""
        if isinstance(path, int):
            return self._descriptors.get(path).inode
        return self._walker.find(self.process, os.fsencode(path), self._start(dir_fd), follow=follow)

    def _last(self, path: Path, dir_fd: int | None = None) -> Last:
        return self._walker.last(self.process, os.fsencode(path), self._start(dir_fd))

    def _open_inode(self, fd: int) -> OpenInode:
        return self._descriptors.get(fd)


def call(names: int = 0) -> Callable[[Callable[Concatenate[M, P], R]], Callable[Concatenate[M, P], R]]:
    """Make a method a system call.

    Before it begins, notifications that have come are acted upon; after it has ended, and everything it held
    is free, lookup counts that are owed go back.  An error names the first *names* arguments, as ``os`` does.
    What is ESTALE and has a path is tried once more with every name on it asked for again (LOOKUP_REVAL): the
    name may be somebody else's by now.
    """

    def decorate(method: Callable[Concatenate[M, P], R]) -> Callable[Concatenate[M, P], R]:
        parameters = list(inspect.signature(method).parameters)[1 : 1 + names]

        @functools.wraps(method)
        def syscall(self: M, *args: P.args, **kwargs: P.kwargs) -> R:
            self._notices.settle()
            try:
                try:
                    return method(self, *args, **kwargs)
                except OSError as exc:
                    if exc.errno != errno.ESTALE or not names:
                        raise
                with self._tree.trusting_nothing():
                    return method(self, *args, **kwargs)
            except OSError as exc:
                if exc.filename is None and exc.errno is not None:
                    paths = [
                        args[at] if at < len(args) else kwargs.get(name) for at, name in enumerate(parameters)
                    ]
                    _name(exc, paths)
                raise
            finally:
                self._notices.settle()
                self._tree.counts.give_back()

        return cast("Callable[Concatenate[M, P], R]", syscall)

    return decorate


def _name(exc: OSError, paths: list[object]) -> None:
    if paths:
        exc.filename = paths[0]
    if len(paths) > 1:
        exc.filename2 = paths[1]
