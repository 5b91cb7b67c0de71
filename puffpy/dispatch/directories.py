"""Handlers of the requests that open and list a directory.

What a listing is, and how it stays right while the directory changes, is in ``listing``.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable

from puffpy.dispatch.binding import Binding, Handler, Message, Reply
from puffpy.dispatch.listing import Listing, lister
from puffpy.dispatch.shape import HEADER_SIZE, Shaper, pack_header
from puffpy.errors import FsError
from puffpy.nodes import Opened
from puffpy.types import Call
from puffpy.wire.flags import OpenOut
from puffpy.wire.structs import (
    ENTRY_OUT,
    IN_HEADER,
    OPEN_IN,
    OPEN_OUT,
    READ_IN,
    reply_struct,
)

BODY = IN_HEADER.size
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


def _reading(b: Binding, shaper: Shaper) -> Callable[[Opened, int, Call], Listing]:
    take = lister(b, shaper)

    def listing_of(opened: Opened, offset: int, call: Call) -> Listing:
        """Return what the open directory held when it was last read from the start."""
        if opened.vnode is None:
            raise FsError(errno.EBADF, "READDIR without an open directory")
        if opened.listing is None or offset == 0:
            opened.listing = take(opened.vnode, call)
        listing: Listing = opened.listing
        return listing

    return listing_of


def readdir(b: Binding, shaper: Shaper) -> Handler:
    """READDIR: names, numbers and types."""
    handles = b.handles
    unpack = READ_IN.struct.unpack_from
    listing_of = _reading(b, shaper)

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        fh, offset, room, _, _, _ = unpack(message, BODY)
        listing = listing_of(handles[fh], offset, Call(uid, gid, pid, None, unique))
        body = b"".join(listing.records[offset : listing.fitting(offset, room)])
        return pack_header(HEADER_SIZE + len(body), 0, unique) + body

    return handle


def readdirplus(b: Binding, shaper: Shaper) -> Handler:
    """READDIRPLUS: as READDIR, with what LOOKUP would answer in front of each, counted like it.

    Once a name of the directory has changed, the rest of the listing is told without nodes: the kernel would
    take an entry for a name that is gone, or belongs to another node by now.
    """
    handles = b.handles
    unpack = READ_IN.struct.unpack_from
    listing_of = _reading(b, shaper)
    bare_entry = shaper.bare_entry

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        fh, offset, room, _, _, _ = unpack(message, BODY)
        call = Call(uid, gid, pid, None, unique)
        opened = handles[fh]
        listing = listing_of(opened, offset, call)
        stop = listing.fitting(offset, room, len(NOT_COUNTED))
        fresh = opened.vnode is not None and opened.vnode.stamp == listing.stamp
        pieces: list[bytes] = []
        for record, node in zip(listing.records[offset:stop], listing.nodes[offset:stop], strict=True):
            entry = NOT_COUNTED
            if fresh and node is not None:
                with contextlib.suppress(OSError):  # gone behind our back: the name alone is told
                    entry = bare_entry("readdir", node, call)
            pieces += (entry, record)
        body = b"".join(pieces)
        return pack_header(HEADER_SIZE + len(body), 0, unique) + body

    return handle
