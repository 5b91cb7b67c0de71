"""The operations on what a node holds: attributes, extended attributes, data.

Half of the node vector; the other half, on names, is in ``names``.  ``getattr`` is left out on purpose: the
library reads ``node.vattr`` itself, which is the fastest way there is.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import Final

import puffpy
from filesystems.detrempe import xattrs
from filesystems.detrempe.data import LARGEST, NOTHING
from filesystems.detrempe.nodes import Directory, File, Inode, accessed
from filesystems.detrempe.room import PAGE
from filesystems.detrempe.volume import Volume
from filesystems.detrempe.xattrs import Xattrs

KEEP_SIZE: Final = 0x01
ZERO_RANGE: Final = 0x10

COPY_AT_ONCE: Final = 64 * 1024 * 1024
"""How much one ``copy_file_range`` copies, so that nobody waits long; its caller comes back for the rest."""

CAPABILITY: Final = "security.capability"
"""Privileges of a program; they go where its set-uid bit goes."""


class Contents(puffpy.VnodeOps):
    """Nodes by themselves, with their data in ``volume.room``."""

    volume: Volume

    # attributes

    def setattr(self, vp: Inode, change: puffpy.SetAttr, call: puffpy.Call) -> puffpy.Vattr:
        """All that can fail comes first: cutting or extending the data."""
        va = vp.vattr
        if change.size is not None:
            self._resize(_file(vp), change.size, change.ctime_ns)
        if change.kill_suidgid:
            _kill_setgid(va, call)
        va.apply(change)
        if isinstance(vp, File):
            if change.kill_suidgid and vp.xattrs is not None and CAPABILITY in vp.xattrs.values:
                vp.xattrs.remove(CAPABILITY)
            if change.atime_ns is not None or change.mtime_ns is not None:
                vp.timed()
            vp.suspect()
        return va

    def _resize(self, file: File, size: int, now: int) -> None:
        if not 0 <= size <= LARGEST:
            raise puffpy.FsError(errno.EINVAL if size < 0 else errno.EFBIG)
        if size <= file.vattr.size:
            # Also where it stays: room may have been reserved beyond the end.
            file.data.cut(size)
        file.changed(size, now)

    def getextattr(self, vp: Inode, name: str, call: puffpy.Call) -> bytes:
        """The value, or ENODATA."""
        xattrs.check(name)
        value = None if vp.xattrs is None else vp.xattrs.values.get(name)
        if value is None:
            raise puffpy.FsError(errno.ENODATA)
        return value

    def setextattr(self, vp: Inode, name: str, value: bytes, flags: int, call: puffpy.Call) -> None:
        """The first one brings the node its table."""
        held = vp.xattrs or Xattrs(self.volume.room)
        held.set(xattrs.check(name), bytes(value), flags)
        vp.xattrs = held
        vp.vattr.ctime_ns = time.time_ns()

    def listextattr(self, vp: Inode, call: puffpy.Call) -> list[str]:
        """All names, but ``trusted.`` ones are shown to root alone."""
        if vp.xattrs is None:
            return []
        return [name for name in vp.xattrs.values if not call.uid or not name.startswith("trusted.")]

    def deleteextattr(self, vp: Inode, name: str, call: puffpy.Call) -> None:
        """Its room is free again."""
        xattrs.check(name)
        if vp.xattrs is None:
            raise puffpy.FsError(errno.ENODATA)
        vp.xattrs.remove(name)
        vp.vattr.ctime_ns = time.time_ns()

    # data

    def open(self, vp: Inode, flags: int, call: puffpy.Call) -> puffpy.OpenFile | int:
        """The handle are the flags.

        A file that was found by its name, and whose data went with that name to make room before it was
        opened, is stale: the kernel looks for the name again then, and finds none, or another file.
        """
        va = vp.vattr
        if not va.nlink and va.ino not in self.volume.nodes:
            raise puffpy.FsError(errno.ESTALE)
        return flags

    def read(
        self, vp: Inode, offset: int, size: int, call: puffpy.Call
    ) -> memoryview | tuple[memoryview, ...]:
        """The storage itself, in as many pieces as it has."""
        data = vp.data
        va = vp.vattr
        # A handle, where there is one, are the flags that the file was opened with.
        if call.handle is None or not call.handle & os.O_NOATIME:
            accessed(va)
        if offset + size > va.size:
            size = max(va.size - offset, 0)
        return data.read(offset, size)

    def write(self, vp: File, offset: int, data: memoryview, call: puffpy.Call) -> int:
        """As much as there is room for, page by page; ENOSPC if that is nothing."""
        storage = vp.data
        if not data:
            return 0
        if offset + len(data) > LARGEST:
            raise puffpy.FsError(errno.EFBIG)
        if storage is NOTHING:
            storage = vp.storage(self.volume.room)
        written = storage.write(offset, data)
        size = offset + written
        vp.changed(size if size > vp.vattr.size else vp.vattr.size, time.time_ns())
        return written

    def seek(self, vp: Inode, offset: int, whence: int, call: puffpy.Call) -> int:
        """Holes are pages nobody has written or reserved; the end of the file is the last one."""
        data, size = vp.data, vp.vattr.size
        if whence not in (os.SEEK_DATA, os.SEEK_HOLE):
            raise puffpy.FsError(errno.EINVAL)
        if not 0 <= offset < size:
            raise puffpy.FsError(errno.ENXIO)
        if whence == os.SEEK_HOLE:
            return min(data.seek_hole(offset), size)
        found = data.seek_data(offset)
        if found is None or found >= size:
            raise puffpy.FsError(errno.ENXIO)
        return found

    def fallocate(self, vp: Inode, offset: int, length: int, mode: int, call: puffpy.Call) -> None:
        """Reserved pages count as data; all are reserved, or none."""
        file = _file(vp)
        stop = _range(offset, length)
        if mode & ~(KEEP_SIZE | ZERO_RANGE):
            raise puffpy.FsError(errno.EOPNOTSUPP)
        data = file.storage(self.volume.room)
        data.reserve(offset, stop)
        if mode & ZERO_RANGE:
            data.zero(offset, stop)
        size = file.vattr.size
        file.changed(size if mode & KEEP_SIZE else max(size, stop), time.time_ns())

    def fdiscard(self, vp: Inode, offset: int, length: int, call: puffpy.Call) -> None:
        """Whole pages become holes, parts of a page zeros; beyond the end of the file there is no part."""
        file = _file(vp)
        stop = _range(offset, length)
        if stop >= file.vattr.size:
            stop = -(-stop // PAGE) * PAGE
        file.data.punch(offset, stop)
        file.changed(file.vattr.size, time.time_ns())

    def copy_file_range(
        self, vp: Inode, offset: int, tvp: Inode, toffset: int, length: int, call: puffpy.Call
    ) -> int:
        """From storage to storage, holes as holes."""
        source, target = _file(vp), _file(tvp)
        length = min(length, source.vattr.size - offset, COPY_AT_ONCE)
        if source is target and length > 0 and offset < toffset + length and toffset < offset + length:
            raise puffpy.FsError(errno.EINVAL)
        if length <= 0:
            return 0
        if toffset + length > LARGEST:
            raise puffpy.FsError(errno.EFBIG)
        accessed(source.vattr)
        copied = target.storage(self.volume.room).copy(toffset, source.data, offset, length)
        target.changed(max(target.vattr.size, toffset + copied), time.time_ns())
        return copied


def _kill_setgid(va: puffpy.Vattr, call: puffpy.Call) -> None:
    """Clear set-gid also where the group may not execute, unless the caller is in it (fs/attr.c)."""
    if va.mode & stat.S_ISGID and not va.mode & stat.S_IXGRP and not call.credentials.member(va.gid):
        va.mode &= ~stat.S_ISGID


def _file(vp: Inode) -> File:
    """Return *vp* if it is a regular file, or refuse it for what it is."""
    if not isinstance(vp, File):
        raise puffpy.FsError(errno.EISDIR if isinstance(vp, Directory) else errno.EINVAL)
    return vp


def _range(offset: int, length: int) -> int:
    """Return where the range ends, if it is one."""
    if offset < 0 or length <= 0:
        raise puffpy.FsError(errno.EINVAL)
    if offset + length > LARGEST:
        raise puffpy.FsError(errno.EFBIG)
    return offset + length
