"""Handlers of the requests about attributes: a node's own, its extended ones, and the file system's figures.

Each factory binds one opcode's handler over a mounted file system.
"""

from __future__ import annotations

import errno
import struct
import time
from collections.abc import Iterable

from puffpy.dispatch.binding import Binding, Handler, Message, Reply, own_vattr
from puffpy.dispatch.shape import (
    CANNOT_PACK,
    HEADER_SIZE,
    NANO,
    Shaper,
    attr_values,
    check_vattr,
    data_reply,
    pack_header,
    split_ttl,
    untrue,
)
from puffpy.errors import FsError, WireError
from puffpy.types import Call, SetAttr, StatVfs, Vattr
from puffpy.wire import encode_rdev
from puffpy.wire.flags import GetattrFlag, InitFlag, SetattrValid
from puffpy.wire.structs import (
    ACCESS_IN,
    GETATTR_IN,
    GETXATTR_IN,
    GETXATTR_OUT,
    IN_HEADER,
    SETATTR_IN,
    SETXATTR_IN,
    SETXATTR_IN_COMPAT,
    STATFS_OUT,
    STATX_IN,
    STATX_OUT,
    reply_struct,
)

BODY = IN_HEADER.size
FH = int(GetattrFlag.FH)
V = SetattrValid
# Plain numbers: an IntFlag makes an object for each &, which takes longer than all the rest of a SETATTR.
MODE, UID, GID, SIZE, KILL_SUIDGID = map(int, (V.MODE, V.UID, V.GID, V.SIZE, V.KILL_SUIDGID))
ATIME, MTIME, CTIME, ATIME_NOW, MTIME_NOW = map(int, (V.ATIME, V.MTIME, V.CTIME, V.ATIME_NOW, V.MTIME_NOW))
SETATTR_FH = int(V.FH)
XATTR_NAME_MAX = 255
XATTR_SIZE_MAX = 65536
STATX_BASIC_AND_BTIME = 0xFFF

pack_statfs = reply_struct(STATFS_OUT).pack
pack_getxattr = reply_struct(GETXATTR_OUT).pack
pack_statx = reply_struct(STATX_OUT).pack


