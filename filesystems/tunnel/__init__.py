"""Tunnel: a directory, seen through a mount.

The reference for file systems that stand before another one: descriptors instead of paths, the caller's
rights instead of the server's, and data that the kernel fetches by itself.

    python -m filesystems.tunnel DIR MNT
    python -m filesystems.tunnel --read-only --hide '.*:*.key' DIR MNT
    python -m filesystems.tunnel --watch -o allow_other DIR MNT

From the bottom up:

===============  ============================================================
``syscalls``     system calls that Python has no function for
``mounts``       which mounts must not be looked at
``volumes``      the file systems underneath, and what a node of one is
``nodes``        all nodes, and a descriptor for each whenever one is wanted
``handles``      how a kernel asks for what it has forgotten
``credentials``  whose rights an operation is done with
``hidden``       which names are not to be seen
``watch``        tells the kernel what others change
``names``        the operations on names
``attributes``   the operations on attributes, plain and extended
``contents``     the operations on data
``vfsops``       the operations on the mount
``vnodeops``     all of them together: the file system
``surviving``    the same, for a server that may die
``supervised``   what the command line has for that (--supervise)
===============  ============================================================
"""

from filesystems.tunnel.supervised import supervised
from filesystems.tunnel.vfsops import TunnelVfs
from filesystems.tunnel.vnodeops import TunnelFS

__all__ = ["TunnelFS", "TunnelVfs", "supervised"]
