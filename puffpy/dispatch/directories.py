"""Handlers of the requests that list a directory.

A listing is taken once, when it is read from its start, and kept with the open directory: a position is an
index into it, so entries that nobody touches are told exactly once however the directory changes meanwhile,
and any position ever given out may come back.
"""

from __future__ import annotations

from typing import Any

from puffpy.dispatch.binding import Binding, Handler, Message, Reply
from puffpy.dispatch.shape import HEADER_SIZE, Shaper, pack_header, untrue
from puffpy.nodes import Opened
from puffpy.types import Call, Dirent, Vattr
from puffpy.wire import dirent, direntplus
from puffpy.wire.flags import OpenOut
from puffpy.wire.structs import (
    DIRENT,
    DIRENTPLUS,
    ENTRY_OUT,
    IN_HEADER,
    OPEN_IN,
    OPEN_OUT,
    READ_IN,
    reply_struct,
)

BODY = IN_HEADER.size
DIRECTORY = 0o040000 >> 12
UNKNOWN_INO = 0xFFFFFFFF
"""What is shown for an entry whose number nobody knows yet; 0 would hide it from glibc."""

NOT_COUNTED = bytes(ENTRY_OUT.size)
"""The READDIRPLUS entry that tells and counts nothing (fuse_direntplus_link)."""

pack_open = reply_struct(OPEN_OUT).pack


def opendir(b: Binding, shaper: Shaper) -> Handler:
    """OPENDIR: the library keeps the open directory; the file system is asked when it is read."""
    cookies, handles, nodes = b.nodes.cookies, b.handles, b.nodes
    unpack = OPEN_IN.struct.unpack_from
    bits = int(OpenOut.CACHE_DIR | OpenOut.KEEP_CACHE) if b.options.kernel_cache else 0

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        vnode = cookies[nodeid]
        flags, _ = unpack(message, BODY)
        nodes.opened(vnode)
        fh = handles.add(Opened(vnode, None, flags))
        return pack_open(HEADER_SIZE + OPEN_OUT.size, 0, unique, fh, bits, 0)

    return handle


def _listing(b: Binding, opened: Opened, offset: int, call: Call) -> list[Any]:
    """Return what the open directory held when it was last read from the start."""
    vnode = opened.vnode
    assert vnode is not None
    if opened.listing is None or offset == 0:
        answer = b.must("readdir")(vnode.node, call)
        try:
            listing = list(answer)
        except TypeError:
            untrue(b, "readdir", answer, "an iterable of (name, node) pairs or Dirents")
        if not listing or _name(b, listing[0]) not in (".", ".."):
            ino = _own_ino(b, vnode, call)
            listing[:0] = [Dirent(".", ino, DIRECTORY), Dirent("..", ino, DIRECTORY)]
        opened.listing, opened.stamp = listing, vnode.stamp
    return opened.listing


def _own_ino(b: Binding, vnode: Any, call: Call) -> int:
    va = b.attributes()(vnode.node, call)
    return va.ino or vnode.cookie  # type: ignore[no-any-return]  # the author's; packing polices it


def _name(b: Binding, item: Any) -> str:
    name = item.name if type(item) is Dirent else item[0] if type(item) is tuple and len(item) == 2 else None
    if not isinstance(name, str):
        untrue(b, "readdir", item, "a (name, node) pair or a Dirent")
    return name


def _encoded(b: Binding, item: Any) -> bytes:
    name = _name(b, item)
    raw = name.encode("utf-8", "surrogateescape")
    if not raw or b"/" in raw or b"\0" in raw:
        untrue(b, "readdir", item, "a name that is not empty and holds no / and no NUL")
    return raw


def readdir(b: Binding, shaper: Shaper) -> Handler:
    """READDIR: names, numbers and types."""
    handles = b.handles
    unpack = READ_IN.struct.unpack_from
    width = DIRENT.size + 7

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        fh, offset, room, _, _, _ = unpack(message, BODY)
        call = Call(uid, gid, pid, None, unique)
        listing = _listing(b, handles[fh], offset, call)
        records = [b""]
        for index in range(offset, len(listing)):
            item = listing[index]
            name = _encoded(b, item)
            room -= (width + len(name)) & ~7
            if room < 0:
                break
            if type(item) is tuple:
                ino, kind = known(item[1], call)
                records.append(dirent(ino, index + 1, kind, name))
            else:
                records.append(dirent(item.ino or UNKNOWN_INO, index + 1, item.kind, name))
        body = b"".join(records)
        return pack_header(HEADER_SIZE + len(body), 0, unique) + body

    known = _known(b, shaper)
    return handle


def _known(b: Binding, shaper: Shaper) -> Any:
    """Return what tells a node's inode number and type without counting a lookup."""
    find = b.nodes.find

    def known(node: Any, call: Call) -> tuple[int, int]:
        va: Vattr = shaper.describe("readdir", node, call)
        if va.ino:
            return va.ino, va.mode >> 12
        vnode = find(node)
        return (UNKNOWN_INO if vnode is None else vnode.cookie), va.mode >> 12

    return known


def readdirplus(b: Binding, shaper: Shaper) -> Handler:
    """READDIRPLUS: as READDIR, with what LOOKUP would answer for each, counted like it.

    Once a name of the directory has changed, the rest of the listing is told without nodes: the kernel would
    take an entry for a name that is gone, or belongs to another node by now.
    """
    handles = b.handles
    unpack = READ_IN.struct.unpack_from
    width = DIRENTPLUS.size + 7
    bare_entry = shaper.bare_entry

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        fh, offset, room, _, _, _ = unpack(message, BODY)
        call = Call(uid, gid, pid, None, unique)
        opened = handles[fh]
        listing = _listing(b, opened, offset, call)
        fresh = opened.vnode is not None and opened.vnode.stamp == opened.stamp
        records = [b""]
        for index in range(offset, len(listing)):
            item = listing[index]
            name = _encoded(b, item)
            room -= (width + len(name)) & ~7
            if room < 0:
                break
            if type(item) is not tuple:
                records.append(direntplus(NOT_COUNTED, item.ino or UNKNOWN_INO, index + 1, item.kind, name))
            elif fresh and name != b"." and name != b"..":
                entry, ino, kind = bare_entry("readdir", item[1], call)
                records.append(direntplus(entry, ino, index + 1, kind, name))
            else:
                ino, kind = known(item[1], call)
                records.append(direntplus(NOT_COUNTED, ino, index + 1, kind, name))
        body = b"".join(records)
        return pack_header(HEADER_SIZE + len(body), 0, unique) + body

    known = _known(b, shaper)
    return handle
