"""Nodes by number: how a node is found that nobody has kept (NFS, ``open_by_handle_at``).

What a node is, and when it goes, is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from filesystems.detrempe.nodes import Inode

BITS: Final = 4
ROW: Final = 1 << BITS
"""How many numbers stand side by side."""


class Numbers:
    """Nodes by number, from 1 on; no number is ever used twice.

    They stand in rows of :data:`ROW`, and a row goes with the last node in it.  A dict with one entry for
    each would take three times the memory, and a single list would never become shorter.
    """

    def __init__(self) -> None:
        self._rows: dict[int, list[Inode | None]] = {}
        self._row: list[Inode | None] = [None]
        self._rows[0] = self._row
        self._last = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, number: int) -> bool:
        return self.get(number) is not None

    def __iter__(self) -> Iterator[Inode]:
        """Yield the nodes."""
        return (node for row in self._rows.values() for node in row if node is not None)

    def add(self, node: Inode) -> int:
        """Give *node* the next number, and return it."""
        self._last = number = self._last + 1
        if number % ROW:
            self._row.append(node)
        else:
            if not any(self._row):
                del self._rows[(number - 1) >> BITS]
            self._rows[number >> BITS] = self._row = [node]
        self._count += 1
        return number

    def get(self, number: int) -> Inode | None:
        """Return the node that has *number*, if there is one."""
        row = self._rows.get(number >> BITS, ())
        place = number % ROW
        return row[place] if place < len(row) else None

    def take_out(self, number: int) -> bool:
        """Forget the node that has *number*; tell whether there was one."""
        if self.get(number) is None:
            return False
        row = self._rows[number >> BITS]
        row[number % ROW] = None
        if row is not self._row and not any(row):
            del self._rows[number >> BITS]
        self._count -= 1
        return True
