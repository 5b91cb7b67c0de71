"""Who calls: identity, working directory, umask, and the token by which its locks are known.

Nothing is permitted or refused here; see permissions.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator, Sequence

import attrs

from puffpy.types import Credentials
from puffpy.userkernel.inodes import Inode


@attrs.define(eq=False)
class Process:
    """A process as the kernel sees it.  One may be used by many threads, as a real one is.

    *genuine* says that it is this Python process itself: then requests carry its threads' ids, and a server
    may read their groups from ``/proc``.  Of any other identity they say 0, rather than something untrue.
    """

    credentials: Credentials
    cwd: Inode
    owner: int
    """By this the server knows whose a POSIX lock is."""

    umask: int = 0o022
    genuine: bool = False

    @property
    def tid(self) -> int:
        """The calling thread's id, or 0."""
        return threading.get_native_id() if self.genuine else 0

    @property
    def privileged(self) -> bool:
        """Whether it has the capabilities of root."""
        return self.credentials.uid == 0

    def fork(
        self,
        owner: int,
        uid: int | None = None,
        gid: int | None = None,
        groups: Sequence[int] | None = None,
    ) -> Process:
        """Return a child that has changed its ids to those given."""
        own = self.credentials
        credentials = Credentials(
            own.uid if uid is None else uid,
            own.gid if gid is None else gid,
            own.groups if groups is None else tuple(groups),
        )
        return Process(credentials, self.cwd, owner, self.umask, self.genuine and credentials == own)


class Processes:
    """The processes of one kernel: which of them the calling thread is."""

    def __init__(self, root: Inode) -> None:
        self._owners: Iterator[int] = itertools.count(1)
        self._acting = threading.local()
        identity = Credentials(os.geteuid(), os.getegid(), tuple(os.getgroups()))
        self.first = Process(identity, root, self.owner(), genuine=True)

    @property
    def current(self) -> Process:
        """The process the calling thread belongs to."""
        process: Process = getattr(self._acting, "process", self.first)
        return process

    def become(self, process: Process) -> Process:
        """Have the calling thread belong to *process*; return the one it belonged to."""
        previous = self.current
        self._acting.process = process
        return previous

    def owner(self) -> int:
        """Return a new token for an owner of locks."""
        return next(self._owners)
