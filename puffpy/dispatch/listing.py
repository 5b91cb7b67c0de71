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
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import attrs

from puffpy.dispatch.binding import Binding
from puffpy.dispatch.shape import KINDS, Shaper, untrue
from puffpy.nodes import Vnode
from puffpy.types import Call, Dirent
from puffpy.wire import dirent, dirents
from puffpy.wire.structs import DIRENT

DIRECTORY = 0o040000 >> 12
DOTS = (b".", b"..")
DICT_ITEMS: Any = type({}.items())
PAIR = "a (name, node) pair or a Dirent"
LONGEST = 1024
"""A longer name makes older kernels refuse the whole listing (FUSE_NAME_MAX)."""

INDEX_BITS = 32
INDEX_MASK = (1 << INDEX_BITS) - 1
LAST_NUMBER = (1 << 30) - 1
"""Positions are signed 64-bit numbers, for telldir(3)."""

EMPTY = memoryview(b"")

KEPT = 4
"""How many listings a node keeps at most."""

TOLD = KINDS | {0}
"""The types that a Dirent may tell; 0 is that it tells none."""

LOOKED_UP: Final = object()
"""In the place of a node that is to be looked up where it is wanted."""

NAMELEN = 2
"""Where DIRENT has it."""

UNKNOWN_INO = 0xFFFFFFFF
"""What is shown for an entry whose number nobody knows yet; 0 would hide it from glibc."""


@attrs.frozen(eq=False)
class Listing:
    """What a directory held: its READDIR records one behind the other, and for each its node, if told.

    *looked_up*: LOOKED_UP stands for some that may be looked up.  *ends* says where each record begins, and
    where the last one ends.  *stamp* is the directory's when the listing was taken, *number* the listing's
    own, the upper half of its positions.
    """

    records: bytes
    ends: Sequence[int]
    nodes: list[Any]
    stamp: int
    number: int
    looked_up: bool = False

    def part(self, start: int, stop: int) -> memoryview:
        """Return the records from *start* up to *stop*."""
        return memoryview(self.records)[self.ends[start] : self.ends[stop]] if start < stop else EMPTY

    def name(self, at: int) -> bytes:
        """Return the name of the entry *at*."""
        start = self.ends[at]
        size = DIRENT.struct.unpack_from(self.records, start)[NAMELEN]
        return self.records[start + DIRENT.size : start + DIRENT.size + size]

    def fitting(self, start: int, room: int, extra: int = 0) -> int:
        """Return where to stop so that the records from *start* on, each with *extra* bytes, fit *room*."""
        count, ends = len(self.nodes), self.ends
        if start >= count:
            return start
        if not extra:
            return bisect_right(ends, ends[start] + room) - 1
        stop = start
        while stop < count and ends[stop + 1] - ends[start] + (stop + 1 - start) * extra <= room:
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
        attrs.evolve(listing, nodes=[None] * len(listing.nodes))
        for listing in last
        if listing.stamp == directory.stamp
    )


def lister(b: Binding, shaper: Shaper) -> Callable[[Vnode, Call], Listing]:
    """Return what takes a directory's listing."""
    readdir = b.must("readdir")
    numbers = _numbering(b, shaper)

    def take(directory: Vnode, call: Call) -> Listing:
        words, nodes, bare = _split(b, readdir(directory.node, call))
        names, shortest = _encoded(b, words)
        inos, kinds = _described(nodes, lambda nodes: numbers(nodes, call)) if bare else numbers(nodes, call)
        if shortest <= len(DOTS[-1]):
            _without_dots(names, nodes)
        if not names or names[0] not in DOTS:
            (own,), _ = numbers([directory.node], call)
            names[:0] = DOTS
            inos[:0] = [directory.cookie if own == UNKNOWN_INO else own] * 2
            kinds[:0] = [DIRECTORY] * 2
            nodes[:0] = [None] * 2
        number = next(b.listings) % LAST_NUMBER + 1
        try:
            if bare and not TOLD.issuperset(kinds):
                raise ValueError  # the kernel would show it as it is
            records, ends = dirents(inos, number, kinds, names)
        except (struct.error, TypeError, ValueError, OverflowError):
            told = zip(names, inos, kinds, strict=True)
            name, ino, kind = next(one for one in told if not _fits(*one[1:]))
            came = f"{name.decode(errors='replace')!r} with the number {ino!r} and the type {kind!r}"
            untrue(b, "readdir", came, "an inode number of 64 bits and a type of mode >> 12")
        looked_up = bare and any(node is LOOKED_UP for node in nodes)
        return Listing(records, ends, nodes, directory.stamp, number, looked_up)

    return take


Numbers = tuple[list[int], list[int]]
"""Inode numbers, and types (``mode >> 12``)."""


