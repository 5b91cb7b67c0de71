"""The system calls for extended attributes.

What the attributes mean, access control lists among them, is not known here.
"""

from __future__ import annotations

import errno
import os
import stat

from typing_extensions import Buffer

from puffpy.userkernel.inodes import Inode
from puffpy.userkernel.machine import Machine, Path, call
from puffpy.userkernel.permissions import refusal
from puffpy.wire import Opcode

XATTR_SIZE_MAX = 65536
XATTR_LIST_MAX = 65536
XATTR_NAME_MAX = 255

USER, TRUSTED, SECURITY, SYSTEM = b"user.", b"trusted.", b"security.", b"system."


class XattrCalls(Machine):
    """``getxattr``, ``setxattr``, ``listxattr``, ``removexattr``."""

    @call(1)
    def getxattr(self, path: Path | int, attribute: str | bytes, *, follow_symlinks: bool = True) -> bytes:
        """See ``os.getxattr``."""
        inode = self._find(path, follow=follow_symlinks)
        name = self._name(attribute)
        self._may(inode, name, os.R_OK, missing=errno.ENODATA)
        return self._value(Opcode.GETXATTR, inode, (name,), XATTR_SIZE_MAX)

    @call(1)
    def setxattr(
        self,
        path: Path | int,
        attribute: str | bytes,
        value: Buffer,
        flags: int = 0,
        *,
        follow_symlinks: bool = True,
    ) -> None:
        """See ``os.setxattr``."""
        inode = self._find(path, follow=follow_symlinks)
        name, data = self._name(attribute), bytes(value)
        if flags & ~(os.XATTR_CREATE | os.XATTR_REPLACE):
            raise refusal(errno.EINVAL)
        if len(data) > XATTR_SIZE_MAX:
            raise refusal(errno.E2BIG)
        self._guard.writable()
        self._may(inode, name, os.W_OK, missing=errno.EPERM)
        with inode.lock:
            self._connection.ask(
                Opcode.SETXATTR,
                inode.check().nodeid,
                {"size": len(data), "flags": flags},
                names=(name,),
                data=data,
                caller=self.process,
            )
            self._tree.changed(inode)

    @call(1)
    def listxattr(self, path: Path | int | None = None, *, follow_symlinks: bool = True) -> list[str]:
        """See ``os.listxattr``."""
        inode = self._find("." if path is None else path, follow=follow_symlinks)
        value = self._value(Opcode.LISTXATTR, inode, (), XATTR_LIST_MAX)
        if not value:
            return []
        names = value.split(b"\0")
        if names.pop() or not all(names):
            raise refusal(errno.EIO)  # fs/fuse/xattr.c, fuse_verify_xattr_list
        return [os.fsdecode(name) for name in names]

    @call(1)
    def removexattr(self, path: Path | int, attribute: str | bytes, *, follow_symlinks: bool = True) -> None:
        """See ``os.removexattr``."""
        inode = self._find(path, follow=follow_symlinks)
        name = self._name(attribute)
        self._guard.writable()
        self._may(inode, name, os.W_OK, missing=errno.EPERM)
        with inode.lock:
            self._connection.ask(Opcode.REMOVEXATTR, inode.check().nodeid, names=(name,), caller=self.process)
            self._tree.changed(inode)

    @staticmethod
    def _name(attribute: str | bytes) -> bytes:
        name = os.fsencode(attribute)
        if b"\0" in name:
            raise ValueError("embedded null byte")
        if not name or len(name) > XATTR_NAME_MAX:
            raise refusal(errno.ERANGE)
        return name

    def _may(self, inode: Inode, name: bytes, mask: int, *, missing: int) -> None:
        """Apply the rules of the namespaces (fs/xattr.c, xattr_permission)."""
        if name.startswith(SECURITY):
            # security/commoncap.c, cap_inode_setxattr
            if mask & os.W_OK and not self.process.privileged:
                raise refusal(errno.EPERM)
            return
        if name.startswith(SYSTEM):
            return
        if name.startswith(TRUSTED):
            if not self.process.privileged:
                raise refusal(missing)
            return
        if name.startswith(USER):
            if not (inode.is_dir or stat.S_ISREG(inode.attr.mode)):
                raise refusal(missing)
            if inode.is_dir and mask & os.W_OK and inode.attr.mode & stat.S_ISVTX:
                self._guard.owner(inode, self.process)
        self._guard.need(inode, self.process, mask)

    def _value(self, opcode: Opcode, inode: Inode, names: tuple[bytes, ...], most: int) -> bytes:
        """Ask for the size, then for the bytes, as getxattr(3)'s users do."""
        while True:
            probe = self._connection.ask(
                opcode, inode.check().nodeid, {"size": 0}, names=names, caller=self.process, probe=True
            )
            size = probe.fields["size"] if probe is not None else 0
            if size > most:
                raise refusal(errno.E2BIG)
            if not size:
                return b""
            try:
                reply = self._connection.must(
                    opcode, inode.nodeid, {"size": size}, names=names, caller=self.process
                )
            except OSError as exc:
                if exc.errno == errno.ERANGE:
                    continue  # it has grown meanwhile
                raise
            if len(reply.data) > size:
                raise refusal(errno.EIO)
            return bytes(reply.data)
