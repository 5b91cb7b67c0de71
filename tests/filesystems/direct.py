"""Detrempe called directly, one method an operation: no kernel, no wire, no library in between."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import puffpy
from filesystems.detrempe import Detrempe
from filesystems.detrempe.nodes import Inode

PAGE = 4096
ROOT_CALL = puffpy.Call(0, 0, 1)


def name(text: str) -> puffpy.ComponentName:
    """A component of a path."""
    return puffpy.ComponentName(text)


def new(kind: int, mode: int, uid: int = 0, gid: int = 0) -> puffpy.Vattr:
    """Attributes as the library hands them out for a new node."""
    now = time.time_ns()
    return puffpy.Vattr(kind | mode, 1, uid, gid, 0, now, now, now, now)


class Direct:
    """The operations of one Detrempe with less to write, the root in place of a directory left out."""

    def __init__(self, fs: Detrempe) -> None:
        self.fs = fs
        self.root = fs.root

    def find(self, text: str, dvp: Inode | None = None) -> Inode:
        return self.fs.lookup(dvp or self.root, name(text), ROOT_CALL)

    def file(
        self, text: str, data: bytes = b"", dvp: Inode | None = None, mode: int = 0o644, gid: int = 0
    ) -> Inode:
        va = new(stat.S_IFREG, mode, gid=gid)
        node = self.fs.create(dvp or self.root, name(text), va, ROOT_CALL)
        if data:
            assert self.write(node, 0, data) == len(data)
        return node

    def dir(self, text: str, dvp: Inode | None = None, mode: int = 0o755) -> Inode:
        return self.fs.mkdir(dvp or self.root, name(text), new(stat.S_IFDIR, mode), ROOT_CALL)

    def special(self, text: str, kind: int, rdev: int = 0) -> Inode:
        va = new(kind, 0o600)
        va.rdev = rdev
        return self.fs.mknod(self.root, name(text), va, ROOT_CALL)

    def symlink(self, text: str, target: str, dvp: Inode | None = None) -> Inode:
        va = new(stat.S_IFLNK, 0o777)
        return self.fs.symlink(dvp or self.root, name(text), va, target, ROOT_CALL)

    def tmpfile(self, dvp: Inode | None = None) -> Inode:
        return self.fs.tmpfile(dvp or self.root, new(stat.S_IFREG, 0o600), ROOT_CALL)

    def link(self, vp: Inode, text: str, dvp: Inode | None = None) -> None:
        self.fs.link(dvp or self.root, vp, name(text), ROOT_CALL)

    def remove(self, text: str, dvp: Inode | None = None) -> None:
        self.fs.remove(dvp or self.root, name(text), ROOT_CALL)

    def rmdir(self, text: str, dvp: Inode | None = None) -> None:
        self.fs.rmdir(dvp or self.root, name(text), ROOT_CALL)

    def rename(
        self, old: str, new: str, flags: int = 0, fdvp: Inode | None = None, tdvp: Inode | None = None
    ) -> None:
        self.fs.rename(fdvp or self.root, name(old), tdvp or self.root, name(new), flags, ROOT_CALL)

    def names(self, dvp: Inode | None = None) -> list[str]:
        return [text for text, _ in self.fs.readdir(dvp or self.root, ROOT_CALL)]

    def read(self, vp: Inode, offset: int = 0, size: int = 1 << 24) -> bytes:
        answer = self.fs.read(vp, offset, size, ROOT_CALL)
        return b"".join(answer) if isinstance(answer, tuple) else bytes(answer)

    def write(self, vp: Inode, offset: int, data: bytes) -> int:
        return self.fs.write(vp, offset, memoryview(data), ROOT_CALL)  # type: ignore[arg-type]  # on purpose

    def truncate(self, vp: Inode, size: int) -> puffpy.Vattr:
        return self.fs.setattr(vp, puffpy.SetAttr(size=size), ROOT_CALL)

    def allocate(self, vp: Inode, offset: int, length: int, mode: int = 0) -> None:
        self.fs.fallocate(vp, offset, length, mode, ROOT_CALL)

    def punch(self, vp: Inode, offset: int, length: int) -> None:
        self.fs.fdiscard(vp, offset, length, ROOT_CALL)

    def data_at(self, vp: Inode, offset: int) -> int:
        return self.fs.seek(vp, offset, os.SEEK_DATA, ROOT_CALL)

    def hole_at(self, vp: Inode, offset: int) -> int:
        return self.fs.seek(vp, offset, os.SEEK_HOLE, ROOT_CALL)

    def copy(self, vp: Inode, offset: int, tvp: Inode, toffset: int, length: int) -> int:
        return self.fs.copy_file_range(vp, offset, tvp, toffset, length, ROOT_CALL)

    def figures(self) -> puffpy.StatVfs:
        return self.fs.vfsops.statvfs(self.root, ROOT_CALL)

    def used(self) -> tuple[int, int]:
        """Pages of data and nodes in use."""
        st = self.figures()
        return st.blocks - st.bfree, st.files - st.ffree


def times(vp: Inode) -> tuple[int, int, int]:
    """Times of last access, of data and of attributes."""
    va = vp.vattr
    return va.atime_ns, va.mtime_ns, va.ctime_ns


def age(*nodes: Inode) -> None:
    """Set the times of *nodes* back, so that any change of one shows."""
    for node in nodes:
        node.vattr.atime_ns, node.vattr.mtime_ns, node.vattr.ctime_ns = 3, 2, 1


@contextmanager
def refuses(code: int) -> Iterator[None]:
    """Expect the errno *code*, which a FileNotFoundError may leave unsaid."""
    with pytest.raises(OSError) as caught:  # noqa: PT011  the errno is looked at below
        yield
    found = caught.value.errno or (errno.ENOENT if isinstance(caught.value, FileNotFoundError) else 0)
    assert errno.errorcode.get(found) == errno.errorcode[code]
