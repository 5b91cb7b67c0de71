"""The file system on pyfuse3 (Cython on libfuse 3's low-level interface), in its native mode: Trio.

It offers no plain READDIR, so every listing also names its nodes.  ``--cached`` lets the kernel keep what
it is told and cache what it reads, as a file system in memory would be used.
"""

from __future__ import annotations

import errno
import stat
import sys
from itertools import islice

import pyfuse3
import trio

from benchmarks.peers.memory import Node, enter, find, leave, make_root

CACHED = "--cached" in sys.argv
TIMEOUT = 3600 if CACHED else 0


def _attributes(node: Node) -> pyfuse3.EntryAttributes:
    entry = pyfuse3.EntryAttributes()
    entry.st_ino = node.number
    entry.st_mode = node.mode
    entry.st_nlink = node.nlink
    entry.st_uid = node.uid
    entry.st_gid = node.gid
    entry.st_size = len(node.data)
    entry.st_atime_ns = node.atime
    entry.st_mtime_ns = node.mtime
    entry.st_ctime_ns = node.ctime
    entry.entry_timeout = TIMEOUT
    entry.attr_timeout = TIMEOUT
    return entry


class Memfs(pyfuse3.Operations):  # type: ignore[misc]  # its types need not be there
    """What is left out is answered by pyfuse3 with ENOSYS, and not asked again where the kernel can."""

    def __init__(self) -> None:
        super().__init__()
        self.root = make_root()
        self.nodes = {self.root.number: self.root}

    def _made(self, parent: int, name: bytes, kind: int, mode: int, ctx: pyfuse3.RequestContext) -> Node:
        try:
            node = enter(
                self.nodes[parent],
                name.decode(),
                Node(kind | stat.S_IMODE(mode & ~ctx.umask), ctx.uid, ctx.gid),
            )
        except OSError as error:
            raise pyfuse3.FUSEError(error.errno) from None
        self.nodes[node.number] = node
        node.known += 1
        return node

    async def lookup(self, parent_inode: int, name: bytes, ctx: object) -> pyfuse3.EntryAttributes:
        try:
            node = find(self.nodes[parent_inode], name.decode())
        except OSError as error:
            raise pyfuse3.FUSEError(error.errno) from None
        node.known += 1
        return _attributes(node)

    async def forget(self, inode_list: list[tuple[int, int]]) -> None:
        for number, count in inode_list:
            node = self.nodes[number]
            node.known -= count
            self._drop(node)

    def _drop(self, node: Node) -> None:
        if not node.known and not node.nlink:
            self.nodes.pop(node.number, None)

    async def getattr(self, inode: int, ctx: object) -> pyfuse3.EntryAttributes:
        return _attributes(self.nodes[inode])

    async def setattr(
        self,
        inode: int,
        attr: pyfuse3.EntryAttributes,
        fields: pyfuse3.SetattrFields,
        fh: int | None,
        ctx: object,
    ) -> pyfuse3.EntryAttributes:
        node = self.nodes[inode]
        if fields.update_size:
            node.resize(attr.st_size)
        if fields.update_mode:
            node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(attr.st_mode)
        if fields.update_uid:
            node.uid = attr.st_uid
        if fields.update_gid:
            node.gid = attr.st_gid
        if fields.update_atime:
            node.atime = attr.st_atime_ns
        if fields.update_mtime:
            node.mtime = attr.st_mtime_ns
        return _attributes(node)

    async def mkdir(
        self, parent_inode: int, name: bytes, mode: int, ctx: pyfuse3.RequestContext
    ) -> pyfuse3.EntryAttributes:
        return _attributes(self._made(parent_inode, name, stat.S_IFDIR, mode, ctx))

    async def create(
        self, parent_inode: int, name: bytes, mode: int, flags: int, ctx: pyfuse3.RequestContext
    ) -> tuple[pyfuse3.FileInfo, pyfuse3.EntryAttributes]:
        node = self._made(parent_inode, name, stat.S_IFREG, mode, ctx)
        return pyfuse3.FileInfo(fh=node.number, direct_io=not CACHED, keep_cache=CACHED), _attributes(node)

    async def unlink(self, parent_inode: int, name: bytes, ctx: object) -> None:
        try:
            self._drop(leave(self.nodes[parent_inode], name.decode()))
        except OSError as error:
            raise pyfuse3.FUSEError(error.errno) from None

    rmdir = unlink

    async def symlink(
        self, parent_inode: int, name: bytes, target: bytes, ctx: pyfuse3.RequestContext
    ) -> pyfuse3.EntryAttributes:
        node = self._made(parent_inode, name, stat.S_IFLNK, 0o777, ctx)
        node.data[:] = target
        return _attributes(node)

    async def readlink(self, inode: int, ctx: object) -> bytes:
        return bytes(self.nodes[inode].data)

    async def link(
        self, inode: int, new_parent_inode: int, new_name: bytes, ctx: object
    ) -> pyfuse3.EntryAttributes:
        node = self.nodes[inode]
        try:
            enter(self.nodes[new_parent_inode], new_name.decode(), node)
        except OSError as error:
            raise pyfuse3.FUSEError(error.errno) from None
        node.nlink += 1
        node.known += 1
        return _attributes(node)

    async def rename(
        self,
        parent_inode_old: int,
        name_old: bytes,
        parent_inode_new: int,
        name_new: bytes,
        flags: int,
        ctx: object,
    ) -> None:
        source, target = self.nodes[parent_inode_old], self.nodes[parent_inode_new]
        try:
            node = find(source, name_old.decode())
            replaced = target.children.get(name_new.decode())
            if replaced is not None and replaced is not node:
                self._drop(leave(target, name_new.decode()))
        except OSError as error:
            raise pyfuse3.FUSEError(error.errno) from None
        del source.children[name_old.decode()]
        target.children[name_new.decode()] = node

    async def open(self, inode: int, flags: int, ctx: object) -> pyfuse3.FileInfo:
        return pyfuse3.FileInfo(fh=inode, direct_io=not CACHED, keep_cache=CACHED)

    async def read(self, fh: int, off: int, size: int) -> bytes:
        return bytes(memoryview(self.nodes[fh].data)[off : off + size])

    async def write(self, fh: int, off: int, buf: bytes) -> int:
        return self.nodes[fh].write(buf, off)

    async def release(self, fh: int) -> None:
        """Nothing is kept for an open file."""

    async def opendir(self, inode: int, ctx: object) -> int:
        return inode

    async def readdir(self, fh: int, start_id: int, token: pyfuse3.ReaddirToken) -> None:
        children = islice(self.nodes[fh].children.items(), start_id, None)
        for position, (name, node) in enumerate(children, start_id + 1):
            if not pyfuse3.readdir_reply(token, name.encode(), _attributes(node), position):
                break
            node.known += 1

    async def releasedir(self, fh: int) -> None:
        """Nothing is kept for an open directory."""

    async def access(self, inode: int, mode: int, ctx: object) -> bool:
        return True

    async def statfs(self, ctx: object) -> pyfuse3.StatvfsData:
        raise pyfuse3.FUSEError(errno.ENOSYS)


if __name__ == "__main__":
    pyfuse3.init(Memfs(), sys.argv[-1], {*pyfuse3.default_options, "fsname=pyfuse3_memfs"})
    try:
        trio.run(pyfuse3.main)
    finally:
        pyfuse3.close(unmount=False)
