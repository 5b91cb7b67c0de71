"""A file system with a bug in every file: ``python -m tests.mounted.buggy WAY MNT``.

A file is called OPERATION.BUG; whoever has the operation done to it gets the bug.  ``fine`` has none.
"""

from __future__ import annotations

import errno
import stat
import sys
from collections.abc import Callable
from typing import Any

import puffpy


class Unspeakable(Exception):
    """An exception that cannot be shown."""

    def __str__(self) -> str:
        raise ValueError("not even this")

    __repr__ = __str__


def recursion() -> Any:
    return recursion()


def memory() -> Any:
    return bytearray(1 << 60)


def raising(exc: BaseException) -> Callable[[], Any]:
    def bug() -> Any:
        raise exc

    return bug


def late() -> Any:
    """Goes wrong when half of it has been told."""
    yield puffpy.Dirent("first", 7)
    raise KeyError("second")


async def asynchronous() -> Any:
    return b"x"


RAISED: dict[str, Callable[[], Any]] = {
    "recursion": recursion,
    "memory": memory,
    "exit": sys.exit,
    "exit0": lambda: sys.exit(0),
    "keyboard": raising(KeyboardInterrupt()),
    "generator": raising(GeneratorExit()),
    "stop": raising(StopIteration()),
    "unspeakable": raising(Unspeakable()),
    "assertion": raising(AssertionError()),
    "bare": raising(OSError("no errno")),
    "zero": raising(OSError(0, "zero")),
    "negative": raising(OSError(-5, "negative")),
    "huge": raising(OSError(10**30, "huge")),
    "kernels": raising(OSError(512, "ERESTARTSYS")),
    "word": raising(OSError("ENOENT", "no number")),
    "nosys": raising(OSError(errno.ENOSYS, "never again")),
    "overflow": lambda: 2.0**10000,
    "missing": lambda: puffpy.nothing,  # type: ignore[attr-defined]
}
"""What may be raised, in any operation."""

ANSWERS: dict[str, dict[str, Any]] = {
    "read": {"long": b"x" * (1 << 20), "text": "text", "number": 3, "nothing": None, "list": [b"x"]},
    "write": {"less": -1, "more": 1 << 40, "text": "3", "fraction": 1.5, "bytes": b"x"},
    "getattr": {
        "links": {"nlink": -1},
        "manylinks": {"nlink": 1 << 40},
        "mode": {"mode": 0},
        "negativemode": {"mode": -1},
        "hugemode": {"mode": 1 << 40},
        "textmode": {"mode": "rwx"},
        "size": {"size": -1},
        "inode": {"ino": 1 << 70},
        "owner": {"uid": -1},
        "ttl": {"ttl": -1.0},
    },
    "readlink": {"number": 3, "nothing": None, "null": "a\0b"},
    "readdir": {
        "empty": [("", 1)],
        "slash": [puffpy.Dirent("a/b", 7)],
        "null": [puffpy.Dirent("a\0b", 7)],
        "number": [3],
        "nothing": None,
        "inode": [puffpy.Dirent("a", -1)],
    },
    "getextattr": {"text": "text", "nothing": None},
    "listextattr": {"numbers": [1, 2], "nothing": None, "null": ["user.a\0b"]},
    "statvfs": {"nothing": None, "below": puffpy.StatVfs(blocks=-1)},
}
"""What an operation may not answer."""


class Inline(puffpy.VnodeOps, puffpy.VfsOps):
    """Both vectors, each operation with the bug of the node that it is done to."""

    options = puffpy.MountOptions(entry_timeout=0, attr_timeout=0, negative_timeout=0)

    def __init__(self) -> None:
        self.root = puffpy.Node.directory()
        self.vfsops = self
        self.names: dict[Any, str] = {}

    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        operation = cn.name.partition(".")[0]
        if operation == "lookup":
            return self.done("lookup", cn.name)
        if operation == "missing":
            raise FileNotFoundError
        kind = {"readlink": stat.S_IFLNK, "readdir": stat.S_IFDIR}.get(operation, stat.S_IFREG)
        node = puffpy.Node(puffpy.Vattr(kind | 0o777, size=100))
        self.names[node] = cn.name
        return node

    def done(self, operation: str, name: str, answer: Any = None) -> Any:
        """Return *answer*, unless *name* is that of a bug in *operation*."""
        struck, _, bug = name.partition(".")
        if struck != operation:
            return answer
        if bug in RAISED:
            return RAISED[bug]()
        if bug == "late":
            return late()
        if bug == "asynchronous":
            return asynchronous()
        return ANSWERS[operation][bug]

    def getattr(self, vp: Any, call: puffpy.Call) -> Any:
        wrong = self.done("getattr", self.names.get(vp, ""), {})
        va = vp.vattr
        if not isinstance(wrong, dict):
            return wrong
        fields = {"mode": va.mode, "nlink": va.nlink, "size": va.size, **wrong}
        return puffpy.Vattr(**fields)

    def setattr(self, vp: Any, change: puffpy.SetAttr, call: puffpy.Call) -> None:
        """Nothing changes."""

    def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> Any:
        return self.done("read", self.names[vp], b"x" * min(size, max(100 - offset, 0)))

    def write(self, vp: Any, offset: int, data: memoryview, call: puffpy.Call) -> Any:
        return self.done("write", self.names[vp], len(data))

    def readlink(self, vp: Any, call: puffpy.Call) -> Any:
        return self.done("readlink", self.names[vp], "target")

    def readdir(self, dvp: Any, call: puffpy.Call) -> Any:
        return self.done("readdir", self.names.get(dvp, ""), [])

    def getextattr(self, vp: Any, name: str, call: puffpy.Call) -> Any:
        return self.done("getextattr", self.names[vp], b"x")

    def listextattr(self, vp: Any, call: puffpy.Call) -> Any:
        return self.done("listextattr", self.names[vp], [])

    def open(self, vp: Any, flags: int, call: puffpy.Call) -> Any:
        return self.done("open", self.names[vp])

    def close(self, vp: Any, flags: int, call: puffpy.Call) -> Any:
        return self.done("close", self.names[vp])

    def reclaim(self, vp: Any) -> Any:
        return self.done("reclaim", self.names.pop(vp, ""))

    def statvfs(self, vp: Any, call: puffpy.Call) -> Any:
        return self.done("statvfs", self.names.get(vp, ""), puffpy.StatVfs())


class Workers(Inline):
    """Some of it in worker threads."""

    @puffpy.blocking
    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        return super().lookup(dvp, cn, call)

    @puffpy.blocking
    def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> Any:
        return super().read(vp, offset, size, call)

    @puffpy.blocking
    def readdir(self, dvp: Any, call: puffpy.Call) -> Any:
        return super().readdir(dvp, call)


class Tasks(Inline):
    """Some of it as tasks."""

    async def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        return super().lookup(dvp, cn, call)

    async def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> Any:
        return super().read(vp, offset, size, call)

    async def readdir(self, dvp: Any, call: puffpy.Call) -> Any:
        return super().readdir(dvp, call)


WAYS: dict[str, type[Inline]] = {"inline": Inline, "workers": Workers, "tasks": Tasks}


def chosen(way: str) -> Inline:
    """Return the file system that runs its operations in the way called *way*."""
    return WAYS[way]()


if __name__ == "__main__":
    puffpy.main(chosen)
