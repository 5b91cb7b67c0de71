"""A directory's listing, taken once and told piece by piece.

It is taken when the directory is read from its start, and kept with the open directory.  A position is the
listing's number and an index into it, so entries that nobody touches are told exactly once however the
directory changes meanwhile, and any position ever given out may come back.  It may come through another open
directory: where the kernel caches listings, a reader that was served from the cache goes on where the cache
breaks off (fuse_readdir_cached), so the last few listings are kept with the node as well.

The records are packed when a listing is taken, all at once, because that is where the time of a large
directory goes.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Any

import attrs

from puffpy.dispatch.binding import Binding
from puffpy.dispatch.shape import Shaper, untrue
from puffpy.nodes import Vnode
from puffpy.types import Call, Dirent
from puffpy.wire import dirent

DIRECTORY = 0o040000 >> 12
DOTS = (".", "..")
PAIR = "a (name, node) pair or a Dirent"
LONGEST = 1024
"""A longer name makes older kernels refuse the whole listing (FUSE_NAME_MAX)."""

INDEX_BITS = 32
INDEX_MASK = (1 << INDEX_BITS) - 1
LAST_NUMBER = (1 << 30) - 1
"""Positions are signed 64-bit numbers, for telldir(3)."""

KEPT = 4
"""How many listings a node keeps at most."""

UNKNOWN_INO = 0xFFFFFFFF
"""What is shown for an entry whose number nobody knows yet; 0 would hide it from glibc."""


@attrs.frozen(eq=False)
class Listing:
    """What a directory held: for each entry its READDIR record, and its node where there is one to tell.

    *ends* are the sizes of the records, added up.  *stamp* is the directory's when the listing was taken,
    *number* the listing's own, the upper half of its positions.
    """

    records: list[bytes]
    nodes: list[Any]
    stamp: int
    number: int
    ends: list[int] = attrs.field()

    @ends.default
    def _add_up(self) -> list[int]:
        return list(accumulate(map(len, self.records), initial=0))

    def fitting(self, start: int, room: int, extra: int = 0) -> int:
        """Return where to stop so that the records from *start* on, each with *extra* bytes, fit *room*."""
        if start >= len(self.records):
            return start
        if not extra:
            return bisect_right(self.ends, self.ends[start] + room) - 1
        stop = start
        while (
            stop < len(self.records)
            and self.ends[stop + 1] - self.ends[start] + (stop + 1 - start) * extra <= room
        ):
            stop += 1
        return stop


def remember(directory: Vnode, listing: Listing) -> None:
    """Keep *listing* with its node, for readers that the kernel served from its cache so far."""
    directory.listings = (*directory.listings[-KEPT + 1 :], listing)


def recall(directory: Vnode, number: int) -> Listing | None:
    """Return the listing that is called *number*, if it is still there."""
    return next((listing for listing in directory.listings if listing.number == number), None)


def retire(directory: Vnode) -> None:
    """Nobody has the directory open: of its listings only one that the kernel may still hold is kept.

    Its nodes are let go, so that a listing keeps no file alive.
    """
    last = directory.listings[-1:]
    directory.listings = tuple(
        attrs.evolve(listing, nodes=[None] * len(listing.records))
        for listing in last
        if listing.stamp == directory.stamp
    )


def lister(b: Binding, shaper: Shaper) -> Callable[[Vnode, Call], Listing]:
    """Return what takes a directory's listing."""
    readdir = b.must("readdir")
    describe, find = shaper.describe, b.nodes.find
    plain = b.op("getattr") is None
    silent = b.waits("getattr")  # a listing does not wait for every node in it

    def known(node: Any, call: Call) -> tuple[int, int]:
        if silent:
            vnode = find(node)
            return (UNKNOWN_INO, 0) if vnode is None else (vnode.cookie, max(vnode.kind, 0))
        try:
            va = node.vattr if plain else describe("readdir", node, call)
            ino = va.ino
        except AttributeError:
            ino = (va := describe("readdir", node, call)).ino
        except OSError:
            return UNKNOWN_INO, 0  # gone since it was listed; the name is told, a lookup will say the rest
        if not ino:
            vnode = find(node)
            ino = UNKNOWN_INO if vnode is None else vnode.cookie
        return ino, va.mode >> 12

    def take(directory: Vnode, call: Call) -> Listing:
        answer = readdir(directory.node, call)
        if not isinstance(answer, Iterable):
            untrue(b, "readdir", answer, "an iterable of (name, node) pairs or Dirents")
        items = list(answer)
        if not items or _name(b, items[0]) not in DOTS:
            ino, _ = known(directory.node, call)
            items[:0] = [
                Dirent(dot, ino if ino != UNKNOWN_INO else directory.cookie, DIRECTORY) for dot in DOTS
            ]
        names = _encoded(b, items)
        records, nodes = [], []
        number = next(b.listings) % LAST_NUMBER + 1
        for off, (name, item) in enumerate(zip(names, items, strict=True), (number << INDEX_BITS) + 1):
            if type(item) is tuple and len(item) == 2:
                node = item[1]
                ino, kind = known(node, call)
                nodes.append(None if name in (b".", b"..") else node)
            elif type(item) is Dirent:
                ino, kind = item.ino or UNKNOWN_INO, item.kind
                nodes.append(None)
            else:
                untrue(b, "readdir", item, PAIR)
            try:
                records.append(dirent(ino, off, kind, name))
            except struct.error:
                untrue(b, "readdir", item, "an inode number of 64 bits and a type of mode >> 12")
        return Listing(records, nodes, directory.stamp, number)

    return take


def _name(b: Binding, item: Any) -> str:
    name = item.name if type(item) is Dirent else item[0] if type(item) is tuple and len(item) == 2 else None
    if not isinstance(name, str):
        untrue(b, "readdir", item, PAIR)
    return name


def _encoded(b: Binding, items: list[Any]) -> list[bytes]:
    """Return the names' bytes; encoded together, for it is several times quicker than one by one."""
    try:
        together = "\0".join([item[0] if type(item) is tuple else item.name for item in items])
    except (AttributeError, IndexError, TypeError):
        together = ""
    raw = together.encode("utf-8", "surrogateescape")
    names = raw.split(b"\0")
    if len(names) != len(items) or b"/" in raw or b"" in names or max(map(len, names)) > LONGEST:
        for item in items:
            name = _name(b, item).encode("utf-8", "surrogateescape")
            if not 0 < len(name) <= LONGEST or b"/" in name or b"\0" in name:
                untrue(b, "readdir", item, f"a name of 1 to {LONGEST} bytes, without / and NUL")
    return names
