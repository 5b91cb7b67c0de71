"""What several broken file systems have in common; by themselves, most of these keep every promise."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs

import puffpy
from filesystems.detrempe import Detrempe
from filesystems.detrempe.nodes import Directory, File, Inode
from puffpy import Call, ComponentName

FRESH = attrs.evolve(Detrempe.options, entry_timeout=0.0, negative_timeout=0.0, attr_timeout=0.0)
"""Options with which everything is asked every time."""


@contextmanager
def still(*nodes: Any, ctime: bool = True, mtime: bool = True) -> Iterator[None]:
    """Have the times of *nodes* be afterwards what they were before."""
    times = [(node.vattr.mtime_ns, node.vattr.ctime_ns) for node in nodes]
    yield
    for node, (mtime_ns, ctime_ns) in zip(nodes, times, strict=True):
        if mtime:
            node.vattr.mtime_ns = mtime_ns
        if ctime:
            node.vattr.ctime_ns = ctime_ns


class Shelf(puffpy.VnodeOps):
    """A read-only file system: a file, a link, a directory with another file."""

    def __init__(self) -> None:
        self.root = puffpy.Node.directory()
        below = puffpy.Node.directory()
        self.contents: dict[Any, Any] = {
            self.root: {
                "file": puffpy.Node.file(size=3000),
                "link": puffpy.Node.link(size=4),
                "below": below,
            },
            below: {"inside": puffpy.Node.file(size=10)},
        }

    def lookup(self, dvp: Any, cn: ComponentName, call: Call) -> Any:
        """Look into the dict."""
        if cn.name not in self.contents[dvp]:
            raise FileNotFoundError
        return self.contents[dvp][cn.name]

    def readdir(self, dvp: Any, call: Call) -> Any:
        """List the dict."""
        return list(self.contents[dvp].items())

    def read(self, vp: Any, offset: int, size: int, call: Call) -> Any:
        """Every file holds the same."""
        return (b"0123456789" * 300)[: vp.vattr.size][offset : offset + size]

    def readlink(self, vp: Any, call: Call) -> str:
        """There is one link."""
        return "file"


class Disguising(Detrempe):
    """Shows nodes of one class as something else as soon as they are looked up."""

    hides: type[Inode]

    def __init__(self) -> None:
        super().__init__()
        self.decoys: dict[Inode, Inode] = {}

    def _decoy(self, va: puffpy.Vattr) -> Inode:
        raise NotImplementedError

    def lookup(self, dvp: Any, cn: ComponentName, call: Call) -> Any:
        """Return the node, or what it is disguised as."""
        node = super().lookup(dvp, cn, call)
        if type(node) is not self.hides:
            return node
        if node not in self.decoys:
            self.decoys[node] = self._decoy(attrs.evolve(node.vattr))
            self.volume.admit(self.decoys[node])
        return self.decoys[node]

    def rename(self, fdvp: Any, fcn: Any, tdvp: Any, tcn: Any, flags: int, call: Call) -> None:
        """Whatever it is, it is moved."""
        tdvp.children[tcn.name] = fdvp.children.pop(fcn.name)

    def rmdir(self, dvp: Any, cn: Any, call: Call) -> None:
        """Whatever it is, it is removed."""
        del dvp.children[cn.name]

    remove = rmdir


class Conjuring(Detrempe):
    """Where there is nothing, there is a file of that name."""

    options = FRESH

    def lookup(self, dvp: Any, cn: ComponentName, call: Call) -> Any:
        """Find it, or make it."""
        if cn.name == "nothing" and cn.name not in dvp.children:
            return super().create(dvp, cn, puffpy.Node.file().vattr, call)
        return super().lookup(dvp, cn, call)


class Doubling(Detrempe):
    """Whatever is looked up is another node each time, with the same data or children."""

    options = FRESH

    def lookup(self, dvp: Any, cn: ComponentName, call: Call) -> Any:
        """Return a copy."""
        node = super().lookup(dvp, cn, call)
        double: Inode
        if isinstance(node, File):
            double = File(attrs.evolve(node.vattr))
            double.data = node.data
        elif isinstance(node, Directory):
            double = Directory(attrs.evolve(node.vattr), node.parent)
            double.children = node.children
        else:
            return node
        self.volume.admit(double)
        return double

    def rename(self, fdvp: Any, fcn: Any, tdvp: Any, tcn: Any, flags: int, call: Call) -> None:
        """Whatever it is, it is moved."""
        tdvp.children[tcn.name] = fdvp.children.pop(fcn.name)


class Lying(Detrempe):
    """Says other attributes than a node has."""

    def _lie(self, va: puffpy.Vattr, call: Call) -> dict[str, Any]:
        raise NotImplementedError

    def getattr(self, vp: Any, call: Call) -> puffpy.Vattr:
        """Return the attributes, in part."""
        told: puffpy.Vattr = attrs.evolve(vp.vattr, **self._lie(vp.vattr, call))
        return told

    def setattr(self, vp: Any, change: puffpy.SetAttr, call: Call) -> Any:
        """Have ``getattr`` asked what it has become."""
        super().setattr(vp, change, call)


class Respelling(Detrempe):
    """Spells names its own way."""

    def _spell(self, name: str) -> str:
        raise NotImplementedError

    def lookup(self, dvp: Any, cn: ComponentName, call: Call) -> Any:
        """Look for the other spelling."""
        return super().lookup(dvp, ComponentName(self._spell(cn.name)), call)

    def create(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        """Enter the other spelling."""
        return super().create(dvp, ComponentName(self._spell(cn.name)), va, call)


@attrs.frozen
class Held:
    """A lock and whose it is."""

    owner: int
    lock: puffpy.Lock


class Locking(Detrempe):
    """Keeps locks itself, by the rules."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[Any, list[Held]] = {}

    def advlock(self, vp: Any, owner: int, lock: puffpy.Lock | None, test: bool, call: Call) -> Any:
        """Refuse what another owner's lock stands in the way of."""
        held = self.held.setdefault(vp, [])
        if lock is None:
            held[:] = [each for each in held if each.owner != owner]
            return None
        in_the_way = [each.lock for each in held if each.owner != owner and self._excludes(each.lock, lock)]
        if in_the_way and test:
            return in_the_way[0]
        if in_the_way:
            raise puffpy.FsError(errno.EAGAIN)
        if not test:
            self._cut(held, owner, lock)
            if lock.kind != UNLOCK:
                held.append(Held(owner, lock))
        return None

    def _excludes(self, held: puffpy.Lock, lock: puffpy.Lock) -> bool:
        overlap = held.start <= lock.end and lock.start <= held.end
        return (
            held.flock == lock.flock and overlap and lock.kind != UNLOCK and WRITE in (held.kind, lock.kind)
        )

    def _cut(self, held: list[Held], owner: int, lock: puffpy.Lock) -> None:
        """Take the range of *lock* out of what *owner* holds."""
        for each in list(held):
            if each.owner != owner or each.lock.flock != lock.flock:
                continue
            held.remove(each)
            for start, end in ((each.lock.start, lock.start - 1), (lock.end + 1, each.lock.end)):
                part = max(start, each.lock.start), min(end, each.lock.end)
                if part[0] <= part[1]:
                    held.append(Held(owner, attrs.evolve(each.lock, start=part[0], end=part[1])))


READ, WRITE, UNLOCK = 0, 1, 2
"""The kinds of locks, as on Linux."""
