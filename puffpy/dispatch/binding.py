"""What the handlers are bound over: the vectors, the tables, and the terms agreed with the kernel.

Nothing is decided or decoded here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import attrs
from typing_extensions import Buffer

from puffpy.dispatch.advice import Advice
from puffpy.dispatch.backing import Backings
from puffpy.dispatch.lockqueue import LockQueue
from puffpy.dispatch.parking import Parking
from puffpy.nodes import Handles, NodeTable
from puffpy.ops import VfsOps, VnodeOps, written
from puffpy.options import MountOptions
from puffpy.types import Call
from puffpy.wire.flags import InitFlag

XATTRS: Final = frozenset({"getextattr", "setextattr", "listextattr", "deleteextattr"})
"""What counts as left out where nobody wants extended attributes."""

Message: TypeAlias = bytes | bytearray
"""A request as it came; only its first *size* bytes count."""

Reply: TypeAlias = bytes | tuple[Buffer, ...] | None
"""One whole reply; a tuple is its pieces, to be sent in one system call."""

Handler: TypeAlias = Callable[[Message, int, int, int, int, int, int], Reply]
"""Answers one request: (message, size, unique, nodeid, uid, gid, pid)."""


@attrs.frozen(kw_only=True)
class Terms:
    """What INIT settled: the protocol's *minor*, the *flags* both sides hold to, and the sizes in bytes."""

    minor: int
    flags: InitFlag
    max_write: int
    max_pages: int
    no_open: bool = False
    """The kernel is told not to send OPEN and RELEASE at all."""


@attrs.frozen(kw_only=True)
class Binding:
    """One mounted file system, as its handlers see it.

    *wake* sends a poll wake-up for a kernel handle.  *listings* numbers the listings of directories, those of
    READDIR and READDIRPLUS alike; *advice* is whether their names are looked up next.
    """

    vnodeops: VnodeOps
    vfsops: VfsOps
    nodes: NodeTable
    handles: Handles
    locks: LockQueue
    backings: Backings | None = None
    parking: Parking | None = None
    options: MountOptions
    terms: Terms
    wake: Callable[[int], None]
    listings: Iterator[int] = attrs.field(factory=itertools.count)
    advice: Advice = attrs.field(factory=Advice)
    written: frozenset[str] = attrs.field()

    @written.default
    def _look(self) -> frozenset[str]:
        found = written(self.vnodeops) | written(self.vfsops)
        return found if self.options.xattr else found - XATTRS

    def op(self, name: str) -> Callable[..., Any] | None:
        """Return the operation *name* if the file system wrote it."""
        return self.must(name) if name in self.written else None

    def must(self, name: str) -> Callable[..., Any]:
        """Return the operation *name*, its dummy if the file system left it out."""
        vector = self.vnodeops if hasattr(VnodeOps, name) else self.vfsops
        operation: Callable[..., Any] = getattr(vector, name)
        return operation if self.parking is None else self.parking.aside(name, operation)

    def waits(self, name: str) -> bool:
        """Tell whether the operation *name* is run beside its handler."""
        return self.parking is not None and name in self.parking.manners

    @property
    def name(self) -> str:
        """The file system's class, for messages."""
        return type(self.vnodeops).__name__

    def attributes(self) -> Callable[[Any, Call], Any]:
        """Return what tells a node's attributes: ``getattr``, or the node's own ``vattr``."""
        return self.op("getattr") or own_vattr


def own_vattr(vp: Any, call: Call) -> Any:
    """Return what a node says of itself."""
    return getattr(vp, "vattr", None)
