"""A vector made for one program: with the operations that it has, and no others.

What an operation does is in ``names`` and ``files``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from puffpy.compat.fusepy.files import Files
from puffpy.compat.fusepy.names import Names
from puffpy.compat.fusepy.program import Program
from puffpy.compat.fusepy.records import fuse_config
from puffpy.ops import ReadOnly, VfsOps, VnodeOps, blocking

NEEDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        # what the kernel can answer alone, it does
        "access": ("access",),
        "flush": ("flush",),
        "fsync": ("fsync", "fsyncdir"),
        "getextattr": ("getxattr",),
        "setextattr": ("setxattr",),
        "listextattr": ("listxattr",),
        "deleteextattr": ("removexattr",),
        "fallocate": ("fallocate",),
        "fdiscard": ("fallocate",),
        "ioctl": ("ioctl",),
        "advlock": ("lock", "flock"),
        "statvfs": ("statfs",),
        # fusepy's answer is that of a read-only file system
        "create": ("create", "mknod"),
        "mknod": ("mknod",),
        "mkdir": ("mkdir",),
        "symlink": ("symlink",),
        "link": ("link",),
        "rename": ("rename",),
        "remove": ("unlink",),
        "rmdir": ("rmdir",),
        "setattr": ("chmod", "chown", "truncate", "utimens"),
        "write": ("write",),
        "readlink": ("readlink",),
    }
)
"""Which of the program's operations a vector's is made of; where it has none of them, the library answers."""

REFUSED: Final = frozenset(
    {"create", "mknod", "mkdir", "symlink", "link", "rename", "remove", "rmdir", "setattr"}
)
"""What fusepy refuses with EROFS where it is left out."""


class PathOps(Names, Files):
    """All of a program's operations."""


def vector(
    operations: Any,
    *,
    raw_fi: bool = False,
    encoding: str = "utf-8",
    errors: str = "surrogateescape",
    config: fuse_config | None = None,
    threads: bool = False,
) -> PathOps:
    """Return the vector of fusepy's *operations*: what ``FUSE`` mounts, and ``puffpy.testing`` can check.

    Args:
        operations: Anything with fusepy's methods.
        raw_fi: Open files are shown to it whole, as :class:`fuse_file_info`.
        encoding, errors: How names are decoded for it.
        config: What libfuse's own options ask for.
        threads: Its operations run in worker threads, several at once.
    """
    program = Program(operations, encoding, errors)
    lacking = {name for name, needed in NEEDS.items() if not program.has(*needed)}
    left: dict[str, Any] = {
        name: getattr(ReadOnly if name in REFUSED else VfsOps if name == "statvfs" else VnodeOps, name)
        for name in lacking
    }
    made: type[PathOps] = type(type(operations).__name__, (PathOps,), left)
    if threads:
        made = blocking(made)
    return made(program, raw_fi=raw_fi, config=config)
