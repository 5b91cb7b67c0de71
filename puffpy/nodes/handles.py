"""Open files: the kernel's file handle, what the file system answered to ``open``, and directory listings.

A handle says which node is in use, not whether it is alive; that is the table's.
"""

from __future__ import annotations

import errno
import itertools
from collections.abc import Iterator
from typing import Any

import attrs

from puffpy.errors import FsError
from puffpy.nodes.table import Vnode

NO_HANDLE = 0
"""The file handle of a kernel that was told never to ask for one."""


@attrs.define(eq=False)
class Opened:
    """One open file or directory.

    *handle* is the file system's own.  *listing* is what the directory held when it was read from the start.
    *backed* and *cached* say how the kernel reads and writes it,
    where it may pass files through.
    """

    vnode: Vnode | None
    handle: Any = None
    flags: int = 0
    listing: Any = None
    backed: bool = False
    cached: bool = False


class Handles(dict[int, Opened]):
    """Open files by file handle; one that is not there is EBADF."""

    def __init__(self) -> None:
        self[NO_HANDLE] = Opened(None)
        self._numbers = itertools.count(NO_HANDLE + 1)

    def __missing__(self, fh: int) -> Opened:
        raise FsError(errno.EBADF, f"the kernel named file handle {fh}, which is not open")

    def add(self, opened: Opened) -> int:
        """Keep *opened*; return its file handle."""
        fh = next(self._numbers)
        self[fh] = opened
        return fh

    def resume(self, number: int) -> None:
        """Give file handles from *number* on: those below were an earlier server's."""
        self._numbers = itertools.count(max(number, NO_HANDLE + 1))

    def adopt(self, fh: int, opened: Opened) -> None:
        """Keep *opened* under the file handle *fh* that an earlier server gave it."""
        self[fh] = opened

    def drain(self) -> Iterator[Opened]:
        """Take out and yield everything that is still open."""
        for fh in [fh for fh in self if fh != NO_HANDLE]:
            yield self.pop(fh)
