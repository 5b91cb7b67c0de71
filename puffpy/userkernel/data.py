"""The system calls that read and write open files.

There is no page cache: every read and write goes to the server, as on a file opened with direct I/O, cut into
as many requests as were agreed on and put together again.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence

from typing_extensions import Buffer

from puffpy.userkernel.attributes import AttributeCalls, without_suidgid
from puffpy.userkernel.descriptors import OpenInode
from puffpy.userkernel.inodes import MAX_SIZE
from puffpy.userkernel.machine import call
from puffpy.userkernel.permissions import refusal
from puffpy.wire import Opcode
from puffpy.wire.flags import FsyncFlag, InitFlag, OpenOut, ReadFlag, SetattrValid, WriteFlag

STATUS_FLAGS = os.O_APPEND | os.O_NONBLOCK | os.O_DSYNC | os.O_SYNC | os.O_DIRECT
"""What READ and WRITE repeat of the open file's flags, next to the access mode."""


class DataCalls(AttributeCalls):
    """``read``, ``pread``, ``write``, ``pwrite``, ``lseek``, ``fsync`` and their kin."""

    @call()
    def read(self, fd: int, n: int) -> bytes:
        """See ``os.read``."""
        opened = self._readable(fd)
        with opened.lock:
            data = self._pread(opened, n, opened.offset)
            opened.offset += len(data)
        return data

    @call()
    def pread(self, fd: int, n: int, offset: int) -> bytes:
        """See ``os.pread``."""
        opened = self._readable(fd)
        self._seekable(opened, offset)
        return self._pread(opened, n, offset)

    def readv(self, fd: int, buffers: Sequence[bytearray | memoryview]) -> int:
        """See ``os.readv``."""
        views = [memoryview(buffer).cast("B") for buffer in buffers]
        data = self.read(fd, sum(map(len, views)))
        at = 0
        for view in views:
            part = data[at : at + len(view)]
            view[: len(part)] = part
            at += len(part)
        return len(data)

    @call()
    def write(self, fd: int, data: Buffer) -> int:
        """See ``os.write``; fewer bytes than given were written if the server stopped half way."""
        opened = self._writable(fd)
        view = memoryview(data).cast("B")
        with opened.inode.lock, opened.lock:
            offset = opened.offset
            self._countable(offset, len(view))
            if opened.flags & os.O_APPEND:
                offset = self._tree.refresh(opened.inode, self.process, trusted=True).size
            done = self._pwrite(opened, view, offset)
            opened.offset = offset + done
        return done

    @call()
    def pwrite(self, fd: int, data: Buffer, offset: int) -> int:
        """See ``os.pwrite``; as on Linux, a file opened to append is appended to wherever *offset* is."""
        opened = self._writable(fd)
        self._seekable(opened, offset)
        self._countable(offset, memoryview(data).nbytes)
        with opened.inode.lock:
            if opened.flags & os.O_APPEND:
                offset = self._tree.refresh(opened.inode, self.process, trusted=True).size
            return self._pwrite(opened, memoryview(data).cast("B"), offset)

    def writev(self, fd: int, buffers: Sequence[Buffer]) -> int:
        """See ``os.writev``."""
        return self.write(fd, b"".join(bytes(memoryview(buffer).cast("B")) for buffer in buffers))

    @call()
    def lseek(self, fd: int, position: int, whence: int = os.SEEK_SET) -> int:
        """See ``os.lseek``; of a directory, *position* is what it said before."""
        opened = self._open_inode(fd)
        if opened.out & (OpenOut.NONSEEKABLE | OpenOut.STREAM):
            raise refusal(errno.ESPIPE)
        with opened.lock:
            if whence == os.SEEK_CUR:
                position += opened.offset
            elif whence == os.SEEK_END:
                position += self._attr(opened.inode).size
            elif whence in (os.SEEK_DATA, os.SEEK_HOLE):
                position = self._seek(opened, position, whence)
            elif whence != os.SEEK_SET:
                raise refusal(errno.EINVAL)
            if not 0 <= position <= MAX_SIZE:
                raise refusal(errno.EINVAL)
            opened.pending = []
            opened.offset = position
        return position

    @call()
    def fsync(self, fd: int) -> None:
        """See ``os.fsync``."""
        self._fsync(self._open_inode(fd), FsyncFlag(0))

    @call()
    def fdatasync(self, fd: int) -> None:
        """See ``os.fdatasync``."""
        self._fsync(self._open_inode(fd), FsyncFlag.FDATASYNC)

    def _readable(self, fd: int) -> OpenInode:
        opened = self._open_inode(fd)
        if not opened.readable:
            raise refusal(errno.EBADF)
        if opened.inode.is_dir:
            raise refusal(errno.EISDIR)
        return opened

    def _writable(self, fd: int) -> OpenInode:
        opened = self._open_inode(fd)
        if not opened.writable:
            raise refusal(errno.EBADF)
        return opened

    @staticmethod
    def _seekable(opened: OpenInode, offset: int) -> None:
        if opened.out & (OpenOut.NONSEEKABLE | OpenOut.STREAM):
            raise refusal(errno.ESPIPE)
        if offset < 0:
            raise refusal(errno.EINVAL)

    @staticmethod
    def _countable(offset: int, size: int) -> None:
        """EINVAL for a range whose end is too far for an offset (fs/read_write.c, rw_verify_area)."""
        if offset + size > MAX_SIZE:
            raise refusal(errno.EINVAL)

    def _io_fields(self, opened: OpenInode, offset: int, size: int) -> dict[str, int]:
        return {
            "fh": opened.fh,
            "offset": 0 if opened.out & OpenOut.STREAM else offset,
            "size": size,
            "lock_owner": self.process.owner,
            "flags": opened.flags & (os.O_ACCMODE | STATUS_FLAGS) | 0o100000,
        }

    def _pread(self, opened: OpenInode, size: int, offset: int) -> bytes:
        if size < 0:
            raise refusal(errno.EINVAL)
        self._countable(offset, size)
        pieces: list[bytes | memoryview] = []
        done = 0
        try:
            while done < size:
                wanted = min(size - done, self._connection.terms.max_read)
                piece = self._ask_read(opened, offset + done, wanted)
                pieces.append(piece)
                done += len(piece)
                if len(piece) < wanted:
                    break
        except OSError:
            if not done:
                raise
        self._tree.touched(opened.inode)
        return b"".join(pieces)

    def _ask_read(self, opened: OpenInode, offset: int, size: int) -> bytes | memoryview:
        fields = self._io_fields(opened, offset, size) | {"read_flags": ReadFlag.LOCKOWNER}
        reply = self._connection.must(Opcode.READ, opened.inode.check().nodeid, fields, caller=self.process)
        if len(reply.data) > size:
            raise refusal(errno.EIO)
        return bytes(reply.data)

    def _pwrite(self, opened: OpenInode, data: memoryview, offset: int) -> int:
        """Write under the inode's lock."""
        if offset + len(data) > MAX_SIZE:
            raise refusal(errno.EFBIG)
        if not data:
            return 0
        flags = self._kill_before_write(opened)
        done = 0
        try:
            while done < len(data):
                wanted = min(len(data) - done, self._connection.terms.max_write)
                stored = self._ask_write(opened, offset + done, data[done : done + wanted], flags)
                done += stored
                if stored < wanted:
                    break
        except OSError:
            if not done:
                raise
        finally:
            self._tree.changed(opened.inode, size=max(opened.inode.attr.size, offset + done))
            opened.inode.stored = (0, b"")
        if opened.flags & os.O_DSYNC:
            whole = opened.flags & os.O_SYNC == os.O_SYNC
            self._fsync(opened, FsyncFlag(0) if whole else FsyncFlag.FDATASYNC)
        return done

    def _ask_write(self, opened: OpenInode, offset: int, data: memoryview, flags: WriteFlag) -> int:
        fields = self._io_fields(opened, offset, len(data)) | {"write_flags": flags}
        reply = self._connection.must(
            Opcode.WRITE, opened.inode.check().nodeid, fields, data=data, caller=self.process
        )
        stored = reply.fields["size"]
        if stored > len(data):
            raise refusal(errno.EIO)
        return stored

    def _kill_before_write(self, opened: OpenInode) -> WriteFlag:
        """See to it that a write by somebody else clears set-uid and set-gid; return WRITE's flags."""
        flags = WriteFlag.LOCKOWNER
        if self.process.privileged:
            return flags
        if self._connection.has(InitFlag.HANDLE_KILLPRIV_V2):
            return flags | WriteFlag.KILL_SUIDGID
        inode = opened.inode
        if not self._connection.has(InitFlag.HANDLE_KILLPRIV):
            mode = self._tree.refresh(inode, self.process, trusted=True).mode
            if without_suidgid(mode) != mode:
                self._setattr(inode, SetattrValid.MODE, {"mode": without_suidgid(mode)})
        return flags

    def _seek(self, opened: OpenInode, offset: int, whence: int) -> int:
        if offset < 0:
            raise refusal(errno.ENXIO)
        fields = {"fh": opened.fh, "offset": offset, "whence": whence}
        reply = self._connection.ask(Opcode.LSEEK, opened.inode.nodeid, fields, caller=self.process)
        if reply is not None:
            return reply.fields["offset"]
        size = self._attr(opened.inode).size
        if offset >= size:
            raise refusal(errno.ENXIO)
        return offset if whence == os.SEEK_DATA else size

    def _fsync(self, opened: OpenInode, flags: FsyncFlag) -> None:
        opcode = Opcode.FSYNCDIR if stat.S_ISDIR(opened.inode.attr.mode) else Opcode.FSYNC
        fields = {"fh": opened.fh, "fsync_flags": int(flags)}
        self._connection.ask(opcode, opened.inode.check().nodeid, fields, caller=self.process)
