"""A file system served in this very process: the one place here that knows what a session is made of.

Nothing is sent; the kernel does that.
"""

from __future__ import annotations

from collections.abc import Callable

from puffpy.ops import VfsOps, VnodeOps
from puffpy.options import MountOptions
from puffpy.session import Session
from puffpy.userkernel.machine import Mount
from puffpy.userkernel.session_link import SessionLink


def serve_in_process(
    vnodeops: VnodeOps, vfsops: VfsOps | None, options: MountOptions | None
) -> tuple[SessionLink, Mount]:
    """Return a link to a new session over *vnodeops*, and how the kernel is to treat the mount."""
    chosen = options or getattr(vnodeops, "options", None) or MountOptions()
    vfs = vfsops or vnodeops.vfsops or (vnodeops if isinstance(vnodeops, VfsOps) else VfsOps())

    def make(send: Callable[[bytes], object]) -> Session:
        return Session(vnodeops, vfs, chosen, send)

    mount = Mount(default_permissions=chosen.default_permissions, ro=chosen.ro, max_read=chosen.max_read)
    return SessionLink(make), mount
