"""Handlers of the requests that look at, make or take away a name.

Each factory binds one opcode's handler over a mounted file system; what may be done to a name, the file
system decides.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from typing import Any

from puffpy.dispatch.binding import Binding, Handler, Message, Reply
from puffpy.dispatch.opening import opening, refused_flags
from puffpy.dispatch.shape import (
    HEADER_SIZE,
    Shaper,
    data_reply,
    pack_entry,
    pack_header,
    split_ttl,
    untrue,
)
from puffpy.errors import Absent, FsError, WireError, errno_of
from puffpy.types import Call, ComponentName, Entry, Vattr
from puffpy.wire import decode_rdev
from puffpy.wire.structs import (
    CREATE_IN,
    IN_HEADER,
    LINK_IN,
    MKDIR_IN,
    MKNOD_IN,
    RENAME2_IN,
    RENAME_IN,
)

BODY = IN_HEADER.size
PATH_MAX = 4096

Component = Callable[[Message, int, int], tuple[ComponentName, int]]


def component(b: Binding) -> Component:
    """Return what takes the name at an offset of a message: the name, and where the next thing starts."""
    name_max = b.must("pathconf")(b.nodes.root.node, "PC_NAME_MAX", Call(0, 0, 0))
    if type(name_max) is not int or name_max < 1:
        untrue(b, "pathconf", name_max, "the longest name in bytes, 1 or more")

    def take(message: Message, start: int, size: int) -> tuple[ComponentName, int]:
        end = message.find(0, start, size)
        if end < 0:
            raise WireError("a name without an end")
        if end - start > name_max:
            raise FsError(errno.ENAMETOOLONG, f"a name of {end - start} bytes, longer than {name_max}")
        name = message[start:end].decode("utf-8", "surrogateescape")
        if not name or "/" in name or name == "." or name == "..":
            raise WireError(f"the name {name!r} is not one component of a path")
        return ComponentName(name), end + 1

    return take


def lookup(b: Binding, shaper: Shaper) -> Handler:
    """LOOKUP: a name to a node, or to a cached absence."""
    find = b.must("lookup")
    cookies = b.nodes.cookies
    take = component(b)
    entry = shaper.entry
    negative = b.options.negative_timeout

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        cn, _ = take(message, BODY, size)
        call = Call(uid, gid, pid, None, unique)
        try:
            found = find(cookies[nodeid].node, cn, call)
        except OSError as absent:
            ttl = absent.ttl if isinstance(absent, Absent) else negative
            if not ttl or errno_of(absent) != errno.ENOENT:
                raise
            seconds, nanoseconds = split_ttl(ttl)
            return pack_entry(HEADER_SIZE + 128, 0, unique, 0, 0, seconds, 0, nanoseconds, *(0,) * 17)
        return entry("lookup", unique, found, call)

    return with_export(b, shaper, handle) if b.op("fhtonode") else handle


def with_export(b: Binding, shaper: Shaper, handle: Handler) -> Handler:
    """LOOKUP of ``.`` and ``..``: how the kernel turns a file handle into a node (fuse_get_dentry)."""
    fhtonode = b.must("fhtonode")
    parent = b.must("lookup")
    cookies = b.nodes.cookies

    def node_of(nodeid: int) -> Any:
        vnode = cookies.get(nodeid)
        return vnode.node if vnode is not None else fhtonode(nodeid)

    def export(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        name = message[BODY : size - 1]
        if name != b"." and name != b"..":
            return handle(message, size, unique, nodeid, uid, gid, pid)
        call = Call(uid, gid, pid, None, unique)
        found = node_of(nodeid)
        if name == b"..":
            found = parent(found, ComponentName(".."), call)
            found = found.node if type(found) is Entry else found
        if found is b.nodes.root.node:
            return shaper.root_entry(unique, call)
        return shaper.entry("fhtonode", unique, found, call)

    return export


def _new(kind: int, mode: int, uid: int, gid: int, nlink: int = 1, rdev: int = 0) -> Vattr:
    now = time.time_ns()
    return Vattr(kind | (mode & 0o7777), nlink, uid, gid, 0, now, now, now, now, 0, rdev)


def create(b: Binding, shaper: Shaper) -> Handler:
    """CREATE: make a regular file and open it; open it if somebody made it meanwhile."""
    make, find = b.must("create"), b.must("lookup")
    cookies = b.nodes.cookies
    take = component(b)
    begin, refused = opening(b), refused_flags(b)
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
            emptied=bool(flags & os.O_TRUNC),
        )

    return handle


def tmpfile(b: Binding, shaper: Shaper) -> Handler:
    """TMPFILE: a regular file without a name, open."""
    make = b.must("tmpfile")
    cookies = b.nodes.cookies
    begin, refused = opening(b), refused_flags(b)
    unpack = CREATE_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        flags, mode, _, open_flags = unpack(message, BODY)
        if flags & refused:
            raise FsError(errno.EROFS, f"{b.name} has no write")
        flags &= ~os.O_TRUNC
        call = Call(uid, gid, pid, None, unique)
        answer = make(cookies[nodeid].node, _new(stat.S_IFREG, mode, uid, gid, nlink=0), call)
        return shaper.create(
            "tmpfile", unique, answer, call, lambda vnode: begin(vnode, answer, flags, open_flags, call)
        )

    return handle


def mknod(b: Binding, shaper: Shaper) -> Handler:
    """MKNOD: a fifo, socket or device; regular files go to ``create``, as in puffs."""
    make, make_regular = b.must("mknod"), b.must("create")
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


def link(b: Binding, shaper: Shaper) -> Handler:
    """LINK: the header names the directory, the body the node."""
    make = b.must("link")
    cookies = b.nodes.cookies
    take = component(b)
    unpack = LINK_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        (oldnodeid,) = unpack(message, BODY)
        cn, _ = take(message, BODY + LINK_IN.size, size)
        call = Call(uid, gid, pid, None, unique)
        parent, vnode = cookies[nodeid], cookies[oldnodeid]
        parent.stamp += 1
        answer = make(parent.node, vnode.node, cn, call)
        return shaper.entry("link", unique, vnode.node if answer is None else answer, call)

    return handle


def _removal(name: str) -> Callable[[Binding, Shaper], Handler]:
    def factory(b: Binding, shaper: Shaper) -> Handler:
        take_away = b.must(name)
        cookies = b.nodes.cookies
        take = component(b)

        def handle(
            message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int
        ) -> Reply:
            cn, _ = take(message, BODY, size)
            parent = cookies[nodeid]
            parent.stamp += 1
            take_away(parent.node, cn, Call(uid, gid, pid, None, unique))
            return pack_header(HEADER_SIZE, 0, unique)

        return handle

    factory.__doc__ = f"What ``{name}`` answers: the name is gone."
    return factory


remove = _removal("remove")
rmdir = _removal("rmdir")


def rename(b: Binding, shaper: Shaper) -> Handler:
    """RENAME: without flags."""
    return _renaming(b, RENAME_IN.size)


def rename2(b: Binding, shaper: Shaper) -> Handler:
    """RENAME2: with flags."""
    return _renaming(b, RENAME2_IN.size)


def _renaming(b: Binding, width: int) -> Handler:
    move = b.must("rename")
    cookies = b.nodes.cookies
    take = component(b)
    unpack = (RENAME2_IN if width == RENAME2_IN.size else RENAME_IN).struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        newdir, *rest = unpack(message, BODY)
        fcn, start = take(message, BODY + width, size)
        tcn, _ = take(message, start, size)
        source, target = cookies[nodeid], cookies[newdir]
        source.stamp += 1
        target.stamp += 1
        flags = rest[0] if rest else 0
        move(source.node, fcn, target.node, tcn, flags, Call(uid, gid, pid, None, unique))
        return pack_header(HEADER_SIZE, 0, unique)

    return handle


def readlink(b: Binding, shaper: Shaper) -> Handler:
    """READLINK: the target, without a NUL."""
    read = b.must("readlink")
    cookies = b.nodes.cookies

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        target = read(cookies[nodeid].node, Call(uid, gid, pid, None, unique))
        if isinstance(target, str):
            target = target.encode("utf-8", "surrogateescape")
        return data_reply(b, "readlink", unique, target, PATH_MAX - 1)

    return handle
