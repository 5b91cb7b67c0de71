"""What a mount may hold: pages of data, counted one by one.

No data and no nodes are kept here.
"""

from __future__ import annotations

import errno
import os
from typing import Final

import puffpy

PAGE: Final = 4096
"""The unit in which data are counted, in ``st_blocks``, in ``df`` and against a limit."""


def memory() -> int:
    """Return the bytes of memory that the machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def pages(size: int) -> int:
    """Return how many pages *size* bytes need."""
    return -(-size // PAGE)


class Room:
    """Room for *limit* pages, of which some are taken."""

    __slots__ = ("limit", "taken")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0

    @property
    def free(self) -> int:
        """How many pages can still be taken."""
        return self.limit - self.taken

    def fits(self, count: int) -> bool:
        """Tell whether *count* pages can be taken, one after the other or at once."""
        return self.taken + count <= self.limit

    def take(self, count: int) -> None:
        """Take *count* pages (negative: give back), or raise ENOSPC and take none."""
        if count > 0 and not self.fits(count):
            raise puffpy.FsError(errno.ENOSPC)
        self.taken += count
