"""The tree in memory that the Python file systems serve: nodes, and how one enters and leaves a directory.

It knows nothing of any library: what differs between the peers is theirs.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from itertools import count

_numbers = count(2)
ROOT_NUMBER = 1


class Node:
    """One file (``data``) or directory (``children``)."""

    __slots__ = (
        "atime",
        "children",
        "ctime",
        "data",
        "gid",
        "known",
        "mode",
        "mtime",
        "nlink",
        "number",
        "uid",
    )

    def __init__(self, mode: int, uid: int, gid: int, number: int | None = None) -> None:
        self.number = next(_numbers) if number is None else number
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.atime = self.mtime = self.ctime = time.time_ns()
        self.nlink = 2 if stat.S_ISDIR(mode) else 1
        #: Lookups the kernel has not forgotten yet, where a peer has to count them.
        self.known = 0
        self.data = bytearray()
        self.children: dict[str, Node] = {}

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    def resize(self, size: int) -> None:
        data = self.data
        if size < len(data):
            del data[size:]
        else:
            data.extend(bytes(size - len(data)))
        self.touch()

    def write(self, data: bytes | memoryview, offset: int) -> int:
        end = offset + len(data)
        if end > len(self.data):
            self.resize(end)
        # A bytearray would make a copy of a view first, to be told one of itself.
        memoryview(self.data)[offset:end] = data
        self.touch()
        return len(data)

    def touch(self) -> None:
        self.mtime = self.ctime = time.time_ns()


def make_root() -> Node:
    """Return the empty root directory, owned by whoever serves it."""
    return Node(stat.S_IFDIR | 0o755, os.getuid(), os.getgid(), ROOT_NUMBER)


def find(directory: Node, name: str) -> Node:
    """Return the child called *name*; ENOENT if there is none."""
    try:
        return directory.children[name]
    except KeyError:
        raise FileNotFoundError(errno.ENOENT, name) from None


def enter(directory: Node, name: str, node: Node) -> Node:
    """Put *node* into *directory* as *name*; EEXIST if the name is taken."""
    if name in directory.children:
        raise FileExistsError(errno.EEXIST, name)
    directory.children[name] = node
    return node


def leave(directory: Node, name: str) -> Node:
    """Take *name* out of *directory*; ENOENT if there is none, ENOTEMPTY if it has children itself."""
    node = find(directory, name)
    if node.children:
        raise OSError(errno.ENOTEMPTY, name)
    del directory.children[name]
    node.nlink = 0 if stat.S_ISDIR(node.mode) else node.nlink - 1
    return node
