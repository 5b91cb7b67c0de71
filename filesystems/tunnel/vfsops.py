"""The mount-wide vector: the figures of what is underneath, and where the mount begins and ends.

What is done to nodes is in ``vnodeops``.
"""

from __future__ import annotations

import os

import puffpy
from filesystems.tunnel.handles import Handles
from filesystems.tunnel.nodes import Nodes
from filesystems.tunnel.syscalls import syncfs
from filesystems.tunnel.volumes import Node
from filesystems.tunnel.watch import Watch


class TunnelVfs(puffpy.VfsOps):
    """The mount of one directory."""

    def __init__(self, nodes: Nodes, handles: Handles, watch: Watch | None) -> None:
        self.nodes = nodes
        self.handles = handles
        self.watch = watch

    def root(self) -> Node:
        """The directory itself."""
        return self.nodes.root

    def start(self, kernel: puffpy.Kernel) -> None:
        """From here on there is a kernel to be told of changes, and a mount of our own to be kept out of."""
        self.nodes.mounted()
        if self.watch is not None:
            self.watch.start(kernel)

    def statvfs(self, vp: Node, call: puffpy.Call) -> puffpy.StatVfs:
        """The figures of the file system that *vp* is on."""
        st = os.statvfs(self.nodes.descriptor(vp))
        return puffpy.StatVfs(
            bsize=st.f_bsize,
            frsize=st.f_frsize,
            blocks=st.f_blocks,
            bfree=st.f_bfree,
            bavail=st.f_bavail,
            files=st.f_files,
            ffree=st.f_ffree,
            namemax=st.f_namemax,
        )

    def sync(self, call: puffpy.Call) -> None:
        """Have every file system underneath that is in use write what it holds back."""
        for directory in self.nodes.one_of_each_volume():
            fd = os.open(self.nodes.path(directory), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                syncfs(fd)
            finally:
                os.close(fd)

    def nodetofh(self, vp: Node) -> tuple[int, int]:
        """A number of our own, whatever the handle underneath looks like."""
        return self.handles.number(vp)

    def fhtonode(self, fileid: int) -> Node:
        """What had that number, if its file is still there; only root's server can open it."""
        return self.handles.find(fileid)

    def unmount(self) -> None:
        """Nothing is held any more."""
        if self.watch is not None:
            self.watch.stop()
        self.nodes.close()
