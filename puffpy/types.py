"""The nouns: what an operation is given and what it may answer.

Nothing here knows the wire, a node table or a kernel; these are values, and any room may use them.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, SupportsIndex, TypeAlias, TypeVar, runtime_checkable

import attrs
from typing_extensions import Self

T = TypeVar("T")

Eventual: TypeAlias = T | Awaitable[T]
"""What an operation answers: at once, or later, where it is an ``async def``."""


@attrs.define(eq=False, weakref_slot=False)
class Vattr:
    """The attributes of a node, as ``stat`` shows them.

    Times are nanoseconds since 1970, *size* is bytes, *blocks* counts 512-byte units (``None``: what *size*
    needs), *mode* includes the type bits (``stat.S_IFREG`` ...), *rdev* is what :func:`os.makedev` makes.  An
    *ino* of 0 shows the node's cookie instead.  *ttl* is how many seconds the kernel may trust these
    attributes without asking again; ``None`` leaves it to the mount (``-o attr_timeout=``).
    """

    mode: int
    nlink: int = 1
    uid: int = 0
    gid: int = 0
    size: int = 0
    atime_ns: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    btime_ns: int = 0
    ino: int = 0
    rdev: int = 0
    blocks: int | None = None
    blksize: int = 4096
    ttl: float | None = None

    def inherit(self, parent: Vattr) -> None:
        """Apply the set-gid rule of the directory a new node is made in.

        In a directory with ``S_ISGID`` a new node takes the directory's group, and a new directory takes the
        bit as well (BSD's rule, which Linux follows for such directories).
        """
        if parent.mode & stat.S_ISGID:
            self.gid = parent.gid
            if stat.S_ISDIR(self.mode):
                self.mode |= stat.S_ISGID

    def apply(self, change: SetAttr) -> None:
        """Take over every given field of *change* but the size, and the change time with it.

        The size is left alone because only the file system can cut or extend its data.
        """
        if change.mode is not None:
            self.mode = stat.S_IFMT(self.mode) | stat.S_IMODE(change.mode)
        if change.uid is not None:
            self.uid = change.uid
        if change.gid is not None:
            self.gid = change.gid
        if change.kill_suidgid:
            self.kill_suidgid()
        if change.atime_ns is not None:
            self.atime_ns = change.atime_ns
        if change.mtime_ns is not None:
            self.mtime_ns = change.mtime_ns
        self.ctime_ns = change.ctime_ns

    def kill_suidgid(self) -> None:
        """Clear ``S_ISUID``, and ``S_ISGID`` where it means "run as the group" (with ``S_IXGRP``)."""
        self.mode &= ~stat.S_ISUID
        if self.mode & stat.S_IXGRP:
            self.mode &= ~stat.S_ISGID


@attrs.frozen(kw_only=True)
class SetAttr:
    """What :meth:`VnodeOps.setattr` is asked to change; ``None`` means "leave it".

    *atime_now* and *mtime_now* say that the caller asked for the present time rather than naming one, which
    needs less permission; the time itself is filled in.  *ctime_ns* is always the time of this change.
    *kill_suidgid* asks for :meth:`Vattr.kill_suidgid` (the caller may not keep the bits).
    """

    ctime_ns: int = attrs.field(factory=lambda: time.time_ns())  # noqa: PLW0108  the clock of the moment
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    size: int | None = None
    atime_ns: int | None = None
    mtime_ns: int | None = None
    atime_now: bool = False
    mtime_now: bool = False
    kill_suidgid: bool = False

    def at(self, mtime_ns: int) -> SetAttr:
        """Return this change with the time of the data's change set."""
        return attrs.evolve(self, mtime_ns=mtime_ns)


class Node:
    """A convenient base for your nodes; any other object does as well.

    The library only ever looks at :attr:`vattr`, and only where ``getattr`` is not overridden.  What the
    kernel knows a node as is noted in the node itself, where that takes least memory.
    """

    __slots__ = ("__weakref__", "_known_as", "vattr")

    _known_as: int
    """The node table's own: the cookie, or 0 while the kernel does not know the node."""

    def __init__(self, vattr: Vattr) -> None:
        self.vattr = vattr
        self._known_as = 0

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """Leave out what the kernel knows: that is the node itself, not its copy."""
        how = super().__reduce_ex__(protocol)
        match how:
            case (make, args, (attributes, dict() as slots), *rest):
                kept = {name: value for name, value in slots.items() if name != "_known_as"}
                return (make, args, (attributes, kept), *rest)
        return how

    @classmethod
    def make(cls, mode: int, *, nlink: int = 1, size: int = 0) -> Self:
        """Return a node owned by this process whose times are now."""
        now = time.time_ns()
        return cls(Vattr(mode, nlink, os.getuid(), os.getgid(), size, now, now, now, now))

    @classmethod
    def directory(cls, mode: int = 0o755) -> Self:
        """Return a directory with the permission bits *mode*."""
        return cls.make(stat.S_IFDIR | mode, nlink=2)

    @classmethod
    def file(cls, mode: int = 0o644, size: int = 0) -> Self:
        """Return a regular file of *size* bytes with the permission bits *mode*."""
        return cls.make(stat.S_IFREG | mode, size=size)

    @classmethod
    def link(cls, size: int = 0) -> Self:
        """Return a symbolic link; *size* is the length of its target in bytes."""
        return cls.make(stat.S_IFLNK | 0o777, size=size)


@attrs.frozen
class Entry:
    """An answer that names a node, with what the bare node cannot say.

    *ttl* is how many seconds the kernel may use the name without asking again (``None``: the mount's
    ``-o entry_timeout=``).  *opened* spares ``create`` the ``open`` that would follow it.
    """

    node: Any
    ttl: float | None = None
    opened: OpenFile | None = None


@attrs.frozen
class Dirent:
    """A directory entry told without its node: cheap to list, looked up later if somebody cares.

    *kind* is the type as in ``d_type`` (``mode >> 12``; 0: unknown), *ino* is what ``ls -i`` shows.
    *lookup*: where the kernel lists with attributes (READDIRPLUS), ``lookup`` may be asked at once; that is
    worth while where it takes less than the request that would follow, some 25 microseconds.
    """

    name: str
    ino: int
    kind: int = 0
    lookup: bool = False


@attrs.define(unsafe_hash=True, weakref_slot=False)  # frozen would take twice as long, for every name
class ComponentName:
    """One component of a path: never empty, never with ``/`` or NUL, never ``.``; not to be changed.

    *name* holds every byte string, with surrogate escapes, as Python's own ``os`` does.
    """

    name: str

    @property
    def raw(self) -> bytes:
        """The bytes that the kernel sent."""
        return self.name.encode("utf-8", "surrogateescape")


@attrs.frozen
class Credentials:
    """Who somebody is, as the permission rules see it."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()

    def member(self, gid: int) -> bool:
        """Tell whether *gid* is one of the groups."""
        return gid == self.gid or gid in self.groups


@attrs.define(eq=False)
class Call:
    """Who asks, through which open file, and whether they still care.

    *uid* and *gid* are the caller's file-system ids and *pid* its thread id.  All three are 0 where nobody in
    particular asks (page-cache write-back, close, reclaim): permissions are not to be decided on those.
    *handle* is what ``open`` answered for the open file in use, *tohandle* the target's in
    ``copy_file_range``.  *interrupted* turns true when the caller has been signalled and no longer waits.
    """

    uid: int
    gid: int
    pid: int
    handle: Any = None
    unique: int = 0
    interrupted: bool = False
    tohandle: Any = None

    def check(self) -> None:
        """Go on only if the caller still waits; for operations that run in a worker thread, now and then.

        Raises:
            EINTR: the caller has been signalled and does not wait any more.
        """
        if self.interrupted:
            raise InterruptedError(errno.EINTR, os.strerror(errno.EINTR))

    @property
    def groups(self) -> tuple[int, ...]:
        """The caller's supplementary groups, read from ``/proc`` now; empty if the caller is gone."""
        try:
            with open(f"/proc/{self.pid}/status", "rb") as status:
                for line in status:
                    if line.startswith(b"Groups:"):
                        return tuple(map(int, line.split()[1:]))
        except OSError:
            pass
        return ()

    @property
    def credentials(self) -> Credentials:
        """The caller's ids and groups as one value."""
        return Credentials(self.uid, self.gid, self.groups)


@attrs.frozen
class OpenFile:
    """What ``open`` answers when a bare handle is not enough.

    *direct_io*: every read and write comes to the file system, past the page cache.  *keep_cache*: what the
    page cache holds of this file is still right.  *nonseekable* and *stream*: there is no position to seek
    to, or none at all.  *noflush*: closing needs no ``flush``.  ``None`` leaves it to the mount's options.

    *backing* is a descriptor of a regular file which the kernel then reads, writes and maps by itself,
    without asking: passthrough (Linux 6.9, CAP_SYS_ADMIN).  The descriptor is only looked at; it stays yours.
    Where the kernel cannot, or another open file of the node is cached, ``read`` and ``write`` are asked as
    usual, so they must be there.  Sizes and times are asked for afresh after such reads and writes.
    """

    handle: Any = None
    direct_io: bool | None = None
    keep_cache: bool | None = None
    nonseekable: bool = False
    stream: bool = False
    noflush: bool | None = None
    parallel_direct_writes: bool = False
    backing: int | None = None


@attrs.frozen(kw_only=True)
class StatVfs:
    """The figures that ``df`` shows; *blocks*, *bfree* and *bavail* count units of *frsize* bytes."""

    bsize: int = 4096
    frsize: int = 4096
    blocks: int = 0
    bfree: int = 0
    bavail: int = 0
    files: int = 0
    ffree: int = 0
    namemax: int = 255


@attrs.frozen
class Lock:
    """A byte range lock; *kind* is ``fcntl.F_RDLCK``, ``F_WRLCK`` or ``F_UNLCK``, *end* is inclusive.

    A whole-file lock (``flock``) has ``flock`` true and covers everything.
    """

    kind: int
    start: int
    end: int
    pid: int = 0
    flock: bool = False


@runtime_checkable
class BackingDevice(Protocol):
    """What registers the files that the kernel reads and writes by itself; a bridge may be one."""

    def backing_open(self, fd: int) -> int:
        """Register the regular file *fd*; return its backing id, 1 or more.  OSError as the kernel says."""

    def backing_close(self, backing_id: int) -> None:
        """Give *backing_id* back; open files keep the file."""


@attrs.frozen
class Waker:
    """Given to ``poll`` when somebody sleeps on the answer: call :meth:`wake` when it would change."""

    wake: Callable[[], None]
