"""The file system on puffpy, as any author writes it; times to live are options of its command line."""

from __future__ import annotations

import time
from collections.abc import Iterable
from errno import EEXIST, ENOTEMPTY

import puffpy


class MemNode(puffpy.Node):
    """A file (``data``) or a directory (``children``)."""

    __slots__ = ("children", "data")

    def __init__(self, vattr: puffpy.Vattr) -> None:
        super().__init__(vattr)
        self.data = bytearray()
        self.children: dict[str, MemNode] = {}


class Memfs(puffpy.VnodeOps):
    """Files and directories; what is left out is answered by puffpy, or by the kernel alone."""

    def __init__(self) -> None:
        self.root = MemNode.directory()

    def lookup(self, dvp: MemNode, cn: puffpy.ComponentName, call: puffpy.Call) -> MemNode:
        node = dvp.children.get(cn.name)
        if node is None:
            raise FileNotFoundError
        return node

    def create(self, dvp: MemNode, cn: puffpy.ComponentName, va: puffpy.Vattr, call: puffpy.Call) -> MemNode:
        if cn.name in dvp.children:
            raise puffpy.FsError(EEXIST)
        node = dvp.children[cn.name] = MemNode(va)
        return node

    mkdir = create

    def remove(self, dvp: MemNode, cn: puffpy.ComponentName, call: puffpy.Call) -> None:
        node = self.lookup(dvp, cn, call)
        if node.children:
            raise puffpy.FsError(ENOTEMPTY)
        del dvp.children[cn.name]
        node.vattr.nlink = 0

    rmdir = remove

    def setattr(self, vp: MemNode, change: puffpy.SetAttr, call: puffpy.Call) -> puffpy.Vattr:
        vp.vattr.apply(change)
        if change.size is not None:
            self._resize(vp, change.size)
        return vp.vattr

    def _resize(self, vp: MemNode, size: int) -> None:
        if size < len(vp.data):
            del vp.data[size:]
        else:
            vp.data.extend(bytes(size - len(vp.data)))
        vp.vattr.size = size

    def open(self, vp: MemNode, flags: int, call: puffpy.Call) -> puffpy.OpenFile:
        return puffpy.OpenFile(direct_io=True)

    def read(self, vp: MemNode, offset: int, size: int, call: puffpy.Call) -> memoryview:
        return memoryview(vp.data)[offset : offset + size]

    def write(self, vp: MemNode, offset: int, data: memoryview, call: puffpy.Call) -> None:
        end = offset + len(data)
        if end > len(vp.data):
            self._resize(vp, end)
        memoryview(vp.data)[offset:end] = data
        vp.vattr.mtime_ns = vp.vattr.ctime_ns = time.time_ns()

    def readdir(self, dvp: MemNode, call: puffpy.Call) -> Iterable[tuple[str, MemNode]]:
        return dvp.children.items()


if __name__ == "__main__":
    puffpy.main(Memfs)
