"""The file system without a library: one loop of read and write on /dev/fuse, in pure Python.

It is what no library in pure Python can beat, not a way to write file systems: it handles what the client
asks for and answers ENOSYS to everything else.  It mounts with mount(2) and therefore needs root.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from collections.abc import Callable
from itertools import islice
from struct import Struct

from benchmarks.peers.memory import ROOT_NUMBER, Node, enter, find, leave, make_root

LOOKUP, FORGET, GETATTR, SETATTR, MKDIR, UNLINK, RMDIR = 1, 2, 3, 4, 9, 10, 11
OPEN, READ, WRITE, RELEASE, INIT, OPENDIR, READDIR, RELEASEDIR = 14, 15, 16, 18, 26, 27, 28, 29
CREATE, INTERRUPT, DESTROY, BATCH_FORGET, READDIRPLUS = 35, 36, 38, 42, 44
WITHOUT_REPLY = {FORGET, BATCH_FORGET, INTERRUPT}

FOPEN_DIRECT_IO = 1
MAX_WRITE, MAX_PAGES = 1 << 20, 256
# ASYNC_READ, BIG_WRITES, DO_READDIRPLUS, READDIRPLUS_AUTO, PARALLEL_DIROPS, MAX_PAGES
WANTED = 1 << 0 | 1 << 5 | 1 << 13 | 1 << 14 | 1 << 18 | 1 << 22

IN_HEADER = Struct("=IIQQIIIHH")
OUT_HEADER = Struct("=IiQ")
INIT_IN = Struct("=4I")
INIT_OUT = Struct("=4I2H2I2H2IH22x")
ATTR = "6Q10I"
ENTRY = Struct("=4Q2I" + ATTR)
ATTR_OUT = Struct("=QII" + ATTR)
SETATTR_IN = Struct("=II6Q8I")
CREATE_IN = Struct("=4I")
MKDIR_IN = Struct("=II")
IO_IN = Struct("=QQI")
OPEN_OUT = Struct("=QIi")
WRITE_OUT = Struct("=II")
DIRENT = Struct("=QQII")
FORGET_ONE = Struct("=QQ")

Handler = Callable[[Node, memoryview, int, int], "bytes | memoryview"]


def _attr(node: Node) -> tuple[int, ...]:
    size = len(node.data)
    atime, mtime, ctime = divmod(node.atime, 10**9), divmod(node.mtime, 10**9), divmod(node.ctime, 10**9)
    seconds, nanoseconds = (atime[0], mtime[0], ctime[0]), (atime[1], mtime[1], ctime[1])
    owner = (node.mode, node.nlink, node.uid, node.gid, 0, 4096, 0)
    return (node.number, size, (size + 511) // 512, *seconds, *nanoseconds, *owner)


def _text(body: memoryview) -> str:
    return bytes(body).rstrip(b"\0").decode()


class Memfs:
    """A handler for each request: given the node, the body and the caller's ids, it returns the reply."""

    def __init__(self) -> None:
        root = make_root()
        self.nodes = {ROOT_NUMBER: root}
        self.handlers: dict[int, Handler] = {
            LOOKUP: self.lookup,
            FORGET: self.forget,
            BATCH_FORGET: self.batch_forget,
            GETATTR: self.getattr,
            SETATTR: self.setattr,
            MKDIR: self.mkdir,
            CREATE: self.create,
            UNLINK: self.unlink,
            RMDIR: self.unlink,
            OPEN: self.open,
            RELEASE: self.nothing,
            OPENDIR: self.opendir,
            RELEASEDIR: self.nothing,
            READ: self.read,
            WRITE: self.write,
            READDIR: self.readdir,
            READDIRPLUS: self.readdirplus,
            INIT: self.init,
            DESTROY: self.nothing,
            INTERRUPT: self.nothing,
        }

    def init(self, node: Node, body: memoryview, uid: int, gid: int) -> bytes:
        _, minor, readahead, offered = INIT_IN.unpack_from(body)
        minor = min(minor, 38)
        return INIT_OUT.pack(7, minor, readahead, offered & WANTED, 0, 0, MAX_WRITE, 1, MAX_PAGES, 0, 0, 0, 0)

    def nothing(self, node: Node, body: memoryview, uid: int, gid: int) -> bytes:
        return b""

    def _entry(self, node: Node) -> bytes:
        node.known += 1
        return ENTRY.pack(node.number, 0, 0, 0, 0, 0, *_attr(node))

    def _made(self, directory: Node, name: memoryview, mode: int, uid: int, gid: int) -> bytes:
        node = enter(directory, _text(name), Node(mode, uid, gid))
        self.nodes[node.number] = node
        return self._entry(node)

    def _drop(self, node: Node) -> None:
        if not node.known and not node.nlink:
            self.nodes.pop(node.number, None)

    def lookup(self, node: Node, body: memoryview, uid: int, gid: int) -> bytes:
        return self._entry(find(node, _text(body)))

    def forget(self, node: Node, body: memoryview, uid: int, gid: int) -> bytes:
        node.known -= int.from_bytes(body[:8], sys.byteorder)
        self._drop(node)
        return b""

    def batch_forget(self, node: Node, body: memoryview, uid: int, gid: int) -> bytes:
        for number, count in FORGET_ONE.iter_unpack(body[8:]):
            forgotten = self.nodes[number]
            forgotten.known -= count
            self._drop(forgotten)
        return b""

    def getattr(self, node: Node, body: memoryview, uid: int, gid: int) -> bytes:
        return ATTR_OUT.pack(0, 0, 0, *_attr(node))

    def setattr(self, node: Node, body: memoryview, uid: int, gid: int) -> bytes:
        fields = SETATTR_IN.unpack_from(body)
        valid = fields[0]
        if valid & 1:
            node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(fields[11])
        if valid & 2:
            node.uid = fields[13]
        if valid & 4:
            node.gid = fields[14]
        if valid & 8:
            node.resize(fields[3])
        return self.getattr(node, body, uid, gid)

    def mkdir(self, node: Node, body: memoryview, uid: int, gid: int) -> bytes:
        mode, _ = MKDIR_IN.unpack_from(body)
        return self._made(node, body[8:], stat.S_IFDIR | stat.S_IMODE(mode), uid, gid)

    def create(self, node: Node, body: memoryview, uid: int, gid: int) -> bytes:
        _, mode, _, _ = CREATE_IN.unpack_from(body)
        entry = self._made(node, body[16:], stat.S_IFREG | stat.S_IMODE(mode), uid, gid)
        return entry + OPEN_OUT.pack(0, FOPEN_DIRECT_IO, 0)

    def unlink(self, node: Node, body: memoryview, uid: int, gid: int) -> bytes:
        self._drop(leave(node, _text(body)))
        return b""

    def open(self, node: Node, body: memoryview, uid: int, gid: int) -> bytes:
        return OPEN_OUT.pack(0, FOPEN_DIRECT_IO, 0)

    def opendir(self, node: Node, body: memoryview, uid: int, gid: int) -> bytes:
        # Answered although ENOSYS would do: after that the kernel caches listings and asks no more.
        return OPEN_OUT.pack(0, 0, 0)

    def read(self, node: Node, body: memoryview, uid: int, gid: int) -> memoryview:
        _, offset, size = IO_IN.unpack_from(body)
        return memoryview(node.data)[offset : offset + size]

    def write(self, node: Node, body: memoryview, uid: int, gid: int) -> bytes:
        _, offset, size = IO_IN.unpack_from(body)
        return WRITE_OUT.pack(node.write(body[40 : 40 + size], offset), 0)

    def readdir(self, node: Node, body: memoryview, uid: int, gid: int) -> bytes:
        _, offset, size = IO_IN.unpack_from(body)
        return self._list(node, offset, size, plus=False)

    def readdirplus(self, node: Node, body: memoryview, uid: int, gid: int) -> bytes:
        _, offset, size = IO_IN.unpack_from(body)
        return self._list(node, offset, size, plus=True)

    def _list(self, directory: Node, offset: int, size: int, plus: bool) -> bytes:
        children = islice(directory.children.items(), offset, None)
        listing = bytearray()
        for position, (name, child) in enumerate(children, offset + 1):
            raw = name.encode()
            length = (DIRENT.size + len(raw) + 7) & ~7
            if len(listing) + length + ENTRY.size * plus > size:
                break
            if plus:
                listing += self._entry(child)
            listing += DIRENT.pack(child.number, position, len(raw), child.mode >> 12)
            listing += raw.ljust(length - DIRENT.size, b"\0")
        return bytes(listing)