def getattr(b: Binding, shaper: Shaper) -> Handler:  # noqa: A001  the opcode's own name
    """GETATTR: asked more often than anything else, so it builds nothing that is not read."""
    attributes = b.attributes()
    cookies, handles = b.nodes.cookies, b.handles
    attr = shaper.attr
    unpack = GETATTR_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        vnode = cookies[nodeid]
        flags, fh = unpack(message, BODY)
        handle = handles[fh].handle if flags & FH else None
        return attr("getattr", unique, attributes(vnode.node, Call(uid, gid, pid, handle, unique)), vnode)

    def plain(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        vnode = cookies[nodeid]
        try:
            va = vnode.node.vattr
        except AttributeError:
            va = None
        return attr("getattr", unique, va, vnode)

    return plain if attributes is own_vattr else handle


def statx(b: Binding, shaper: Shaper) -> Handler:
    """STATX: the attributes with the time of birth, which GETATTR has no room for."""
    attributes = b.attributes()
    cookies, handles = b.nodes.cookies, b.handles
    unpack = STATX_IN.struct.unpack_from
    default_ttl = split_ttl(b.options.attr_timeout)

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        vnode = cookies[nodeid]
        flags, fh, _, _ = unpack(message, BODY)
        handle = handles[fh].handle if flags & GetattrFlag.FH else None
        va = attributes(vnode.node, Call(uid, gid, pid, handle, unique))
        try:
            ttl = default_ttl if va.ttl is None else split_ttl(va.ttl)
            if va.mode >> 12 != vnode.kind:
                shaper.settle_kind("getattr", va, vnode)
            return pack_statx(
                HEADER_SIZE + STATX_OUT.size, 0, unique, *ttl, 0, *statx_values(va, vnode.cookie)
            )
        except CANNOT_PACK:
            check_vattr(b, "getattr", va, vnode)
            raise

    return handle


def statx_values(va: Vattr, cookie: int) -> tuple[int, ...]:
    """Return the numbers of ``fuse_statx``, all of its basic fields and the time of birth given."""
    ino, size, blocks, _, _, _, _, _, _, mode, nlink, uid, gid, _, blksize, _ = attr_values(va, cookie)
    times = [divmod(ns, NANO) for ns in (va.atime_ns, va.btime_ns or va.ctime_ns, va.ctime_ns, va.mtime_ns)]
    rdev = encode_rdev(va.rdev)
    major, minor = (rdev >> 8) & 0xFFF, (rdev & 0xFF) | ((rdev >> 12) & 0xFFF00)
    head = (STATX_BASIC_AND_BTIME, blksize, 0, nlink, uid, gid, mode, ino, size, blocks, 0)
    return (*head, *(number for when in times for number in when), major, minor, 0, 0)


def setattr(b: Binding, shaper: Shaper) -> Handler:  # noqa: A001  the opcode's own name
    """SETATTR: a change without any field still means "touched"."""
    change_attributes, attributes = b.must("setattr"), b.attributes()
    cookies, handles = b.nodes.cookies, b.handles
    unpack = SETATTR_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        vnode = cookies[nodeid]
        values = unpack(message, BODY)
        handle = handles[values[1]].handle if values[0] & SETATTR_FH else None
        call = Call(uid, gid, pid, handle, unique)
        va = change_attributes(vnode.node, setattr_change(values, time.time_ns()), call)
        if va is None:
            return shaper.attr("getattr", unique, attributes(vnode.node, call), vnode)
        return shaper.attr("setattr", unique, va, vnode)

    return handle


def setattr_change(values: tuple[int, ...], now: int) -> SetAttr:
    """Return the change that the fields of SETATTR ask for, at the time *now*."""
    valid, _, size, _, atime, mtime, ctime, atimensec, mtimensec, ctimensec, mode, uid, gid = values
    atime_now, mtime_now = bool(valid & ATIME_NOW), bool(valid & MTIME_NOW)
    return SetAttr(
        ctime_ns=_time(ctime, ctimensec) if valid & CTIME else now,
        mode=mode if valid & MODE else None,
        uid=uid if valid & UID else None,
        gid=gid if valid & GID else None,
        size=size if valid & SIZE else None,
        atime_ns=now if atime_now else _time(atime, atimensec) if valid & ATIME else None,
        mtime_ns=now if mtime_now else _time(mtime, mtimensec) if valid & MTIME else None,
        atime_now=atime_now,
        mtime_now=mtime_now,
        kill_suidgid=bool(valid & KILL_SUIDGID),
    )


def _time(seconds: int, nanoseconds: int) -> int:
    """Return nanoseconds since 1970."""
    return seconds * NANO + nanoseconds


def access(b: Binding, shaper: Shaper) -> Handler:
    """ACCESS."""
    check = b.must("access")
    cookies = b.nodes.cookies
    unpack = ACCESS_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        (mask,) = unpack(message, BODY)
        check(cookies[nodeid].node, mask, Call(uid, gid, pid, None, unique))
        return pack_header(HEADER_SIZE, 0, unique)

    return handle


def statvfs(b: Binding, shaper: Shaper) -> Handler:
    """STATFS."""
    figures = b.must("statvfs")
    cookies = b.nodes.cookies

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        st = figures(cookies[nodeid].node, Call(uid, gid, pid, None, unique))
        if not isinstance(st, StatVfs) or not st.frsize:
            untrue(b, "statvfs", st, "a StatVfs whose frsize is not 0")
        numbers = (st.blocks, st.bfree, st.bavail, st.files, st.ffree, st.bsize, st.namemax, st.frsize)
        try:
            return pack_statfs(HEADER_SIZE + STATFS_OUT.size, 0, unique, *numbers)
        except struct.error:
            untrue(b, "statvfs", st, "whole numbers that fit, none negative")

    return handle


def _attribute_name(message: Message, start: int, size: int) -> tuple[str, int]:
    end = message.find(0, start, size)
    if end <= start:
        raise WireError("an extended attribute without a name")
    if end - start > XATTR_NAME_MAX:
        raise FsError(errno.ERANGE, f"an attribute's name of {end - start} bytes")
    return message[start:end].decode("utf-8", "surrogateescape"), end + 1


def _sized(b: Binding, op: str, unique: int, value: object, room: int) -> Reply:
    """Answer with *value*, or with its length where the caller has no room and only asks for that."""
    try:
        size = memoryview(value).nbytes  # type: ignore[arg-type]  # what is no buffer is told below
    except TypeError:
        untrue(b, op, value, "bytes")
    if not room:
        return pack_getxattr(HEADER_SIZE + GETXATTR_OUT.size, 0, unique, size)
    if size > room:
        raise FsError(errno.ERANGE, f"{size} bytes do not fit the caller's {room}")
    return data_reply(b, op, unique, value, room)


def getextattr(b: Binding, shaper: Shaper) -> Handler:
    """GETXATTR."""
    value_of = b.must("getextattr")
    cookies = b.nodes.cookies
    unpack = GETXATTR_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        (room,) = unpack(message, BODY)
        name, _ = _attribute_name(message, BODY + GETXATTR_IN.size, size)
        value = value_of(cookies[nodeid].node, name, Call(uid, gid, pid, None, unique))
        return _sized(b, "getextattr", unique, value, room)

    return handle


def _listed(b: Binding, name: object) -> bytes:
    if not isinstance(name, str) or not name or "\0" in name:
        untrue(b, "listextattr", name, "names, each a str that is not empty and holds no NUL")
    return name.encode("utf-8", "surrogateescape") + b"\0"


def listextattr(b: Binding, shaper: Shaper) -> Handler:
    """LISTXATTR: names, each with its NUL."""
    names_of = b.must("listextattr")
    cookies = b.nodes.cookies
    unpack = GETXATTR_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        (room,) = unpack(message, BODY)
        names = names_of(cookies[nodeid].node, Call(uid, gid, pid, None, unique))
        if isinstance(names, str) or not isinstance(names, Iterable):
            untrue(b, "listextattr", names, "an iterable of str")
        listing = b"".join(_listed(b, name) for name in names)
        return _sized(b, "listextattr", unique, listing, room)

    return handle


def setextattr(b: Binding, shaper: Shaper) -> Handler:
    """SETXATTR: 16 bytes in front of the name where the longer form was agreed, else 8."""
    store = b.must("setextattr")
    cookies = b.nodes.cookies
    layout = SETXATTR_IN if b.terms.flags & InitFlag.SETXATTR_EXT else SETXATTR_IN_COMPAT
    unpack = layout.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        length, flags, *_ = unpack(message, BODY)
        name, start = _attribute_name(message, BODY + layout.size, size)
        if start + length != size:
            raise WireError(f"SETXATTR of {length} bytes holds {size - start}")
        if length > XATTR_SIZE_MAX:
            raise FsError(errno.E2BIG, f"an attribute's value of {length} bytes")
        call = Call(uid, gid, pid, None, unique)
        store(cookies[nodeid].node, name, bytes(message[start:size]), flags, call)
        return pack_header(HEADER_SIZE, 0, unique)

    return handle


def deleteextattr(b: Binding, shaper: Shaper) -> Handler:
    """REMOVEXATTR."""
    delete = b.must("deleteextattr")
    cookies = b.nodes.cookies

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        name, _ = _attribute_name(message, BODY, size)
        delete(cookies[nodeid].node, name, Call(uid, gid, pid, None, unique))
        return pack_header(HEADER_SIZE, 0, unique)

    return handle
