"""Handlers of the requests that open and list a directory.

What a listing is, and how it stays right while the directory changes, is in ``listing``.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from puffpy.dispatch.binding import Binding, Handler, Message, Reply
from puffpy.dispatch.listing import (
    INDEX_BITS,
    INDEX_MASK,
    LOOKED_UP,
    Listing,
    lister,
    recall,
    remember,
    retire,
)
from puffpy.dispatch.shape import HEADER_SIZE, Shaper, pack_header
from puffpy.errors import FsError
from puffpy.nodes import Opened, Vnode
from puffpy.types import Call, ComponentName
from puffpy.wire.flags import OpenOut
from puffpy.wire.structs import (
    ENTRY_OUT,
    IN_HEADER,
    OPEN_IN,
    OPEN_OUT,
    READ_IN,
    RELEASE_IN,
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
    bits = int(OpenOut.CACHE_DIR | OpenOut.KEEP_CACHE) if _cached(b) else 0

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        vnode = cookies[nodeid]
        flags, _ = unpack(message, BODY)
        nodes.opened(vnode)
        fh = handles.add(Opened(vnode, None, flags | os.O_DIRECTORY))
        return pack_open(HEADER_SIZE + OPEN_OUT.size, 0, unique, fh, bits, 0)

    return handle


def closedir(b: Binding, shaper: Shaper) -> Handler:
    """RELEASEDIR: the library's own open directory is gone; no operation is asked."""
    nodes, handles = b.nodes, b.handles
    unpack = RELEASE_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        fh = unpack(message, BODY)[0]
        vnode = handles[fh].vnode
        if vnode is not None:
            del handles[fh]
            nodes.closed(vnode)
            if not vnode.nopen and vnode.listings:
                retire(vnode)
        return pack_header(HEADER_SIZE, 0, unique)

    return handle


def _cached(b: Binding) -> bool:
    return b.options.kernel_cache or b.options.cache_readdir


def _reading(b: Binding, shaper: Shaper) -> Callable[[Opened, int, Call], Listing]:
    take = lister(b, shaper)

    shared = _cached(b)

    def listing_of(opened: Opened, offset: int, call: Call) -> Listing:
        """Return the listing that *offset* is a position in; a new one for the start."""
        if opened.vnode is None:
            raise FsError(errno.EBADF, "READDIR without an open directory")
        number = offset >> INDEX_BITS
        listing: Listing | None = opened.listing
        if not offset or listing is None or listing.number != number:
            listing = recall(opened.vnode, number) if offset else None
            if listing is None:
                listing = take(opened.vnode, call)
                if shared:
                    remember(opened.vnode, listing)
            opened.listing = listing
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
        start = offset & INDEX_MASK
        body = listing.part(start, listing.fitting(start, room))
        return pack_header(HEADER_SIZE + len(body), 0, unique), body

    return handle


def _looking_up(b: Binding) -> Callable[[Vnode, Listing, int, int, Call], Iterable[Any]]:
    """Return what finds the nodes of a part of a listing, each when it is asked for; None where it is not."""
    find, advice = b.must("lookup"), b.advice
    never = b.waits("lookup")

    def look_up(directory: Vnode, listing: Listing, start: int, stop: int, call: Call) -> Iterator[Any]:
        worth = not never and advice.look_up(stop - start)
        for at in range(start, stop):
            node = listing.nodes[at]
            if node is LOOKED_UP:
                node = None
                if worth:
                    name = ComponentName(listing.name(at).decode("utf-8", "surrogateescape"))
                    with suppress(OSError):  # gone behind our back, or not for this caller
                        node = find(directory.node, name, call)
            yield node

    return look_up


def readdirplus(b: Binding, shaper: Shaper) -> Handler:
    """READDIRPLUS: as READDIR, with what LOOKUP would answer in front of each, counted like it.

    Once a name of the directory has changed, the rest of the listing is told without nodes: the kernel would
    take an entry for a name that is gone, or belongs to another node by now.
    """
    handles = b.handles
    unpack = READ_IN.struct.unpack_from
    listing_of = _reading(b, shaper)
    bare_entry = shaper.bare_entry
    look_up = _looking_up(b)
    give_back = b.nodes.forget

    def take_back(entries: list[bytes]) -> None:
        for entry in entries:
            cookie = ENTRY_OUT.struct.unpack_from(entry)[0]
            if cookie:
                give_back(cookie, 1)

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        fh, offset, room, _, _, _ = unpack(message, BODY)
        call = Call(uid, gid, pid, None, unique)
        opened = handles[fh]
        listing = listing_of(opened, offset, call)
        start = offset & INDEX_MASK
        stop = listing.fitting(start, room, len(NOT_COUNTED))
        directory = opened.vnode
        fresh = directory is not None and directory.stamp == listing.stamp
        nodes: Iterable[Any] = listing.nodes[start:stop]
        if listing.looked_up and fresh and directory is not None:
            nodes = look_up(directory, listing, start, stop, call)
        records, ends = listing.records, listing.ends
        pieces: list[bytes] = []
        try:
            for at, node in enumerate(nodes, start):
                entry = NOT_COUNTED
                if fresh and node is not None:
                    try:
                        entry = bare_entry("readdir", node, call)
                    except OSError:
                        pass  # gone behind our back: the name alone is told
                pieces += (entry, records[ends[at] : ends[at + 1]])
        except BaseException:
            take_back(pieces[::2])
            raise
        body = b"".join(pieces)
        return pack_header(HEADER_SIZE + len(body), 0, unique) + body

    return handle
