"""The file system on fusepy (ctypes on libfuse 2, whose requests hold at most 128 KiB)."""

from __future__ import annotations

import sys

import fuse

from benchmarks.peers.paths import OPTIONS, PathOperations


class Memfs(PathOperations, fuse.Operations):  # type: ignore[misc]  # untyped, or not there
    """The shared operations, with fusepy's own answers for the rest."""


if __name__ == "__main__":
    # libfuse 2 writes page by page unless it is told otherwise; fusepy's users know.
    fuse.FUSE(Memfs(), sys.argv[1], big_writes=True, **OPTIONS)
