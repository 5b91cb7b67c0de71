"""The extended attributes of one node, and which ones there may be.

Who may see or set them is decided by the kernel, but for listing ``trusted.`` names, which it leaves to us.
"""

from __future__ import annotations

import errno
import os
from typing import Final

import puffpy
from filesystems.detrempe.room import Room, pages

NAMESPACES: Final = ("user.", "trusted.", "security.")
"""The namespaces there are.  Not ``system.``: an access list that nobody heeds is refused."""

UNHEEDED: Final = "security.selinux"
"""The label of SELinux, which goes by the file system as a whole where that is a FUSE file system.

It is refused for that reason, and because ``ls -l`` asks for it, file after file, until it is told so.
"""

CREATE: Final = os.XATTR_CREATE
REPLACE: Final = os.XATTR_REPLACE

LARGEST: Final = 64 * 1024
"""Bytes in one value, and in the names of one node, each with its NUL: what Linux can hand out."""

ALTOGETHER: Final = 1024 * 1024
"""Bytes in all names and values of one node."""


def check(name: str) -> str:
    """Return *name* if there may be such an attribute.

    Raises:
        EOPNOTSUPP: its namespace is none of ours, or nobody would heed it.
        EINVAL: it is a namespace and nothing else.
    """
    if not name.startswith(NAMESPACES) or name == UNHEEDED:
        raise puffpy.FsError(errno.EOPNOTSUPP)
    if name in NAMESPACES:
        raise puffpy.FsError(errno.EINVAL)
    return name


class Xattrs:
    """Values by name, in pages taken from *room*."""

    __slots__ = ("names", "pages", "room", "size", "values")

    def __init__(self, room: Room) -> None:
        self.room = room
        self.values: dict[str, bytes] = {}
        self.names = 0
        self.size = 0
        self.pages = 0

    def set(self, name: str, value: bytes, flags: int) -> None:
        """Set *name* to *value*; *flags* are those of setxattr(2).

        Raises:
            EINVAL: *flags* are unknown.
            EEXIST, ENODATA: it is there, or is not, against the *flags*.
            E2BIG: *value* is longer than any attribute can be.
            ENOSPC: the node has too many already, or there is no room.
        """
        old = self.values.get(name)
        if flags & ~(CREATE | REPLACE):
            raise puffpy.FsError(errno.EINVAL)
        if old is not None and flags & CREATE:
            raise puffpy.FsError(errno.EEXIST)
        if old is None and flags & REPLACE:
            raise puffpy.FsError(errno.ENODATA)
        if len(value) > LARGEST:
            raise puffpy.FsError(errno.E2BIG)
        if old is None:
            length = len(os.fsencode(name)) + 1
            self._resize(self.names + length, self.size + length + len(value))
        else:
            self._resize(self.names, self.size + len(value) - len(old))
        self.values[name] = value

    def remove(self, name: str) -> None:
        """Remove *name*, or raise ENODATA."""
        value = self.values.pop(name, None)
        if value is None:
            raise puffpy.FsError(errno.ENODATA)
        length = len(os.fsencode(name)) + 1
        self._resize(self.names - length, self.size - length - len(value))

    def clear(self) -> None:
        """Remove all."""
        self.values.clear()
        self._resize(0, 0)

    def _resize(self, names: int, size: int) -> None:
        if names > LARGEST or size > ALTOGETHER:
            raise puffpy.FsError(errno.ENOSPC)
        need = pages(size)
        self.room.take(need - self.pages)
        self.names, self.size, self.pages = names, size, need
