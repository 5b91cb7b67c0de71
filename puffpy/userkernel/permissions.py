"""Who may do what: the rules Linux applies with ``default_permissions``, and the little it checks without.

The rules are functions of attributes and identities; only :class:`Guard` asks the server anything.
"""

from __future__ import annotations

import errno
import os
import stat

from puffpy.types import Credentials
from puffpy.userkernel.connection import Connection
from puffpy.userkernel.dentries import Tree
from puffpy.userkernel.inodes import Attr, Inode
from puffpy.userkernel.processes import Process
from puffpy.wire import Opcode

ROOT = 0


def refusal(code: int) -> OSError:
    """Return the error that says *code*."""
    return OSError(code, os.strerror(code))


def allowed(attr: Attr, credentials: Credentials, mask: int) -> bool:
    """Tell whether *credentials* may use a node for *mask* (fs/namei.c, generic_permission).

    *mask* is a sum of ``os.R_OK``, ``W_OK`` and ``X_OK``.  Root may do everything, but not execute a file
    that nobody may execute.
    """
    if credentials.uid == ROOT:
        return not (mask & os.X_OK) or stat.S_ISDIR(attr.mode) or bool(attr.mode & 0o111)
    if credentials.uid == attr.uid:
        granted = attr.mode >> 6
    elif credentials.member(attr.gid):
        granted = attr.mode >> 3
    else:
        granted = attr.mode
    return mask & ~granted & 7 == 0


def sticky(directory: Attr, attr: Attr, credentials: Credentials) -> bool:
    """Tell whether a sticky *directory* keeps *credentials* from removing the name of *attr*."""
    return bool(directory.mode & stat.S_ISVTX) and credentials.uid not in (ROOT, attr.uid, directory.uid)


def keeps_setgid(gid: int, credentials: Credentials) -> bool:
    """Tell whether *credentials* may give a file of the group *gid* ``S_ISGID``."""
    return credentials.uid == ROOT or credentials.member(gid)


def may_change_owner(attr: Attr, credentials: Credentials, uid: int | None, gid: int | None) -> bool:
    """Tell whether *credentials* may give a node to *uid* and *gid* (``None``: as it is)."""
    if credentials.uid == ROOT:
        return True
    if uid is not None and not credentials.uid == attr.uid == uid:
        return False
    return gid is None or (credentials.uid == attr.uid and (credentials.member(gid) or gid == attr.gid))


class Guard:
    """Applies the rules where the kernel does, asking the server for attributes that are out of date.

    Args:
        connection, tree: The server and what is known of it.
        checks: Whether the mount has ``default_permissions``; without, the server checks.
        read_only: Whether the mount is ``ro``.
    """

    def __init__(self, connection: Connection, tree: Tree, *, checks: bool, read_only: bool) -> None:
        self.connection = connection
        self.tree = tree
        self.checks = checks
        self.read_only = read_only

    def writable(self) -> None:
        """EROFS on a read-only mount."""
        if self.read_only:
            raise refusal(errno.EROFS)

    def need(self, inode: Inode, process: Process, mask: int) -> None:
        """EACCES unless *process* may use *inode* for *mask*."""
        if self.checks and not self._permits(inode, process, mask):
            raise refusal(errno.EACCES)

    def access(self, inode: Inode, process: Process, mask: int) -> None:
        """As :meth:`need`, for access(2) and chdir(2): without the checks here the server is asked."""
        if self.checks:
            self.need(inode, process, mask)
        else:
            self.connection.ask(Opcode.ACCESS, inode.nodeid, {"mask": mask}, caller=process)

    def execute(self, inode: Inode, process: Process) -> None:
        """EACCES for a file that nobody may execute; this is checked on every mount."""
        if not self.tree.refresh(inode, process, trusted=True).mode & 0o111:
            raise refusal(errno.EACCES)

    def create(self, directory: Inode, process: Process) -> None:
        """Refuse unless *process* may put a new name into *directory*."""
        self.writable()
        self.need(directory, process, os.W_OK | os.X_OK)

    def delete(self, directory: Inode, inode: Inode, process: Process, *, is_dir: bool) -> None:
        """Refuse unless *process* may take a name of *inode* out of *directory* (fs/namei.c, may_delete).

        *is_dir*: it is removed as a directory, or as something else.
        """
        self.writable()
        self.need(directory, process, os.W_OK | os.X_OK)
        if self.checks:
            attr = self.tree.refresh(inode, process, trusted=True)
            if sticky(self.tree.refresh(directory, process, trusted=True), attr, process.credentials):
                raise refusal(errno.EPERM)
        if is_dir and not inode.is_dir:
            raise refusal(errno.ENOTDIR)
        if not is_dir and inode.is_dir:
            raise refusal(errno.EISDIR)
        if inode is self.tree.root:
            raise refusal(errno.EBUSY)

    def owner(self, inode: Inode, process: Process) -> None:
        """EPERM unless *process* owns *inode*."""
        if self.checks:
            attr = self.tree.refresh(inode, process, trusted=True)
            if process.credentials.uid not in (ROOT, attr.uid):
                raise refusal(errno.EPERM)

    def _permits(self, inode: Inode, process: Process, mask: int) -> bool:
        """Decide on what is known; before saying no, ask once more (fs/fuse/dir.c, fuse_permission)."""
        expired = inode.expires <= self.tree.clock()
        attr = self.tree.refresh(inode, process, trusted=True)
        if allowed(attr, process.credentials, mask):
            return True
        if expired:
            return False
        inode.expires = 0.0
        return allowed(self.tree.refresh(inode, process), process.credentials, mask)
