"""The file system: the three parts of the node vector together, and its options.

What is done to a node is in ``names``, ``attributes`` and ``contents``.
"""

from __future__ import annotations

import errno
from contextlib import AbstractContextManager
from typing import Final

import attrs

import puffpy
from filesystems.tunnel.attributes import Attributes
from filesystems.tunnel.contents import Contents
from filesystems.tunnel.credentials import Callers
from filesystems.tunnel.handles import Handles
from filesystems.tunnel.hidden import Hidden
from filesystems.tunnel.names import Names
from filesystems.tunnel.nodes import Nodes
from filesystems.tunnel.vfsops import TunnelVfs
from filesystems.tunnel.volumes import Node
from filesystems.tunnel.watch import TRUSTED, Watch

READ_AT_ONCE: Final = 1 << 20


class TunnelFS(Names, Attributes, Contents):
    """Another directory, seen through a mount.

    Root's server does every operation with the rights of its caller, and what is made belongs to the caller;
    anybody else's does all of it as itself.  In both cases the kernel checks permissions first, by mode and
    owner.  Rights over files that somebody has without being root (capabilities) do not reach through.
    Regular files are read and written by the kernel itself where it can (passthrough).

    Args:
        directory: What is to be seen.  Nothing outside of it can be reached.
        read_only: Nothing can be changed.
        hide: Names that are not to be seen, as a shell's patterns with ``:`` between them.
        watch: What others change in the directory is seen at once, not only when the times to live are over;
            so they are a minute, not a second.
    """

    options = puffpy.MountOptions(fsname="puffs:tunnel", subtype="tunnel", default_permissions=True)

    vfsops: TunnelVfs

    def __init__(
        self, directory: str, *, read_only: bool = False, hide: str = "", watch: bool = False
    ) -> None:
        self.unveiled = (directory,)
        self.hidden = Hidden(hide)
        self.callers = Callers()
        self.nodes = Nodes(directory)
        self.handles = Handles(self.nodes)
        self.watch = Watch() if watch else None
        self.read_only = read_only
        self.buffer = memoryview(bytearray(READ_AT_ONCE))
        self.root = self.nodes.root
        self.vfsops = TunnelVfs(self.nodes, self.handles, self.watch)
        if watch:
            self.options = attrs.evolve(
                self.options, attr_timeout=TRUSTED, entry_timeout=TRUSTED, cache_readdir=True
            )
        if read_only:
            self.options = attrs.evolve(self.options, ro=True)

    def changing(self, call: puffpy.Call) -> AbstractContextManager[None]:
        """Return the context in which something is changed for the caller; EROFS where nothing may be."""
        if self.read_only:
            raise puffpy.FsError(errno.EROFS)
        return self.callers.being(call)

    def reclaim(self, vp: Node) -> None:
        """Its descriptor goes, and with it, if it has no name left, the file."""
        if self.watch is not None:
            self.watch.drop(vp)
        self.handles.retire(vp)
        self.nodes.drop(vp)
