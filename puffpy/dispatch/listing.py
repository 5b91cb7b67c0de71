"""A directory's listing, taken once and told piece by piece.

It is taken when the directory is read from its start, and kept with the open directory: a position is an
index into it, so entries that nobody touches are told exactly once however the directory changes meanwhile,
and any position ever given out may come back.  The records are packed when it is taken, all at once, because
that is where the time of a large directory goes.
"""

from __future__ import annotations

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
UNKNOWN_INO = 0xFFFFFFFF
"""What is shown for an entry whose number nobody knows yet; 0 would hide it from glibc."""


@attrs.frozen(eq=False)
class Listing:
    """What a directory held: for each entry its READDIR record, and its node where there is one to tell.

    *ends* are the sizes of the records, added up.  *stamp* is the directory's when the listing was taken.
    """

    records: list[bytes]
    nodes: list[Any]
    stamp: int
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


def lister(b: Binding, shaper: Shaper) -> Callable[[Vnode, Call], Listing]:
    """Return what takes a directory's listing."""
    readdir = b.must("readdir")
    describe, find = shaper.describe, b.nodes.find
    plain = b.op("getattr") is None

    def known(node: Any, call: Call) -> tuple[int, int]:
        try:
            va = node.vattr if plain else describe("readdir", node, call)
        except AttributeError:
            va = describe("readdir", node, call)
        except OSError:
            return UNKNOWN_INO, 0  # gone since it was listed; the name is told, a lookup will say the rest
        ino = va.ino
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
        for off, (name, item) in enumerate(zip(names, items, strict=True), 1):
            if type(item) is tuple:
                node = item[1]
                ino, kind = known(node, call)
                nodes.append(None if name in (b".", b"..") else node)
            else:
                ino, kind = item.ino or UNKNOWN_INO, item.kind
                nodes.append(None)
            records.append(dirent(ino, off, kind, name))
        return Listing(records, nodes, directory.stamp)

    return take


def _name(b: Binding, item: Any) -> str:
    name = item.name if type(item) is Dirent else item[0] if type(item) is tuple and len(item) == 2 else None
    if not isinstance(name, str):
        untrue(b, "readdir", item, "a (name, node) pair or a Dirent")
    return name


def _encoded(b: Binding, items: list[Any]) -> list[bytes]:
    """Return the names' bytes; encoded together, for it is several times quicker than one by one."""
    try:
        together = "\0".join([item[0] if type(item) is tuple else item.name for item in items])
    except (AttributeError, IndexError, TypeError):
        together = ""
    raw = together.encode("utf-8", "surrogateescape")
    names = raw.split(b"\0")
    if len(names) != len(items) or b"/" in raw or b"" in names:
        for item in items:
            if not _name(b, item) or set("/\0") & set(_name(b, item)):
                untrue(b, "readdir", item, "a name that is not empty and holds no / and no NUL")
    return names
