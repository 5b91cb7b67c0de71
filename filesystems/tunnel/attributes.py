"""The operations on attributes, plain and extended, each on the very file, whatever its name is by now.

One third of the node vector; ``names`` and ``contents`` are the others.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Final

import puffpy
from filesystems.tunnel.credentials import Callers
from filesystems.tunnel.nodes import Nodes
from filesystems.tunnel.syscalls import NANO, UTIME_NOW, UTIME_OMIT, utimensat
from filesystems.tunnel.volumes import Node
from filesystems.tunnel.watch import UNWATCHED, Watch

ACL: Final = "system.posix_acl_"
"""The kernel checks permissions by mode alone, so that an ACL would promise what is not kept."""

LABEL: Final = "security.selinux"
SELINUX: Final = "/sys/fs/selinux"
"""What is only there where SELinux is in force."""

UNCHANGED: Final = -1


class Attributes(puffpy.VnodeOps):
    """Nodes by themselves, without their data."""

    nodes: Nodes
    callers: Callers
    watch: Watch | None

    def changing(self, call: puffpy.Call) -> AbstractContextManager[None]:
        """Return the context in which something is changed; EROFS where nothing may be."""
        raise NotImplementedError

    def getattr(self, vp: Node, call: puffpy.Call) -> puffpy.Vattr:
        """As they are underneath, at this moment."""
        va = self.nodes.attributes(vp, -1 if call.handle is None else call.handle, call)
        if self.watch is not None and va.ttl is None and not self.watch.covers(vp, va):
            va.ttl = UNWATCHED
        return va

    def setattr(self, vp: Node, change: puffpy.SetAttr, call: puffpy.Call) -> None:
        """One system call for each thing to be changed, in the order in which they may be refused."""
        file = self.nodes.reach(vp)
        path = "" if change.size is None else self.nodes.path(vp)  # with our own rights, as all that finds it
        timed = change.atime_ns is not None or change.mtime_ns is not None
        owned = change.uid is not None or change.gid is not None
        resized, moded = change.size is not None, change.mode is not None
        rights = self.changing(call)
        with rights if timed or owned or resized or moded else nullcontext():
            if change.size is not None:
                _truncate(path, change.size, call.handle)
            if owned:
                os.chown(file, _or_unchanged(change.uid), _or_unchanged(change.gid))
            if change.mode is not None:
                os.chmod(file, stat.S_IMODE(change.mode))
            if timed and not resized:
                _set_times(file, change)
        if change.kill_suidgid:
            self._kill_suidgid(vp, file, call)
        elif not (timed or owned or resized or moded):
            self._touch(file)
            if call.uid:
                self._kill_suidgid(vp, file, call)

    def _kill_suidgid(self, vp: Node, file: int | str, call: puffpy.Call) -> None:
        """Clear what the kernel says must go; with our own rights, for who writes a file need not own it.

        Where our own writes clear these bits, nothing is to be done, and capabilities go by themselves.
        """
        if self.callers.keeps_setuid:
            va = self.nodes.look(vp, call)
            before = va.mode
            if stat.S_ISDIR(before):
                return
            va.kill_suidgid()
            # Also where the group may not execute, unless the caller is in it (fs/attr.c).
            if va.mode & stat.S_ISGID and not call.credentials.member(va.gid):
                va.mode &= ~stat.S_ISGID
            if va.mode != before:
                os.chmod(file, stat.S_IMODE(va.mode))
                self.nodes.fresh = None

    def _touch(self, file: int | str) -> None:
        """Move the time of change, and clear the bits that chown(2) does.

        The kernel asks for this before it writes to a set-uid file on behalf of somebody else, and if it
        passes the write through, nobody else will clear them: it writes with the server's rights.
        """
        with suppress(PermissionError):  # not our file, so that they go with our own write
            os.chown(file, UNCHANGED, UNCHANGED)

    def access(self, vp: Node, mode: int, call: puffpy.Call) -> None:
        """Only asked without ``default_permissions``."""
        path = self.nodes.path(vp)
        with self.callers.being(call):
            if not os.access(path, mode, effective_ids=True):
                raise puffpy.FsError(errno.EACCES)

    def getextattr(self, vp: Node, name: str, call: puffpy.Call) -> bytes:
        """The value, or ENODATA; where nobody heeds labels, those that are not there are not supported.

        ls(1) asks for the label of each file, until it is told that.
        """
        file = self._attribute_of(vp, name)
        with self.callers.being(call):
            try:
                return os.getxattr(file, name)
            except OSError as exc:
                if name == LABEL and exc.errno == errno.ENODATA and not os.path.exists(SELINUX):
                    raise puffpy.FsError(errno.EOPNOTSUPP) from None
                raise

    def setextattr(self, vp: Node, name: str, value: bytes, flags: int, call: puffpy.Call) -> None:
        """What is not allowed to the caller, the kernel has refused: ``trusted.`` above all."""
        file = self._attribute_of(vp, name)
        with self.changing(call):
            os.setxattr(file, name, value, flags)

    def listextattr(self, vp: Node, call: puffpy.Call) -> list[str]:
        """All names, but ``trusted.`` ones are shown to root alone, and ACLs to nobody."""
        names = os.listxattr(self.nodes.reach(vp))
        hidden = (ACL, "trusted.") if call.uid else (ACL,)
        return [name for name in names if not name.startswith(hidden)]

    def deleteextattr(self, vp: Node, name: str, call: puffpy.Call) -> None:
        """Gone, or ENODATA."""
        file = self._attribute_of(vp, name)
        with self.changing(call):
            os.removexattr(file, name)

    def _attribute_of(self, vp: Node, name: str) -> int | str:
        if name.startswith(ACL):
            raise puffpy.FsError(errno.EOPNOTSUPP)
        return self.nodes.reach(vp)


def _or_unchanged(given: int | None) -> int:
    return UNCHANGED if given is None else given


def _truncate(path: str, size: int, handle: int | None) -> None:
    """Through the open file if there is one: it may have been opened before its mode said no."""
    if handle is not None:
        try:
            os.ftruncate(handle, size)
            return
        except OSError as exc:
            if exc.errno != errno.EINVAL or size:
                raise
    if size:
        os.truncate(path, size)
    else:
        # open(2) with O_TRUNC is what comes here, and unlike truncate(2) it moves the times of an empty file.
        os.close(os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC))


def _set_times(file: int | str, change: puffpy.SetAttr) -> None:
    """The present time needs less permission than one that is named, so it is not."""
    given = ((change.atime_ns, change.atime_now), (change.mtime_ns, change.mtime_now))
    atime, mtime = (
        (0, UTIME_OMIT) if ns is None else (0, UTIME_NOW) if now else divmod(ns, NANO) for ns, now in given
    )
    utimensat(file, atime, mtime)