def _numbering(b: Binding, shaper: Shaper) -> Callable[[list[Any], Call], Numbers]:
    """Return what finds out the inode numbers and types of nodes."""
    describe, cookies_of = shaper.describe, b.nodes.cookies_of

    def silent(nodes: list[Any], call: Call) -> Numbers:
        """A listing does not wait for the attributes of every node in it."""
        return cookies_of(nodes, UNKNOWN_INO), [0] * len(nodes)

    def asked(nodes: list[Any], call: Call) -> Numbers:
        inos, kinds = [], []
        for node in nodes:
            try:
                va = describe("readdir", node, call)
                inos.append(va.ino or cookies_of((node,), UNKNOWN_INO)[0])
                kinds.append(va.mode >> 12)
            except OSError:  # gone since it was listed; the name is told, a lookup will say the rest
                inos.append(UNKNOWN_INO)
                kinds.append(0)
        return inos, kinds

    def plain(nodes: list[Any], call: Call) -> Numbers:
        try:
            attributes = [node.vattr for node in nodes]
            inos = [va.ino for va in attributes]
            modes = [va.mode for va in attributes]
            kinds = _kinds(modes)
        except (AttributeError, TypeError):
            return asked(nodes, call)
        if 0 in inos:
            known = cookies_of(nodes, UNKNOWN_INO)
            inos = [ino or cookie for ino, cookie in zip(inos, known, strict=True)] if any(inos) else known
        return inos, kinds

    if b.waits("getattr"):
        return silent
    return plain if b.op("getattr") is None else asked


def _kinds(modes: list[int]) -> list[int]:
    """Return the type of each of *modes*, of which most are alike."""
    if modes and modes.count(modes[0]) == len(modes):
        return [modes[0] >> 12] * len(modes)
    kinds = {mode: mode >> 12 for mode in set(modes)}
    return [kinds[mode] for mode in modes]


def _split(b: Binding, answer: Any) -> tuple[list[str], list[Any], bool]:
    """Return the names in *answer*, the node of each, or the Dirent itself, and whether one is a Dirent."""
    if type(answer) is DICT_ITEMS:
        # A copy in one step: another thread may be changing the dict.
        named = answer.mapping.copy()
        if type(named) is dict:
            return list(named), list(named.values()), False
    if not isinstance(answer, Iterable):
        untrue(b, "readdir", answer, "an iterable of (name, node) pairs or Dirents")
    items = list(answer)
    kinds = set(map(type, items))
    if kinds == {tuple}:
        try:
            return [name for name, _ in items], [node for _, node in items], False
        except ValueError:
            untrue(b, "readdir", next(item for item in items if len(item) != 2), PAIR)
    if kinds == {Dirent}:
        return [item.name for item in items], items, True
    words: list[str] = []
    told: list[Any] = []
    for item in items:
        if type(item) is Dirent:
            words.append(item.name)
            told.append(item)
        elif type(item) is tuple and len(item) == 2:
            words.append(item[0])
            told.append(item[1])
        else:
            untrue(b, "readdir", item, PAIR)
    return words, told, Dirent in kinds


def _described(told: list[Any], numbers: Callable[[list[Any]], Numbers]) -> Numbers:
    """Return inode numbers and types, which a Dirent tells itself; in *told* only nodes are left."""
    nodes = [each for each in told if type(each) is not Dirent]
    if not nodes:
        inos, kinds = [each.ino or UNKNOWN_INO for each in told], [each.kind for each in told]
        told[:] = [LOOKED_UP if each.lookup else None for each in told]
        return inos, kinds
    found = zip(*numbers(nodes), strict=True)
    inos, kinds = [], []
    for at, each in enumerate(told):
        if type(each) is Dirent:
            ino, kind = each.ino or UNKNOWN_INO, each.kind
            told[at] = LOOKED_UP if each.lookup else None
        else:
            ino, kind = next(found)
        inos.append(ino)
        kinds.append(kind)
    return inos, kinds


def _fits(ino: int, kind: int) -> bool:
    try:
        dirent(ino, 1, kind, b"name")
        return kind in TOLD
    except (struct.error, TypeError):
        return False


def _encoded(b: Binding, words: list[str]) -> tuple[list[bytes], int]:
    """Return the names' bytes, and the length of the shortest.

    They are encoded together, for that is several times quicker than one by one.
    """
    try:
        raw = "\0".join(words).encode("utf-8", "surrogateescape")
    except TypeError:
        untrue(b, "readdir", next(word for word in words if type(word) is not str), "names as str")
    names = raw.split(b"\0") if words else []
    sizes = set(map(len, names))
    shortest, longest = min(sizes, default=LONGEST), max(sizes, default=1)
    if len(names) != len(words) or b"/" in raw or not shortest or longest > LONGEST:
        for word in words:
            name = word.encode("utf-8", "surrogateescape")
            if not 0 < len(name) <= LONGEST or b"/" in name or b"\0" in name:
                untrue(b, "readdir", word, f"a name of 1 to {LONGEST} bytes, without / and NUL")
    return names, shortest


def _without_dots(names: list[bytes], nodes: list[Any]) -> None:
    """Take away the nodes of ``.`` and ``..``: the kernel knows them, and counts none."""
    for dot in DOTS:
        at = -1
        for _ in range(names.count(dot)):
            at = names.index(dot, at + 1)
            nodes[at] = None
