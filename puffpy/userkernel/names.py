"""The system calls that make, move and remove names.

What a name leads to is opened in files and described in attributes.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import overload

from puffpy.userkernel.inodes import Inode
from puffpy.userkernel.machine import Machine, Path, call
from puffpy.userkernel.permissions import keeps_setgid, refusal
from puffpy.userkernel.processes import Process
from puffpy.userkernel.walk import DOT, DOTDOT, Last
from puffpy.wire import Opcode, encode_rdev
from puffpy.wire.flags import InitFlag

MKDIR_BITS = 0o1777
"""mkdir(2) makes no set-uid and set-gid directories (fs/namei.c, vfs_mkdir)."""

MKNOD_BITS = 0o7777


class NameCalls(Machine):
    """``mkdir``, ``mknod``, ``symlink``, ``link``, ``unlink``, ``rmdir``, ``readlink`` and their kin."""

    @call(1)
    def mkdir(self, path: Path, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        """See ``os.mkdir``."""
        with self._new_name(path, dir_fd, directory=True) as last:
            fields = {"mode": self._masked(mode & MKDIR_BITS), "umask": self.process.umask}
            self._make(Opcode.MKDIR, last, fields)

    def makedirs(self, name: Path, mode: int = 0o777, exist_ok: bool = False) -> None:
        """See ``os.makedirs``."""
        head, tail = os.path.split(os.fspath(name))
        if not tail:
            head, tail = os.path.split(head)
        if head and tail and not self.exists(head):
            try:
                self.makedirs(head, exist_ok=exist_ok)
            except FileExistsError:
                pass  # somebody else was faster
            if os.fsencode(tail) == DOT:
                return
        try:
            self.mkdir(name, mode)
        except OSError:
            if not exist_ok or not self._is_dir(name):
                raise

    @call(1)
    def mknod(self, path: Path, mode: int = 0o600, device: int = 0, *, dir_fd: int | None = None) -> None:
        """See ``os.mknod``."""
        mode = mode if stat.S_IFMT(mode) else mode | stat.S_IFREG
        if stat.S_ISDIR(mode):
            raise refusal(errno.EPERM)
        if stat.S_IFMT(mode) in (stat.S_IFCHR, stat.S_IFBLK) and not self.process.privileged:
            raise refusal(errno.EPERM)
        with self._new_name(path, dir_fd) as last:
            self._mknod(last, mode, device)

    def mkfifo(self, path: Path, mode: int = 0o666, *, dir_fd: int | None = None) -> None:
        """See ``os.mkfifo``."""
        self.mknod(path, stat.S_IFIFO | mode, dir_fd=dir_fd)

    @call(2)
    def symlink(
        self, src: Path, dst: Path, target_is_directory: bool = False, *, dir_fd: int | None = None
    ) -> None:
        """See ``os.symlink``; as on POSIX, *target_is_directory* changes nothing."""
        del target_is_directory
        target = os.fsencode(src)
        if not target:
            raise refusal(errno.ENOENT)
        with self._new_name(dst, dir_fd) as last:
            self._make(Opcode.SYMLINK, last, {}, extra=(target,))

    @call(2)
    def link(
        self,
        src: Path,
        dst: Path,
        *,
        src_dir_fd: int | None = None,
        dst_dir_fd: int | None = None,
        follow_symlinks: bool = False,
    ) -> None:
        """See ``os.link``; as on Linux, a symbolic link is not followed unless told so."""
        inode = self._find(src, follow=follow_symlinks, dir_fd=src_dir_fd)
        with self._new_name(dst, dst_dir_fd) as last:
            self._link(inode, last)

    @call()
    def link_open(self, fd: int, path: Path, *, dir_fd: int | None = None) -> None:
        """Give an open file the name *path*: linkat(2) with ``AT_EMPTY_PATH``, which ``os`` lacks.

        So a file made with ``O_TMPFILE`` gets its name, unless it was made with ``O_EXCL`` (ENOENT).
        """
        opened = self._descriptors.get(fd)
        nameless = os.O_TMPFILE | os.O_EXCL
        if not self.process.privileged:
            raise refusal(errno.ENOENT)
        with self._new_name(path, dir_fd) as last:
            if opened.flags & nameless == nameless:
                raise refusal(errno.ENOENT)
            self._link(opened.inode, last)

    @call(1)
    def unlink(self, path: Path, *, dir_fd: int | None = None) -> None:
        """See ``os.unlink``."""
        last = self._last(path, dir_fd)
        if not last.is_name:
            raise refusal(errno.EISDIR)
        with last.directory.lock:
            inode = self._there(last)
            if last.slash:
                raise refusal(errno.EISDIR if inode.is_dir else errno.ENOTDIR)
            self._guard.delete(last.directory, inode, self.process, is_dir=False)
            self._remove(Opcode.UNLINK, last, inode)

    remove = unlink

    @call(1)
    def rmdir(self, path: Path, *, dir_fd: int | None = None) -> None:
        """See ``os.rmdir``."""
        last = self._last(path, dir_fd)
        if not last.is_name:
            raise refusal({DOT: errno.EINVAL, DOTDOT: errno.ENOTEMPTY}.get(last.name, errno.EBUSY))
        with last.directory.lock:
            inode = self._there(last)
            self._guard.delete(last.directory, inode, self.process, is_dir=True)
            self._remove(Opcode.RMDIR, last, inode)

    @overload
    def readlink(self, path: str | os.PathLike[str], *, dir_fd: int | None = None) -> str: ...
    @overload
    def readlink(self, path: bytes | os.PathLike[bytes], *, dir_fd: int | None = None) -> bytes: ...
    def readlink(self, path: Path, *, dir_fd: int | None = None) -> str | bytes:
        """See ``os.readlink``."""
        target = self._readlink(path, dir_fd)
        return target if isinstance(os.fspath(path), bytes) else os.fsdecode(target)

    @call(1)
    def _readlink(self, path: Path, dir_fd: int | None) -> bytes:
        inode = self._find(path, follow=False, dir_fd=dir_fd)
        if not inode.is_link:
            raise refusal(errno.EINVAL)
        return self._walker.target(inode, self.process)

    def exists(self, path: Path) -> bool:
        """See ``os.path.exists``."""
        try:
            self._reachable(path)
        except (OSError, ValueError):
            return False
        return True

    @call(1)
    def _reachable(self, path: Path) -> Inode:
        return self._find(path)

    def _is_dir(self, path: Path) -> bool:
        try:
            return self._reachable(path).is_dir
        except OSError:
            return False

    @contextmanager
    def _new_name(self, path: Path, dir_fd: int | None, *, directory: bool = False) -> Iterator[Last]:
        """Walk to where a new name is to be, and keep it free until it is made."""
        last = self._last(path, dir_fd)
        if not last.is_name:
            raise refusal(errno.EEXIST)
        with last.directory.lock:
            if self._walker.at(self.process, last, fresh=True) is not None:
                raise refusal(errno.EEXIST)
            if last.slash and not directory:
                raise refusal(errno.ENOENT)
            self._guard.create(last.directory, self.process)
            yield last

    def _there(self, last: Last) -> Inode:
        inode = self._walker.at(self.process, last)
        if inode is None:
            raise refusal(errno.ENOENT)
        return inode

    def _masked(self, mode: int) -> int:
        """Apply the umask, unless the server does."""
        return mode if self._connection.has(InitFlag.DONT_MASK) else mode & ~self.process.umask

    def _file_mode(self, directory: Inode, mode: int) -> int:
        """Return the mode of a new file: no set-gid file for who is not in a set-gid directory's group."""
        mode = self._masked(mode)
        above = directory.attr
        if (
            mode & (stat.S_ISGID | stat.S_IXGRP) == stat.S_ISGID | stat.S_IXGRP
            and above.mode & stat.S_ISGID
            and not keeps_setgid(above.gid, self.process.credentials)
        ):
            mode &= ~stat.S_ISGID
        return mode

    def _groups(self, directory: Inode) -> tuple[int, ...]:
        """Return the group that a set-gid directory's check needs and the header does not say."""
        gid = directory.attr.gid
        told = self._connection.has(InitFlag.CREATE_SUPP_GROUP)
        return (gid,) if told and gid in self.process.credentials.groups else ()

    def _mknod(self, last: Last, mode: int, device: int = 0) -> Inode:
        mode = stat.S_IFMT(mode) | self._file_mode(last.directory, mode & MKNOD_BITS)
        fields = {"mode": mode, "rdev": encode_rdev(device), "umask": self.process.umask}
        return self._make(Opcode.MKNOD, last, fields)

    def _make(
        self, opcode: Opcode, last: Last, fields: dict[str, int], extra: tuple[bytes, ...] = ()
    ) -> Inode:
        directory = last.directory
        since = self._tree.now()
        reply = self._connection.must(
            opcode,
            directory.check().nodeid,
            fields,
            names=(last.name, *extra),
            caller=self.process,
            groups=self._groups(directory),
        )
        return self._tree.entered(directory, last.name, reply.fields, since)

    def _link(self, inode: Inode, last: Last) -> None:
        if inode.is_dir:
            raise refusal(errno.EPERM)
        directory = last.directory
        self._tree.changed(inode)
        since = self._tree.now()
        reply = self._connection.must(
            Opcode.LINK,
            directory.check().nodeid,
            {"oldnodeid": inode.check().nodeid},
            names=(last.name,),
            caller=self.process,
        )
        self._tree.entered(directory, last.name, reply.fields, since)

    def _remove(self, opcode: Opcode, last: Last, inode: Inode) -> None:
        caller: Process = self.process
        directory = last.directory
        try:
            self._connection.must(opcode, directory.check().nodeid, names=(last.name,), caller=caller)
        except (FileNotFoundError, InterruptedError):
            self._tree.expire(directory, last.name)
            raise
        self._tree.drop(directory, last.name)
        self._tree.stir(directory)
        self._tree.changed(inode)
