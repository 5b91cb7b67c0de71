"""The file system as it was written for mfusepy, with one import changed."""

from __future__ import annotations

import sys

from benchmarks.peers.paths import PathOperations, options
from puffpy.compat import fusepy as mfusepy


class Memfs(PathOperations, mfusepy.Operations):
    """The shared operations."""


if __name__ == "__main__":
    mfusepy.FUSE(Memfs(), sys.argv[-1], **options(sys.argv))
