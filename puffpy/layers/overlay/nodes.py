"""What is seen: a file of either tree, or directories of both as one; and open files, which outlive a copy.

Where a name leads is found out in ``names``.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import Any, Final

import attrs

from puffpy.layers.overlay.branch import Branch
from puffpy.types import Vattr

NUMBERS: Final = (1 << 64) - 1


class Node:
    """What is seen of *upper*, a node of the upper tree, of *lower*, one of the lower, or of both.

    It is the same object for the life of a file, also when that is copied up.  *name* in *parent* is where it
    was last seen.  *number* is shown as its inode number.  *lost* counts the names that were taken from it
    while it was of the lower tree, *elsewhere* those that it still has there when it no longer is.  *kept*:
    it is not to be forgotten, for its other names lead to it by way of the lower tree.
    """

    __slots__ = (
        "__weakref__",
        "elsewhere",
        "gone",
        "kept",
        "kind",
        "lost",
        "lower",
        "name",
        "number",
        "parent",
        "upper",
    )

    def __init__(self, upper: Any, lower: Any, kind: int, parent: Node | None, name: str) -> None:
        self.upper = upper
        self.lower = lower
        self.kind = kind
        self.parent = parent
        self.name = name
        self.number = 0
        self.lost = 0
        self.elsewhere = 0
        self.gone = False
        self.kept = False

    @property
    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return self.kind == stat.S_IFDIR >> 12

    def __repr__(self) -> str:
        trees = "+".join(tree for tree in ("upper", "lower") if getattr(self, tree) is not None)
        return f"<{self.name or 'root'}: {trees}>"


@attrs.define(eq=False)
class Handle:
    """An open file: of *branch*, where *inner* is its handle.  *flags* are those of open(2)."""

    branch: Branch
    real: Any
    inner: Any
    flags: int


class Nodes:
    """The nodes that are alive, by their nodes in either tree, and the numbers that they are shown with.

    A number is that of the lower tree, doubled, or that of the upper, doubled, and one: so a copy keeps the
    number that it had.  A tree that does not number its nodes leaves that to the library.
    """

    def __init__(self, upper: Branch, lower: Branch) -> None:
        self.upper = upper
        self.lower = lower
        self._seen: dict[int, Node] = {}
        self._origins: dict[int, int] = {}

    def seen(self, real: Any) -> Node | None:
        """Return the node that *real*, of either tree, is seen as."""
        return self._seen.get(id(real))

    def __iter__(self) -> Iterator[Node]:
        """Yield every node once."""
        return iter({id(node): node for node in self._seen.values()}.values())

    def enter(self, upper: Any, lower: Any, parent: Node | None, name: str) -> Node:
        """Return what is seen of *upper* and *lower*, one of which may be nothing, as *name* in *parent*."""
        node = self.seen(upper) if upper is not None else None
        if node is None and lower is not None:
            node = self.seen(lower)
        if node is None:
            va = self.upper.attributes(upper) if upper is not None else self.lower.attributes(lower)
            node = Node(upper, lower, va.mode >> 12, parent, name)
            node.number = self._numbered(node)
        elif node.upper is None and upper is not None:
            node.upper = upper
        for real in (node.upper, node.lower):
            if real is not None:
                self._seen[id(real)] = node
        node.parent, node.name = parent, name
        return node

    def copied(self, node: Node, upper: Any) -> None:
        """*node* is of the upper tree, too, from now on."""
        node.upper = upper
        self._seen[id(upper)] = node
        ino = self.upper.attributes(upper).ino
        if ino and node.number:
            self._origins[ino] = node.number

    def merged(self, node: Node) -> None:
        """Have the upper directory of *node* listed with the number of the lower one."""
        ino = self.upper.attributes(node.upper).ino
        if ino and node.number:
            self._origins[ino] = node.number

    def leave(self, node: Node) -> None:
        """The life of *node* is over; so are those of its nodes in the trees."""
        for branch, real in ((self.upper, node.upper), (self.lower, node.lower)):
            if real is None or self._seen.pop(id(real), None) is None:
                continue
            if branch is self.upper:
                self._forget_origin(real)
            branch.vnodeops.reclaim(real)

    def drop(self, branch: Branch, real: Any) -> None:
        """*real* was only looked at; nobody will say that it is no longer used."""
        if real is not None and id(real) not in self._seen:
            branch.vnodeops.reclaim(real)

    def shown_upper(self, ino: int) -> int:
        """Return the number that is shown for the upper tree's *ino*."""
        return self._origins.get(ino) or ((ino << 1 | 1) & NUMBERS if ino else 0)

    def shown_lower(self, ino: int) -> int:
        """Return the number that is shown for the lower tree's *ino*."""
        return ino << 1 & NUMBERS

    def attributes(self, node: Node, va: Vattr) -> Vattr:
        """Return *va*, which the tree that *node* is of said, as it is to be shown."""
        va.ino = node.number
        if node.is_dir:
            if node.gone:
                va.nlink = 0
            elif node.lower is not None:
                va.nlink = 1  # what is in both trees is not counted, which this says
        elif node.upper is None:
            va.nlink = max(va.nlink - node.lost, 0)
        else:
            va.nlink += node.elsewhere
        return va

    def _numbered(self, node: Node) -> int:
        if node.lower is not None:
            return self.shown_lower(self.lower.attributes(node.lower).ino)
        return self.shown_upper(self.upper.attributes(node.upper).ino)

    def _forget_origin(self, real: Any) -> None:
        try:
            va = self.upper.attributes(real)
        except OSError:
            return
        if not va.nlink:
            self._origins.pop(va.ino, None)  # the number may come to be another file's
