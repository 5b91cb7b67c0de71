"""The layer itself: a vector over a vector, which passes on whatever it does not change; and piles of them.

What a layer may have done around an operation is in ``hooks``.

Theory of operation.  Passing costs nothing: where a layer does not change an operation, the layer's attribute
of that name is the very method of the vector below, bound to it, so a request goes straight there.  Whatever
is decided by looking at a vector (what is written, how it wants to be run, what is negotiated with the
kernel) is decided as for the file system itself.  Nodes are those of the file system at the bottom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import attrs

from puffpy.errors import VectorError
from puffpy.layers.hooks import HookTable, Outcome, PostHook, PreHook
from puffpy.ops import OPERATIONS, Answer, Operation, VfsOps, VnodeOps, written
from puffpy.ops.manner import MARK
from puffpy.options import MountOptions
from puffpy.types import Entry, OpenFile

ALONE: Final = frozenset({"flush", "fsync", "access", "poll"})
"""Of the operations that the kernel answers alone, those to which its answer is yes."""

HARMLESS: Final = ALONE | {
    row.name for row in OPERATIONS.values() if row.answer in (Answer.SUCCEED, Answer.LIBRARY)
}
"""Operations whose default is a success that the library's own method gives as well."""

DATA: Final = frozenset({"read", "write"})
OPENERS: Final = ("open", "create", "tmpfile")


class Layer(VnodeOps, VfsOps):
    """A file system made of another one: what is *below* it.

    A subclass overrides the operations that it changes, of nodes and of the mount alike, and asks the vector
    below with ``super()``, or has methods decorated with :func:`pre` and :func:`post` called around
    operations.  An operation that is not written below is not written here either, for that would change what
    is negotiated, unless it is among the *supplies*.

    A layer that sees reads or writes is asked for all of them: open files lose their *backing*, through which
    the kernel would read and write by itself.  With *keeps_backing* they keep it, and the layer sees what is
    left to see.

    Args:
        below: The vector that is asked; the layer's for as long as it lives.

    Raises:
        VectorError: *below* is no vector.
    """

    breaks: ClassVar[frozenset[str]] = frozenset()
    """The promises of ``puffpy.testing`` that this layer does not keep, by name, whatever is below."""

    leaves_out: frozenset[str] = frozenset()
    """The operations that there are no more, though they may be written below."""

    keeps_backing: ClassVar[bool] = False

    supplies: frozenset[str] = frozenset()
    """The operations that there are here even where they are not written below."""

    below: VnodeOps

    def __init__(self, below: VnodeOps) -> None:
        if not isinstance(below, VnodeOps):
            raise VectorError(f"{type(self).__name__} over {below!r}: expected a VnodeOps below it")
        self.below = below
        self._below_vfs = vfsops_of(below)
        options = getattr(below, "options", MountOptions())
        subtype = options.subtype or type(below).__name__.lower()
        self.options = attrs.evolve(options, subtype=subtype)
        if getattr(below, MARK, False):
            setattr(self, MARK, True)
        self._bind(self._hooks())

    def _hooks(self) -> HookTable:
        """Return what is done around operations; a subclass may add to it."""
        return HookTable.of(self)

    def _bind(self, hooks: HookTable) -> None:
        """Make the layer's attributes out of what is below, what is overridden, and the hooks."""
        there = written(self.below) | written(self._below_vfs) | self.supplies
        changed = (hooks.ops | self._overridden()) & there
        if changed & DATA and not self.keeps_backing:
            hooks = attrs.evolve(hooks, post=(*hooks.post, *((op, _without_backing) for op in OPENERS)))
        for row in OPERATIONS.values():
            setattr(self, row.name, self._bound(row, there, hooks))

    def _bound(self, row: Operation, there: frozenset[str], hooks: HookTable) -> Callable[..., Any]:
        vector = self.below if row.vector == "VnodeOps" else self._below_vfs
        if row.name in self.leaves_out:
            dummy: Callable[..., Any] = getattr(_VECTORS[row.vector], row.name).__get__(self)
            return dummy
        if row.name == "root" and row.name not in self._overridden():
            return self._root_below()
        own = row.name in self._overridden()
        function: Callable[..., Any] = getattr(self if own and row.name in there else vector, row.name)
        return hooks.around(row.name, function) if row.name in there else function

    def _overridden(self) -> frozenset[str]:
        return frozenset(name for name in OPERATIONS if getattr(type(self), name) is not getattr(Layer, name))

    def _root_below(self) -> Callable[[], Any]:
        below, vfsops = self.below, self._below_vfs
        return vfsops.root if "root" in written(vfsops) else lambda: below.root


def vfsops_of(vnodeops: VnodeOps) -> VfsOps:
    """Return the mount-wide vector that goes with *vnodeops*."""
    if vnodeops.vfsops is not None:
        return vnodeops.vfsops
    return vnodeops if isinstance(vnodeops, VfsOps) else VfsOps()


_VECTORS: Final[Mapping[str, type]] = {"VnodeOps": VnodeOps, "VfsOps": VfsOps}


def _passing(row: Operation) -> Callable[..., Any]:
    """Return the method with which a layer's ``super()`` asks the vector below."""
    name, of_node = row.name, row.vector == "VnodeOps"

    def passed(self: Layer, *args: Any, **named: Any) -> Any:
        if name == "root":
            return self._root_below()()
        return getattr(self.below if of_node else self._below_vfs, name)(*args, **named)

    passed.__name__, passed.__qualname__ = name, f"Layer.{name}"
    passed.__doc__ = f"Ask the vector below for ``{name}``."
    return passed


for _row in OPERATIONS.values():
    setattr(Layer, _row.name, _passing(_row))


def _without_backing(_: Any, outcome: Outcome) -> None:
    """Have reads and writes come to the file system, of which some layer wants to know."""
    answer = outcome.answer
    if type(answer) is OpenFile and answer.backing is not None:
        outcome.answer = attrs.evolve(answer, backing=None)
    elif type(answer) is Entry and answer.opened is not None and answer.opened.backing is not None:
        outcome.answer = attrs.evolve(answer, opened=attrs.evolve(answer.opened, backing=None))


class Hooks(Layer):
    """A layer out of functions: *pre* and *post* hooks by operation (``"*"``: every one written below).

    ::

        Hooks(MyFs(), pre={"open": lambda asked: print("opening", asked.vp)})

    Args:
        pre: Called with the :class:`Asked` before the operation.
        post: Called with the :class:`Asked` and the :class:`Outcome` after it.
        supplies: Operations that are hooked even where they are not written below.
    """

    def __init__(
        self,
        below: VnodeOps,
        *,
        pre: Mapping[str, PreHook] | None = None,
        post: Mapping[str, PostHook] | None = None,
        supplies: frozenset[str] = frozenset(),
    ) -> None:
        unknown = sorted({*(pre or {}), *(post or {}), *supplies} - OPERATIONS.keys() - {"*"})
        if unknown:
            raise VectorError(f"there is no operation {', '.join(unknown)} to hook")
        self._table = HookTable(tuple((pre or {}).items()), tuple((post or {}).items()))
        self.supplies = supplies
        super().__init__(below)

    def _hooks(self) -> HookTable:
        return self._table


def stack(base: VnodeOps, *layers: Callable[[VnodeOps], VnodeOps]) -> VnodeOps:
    """Return *base* with *layers* on it, the lowest first.

    A layer here is whatever makes one out of the vector below: a class, a :func:`functools.partial`, or what
    :func:`named` returns.
    """
    for layer in layers:
        base = layer(base)
    return base
