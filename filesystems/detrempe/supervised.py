"""What is mounted with ``--supervise``.

What it is made of is in ``outliving``.
"""

from __future__ import annotations

import puffpy
from filesystems.detrempe.vnodeops import UNLIMITED


def supervised(
    *,
    size: puffpy.Size = UNLIMITED,
    inodes: int = 0,
    mode: str = "0755",
    passthrough: bool | None = None,
    huge: bool = False,
) -> puffpy.VnodeOps:
    """A complete POSIX file system in memory, which outlives its server.

    Args:
        size: Bytes of data it may hold; 0: half of the memory that the process may have.
        inodes: How many nodes it may have; 0: no limit.
        mode: Permissions of the root, in octal digits as for chmod(1).
        passthrough: Whether the kernel reads and writes files by itself; left out: where it can.
        huge: Not to be had.
    """
    from filesystems.detrempe.outliving import SupervisedDetrempe  # the tunnel with it, which few mounts need

    if huge:
        raise ValueError("huge: what outlives its server has no large pages; leave out one of the two")
    return SupervisedDetrempe(size=size, inodes=inodes, mode=mode, passthrough=passthrough)
