"""The file system on mfusepy (ctypes); FUSE_LIBRARY_PATH says which libfuse, and the harness says 3."""

from __future__ import annotations

import sys

import mfusepy

from benchmarks.peers.paths import PathOperations, options


class Memfs(PathOperations, mfusepy.Operations):  # type: ignore[misc]  # its types need not be there
    """The shared operations; mfusepy leaves out of libfuse's table what is not overridden."""


if __name__ == "__main__":
    mfusepy.FUSE(Memfs(), sys.argv[-1], **options(sys.argv))
