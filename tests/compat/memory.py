"""A file system in memory, by path and in fusepy's style; run as a program, it mounts itself.

Nothing here knows puffpy: it imports fusepy's names from wherever they are.
"""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
import time
from collections.abc import Iterable
from typing import Any

from puffpy.compat.fusepy import FUSE, FuseOSError, Operations, fuse_get_context


class Memory(Operations):
    """Files, directories and links by path: attributes, data, targets and extended attributes in dicts."""

    use_ns = True

    def __init__(self) -> None:
        self.inodes = {"/": self._inode(stat.S_IFDIR | 0o755, 2)}
        self.data: dict[int, io.FileIO] = {}
        self.targets: dict[int, str] = {}
        self.xattrs: dict[int, dict[str, bytes]] = {}
        self.opened: dict[int, dict[str, Any]] = {}
        self.said: list[str] = []

    def init(self, path: str) -> None:
        self.said.append("init")

    def destroy(self, path: str) -> None:
        self.said.append("destroy")
        for file in self.data.values():
            file.close()

    # attributes

    def getattr(self, path: str, fh: Any = None) -> dict[str, Any]:
        st = self._st(path)
        return {**st, "st_ino": id(st), "st_size": self._size(st)}

    def chmod(self, path: str, mode: int) -> None:
        st = self._st(path)
        st["st_mode"] = stat.S_IFMT(st["st_mode"]) | stat.S_IMODE(mode)
        self._touched(st)

    def chown(self, path: str, uid: int, gid: int) -> None:
        st = self._st(path)
        st["st_uid"] = st["st_uid"] if uid == -1 else uid
        st["st_gid"] = st["st_gid"] if gid == -1 else gid
        self._touched(st)

    def utimens(self, path: str, times: Any = None) -> None:
        st = self._st(path)
        self._touched(st)
        st["st_atime"], st["st_mtime"] = times

    def getxattr(self, path: str, name: str, position: int = 0) -> bytes:
        try:
            return self._xattrs(path)[name]
        except KeyError:
            raise FuseOSError(errno.ENODATA) from None

    def setxattr(self, path: str, name: str, value: bytes, options: int, position: int = 0) -> None:
        there = name in self._xattrs(path)
        if there and options == os.XATTR_CREATE:
            raise FuseOSError(errno.EEXIST)
        if not there and options == os.XATTR_REPLACE:
            raise FuseOSError(errno.ENODATA)
        self._xattrs(path)[name] = value
        self._touched(self._st(path))

    def listxattr(self, path: str) -> Iterable[str]:
        return list(self._xattrs(path))

    def removexattr(self, path: str, name: str) -> None:
        if name not in self._xattrs(path):
            raise FuseOSError(errno.ENODATA)
        del self._xattrs(path)[name]
        self._touched(self._st(path))

    # names

    def readdir(self, path: str, fh: Any) -> Iterable[Any]:
        self._st(path)
        prefix = path.rstrip("/") + "/"
        names = [p[len(prefix) :] for p in self.inodes if p != "/" and p.startswith(prefix)]
        return [".", "..", *(name for name in names if "/" not in name)]

    def mkdir(self, path: str, mode: int) -> None:
        self._new(path, self._inode(stat.S_IFDIR | mode, 2))
        self._st(os.path.dirname(path))["st_nlink"] += 1

    def mknod(self, path: str, mode: int, dev: int) -> None:
        st = self._inode(mode)
        st["st_rdev"] = dev
        self._new(path, st)

    def symlink(self, target: str, source: str) -> None:
        st = self._inode(stat.S_IFLNK | 0o777)
        self._enter(target, st)
        self.targets[id(st)] = source

    def readlink(self, path: str) -> str:
        return self.targets[id(self._st(path))]

    def link(self, target: str, source: str) -> None:
        st = self._st(source)
        self._enter(target, st)
        st["st_nlink"] += 1
        self._touched(st)

    def unlink(self, path: str) -> None:
        st = self._leave(path)
        st["st_nlink"] -= 1
        self._touched(st)
        if not st["st_nlink"] and id(st) in self.data:
            self.data.pop(id(st)).close()

    def rmdir(self, path: str) -> None:
        if len(list(self.readdir(path, 0))) > 2:
            raise FuseOSError(errno.ENOTEMPTY)
        self._leave(path)
        self._st(os.path.dirname(path))["st_nlink"] -= 1

    def rename(self, old: str, new: str, flags: int = 0) -> None:
        moved = self._subtree(old)
        if self.inodes.get(new) is self.inodes[old]:
            return
        if flags & 2:
            back = self._subtree(new)
            self._transplant(moved, old, new)
            for path in back:
                self.inodes.pop(path) if path not in {new + p[len(old) :] for p in moved} else None
            self._plant(back, new, old)
            self._settle_links(old, new)
            return
        if new in self.inodes:
            (self.rmdir if stat.S_ISDIR(self._st(new)["st_mode"]) else self.unlink)(new)
        self._transplant(moved, old, new)
        self._settle_links(old, new)

    # data

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        st = self._inode(mode)
        self._new(path, st)
        self.data[id(st)] = io.FileIO(os.memfd_create("data"), "r+")
        return self._opened(st)

    def open(self, path: str, flags: int) -> int:
        return self._opened(self._st(path))

    def release(self, path: str, fh: int) -> None:
        del self.opened[fh]

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        st = self._st(path)
        st["st_atime"] = time.time_ns()
        return os.pread(self.data[id(st)].fileno(), size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        st = self._st(path)
        self._touched(st, "st_mtime")
        return os.pwrite(self.data[id(st)].fileno(), data, offset)

    def truncate(self, path: str, length: int, fh: Any = None) -> None:
        st = self._st(path)
        self._touched(st, "st_mtime")
        os.ftruncate(self.data[id(st)].fileno(), length)

    def statfs(self, path: str) -> dict[str, int]:
        used = sum(os.fstat(file.fileno()).st_blocks for file in self.data.values()) // 8
        free = (1 << 20) - used
        return {"f_bsize": 4096, "f_blocks": 1 << 20, "f_bfree": free, "f_bavail": free}

    # the dicts

    def _inode(self, mode: int, nlink: int = 1) -> dict[str, Any]:
        uid, gid, _ = fuse_get_context()
        now = time.time_ns()
        times = {"st_atime": now, "st_mtime": now, "st_ctime": now}
        return {"st_mode": mode, "st_nlink": nlink, "st_uid": uid, "st_gid": gid, **times}

    def _st(self, path: str) -> dict[str, Any]:
        try:
            return self.inodes[path]
        except KeyError:
            raise FuseOSError(errno.ENOENT) from None

    def _new(self, path: str, st: dict[str, Any]) -> None:
        """Enter what is new; a directory with the set-gid bit hands its group down."""
        parent = self._st(os.path.dirname(path))
        if parent["st_mode"] & stat.S_ISGID:
            st["st_gid"] = parent["st_gid"]
            st["st_mode"] |= stat.S_ISGID if stat.S_ISDIR(st["st_mode"]) else 0
        self._enter(path, st)

    def _enter(self, path: str, st: dict[str, Any]) -> None:
        if path in self.inodes:
            raise FuseOSError(errno.EEXIST)
        parent = self._st(os.path.dirname(path))
        self.inodes[path] = st
        self._touched(parent, "st_mtime")

    def _leave(self, path: str) -> dict[str, Any]:
        st = self._st(path)
        del self.inodes[path]
        self._touched(self._st(os.path.dirname(path)), "st_mtime")
        return st

    def _subtree(self, path: str) -> dict[str, dict[str, Any]]:
        self._st(path)
        return {p: st for p, st in self.inodes.items() if p == path or p.startswith(path + "/")}

    def _transplant(self, moved: dict[str, dict[str, Any]], old: str, new: str) -> None:
        for path in moved:
            del self.inodes[path]
        self._plant(moved, old, new)

    def _plant(self, moved: dict[str, dict[str, Any]], old: str, new: str) -> None:
        self.inodes.update({new + path[len(old) :]: st for path, st in moved.items()})

    def _settle_links(self, *paths: str) -> None:
        """Count what is in the directories that names came to and went from."""
        for path in {os.path.dirname(path) for path in paths}:
            st = self._st(path)
            below = [self.inodes[path.rstrip("/") + "/" + name] for name in list(self.readdir(path, 0))[2:]]
            st["st_nlink"] = 2 + sum(stat.S_ISDIR(child["st_mode"]) for child in below)
            self._touched(st, "st_mtime")
        for path in paths:
            if path in self.inodes:
                self._touched(self._st(path))

    def _opened(self, st: dict[str, Any]) -> int:
        fh = next(number for number in range(1 << 20) if number not in self.opened)
        self.opened[fh] = st
        return fh

    def _size(self, st: dict[str, Any]) -> int:
        if stat.S_ISLNK(st["st_mode"]):
            return len(os.fsencode(self.targets[id(st)]))
        return os.fstat(self.data[id(st)].fileno()).st_size if id(st) in self.data else 0

    def _xattrs(self, path: str) -> dict[str, bytes]:
        return self.xattrs.setdefault(id(self._st(path)), {})

    def _touched(self, st: dict[str, Any], *more: str) -> None:
        now = time.time_ns()
        for key in ("st_ctime", *more):
            st[key] = now


if __name__ == "__main__":
    words: dict[str, Any] = dict.fromkeys(sys.argv[2:], True)
    FUSE(Memory(), sys.argv[1], **words)
