"""The file system as fusepy and mfusepy want it: operations that are given paths.

The two share their operations' names and parameters; what differs is in their own files.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.peers.memory import Node, enter, find, leave, make_root

#: What both take as keyword options, of libfuse 2 and 3 alike.
OPTIONS: Mapping[str, bool | int] = {
    "foreground": True,
    "nothreads": True,
    "direct_io": True,
    "attr_timeout": 0,
    "entry_timeout": 0,
    "negative_timeout": 0,
}


def options(argv: Sequence[str]) -> dict[str, Any]:
    """Return them as *argv* wants them: with ``--threads`` operations run at the same time."""
    return {**OPTIONS, "nothreads": "--threads" not in argv}


class PathOperations:
    """To be mixed in front of the library's own ``Operations``."""

    use_ns = True

    def __init__(self) -> None:
        self.root = make_root()

    def _walk(self, path: str) -> Node:
        node = self.root
        for name in path.split("/"):
            if name:
                node = find(node, name)
        return node

    def _parent(self, path: str) -> tuple[Node, str]:
        head, _, name = path.rpartition("/")
        return self._walk(head), name

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        node = self._walk(path)
        return {
            "st_mode": node.mode,
            "st_nlink": node.nlink,
            "st_size": len(node.data),
            "st_uid": node.uid,
            "st_gid": node.gid,
            "st_atime": node.atime,
            "st_mtime": node.mtime,
            "st_ctime": node.ctime,
        }

    def chmod(self, path: str, mode: int) -> int:
        node = self._walk(path)
        node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(mode)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        node = self._walk(path)
        node.uid, node.gid = uid, gid
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        node = self._walk(path)
        if times is None:
            node.touch()
        else:
            node.atime, node.mtime = times
        return 0

    def mkdir(self, path: str, mode: int) -> int:
        parent, name = self._parent(path)
        enter(parent, name, Node(stat.S_IFDIR | stat.S_IMODE(mode), self.root.uid, self.root.gid))
        return 0

    def create(self, path: str, mode: int, fi: object = None) -> int:
        parent, name = self._parent(path)
        enter(parent, name, Node(stat.S_IFREG | stat.S_IMODE(mode), self.root.uid, self.root.gid))
        return 0

    def unlink(self, path: str) -> int:
        leave(*self._parent(path))
        return 0

    rmdir = unlink

    def open(self, path: str, flags: int) -> int:
        self._walk(path)
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return bytes(memoryview(self._walk(path).data)[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        return self._walk(path).write(data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        self._walk(path).resize(length)
        return 0

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *self._walk(path).children]
