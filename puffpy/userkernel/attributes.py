"""The system calls that show and change attributes, and the working directory.

Sizes are changed here too; data is read and written in data.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Mapping

from puffpy.userkernel.descriptors import OpenInode
from puffpy.userkernel.inodes import NSEC, Attr, Inode
from puffpy.userkernel.machine import Machine, Path, call
from puffpy.userkernel.permissions import keeps_setgid, may_change_owner, refusal
from puffpy.wire import Opcode
from puffpy.wire.flags import InitFlag, SetattrValid

MODE_BITS = 0o7777
SAME = -1
"""chown(2): leave this id as it is."""


class AttributeCalls(Machine):
    """``stat``, ``chmod``, ``chown``, ``utime``, ``truncate``, ``access``, ``chdir`` and their kin."""

    @call(1)
    def stat(
        self, path: Path | int, *, dir_fd: int | None = None, follow_symlinks: bool = True
    ) -> os.stat_result:
        """See ``os.stat``."""
        return self._attr(self._find(path, follow=follow_symlinks, dir_fd=dir_fd)).stat(self.mount.dev)

    def lstat(self, path: Path, *, dir_fd: int | None = None) -> os.stat_result:
        """See ``os.lstat``."""
        return self.stat(path, dir_fd=dir_fd, follow_symlinks=False)

    def fstat(self, fd: int) -> os.stat_result:
        """See ``os.fstat``."""
        return self.stat(fd)

    @call(1)
    def chmod(
        self,
        path: Path | int,
        mode: int,
        *,
        dir_fd: int | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        """See ``os.chmod``; a symbolic link itself has no mode to change (EOPNOTSUPP), as on Linux."""
        inode = self._find(path, follow=follow_symlinks, dir_fd=dir_fd)
        if inode.is_link:
            raise refusal(errno.EOPNOTSUPP)
        self._guard.writable()
        self._guard.owner(inode, self.process)
        if self._guard.checks:
            attr = self._tree.refresh(inode, self.process, trusted=True)
            if not keeps_setgid(attr.gid, self.process.credentials):
                mode &= ~stat.S_ISGID
        self._setattr(inode, SetattrValid.MODE, {"mode": inode.kind | (mode & MODE_BITS)})

    def fchmod(self, fd: int, mode: int) -> None:
        """See ``os.fchmod``."""
        self.chmod(fd, mode)

    @call(1)
    def chown(
        self,
        path: Path | int,
        uid: int,
        gid: int,
        *,
        dir_fd: int | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        """See ``os.chown``."""
        inode = self._find(path, follow=follow_symlinks, dir_fd=dir_fd)
        self._guard.writable()
        attr = self._tree.refresh(inode, self.process, trusted=True)
        if self._guard.checks and not may_change_owner(
            attr,
            self.process.credentials,
            None if uid == SAME else uid,
            None if gid == SAME else gid,
        ):
            raise refusal(errno.EPERM)
        valid, fields = SetattrValid(0), {}
        if uid != SAME:
            valid, fields["uid"] = valid | SetattrValid.UID, uid
        if gid != SAME:
            valid, fields["gid"] = valid | SetattrValid.GID, gid
        if not inode.is_dir:
            valid |= self._killed(attr, fields, asked=bool(valid))
        self._setattr(inode, valid, fields)

    def lchown(self, path: Path, uid: int, gid: int) -> None:
        """See ``os.lchown``."""
        self.chown(path, uid, gid, follow_symlinks=False)

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        """See ``os.fchown``."""
        self.chown(fd, uid, gid)

    @call(1)
    def utime(
        self,
        path: Path | int,
        times: tuple[float, float] | None = None,
        *,
        ns: tuple[int, int] | None = None,
        dir_fd: int | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        """See ``os.utime``."""
        if times is not None and ns is not None:
            raise ValueError("utime: you may specify either 'times' or 'ns' but not both")
        inode = self._find(path, follow=follow_symlinks, dir_fd=dir_fd)
        self._guard.writable()
        valid = SetattrValid.ATIME | SetattrValid.MTIME
        if times is None and ns is None:
            self._may_touch(inode)
            valid |= SetattrValid.ATIME_NOW | SetattrValid.MTIME_NOW
            ns = (time.time_ns(),) * 2
        else:
            self._guard.owner(inode, self.process)
            ns = ns or (int(times[0] * NSEC), int(times[1] * NSEC)) if times is not None else ns
        assert ns is not None
        self._setattr(inode, valid, self._times(ns))

    @call(1)
    def truncate(self, path: Path | int, length: int) -> None:
        """See ``os.truncate``."""
        if isinstance(path, int):
            self._ftruncate(path, length)
            return
        inode = self._find(path)
        if length < 0:
            raise refusal(errno.EINVAL)
        if inode.is_dir:
            raise refusal(errno.EISDIR)
        if not stat.S_ISREG(inode.attr.mode):
            raise refusal(errno.EINVAL)
        self._guard.writable()
        self._guard.need(inode, self.process, os.W_OK)
        self._resize(inode, length)

    def ftruncate(self, fd: int, length: int) -> None:
        """See ``os.ftruncate``."""
        self.truncate(fd, length)

    @call(1)
    def access(
        self,
        path: Path | int,
        mode: int,
        *,
        dir_fd: int | None = None,
        effective_ids: bool = False,
        follow_symlinks: bool = True,
    ) -> bool:
        """See ``os.access``; there is one pair of ids only, so *effective_ids* changes nothing."""
        del effective_ids
        try:
            inode = self._find(path, follow=follow_symlinks, dir_fd=dir_fd)
            if mode & os.W_OK and (inode.is_dir or inode.is_link or stat.S_ISREG(inode.attr.mode)):
                self._guard.writable()
            if mode & os.X_OK and stat.S_ISREG(inode.attr.mode):
                self._guard.execute(inode, self.process)
            if mode:
                self._guard.access(inode, self.process, mode)
        except OSError:
            return False
        return True

    @call(1)
    def chdir(self, path: Path | int) -> None:
        """See ``os.chdir``; it is the calling process's directory that changes."""
        inode = self._find(path)
        if not inode.is_dir:
            raise refusal(errno.ENOTDIR)
        self._guard.access(inode, self.process, os.X_OK)
        self.process.cwd = inode

    def fchdir(self, fd: int) -> None:
        """See ``os.fchdir``."""
        self.chdir(fd)

    def getcwd(self) -> str:
        """See ``os.getcwd``; the root of the mount is ``/``."""
        return os.fsdecode(self.getcwdb())

    @call()
    def getcwdb(self) -> bytes:
        """See ``os.getcwdb``."""
        names, here = [], self.process.cwd
        while here.parent is not None:
            if (
                here.parent.children.get(here.name) is None
                and self._tree.lookup(here.parent, here.name, self.process) is not here
            ):
                raise refusal(errno.ENOENT)
            names.append(here.name)
            here = here.parent
        return b"/" + b"/".join(reversed(names))

    def umask(self, mask: int) -> int:
        """See ``os.umask``; it is the calling process's that changes."""
        previous, self.process.umask = self.process.umask, mask & 0o777
        return previous

    @call(1)
    def statvfs(self, path: Path | int) -> os.statvfs_result:
        """See ``os.statvfs``."""
        inode = self._find(path)
        fields = self._connection.must(Opcode.STATFS, inode.nodeid, caller=self.process).fields
        return os.statvfs_result(
            (
                fields["bsize"],
                fields["frsize"] or fields["bsize"],
                fields["blocks"],
                fields["bfree"],
                fields["bavail"],
                fields["files"],
                fields["ffree"],
                fields["ffree"],
                os.ST_RDONLY if self.mount.ro else 0,
                fields["namelen"],
            )
        )

    def _attr(self, inode: Inode) -> Attr:
        return self._tree.refresh(inode, self.process)

    @staticmethod
    def _times(ns: tuple[int, ...]) -> dict[str, int]:
        (atime, atimensec), (mtime, mtimensec) = (divmod(each, NSEC) for each in ns)
        return {"atime": atime, "atimensec": atimensec, "mtime": mtime, "mtimensec": mtimensec}

    def _may_touch(self, inode: Inode) -> None:
        """Setting times to now takes ownership or the right to write (fs/attr.c, may_setattr)."""
        try:
            self._guard.owner(inode, self.process)
        except PermissionError:
            self._guard.need(inode, self.process, os.W_OK)

    def _ftruncate(self, fd: int, length: int) -> None:
        opened = self._open_inode(fd)
        if length < 0 or not opened.writable or not stat.S_ISREG(opened.inode.attr.mode):
            raise refusal(errno.EINVAL)
        self._resize(opened.inode, length, opened)

    def _resize(self, inode: Inode, length: int, opened: OpenInode | None = None) -> None:
        valid = SetattrValid.SIZE | SetattrValid.LOCKOWNER
        fields = {"size": length, "lock_owner": self.process.owner}
        if opened is not None and opened.told:
            valid |= SetattrValid.FH
            fields["fh"] = opened.fh
        if not self.process.privileged:
            valid |= self._killed(self._tree.refresh(inode, self.process, trusted=True), fields, asked=True)
        with inode.lock:
            self._setattr(inode, valid, fields)
            inode.stored = (0, b"")

    def _killed(self, attr: Attr, fields: dict[str, int], *, asked: bool) -> SetattrValid:
        """Return what has set-uid and set-gid cleared along with a change that must not keep them.

        As agreed on: the server does it always, when told, or it is set a mode without them.
        """
        if self._connection.has(InitFlag.HANDLE_KILLPRIV_V2):
            return SetattrValid.KILL_SUIDGID if asked else SetattrValid(0)
        if self._connection.has(InitFlag.HANDLE_KILLPRIV):
            return SetattrValid(0)
        mode = without_suidgid(attr.mode)
        if mode == attr.mode:
            return SetattrValid(0)
        fields["mode"] = mode
        return SetattrValid.MODE

    def _setattr(self, inode: Inode, valid: SetattrValid, fields: Mapping[str, int]) -> None:
        self._tree.changed(inode)
        since = self._tree.now()
        reply = self._connection.must(
            Opcode.SETATTR, inode.check().nodeid, {"valid": int(valid), **fields}, caller=self.process
        )
        self._tree.learn(inode, reply.fields, since)


def without_suidgid(mode: int) -> int:
    """Return *mode* as a write by somebody else leaves it."""
    mode &= ~stat.S_ISUID
    return mode & ~stat.S_ISGID if mode & stat.S_IXGRP else mode
