"""What is mounted with ``--supervise``.

What it is made of is in ``surviving``.
"""

from __future__ import annotations

import puffpy


def supervised(
    directory: str, *, read_only: bool = False, hide: str = "", watch: bool = False
) -> puffpy.VnodeOps:
    """Another directory, seen through a mount that outlives its server.

    Args:
        directory: What is to be seen.  Nothing outside of it can be reached.
        read_only: Nothing can be changed.
        hide: Names that are not to be seen, as a shell's patterns with ``:`` between them.
        watch: What others change in the directory is seen at once.
    """
    from filesystems.tunnel.surviving import SurvivingTunnel  # which few mounts need

    return SurvivingTunnel(directory, read_only=read_only, hide=hide, watch=watch)
