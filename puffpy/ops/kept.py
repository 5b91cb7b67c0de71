"""What a file system may keep for the server after this one.

Signatures and contracts; the memory itself is ``puffpy.supervise``'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Kept(Protocol):
    """Memory of a file system under ``--supervise``, which outlives its server.

    A ``VnodeOps`` that has the attribute ``kept`` (None as a rule) finds one there from before the mount
    begins until it ends.  It is empty in the first server; in each that follows, ``start`` finds what the
    one before had when its last request was answered.  Numbers go from 0 to 2**64 - 1.

    A file system with the attribute also has its handles back as they were, where they are None, a number,
    a string or bytes, and is not asked to open the files again.  A handle that is a descriptor must therefore
    be held with :meth:`hold`.
    """

    @property
    def descriptors(self) -> frozenset[int]:
        """The descriptors that are held."""

    def get(self, number: int) -> bytes | None:
        """Return what is kept under *number*, None for nothing."""

    def put(self, number: int, value: bytes) -> None:
        """Keep *value* under *number*."""

    def drop(self, number: int) -> None:
        """Keep nothing under *number*."""

    def __iter__(self) -> Iterator[int]:
        """Iterate over the numbers."""

    def hold(self, fd: int) -> None:
        """Keep the descriptor *fd* open, under its number, when the server dies; all others are closed."""

    def close(self, fd: int) -> None:
        """Close *fd*, which is held, as soon as that the request at hand is answered is beyond doubt."""
