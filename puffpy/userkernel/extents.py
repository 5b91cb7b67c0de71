"""The system calls that reserve, punch and copy ranges of open files.

Bytes that pass through the caller are read and written in data.
"""

from __future__ import annotations

import errno
import os
import stat

from puffpy.userkernel.data import DataCalls
from puffpy.userkernel.descriptors import OpenInode
from puffpy.userkernel.inodes import MAX_SIZE
from puffpy.userkernel.machine import call
from puffpy.userkernel.permissions import refusal
from puffpy.wire import Opcode
from puffpy.wire.flags import FallocateFlag

SENT_MODES = frozenset(
    (
        FallocateFlag(0),
        FallocateFlag.KEEP_SIZE,
        FallocateFlag.KEEP_SIZE | FallocateFlag.PUNCH_HOLE,
        FallocateFlag.ZERO_RANGE,
        FallocateFlag.ZERO_RANGE | FallocateFlag.KEEP_SIZE,
    )
)
"""All others are refused here (fs/fuse/file.c, fuse_file_fallocate)."""

MAX_COPY_32 = 0xFFFFF000
"""COPY_FILE_RANGE answers with 32 bits, so it is asked for no more: the largest number of whole pages."""


class ExtentCalls(DataCalls):
    """``posix_fallocate``, ``fallocate``, ``copy_file_range``, ``sendfile``'s kin."""

    def posix_fallocate(self, fd: int, offset: int, length: int) -> None:
        """See ``os.posix_fallocate``."""
        self.fallocate(fd, 0, offset, length)

    @call()
    def fallocate(self, fd: int, mode: int, offset: int, length: int) -> None:
        """See fallocate(2), which ``os`` lacks."""
        opened = self._open_inode(fd)
        if offset < 0 or length <= 0:
            raise refusal(errno.EINVAL)
        if FallocateFlag(mode) not in SENT_MODES:
            raise refusal(errno.EOPNOTSUPP)
        if not opened.writable:
            raise refusal(errno.EBADF)
        if offset + length > MAX_SIZE:
            raise refusal(errno.EFBIG)
        inode = opened.inode
        fields = {"fh": opened.fh, "offset": offset, "length": length, "mode": mode}
        with inode.lock:
            self._kill_before_write(opened)
            self._connection.ask(Opcode.FALLOCATE, inode.check().nodeid, fields, caller=self.process)
            size = inode.attr.size
            if not mode & FallocateFlag.KEEP_SIZE:
                size = max(size, offset + length)
            self._tree.changed(inode, size=size)
            inode.stored = (0, b"")

    @call()
    def copy_file_range(
        self,
        src: int,
        dst: int,
        count: int,
        offset_src: int | None = None,
        offset_dst: int | None = None,
    ) -> int:
        """See ``os.copy_file_range``."""
        source, target = self._open_inode(src), self._open_inode(dst)
        at = source.offset if offset_src is None else offset_src
        to = target.offset if offset_dst is None else offset_dst
        count = self._check_copy(source, target, count, at, to)
        with target.inode.lock:
            self._kill_before_write(target)
            done = self._copy(source, target, at, to, count) if count else 0
            if done:
                self._tree.changed(target.inode, size=max(target.inode.attr.size, to + done))
                target.inode.stored = (0, b"")
        self._tree.touched(source.inode)
        if offset_src is None:
            source.offset = at + done
        if offset_dst is None:
            target.offset = to + done
        return done

    @staticmethod
    def _check_copy(source: OpenInode, target: OpenInode, count: int, at: int, to: int) -> int:
        """Refuse as generic_copy_file_checks does (fs/read_write.c); return how many bytes there are."""
        if source.inode.is_dir or target.inode.is_dir:
            raise refusal(errno.EISDIR)
        if not (stat.S_ISREG(source.inode.attr.mode) and stat.S_ISREG(target.inode.attr.mode)):
            raise refusal(errno.EINVAL)
        if not source.readable or not target.writable or target.flags & os.O_APPEND:
            raise refusal(errno.EBADF)
        if count < 0 or at < 0 or to < 0:
            raise refusal(errno.EINVAL)
        if at + count > MAX_SIZE or to + count > MAX_SIZE:
            raise refusal(errno.EOVERFLOW)
        count = max(min(count, source.inode.attr.size - at), 0)
        if source.inode is target.inode and at < to + count and to < at + count:
            raise refusal(errno.EINVAL)
        return count

    def _copy(self, source: OpenInode, target: OpenInode, at: int, to: int, count: int) -> int:
        """Have the server copy; what it will not, copy by reading and writing."""
        for opcode, most in ((Opcode.COPY_FILE_RANGE_64, count), (Opcode.COPY_FILE_RANGE, MAX_COPY_32)):
            fields = {
                "fh_in": source.fh,
                "off_in": at,
                "nodeid_out": target.inode.check().nodeid,
                "fh_out": target.fh,
                "off_out": to,
                "len": min(count, most),
            }
            try:
                reply = self._connection.ask(opcode, source.inode.check().nodeid, fields, caller=self.process)
            except OSError as exc:
                if exc.errno not in (errno.EOPNOTSUPP, errno.EXDEV):
                    raise
                break
            if reply is not None:
                done = reply.fields["bytes_copied" if opcode is Opcode.COPY_FILE_RANGE_64 else "size"]
                if done > count:
                    raise refusal(errno.EIO)
                return done
        return self._copy_through(source, target, at, to, count)

    def _copy_through(self, source: OpenInode, target: OpenInode, at: int, to: int, count: int) -> int:
        data = self._pread(source, min(count, self._connection.terms.max_read), at)
        return self._pwrite(target, memoryview(data), to)
