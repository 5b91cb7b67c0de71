"""The operations on a file, from a program's by path: attributes, open files, data.

How the file is found is in ``names``.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import stat
from collections.abc import Iterable
from typing import Any, NoReturn

import attrs
from typing_extensions import Buffer

from puffpy.compat.fusepy.attributes import seconds
from puffpy.compat.fusepy.paths import REMOVED, Paths, index, no_longer_so, refused
from puffpy.compat.fusepy.records import c_flock_t
from puffpy.compat.fusepy.tree import PathNode
from puffpy.types import Call, Lock, SetAttr, Vattr

PUNCH_HOLE, KEEP_SIZE = 2, 1
LEAVE = -1
TO_THE_END = (1 << 63) - 1


class Files(Paths):
    """What is done to a file."""

    # attributes

    def getattr(self, vp: PathNode, call: Call) -> Vattr:
        """Ask ``getattr``, unless that has been done on the way of this very call."""
        seen = vp.seen
        if seen is not None and seen[0] is call:
            vp.seen = None
            return seen[1]
        path = self._path(vp) if call.handle is None else self._open_path(vp)
        va = self._attributes(call, path, call.handle)
        if va.mode >> 12 != vp.kind and vp.parent is not None:
            self.tree.remove(vp.parent, vp.name)
            raise no_longer_so()
        if self._reconfigured:
            self._show_as_configured(va)
        if vp.hidden:
            va.nlink = max(0, va.nlink - 1)  # the name that it has is none
        return va

    def setattr(self, vp: PathNode, change: SetAttr, call: Call) -> None:
        """Ask ``chmod``, ``chown``, ``truncate`` and ``utimens``, in this order and as far as need be."""
        path = self._path(vp) if call.handle is None else self._open_path(vp)
        tell = self.program.tell
        mode = change.mode
        if change.kill_suidgid:
            mode = self._killed(call, path, mode)
        if mode is not None:
            tell(call, "chmod", path, mode)
        if change.uid is not None or change.gid is not None:
            uid = LEAVE if change.uid is None else change.uid
            gid = LEAVE if change.gid is None else change.gid
            tell(call, "chown", path, uid, gid)
        if change.size is not None:
            handle = (call.handle,) if call.handle is not None and self._truncates_open else ()
            tell(call, "truncate", path, change.size, *handle)
        elif change.atime_ns is not None or change.mtime_ns is not None:
            tell(call, "utimens", path, self._times(call, path, change))

    def _killed(self, call: Call, path: str | None, mode: int | None) -> int | None:
        va = self._attributes(call, path, call.handle)
        was = va.mode if mode is None else stat.S_IFMT(va.mode) | stat.S_IMODE(mode)
        changed = attrs.evolve(va, mode=was)
        changed.kill_suidgid()
        return changed.mode if changed.mode != va.mode else mode

    def _times(self, call: Call, path: str | None, change: SetAttr) -> tuple[int | float, int | float]:
        """Return both times; one that is to stay is what it is now, because ``utimens`` always sets both."""
        atime, mtime = change.atime_ns, change.mtime_ns
        if atime is None or mtime is None:
            va = self._attributes(call, path, call.handle)
            atime = va.atime_ns if atime is None else atime
            mtime = va.mtime_ns if mtime is None else mtime
        return seconds(atime, use_ns=self.use_ns), seconds(mtime, use_ns=self.use_ns)

    def access(self, vp: PathNode, mode: int, call: Call) -> None:
        """Ask ``access``."""
        self._permitted(call, "access", self._path(vp), mode)

    def readlink(self, vp: PathNode, call: Call) -> str:
        """Ask ``readlink``."""
        path = self._path(vp)
        return self.program.outward(self.program.ask(call, "readlink", path))

    def getextattr(self, vp: PathNode, name: str, call: Call) -> Buffer:
        """Ask ``getxattr``."""
        return self.program.ask(call, "getxattr", self._path(vp), self.program.inward(name))  # type: ignore[no-any-return]

    def setextattr(self, vp: PathNode, name: str, value: bytes, flags: int, call: Call) -> None:
        """Ask ``setxattr``."""
        self.program.tell(call, "setxattr", self._path(vp), self.program.inward(name), value, flags)

    def listextattr(self, vp: PathNode, call: Call) -> Iterable[str]:
        """Ask ``listxattr``."""
        return [
            self.program.outward(name) for name in self.program.ask(call, "listxattr", self._path(vp)) or ()
        ]

    def deleteextattr(self, vp: PathNode, name: str, call: Call) -> None:
        """Ask ``removexattr``."""
        self.program.tell(call, "removexattr", self._path(vp), self.program.inward(name))

    # open files

    def open(self, vp: PathNode, flags: int, call: Call) -> Any:
        """Ask ``open``, unless ``create`` has opened the file on the way of this very call."""
        created, vp.created = vp.created, None
        if created is not None and created[0] is call:
            handle: Any = created[1]
        else:
            path = self._path(vp)
            if created is not None:
                self._give_back(created, path)
            handle = self._open(call, path, flags)
        self.tree.opened(vp)
        return self._opened(handle)

    def _open(self, call: Call, path: str, flags: int) -> Any:
        try:
            if self.raw_fi:
                return self._raw("open", call, flags, path)
            if not self._opens:
                return 0
            return index(self.program.ask(call, "open", path, flags))
        except OSError as exc:
            if not refused(exc):
                raise
            return 0  # libfuse's kernel takes ENOSYS for "opening needs no word"

    def _give_back(self, created: tuple[Call, object] | None, path: str | None) -> None:
        """Release what ``create`` opened for somebody who wanted no open file: mknod(2)."""
        if created is not None:
            self._release(created[0], path, created[1])

    def close(self, vp: PathNode, flags: int, call: Call) -> None:
        """Ask ``release``."""
        self.tree.closed(vp)
        if not self._releases:
            return
        try:
            path = self._open_path(vp)
        except FileNotFoundError:
            path = REMOVED
        self._release(call, path, call.handle)

    def reclaim(self, vp: PathNode) -> None:
        """Forget the path."""
        if vp.created is not None:
            with contextlib.suppress(FileNotFoundError):
                self._give_back(vp.created, self._open_path(vp))
            vp.created = None
        vp.seen = None
        self.tree.forget(vp)

    def flush(self, vp: PathNode, call: Call) -> None:
        """Ask ``flush``."""
        self._permitted(call, "flush", self._open_path(vp), call.handle)

    def fsync(self, vp: PathNode, dataonly: bool, call: Call) -> None:
        """Ask ``fsync``, or ``fsyncdir`` between ``opendir`` and ``releasedir``."""
        if vp.kind != self.tree.root.kind:
            self._permitted(call, "fsync", self._open_path(vp), int(dataonly), call.handle)
        elif self.program.has("fsyncdir"):
            path = self._path(vp)
            handle = self._opendir(call, path)
            try:
                self._permitted(call, "fsyncdir", path, int(dataonly), handle)
            finally:
                self._releasedir(call, path, handle)

    def _permitted(self, call: Call, name: str, *args: Any) -> None:
        """Ask *name*; that there is none is as good as a yes, as it is to the kernel."""
        try:
            self.program.tell(call, name, *args)
        except OSError as exc:
            if not refused(exc):
                raise

    # data

    def read(self, vp: PathNode, offset: int, size: int, call: Call) -> Buffer:
        """Ask ``read``."""
        path = self._open_path(vp)
        data = self.program.ask(call, "read", path, size, offset, call.handle) or b""
        return data if len(data) <= size else self.program.guard(call, "read", _too_much, path, data, size)

    def write(self, vp: PathNode, offset: int, data: memoryview, call: Call) -> int | None:
        """Ask ``write``."""
        return self.program.tell(  # type: ignore[no-any-return]  # the library looks at it
            call, "write", self._open_path(vp), bytes(data), offset, call.handle
        )

    def fallocate(self, vp: PathNode, offset: int, length: int, mode: int, call: Call) -> None:
        """Ask ``fallocate``."""
        self.program.tell(call, "fallocate", self._open_path(vp), mode, offset, length, call.handle)

    def fdiscard(self, vp: PathNode, offset: int, length: int, call: Call) -> None:
        """Ask ``fallocate`` for a hole."""
        self.fallocate(vp, offset, length, PUNCH_HOLE | KEEP_SIZE, call)

    def ioctl(self, vp: PathNode, cmd: int, arg: int, data: memoryview, call: Call) -> int | Buffer:
        """Ask ``ioctl``, with the address of a buffer that goes there and back."""
        size, out = (cmd >> 16) & 0x3FFF, bool(cmd >> 31)  # _IOC_SIZE and _IOC_READ, linux/ioctl.h
        room = ctypes.create_string_buffer(bytes(data), max(size, len(data), 1))
        address = ctypes.addressof(room) if size else None
        answer = self.program.tell(call, "ioctl", self._open_path(vp), cmd, arg, call.handle, 0, address)
        return room.raw[:size] if out and not answer else int(answer or 0)

    # locks

    def advlock(self, vp: PathNode, owner: int, lock: Lock | None, test: bool, call: Call) -> Lock | None:
        """Ask ``lock``, or ``flock`` for a lock on the whole file."""
        path = self._open_path(vp)
        if lock is not None and lock.flock:
            self._flock(path, lock, call)
            return None
        if not self.program.has("lock"):
            if lock is None:
                return None
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        kind, start, end = (lock.kind, lock.start, lock.end) if lock else (fcntl.F_UNLCK, 0, TO_THE_END)
        length = 0 if end >= TO_THE_END else end - start + 1
        record = c_flock_t(kind, os.SEEK_SET, start, length, lock.pid if lock else call.pid)
        pointer = ctypes.pointer(record)
        self.program.tell(call, "lock", path, call.handle, fcntl.F_GETLK if test else fcntl.F_SETLK, pointer)
        if not test or record.l_type == fcntl.F_UNLCK:
            return None
        last = record.l_start + record.l_len - 1 if record.l_len else TO_THE_END
        return Lock(record.l_type, record.l_start, last, record.l_pid)

    def _flock(self, path: str | None, lock: Lock, call: Call) -> None:
        if not self.program.has("flock"):
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        ways = {fcntl.F_RDLCK: fcntl.LOCK_SH, fcntl.F_WRLCK: fcntl.LOCK_EX, fcntl.F_UNLCK: fcntl.LOCK_UN}
        self.program.tell(call, "flock", path, call.handle, ways[lock.kind] | fcntl.LOCK_NB)


def _too_much(path: str | None, data: Buffer, size: int) -> NoReturn:
    raise ValueError(f"read of {path}: {len(memoryview(data))} bytes for {size}")
