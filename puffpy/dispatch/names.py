"""Handlers of the requests that look a name up, give one more, move one or take one away.

Each factory binds one opcode's handler over a mounted file system; what may be done to a name, the file
system decides.  New nodes are made in ``creation``.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

from puffpy.dispatch.binding import Binding, Handler, Message, Reply
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
from puffpy.types import Call, ComponentName, Entry
from puffpy.wire.structs import (
    IN_HEADER,
    LINK_IN,
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
    negative, advice = b.options.negative_timeout, b.advice

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
        advice.asked += 1
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
        if type(target) is bytes and 0 in target:
            untrue(b, "readlink", target, "a target without NUL, where it would end for the kernel")
        return data_reply(b, "readlink", unique, target, PATH_MAX - 1)

    return handle
