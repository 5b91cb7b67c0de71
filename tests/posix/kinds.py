"""Every kind of node: how one is made, and what is left out of account with it.

Nothing here knows which file system answers.  To add a kind, add a row.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

import attrs

from tests.posix.callers import Caller

DEVICE: Final = os.makedev(1, 2)


@attrs.frozen
class Kind:
    """One kind of node; *make* makes one with the permissions 0644, a directory with 0755."""

    type: int
    make: Callable[[Caller, str], object] = attrs.field(repr=False)

    @property
    def is_directory(self) -> bool:
        """Whether names can be in it."""
        return self.type == stat.S_IFDIR

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link, which has no permissions."""
        return self.type == stat.S_IFLNK

    @property
    def is_device(self) -> bool:
        """Whether only root can make it."""
        return self.type in (stat.S_IFBLK, stat.S_IFCHR)

    def remove(self, fs: Caller, path: str) -> None:
        """Take away one."""
        (fs.rmdir if self.is_directory else fs.unlink)(path)


def _node(kind: int, device: int = 0) -> Kind:
    return Kind(kind, lambda fs, path: fs.mknod(path, kind | 0o644, device))


KINDS: Final = MappingProxyType(
    {
        "file": _node(stat.S_IFREG),
        "directory": Kind(stat.S_IFDIR, lambda fs, path: fs.mkdir(path, 0o755)),
        "symbolic link": Kind(stat.S_IFLNK, lambda fs, path: fs.symlink("nowhere", path)),
        "fifo": _node(stat.S_IFIFO),
        "socket": _node(stat.S_IFSOCK),
        "block device": _node(stat.S_IFBLK, DEVICE),
        "character device": _node(stat.S_IFCHR, DEVICE),
    }
)
"""All of them, by the name a person would use."""


def kept(status: os.stat_result) -> tuple[int, ...]:
    """Return what of *status* a change of names does not touch, but for the number of links."""
    return (
        *(status.st_ino, status.st_mode, status.st_uid, status.st_gid),
        *(status.st_size, status.st_rdev, status.st_mtime_ns),
    )
