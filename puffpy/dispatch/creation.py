"""Handlers of the requests that make something under a new name, or under none.

Each factory binds one opcode's handler over a mounted file system; what else is done with a name is in
``names``.
"""

from __future__ import annotations

import errno
import os
import stat
import time

from puffpy.dispatch.binding import Binding, Handler, Message, Reply
from puffpy.dispatch.names import component
from puffpy.dispatch.opening import dropping, opening, refused_flags
from puffpy.dispatch.shape import Shaper
from puffpy.errors import FsError, WireError, errno_of
from puffpy.types import Call, Vattr
from puffpy.wire import decode_rdev
from puffpy.wire.structs import CREATE_IN, IN_HEADER, MKDIR_IN, MKNOD_IN

BODY = IN_HEADER.size


_same = dict[int, int]().setdefault
"""Takes a number twice, and returns the object that stands for it in all files.

Modes are few, and so are those who make files, but each number would be an object of its own in every file.
"""


def _new(kind: int, mode: int, uid: int, gid: int, nlink: int = 1, rdev: int = 0) -> Vattr:
    now = time.time_ns()
    mode = kind | (mode & 0o7777)
    return Vattr(_same(mode, mode), nlink, _same(uid, uid), _same(gid, gid), 0, now, now, now, now, 0, rdev)


def create(b: Binding, shaper: Shaper) -> Handler:
    """CREATE: make a regular file and open it; open it if somebody made it meanwhile."""
    make, find = b.must("create"), b.must("lookup")
    cookies = b.nodes.cookies
    take = component(b)
    begin, drop, refused = opening(b), dropping(b), refused_flags(b)
    unpack = CREATE_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        flags, mode, _, open_flags = unpack(message, BODY)
        cn, _ = take(message, BODY + CREATE_IN.size, size)
        call = Call(uid, gid, pid, None, unique)
        parent = cookies[nodeid]
        parent.stamp += 1
        if flags & refused:
            raise FsError(errno.EROFS, f"{b.name} has no write")
        try:
            answer = make(parent.node, cn, _new(stat.S_IFREG, mode, uid, gid), call)
        except OSError as taken:
            # The kernel looked before it asked; another of its clients was quicker (fuse_create_open).
            if flags & os.O_EXCL or errno_of(taken) != errno.EEXIST:
                raise
            answer = find(parent.node, cn, call)
        else:
            flags &= ~os.O_TRUNC
        return shaper.create(
            "create",
            unique,
            answer,
            call,
            lambda vnode: begin(vnode, answer, flags, open_flags, call),
            drop,
            emptied=bool(flags & os.O_TRUNC),
        )

    return handle


def tmpfile(b: Binding, shaper: Shaper) -> Handler:
    """TMPFILE: a regular file without a name, open."""
    make = b.must("tmpfile")
    cookies = b.nodes.cookies
    begin, drop, refused = opening(b), dropping(b), refused_flags(b)
    unpack = CREATE_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        flags, mode, _, open_flags = unpack(message, BODY)
        if flags & refused:
            raise FsError(errno.EROFS, f"{b.name} has no write")
        flags &= ~os.O_TRUNC
        call = Call(uid, gid, pid, None, unique)
        answer = make(cookies[nodeid].node, _new(stat.S_IFREG, mode, uid, gid, nlink=0), call)
        return shaper.create(
            "tmpfile", unique, answer, call, lambda vnode: begin(vnode, answer, flags, open_flags, call), drop
        )

    return handle


def mknod(b: Binding, shaper: Shaper) -> Handler:
    """MKNOD: a fifo, socket or device; regular files go to ``create``, as in puffs."""
    make, make_regular, drop = b.must("mknod"), b.must("create"), dropping(b)
    cookies = b.nodes.cookies
    take = component(b)
    unpack = MKNOD_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        mode, rdev, _ = unpack(message, BODY)
        cn, _ = take(message, BODY + MKNOD_IN.size, size)
        call = Call(uid, gid, pid, None, unique)
        parent = cookies[nodeid]
        parent.stamp += 1
        kind = stat.S_IFMT(mode)
        if kind == stat.S_IFREG:
            answer = make_regular(parent.node, cn, _new(kind, mode, uid, gid), call)
            drop(answer, call)
            return shaper.entry("create", unique, answer, call)
        answer = make(parent.node, cn, _new(kind, mode, uid, gid, rdev=decode_rdev(rdev)), call)
        return shaper.entry("mknod", unique, answer, call)

    return handle


def mkdir(b: Binding, shaper: Shaper) -> Handler:
    """MKDIR."""
    make = b.must("mkdir")
    cookies = b.nodes.cookies
    take = component(b)
    unpack = MKDIR_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        mode, _ = unpack(message, BODY)
        cn, _ = take(message, BODY + MKDIR_IN.size, size)
        call = Call(uid, gid, pid, None, unique)
        parent = cookies[nodeid]
        parent.stamp += 1
        answer = make(parent.node, cn, _new(stat.S_IFDIR, mode, uid, gid, nlink=2), call)
        return shaper.entry("mkdir", unique, answer, call)

    return handle


def symlink(b: Binding, shaper: Shaper) -> Handler:
    """SYMLINK: on the wire the name comes first, then the target."""
    make = b.must("symlink")
    cookies = b.nodes.cookies
    take = component(b)

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        cn, start = take(message, BODY, size)
        end = message.find(0, start, size)
        if end < 0:
            raise WireError("SYMLINK has a target without an end")
        target = message[start:end].decode("utf-8", "surrogateescape")
        call = Call(uid, gid, pid, None, unique)
        parent = cookies[nodeid]
        parent.stamp += 1
        va = _new(stat.S_IFLNK, 0o777, uid, gid)
        va.size = end - start
        return shaper.entry("symlink", unique, make(parent.node, cn, va, target, call), call)

    return handle
