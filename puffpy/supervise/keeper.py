"""What a file system itself keeps for the server after this one: bytes by number, and open descriptors.

The contract is :class:`puffpy.ops.Kept`'s; nodes and open files are kept by the library.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from puffpy.supervise.ledger import Ledger
from puffpy.supervise.records import Table


class Keeper:
    """Keeps what it is told in *ledger*."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._leaving: list[int] = []

    @property
    def descriptors(self) -> frozenset[int]:
        """See :class:`puffpy.ops.Kept`."""
        return frozenset(self._ledger.table(Table.DESCRIPTORS))

    def get(self, number: int) -> bytes | None:
        """See :meth:`puffpy.ops.Kept.get`."""
        return self._ledger.table(Table.KEPT).get(number)

    def put(self, number: int, value: bytes) -> None:
        """See :meth:`puffpy.ops.Kept.put`."""
        self._ledger.put(Table.KEPT, number, value)

    def drop(self, number: int) -> None:
        """See :meth:`puffpy.ops.Kept.drop`."""
        self._ledger.drop(Table.KEPT, number)

    def __iter__(self) -> Iterator[int]:
        """See :class:`puffpy.ops.Kept`."""
        return iter(list(self._ledger.table(Table.KEPT)))

    def hold(self, fd: int) -> None:
        """See :meth:`puffpy.ops.Kept.hold`."""
        self._ledger.put(Table.DESCRIPTORS, fd)

    def close(self, fd: int) -> None:
        """See :meth:`puffpy.ops.Kept.close`."""
        self._ledger.drop(Table.DESCRIPTORS, fd)
        self._leaving.append(fd)

    def settle(self) -> None:
        """The request at hand is answered: close what is to be closed."""
        while self._leaving:
            with suppress(OSError):
                os.close(self._leaving.pop())
