"""The system calls that lock files: POSIX ranges and whole files, waiting or not.

Where the server keeps the locks they are requests; where it does not, the kernel keeps them itself.
"""

from __future__ import annotations

import errno
import fcntl
import os

from puffpy.types import Lock
from puffpy.userkernel.descriptors import OpenInode
from puffpy.userkernel.files import FileCalls
from puffpy.userkernel.machine import call
from puffpy.userkernel.permissions import refusal
from puffpy.wire import Opcode
from puffpy.wire.flags import InitFlag, LockFlag

TO_THE_END = 2**63 - 1

KINDS = {fcntl.LOCK_SH: fcntl.F_RDLCK, fcntl.LOCK_EX: fcntl.F_WRLCK, fcntl.LOCK_UN: fcntl.F_UNLCK}


class LockCalls(FileCalls):
    """``lockf``, ``flock``, and a test for POSIX locks."""

    @call()
    def lockf(self, fd: int, cmd: int, length: int = 0, start: int = 0, whence: int = 0) -> None:
        """See ``fcntl.lockf``; a wait may be ended by :meth:`Machine.interrupt`."""
        opened = self._open_inode(fd)
        lock = self._range(opened, self._kind(cmd), length, start, whence)
        if lock.kind == fcntl.F_RDLCK and not opened.readable:
            raise refusal(errno.EBADF)
        if lock.kind == fcntl.F_WRLCK and not opened.writable:
            raise refusal(errno.EBADF)
        wait = not cmd & fcntl.LOCK_NB
        if self._connection.has(InitFlag.POSIX_LOCKS):
            self._ask_lock(opened, self.process.owner, lock, wait=wait)
        else:
            self._local_locks.take(opened.inode, self.process.owner, lock, wait=wait)

    @call()
    def flock(self, fd: int, operation: int) -> None:
        """See ``fcntl.flock``; a wait may be ended by :meth:`Machine.interrupt`."""
        opened = self._open_inode(fd)
        lock = Lock(self._kind(operation), 0, TO_THE_END, os.getpid(), True)
        wait = not operation & fcntl.LOCK_NB
        opened.flocked = opened.flocked or lock.kind != fcntl.F_UNLCK
        if self._connection.has(InitFlag.FLOCK_LOCKS):
            self._ask_lock(opened, opened.owner, lock, wait=wait)
        else:
            self._local_locks.take(opened.inode, opened.owner, lock, wait=wait)

    @call()
    def getlk(self, fd: int, cmd: int, length: int = 0, start: int = 0, whence: int = 0) -> Lock | None:
        """Return the POSIX lock that stands in the way of *cmd*, if one does (F_GETLK of fcntl(2))."""
        opened = self._open_inode(fd)
        lock = self._range(opened, self._kind(cmd), length, start, whence)
        if not self._connection.has(InitFlag.POSIX_LOCKS):
            return self._local_locks.test(opened.inode, self.process.owner, lock)
        fields = self._lock_fields(opened, self.process.owner, lock)
        reply = self._connection.must(
            Opcode.GETLK, opened.inode.check().nodeid, fields, caller=self.process
        ).fields
        if reply["type"] == fcntl.F_UNLCK:
            return None
        if reply["start"] > reply["end"] or reply["end"] > TO_THE_END:
            raise refusal(errno.EIO)
        return Lock(reply["type"], reply["start"], reply["end"], reply["pid"])

    @staticmethod
    def _kind(cmd: int) -> int:
        kind = KINDS.get(cmd & ~fcntl.LOCK_NB)
        if kind is None:
            raise refusal(errno.EINVAL)
        return kind

    def _range(self, opened: OpenInode, kind: int, length: int, start: int, whence: int) -> Lock:
        if whence == os.SEEK_CUR:
            start += opened.offset
        elif whence == os.SEEK_END:
            start += self._tree.refresh(opened.inode, self.process).size
        elif whence != os.SEEK_SET:
            raise refusal(errno.EINVAL)
        end = start + length - 1 if length else TO_THE_END
        if length < 0:
            start, end = start + length, start - 1
        if start < 0 or end > TO_THE_END:
            raise refusal(errno.EINVAL)
        return Lock(kind, start, end, os.getpid())

    @staticmethod
    def _lock_fields(opened: OpenInode, owner: int, lock: Lock) -> dict[str, int]:
        return {
            "fh": opened.fh,
            "owner": owner,
            "start": lock.start,
            "end": lock.end,
            "type": lock.kind,
            "pid": 0 if lock.kind == fcntl.F_UNLCK else lock.pid,
            "lk_flags": int(LockFlag.FLOCK) if lock.flock else 0,
        }

    def _ask_lock(self, opened: OpenInode, owner: int, lock: Lock, *, wait: bool) -> None:
        opcode = Opcode.SETLKW if wait else Opcode.SETLK
        fields = self._lock_fields(opened, owner, lock)
        self._connection.must(opcode, opened.inode.check().nodeid, fields, caller=self.process)
