"""Handlers of the requests that open, read, write and shape the data of a file; ``closing`` has its end.

Each factory binds one opcode's handler over a mounted file system.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from mmap import PAGESIZE
from typing import Any

from puffpy.dispatch.binding import Binding, Handler, Message, Reply
from puffpy.dispatch.opening import opening
from puffpy.dispatch.shape import HEADER_SIZE, Shaper, data_reply, pack_header, untrue
from puffpy.errors import FsError, WireError
from puffpy.types import Call, SetAttr
from puffpy.wire.flags import FallocateFlag, FsyncFlag, InitFlag, WriteFlag
from puffpy.wire.structs import (
    COPY_FILE_RANGE_IN,
    COPY_FILE_RANGE_OUT,
    FALLOCATE_IN,
    FSYNC_IN,
    IN_HEADER,
    LSEEK_IN,
    LSEEK_OUT,
    OPEN_IN,
    OPEN_OUT,
    READ_IN,
    WRITE_IN,
    WRITE_OUT,
    reply_struct,
)

BODY = IN_HEADER.size
WRITE_DATA = BODY + WRITE_IN.size
MAX_OFFSET = (1 << 63) - 1
LEAST_PAGES = 32
"""What a kernel reads at once although less was agreed on (FUSE_DEFAULT_MAX_PAGES_PER_REQ)."""

pack_open = reply_struct(OPEN_OUT).pack
pack_write = reply_struct(WRITE_OUT).pack
pack_lseek = reply_struct(LSEEK_OUT).pack
pack_copied = reply_struct(COPY_FILE_RANGE_OUT).pack


def open(b: Binding, shaper: Shaper) -> Handler:  # noqa: A001  the opcode's own name
    """OPEN: a node to an open file."""
    begin = opening(b)
    cookies = b.nodes.cookies
    unpack = OPEN_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        flags, open_flags = unpack(message, BODY)
        call = Call(uid, gid, pid, None, unique)
        opened = begin(cookies[nodeid], None, flags, open_flags, call)
        return pack_open(HEADER_SIZE + OPEN_OUT.size, 0, unique, *opened)

    return handle


def read(b: Binding, shaper: Shaper) -> Handler:
    """READ: data goes out as it is, uncopied."""
    fetch = b.must("read")
    cookies, handles = b.nodes.cookies, b.handles
    unpack = READ_IN.struct.unpack_from
    most = max(b.terms.max_pages, LEAST_PAGES) * PAGESIZE

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        fh, offset, want, _, _, _ = unpack(message, BODY)
        if want > most:
            # Whoever is no kernel of this machine may ask for what no kernel asks for, and no memory holds.
            raise WireError(f"READ of {want} bytes; {most} was agreed on")
        call = Call(uid, gid, pid, handles[fh].handle, unique)
        return data_reply(b, "read", unique, fetch(cookies[nodeid].node, offset, want, call), want)

    return handle


def write(b: Binding, shaper: Shaper) -> Handler:
    """WRITE: the file system sees the receive buffer itself, for as long as the operation lasts."""
    store, setattr_ = b.must("write"), b.must("setattr")
    cookies, handles = b.nodes.cookies, b.handles
    unpack = WRITE_IN.struct.unpack_from
    kill, from_cache = int(WriteFlag.KILL_SUIDGID), int(WriteFlag.CACHE)

    def check(done: Any, want: int) -> None:
        if type(done) is not int or not 0 <= done <= want:
            untrue(b, "write", done, f"how many of the {want} bytes were stored, or None for all")

    def store_rest(node: Any, offset: int, message: Message, start: int, size: int, call: Call) -> None:
        """Of what it writes back the kernel only asks whether there was an error (fuse_writepage_end).

        The rest of these pages would be gone, and nobody told.
        """
        while start < size:
            with memoryview(message)[start:size] as data:
                done = store(node, offset, data, call)
            if done is None:
                return
            check(done, size - start)
            if not done:
                raise FsError(errno.ENOSPC, "nothing more is stored")
            start, offset = start + done, offset + done

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        fh, offset, want, write_flags, _, _ = unpack(message, BODY)
        if want != size - WRITE_DATA or offset + want > MAX_OFFSET:
            raise FsError(errno.EINVAL, f"WRITE of {want} bytes at {offset} holds {size - WRITE_DATA}")
        node = cookies[nodeid].node
        call = Call(uid, gid, pid, handles[fh].handle, unique)
        if write_flags & kill:
            setattr_(node, SetAttr(kill_suidgid=True), call)
        with memoryview(message)[WRITE_DATA:size] as data:
            done = store(node, offset, data, call)
        if done is None:
            done = want
        elif done is not want:
            check(done, want)
            if write_flags & from_cache:
                store_rest(node, offset + done, message, WRITE_DATA + done, size, call)
                done = want
        return pack_write(HEADER_SIZE + WRITE_OUT.size, 0, unique, done)

    return handle


def fsync(b: Binding, shaper: Shaper) -> Handler:
    """FSYNC and FSYNCDIR."""
    commit = b.must("fsync")
    cookies, handles = b.nodes.cookies, b.handles
    unpack = FSYNC_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        fh, fsync_flags = unpack(message, BODY)
        call = Call(uid, gid, pid, handles[fh].handle, unique)
        commit(cookies[nodeid].node, bool(fsync_flags & FsyncFlag.FDATASYNC), call)
        return pack_header(HEADER_SIZE, 0, unique)

    return handle


def seek(b: Binding, shaper: Shaper) -> Handler:
    """LSEEK: only for data and holes; the kernel does the rest."""
    find = b.must("seek")
    cookies, handles = b.nodes.cookies, b.handles
    unpack = LSEEK_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        fh, offset, whence = unpack(message, BODY)
        call = Call(uid, gid, pid, handles[fh].handle, unique)
        if offset > MAX_OFFSET:
            raise FsError(errno.ENXIO)  # less than nothing, as its caller gave it
        found = find(cookies[nodeid].node, offset, whence, call)
        if type(found) is not int or not offset <= found <= MAX_OFFSET:
            untrue(b, "seek", found, f"an offset from {offset} on")
        return pack_lseek(HEADER_SIZE + LSEEK_OUT.size, 0, unique, found)

    return handle


def killing(b: Binding) -> Callable[[Any, Call], None]:
    """Return what clears set-uid and set-gid where data change without a word about that from the kernel.

    HANDLE_KILLPRIV_V2 makes it the server's duty, but only WRITE, SETATTR and OPEN have a flag that says when
    (fs/fuse/dir.c, fuse_setattr); for the others it is done for everybody but root.
    """
    setattr_, agreed = b.must("setattr"), b.terms.flags & InitFlag.HANDLE_KILLPRIV_V2

    def kill(node: Any, call: Call) -> None:
        if agreed and call.uid:
            setattr_(node, SetAttr(kill_suidgid=True), call)

    return kill


def fallocate(b: Binding, shaper: Shaper) -> Handler:
    """FALLOCATE: a punched hole is ``fdiscard``, everything else ``fallocate``."""
    reserve, discard = b.must("fallocate"), b.must("fdiscard")
    cookies, handles = b.nodes.cookies, b.handles
    kill = killing(b)
    unpack = FALLOCATE_IN.struct.unpack_from
    punch = int(FallocateFlag.PUNCH_HOLE)

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        fh, offset, length, mode = unpack(message, BODY)
        node = cookies[nodeid].node
        call = Call(uid, gid, pid, handles[fh].handle, unique)
        kill(node, call)
        if mode & punch:
            discard(node, offset, length, call)
        else:
            reserve(node, offset, length, mode, call)
        return pack_header(HEADER_SIZE, 0, unique)

    return handle


def _copying(pack: Callable[..., bytes], width: int) -> Callable[[Binding, Shaper], Handler]:
    def factory(b: Binding, shaper: Shaper) -> Handler:
        copy = b.must("copy_file_range")
        cookies, handles = b.nodes.cookies, b.handles
        kill = killing(b)
        unpack = COPY_FILE_RANGE_IN.struct.unpack_from

        def handle(
            message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int
        ) -> Reply:
            fh, offset, tonodeid, tofh, tooffset, length, _ = unpack(message, BODY)
            call = Call(uid, gid, pid, handles[fh].handle, unique, False, handles[tofh].handle)
            target = cookies[tonodeid].node
            kill(target, call)
            done = copy(cookies[nodeid].node, offset, target, tooffset, length, call)
            if type(done) is not int or not 0 <= done <= length:
                untrue(b, "copy_file_range", done, f"how many of the {length} bytes were copied")
            return pack(HEADER_SIZE + width, 0, unique, done)

        return handle

    factory.__doc__ = "What ``copy_file_range`` answers: how many bytes."
    return factory


copy_file_range = _copying(pack_write, WRITE_OUT.size)
copy_file_range_64 = _copying(pack_copied, COPY_FILE_RANGE_OUT.size)
