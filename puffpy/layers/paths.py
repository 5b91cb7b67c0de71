"""Where nodes are: the path by which each was last seen, for layers that speak or judge of paths.

Nothing is looked up for it; a node that came by no name has no path.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Final

import attrs

from puffpy.layers.hooks import Asked, Outcome
from puffpy.types import Entry

UNKNOWN: Final = "?"

EXCHANGE: Final = 2
"""RENAME_EXCHANGE of renameat2(2)."""

DEEPEST: Final = 4096
"""So many directories are climbed at most; a path has no more components."""

NAMED: Final = ("lookup", "create", "mknod", "mkdir", "symlink")
"""Operations that answer with the node called *cn* in *dvp*."""

TOLD: Final = (*NAMED, "link", "rename", "remove", "rmdir", "readdir", "reclaim")
"""Operations of whose outcome :meth:`Paths.learn` wants to know."""


@attrs.frozen(eq=False)
class Place:
    """Where a node was seen: *name* in *parent*; *keeper* holds the node, or tells of its end."""

    parent: int
    name: str
    keeper: Any


class Paths:
    """The places of nodes.  Nodes that can be referred to weakly are not kept alive by it."""

    def __init__(self) -> None:
        self._root: Callable[[], Any] = lambda: None
        self._places: dict[int, Place] = {}
        self._keys: dict[tuple[int, str], int] = {}

    def begin(self, root: Callable[[], Any]) -> None:
        """From here on, the top is what *root* returns."""
        self._root = root

    def of(self, node: Any) -> str:
        """Return the path of *node* from the root, ``/`` for the root itself, ``?`` where it is not known."""
        parts: list[str] = []
        here, top = id(node), id(self._root())
        while here != top:
            place = self._places.get(here)
            if place is None or len(parts) > DEEPEST:
                return UNKNOWN if not parts else "/".join([UNKNOWN, *reversed(parts)])
            parts.append(place.name)
            here = place.parent
        return "/" + "/".join(reversed(parts))

    def below(self, directory: Any, name: str) -> str:
        """Return the path of *name* in *directory*."""
        path = self.of(directory)
        return f"{path}{name}" if path.endswith("/") else f"{path}/{name}"

    def learn(self, asked: Asked, outcome: Outcome) -> None:
        """Take note of what an operation did to names; a post hook of the operations in TOLD."""
        op = asked.op
        if op == "reclaim":
            self._forget(id(asked.vp))
        elif outcome.error is not None:
            return
        elif op in NAMED:
            answer = outcome.answer
            self._see(answer.node if type(answer) is Entry else answer, asked.dvp, asked.cn.name)
        elif op == "link":
            self._see(asked.vp, asked.dvp, asked.cn.name)
        elif op == "rename":
            self._moved(asked)
        elif op == "readdir":
            for item in outcome.answer:
                # The library may hand these to the kernel, which then need not look them up.
                if type(item) is tuple and item[0] not in (".", ".."):
                    self._see(item[1], asked.dvp, item[0], briefly=True)

    def _see(self, node: Any, parent: Any, name: str, *, briefly: bool = False) -> None:
        if node is self._root() or name == "..":
            return
        key = id(node)
        try:
            keeper: Any = weakref.ref(node, lambda _: self._forget(key))
        except TypeError:
            if briefly:
                return  # it may never be reclaimed, for nobody may ever hear of it
            keeper = node
        self._put(key, Place(id(parent), name, keeper))

    def _put(self, key: int, place: Place) -> None:
        self._forget(key)
        self._places[key] = place
        self._keys[place.parent, place.name] = key

    def _forget(self, key: int) -> None:
        place = self._places.pop(key, None)
        if place is not None and self._keys.get((place.parent, place.name)) == key:
            del self._keys[place.parent, place.name]

    def _moved(self, asked: Asked) -> None:
        old, new = (id(asked.fdvp), asked.fcn.name), (id(asked.tdvp), asked.tcn.name)
        ends = [(old, new), (new, old)] if asked.flags & EXCHANGE else [(old, new)]
        moved = [(self._keys.get(here), there) for here, there in ends]
        for key, (parent, name) in moved:
            place = self._places.get(key) if key is not None else None
            if key is not None and place is not None:
                self._put(key, attrs.evolve(place, parent=parent, name=name))