def mount(mountpoint: str) -> int:
    """Mount on *mountpoint* and return the descriptor of the connection; OSError if mount(2) refuses."""
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"bare", os.fsencode(mountpoint), b"fuse.bare", 0, options.encode()) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), mountpoint)
    return device


def serve(device: int, memfs: Memfs) -> None:
    """Answer requests until the file system is unmounted."""
    buffer = bytearray(MAX_WRITE + 4096)
    view = memoryview(buffer)
    into = [buffer]
    nodes, handlers = memfs.nodes, memfs.handlers
    while True:
        try:
            length = os.readv(device, into)
        except OSError as error:
            if error.errno == errno.ENODEV:
                return
            if error.errno in (errno.ENOENT, errno.EINTR):
                continue
            raise
        _, opcode, unique, nodeid, uid, gid, _, _, _ = IN_HEADER.unpack_from(buffer)
        handler = handlers.get(opcode)
        try:
            if handler is None:
                raise OSError(errno.ENOSYS, "")
            # INIT and the like name no node: the root stands in.
            body = handler(nodes[nodeid or ROOT_NUMBER], view[40:length], uid, gid)
            error_number = 0
        except OSError as error:
            body, error_number = b"", error.errno or errno.EIO
        if opcode in WITHOUT_REPLY:
            continue
        reply = OUT_HEADER.pack(OUT_HEADER.size + len(body), -error_number, unique)
        try:
            if len(body) > 4096:
                os.writev(device, (reply, body))
            else:
                os.write(device, b"".join((reply, body)))
        except OSError as error:
            # ENOENT: the caller was signalled and waits no more.
            if error.errno != errno.ENOENT:
                raise


if __name__ == "__main__":
    serve(mount(sys.argv[1]), Memfs())
