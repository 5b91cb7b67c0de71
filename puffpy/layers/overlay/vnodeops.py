"""The file system: both halves of the node vector, and the mount as a whole.

What is done to a node is in ``names``, ``renames`` and ``contents``.
"""

from __future__ import annotations

from typing import Any, Final

import attrs

from puffpy.errors import VectorError
from puffpy.layers.hooks import HookTable
from puffpy.layers.overlay.branch import Branch
from puffpy.layers.overlay.contents import Contents
from puffpy.layers.overlay.nodes import Node, Nodes
from puffpy.layers.overlay.renames import Renames
from puffpy.layers.overlay.told import Told
from puffpy.ops import OPERATIONS, Kernel, VnodeOps
from puffpy.options import MountOptions
from puffpy.types import Call, StatVfs

NEEDED: Final = frozenset({"create", "mkdir", "write", "setattr", "remove", "rename", "rmdir", "readdir"})
"""Without these nothing could be copied up."""

UPPERS: Final = NEEDED | {
    "copy_file_range",
    "deleteextattr",
    "fallocate",
    "fdiscard",
    "fsync",
    "link",
    "mknod",
    "setextattr",
    "statvfs",
    "symlink",
    "sync",
    "tmpfile",
}
"""Operations that there are if the upper tree has them."""

BOTHS: Final = frozenset({"getextattr", "listextattr", "readlink", "seek"})
"""Operations that there are if both trees have them."""


class Overlay(Renames, Contents):
    """A tree that can be changed, over one that is only read: changes are kept in the upper one.

    A file of the lower tree is copied to the upper one when it is first changed; it stays the same node, with
    the same number while it is mounted, and whoever has it open reads what is written.  Its hard links stay
    links until the end of the mount.  Whiteouts and opaque directories are overlayfs's, which could mount the
    two trees itself.  Neither tree may be changed by others meanwhile.

    Who may do what is for the kernel to check, by what is seen (``default_permissions``).

    A directory that is in the lower tree, too, cannot be renamed (EXDEV; mv(1) then copies it), and is shown
    with one link.

    Args:
        below: The tree that is only read.
        upper: The tree that changes are kept in.

    Raises:
        VectorError: *upper* cannot be written, or one of the trees is asynchronous.
    """

    def __init__(self, below: VnodeOps, *, upper: VnodeOps) -> None:
        self.upper, self.lower = Branch(upper), Branch(below)
        missing = sorted(NEEDED - self.upper.ops)
        if missing:
            raise VectorError(
                f"{type(upper).__name__} has no {', '.join(missing)}: nothing can be kept in it"
            )
        gone = (UPPERS - self.upper.ops) | (BOTHS - (self.upper.ops & self.lower.ops))
        self.supplies = self._overridden() - gone
        self.leaves_out = frozenset(OPERATIONS) - self.supplies
        self.nodes = Nodes(self.upper, self.lower)
        self.top = self.nodes.enter(self.upper.root(), self.lower.root(), None, "")
        super().__init__(below)
        self.options = _options(below, upper)
        self._tidy()

    def _hooks(self) -> HookTable:
        return HookTable()

    def root(self) -> Node:
        """Both trees' tops."""
        return self.top

    def start(self, kernel: Kernel) -> None:
        """What either tree tells the kernel is told of what is seen."""
        for branch in (self.lower, self.upper):
            branch.vfsops.start(Told(kernel, self.nodes))

    def statvfs(self, vp: Node, call: Call) -> StatVfs:
        """The upper tree's, where there must be room."""
        top: Any = self.upper.root()
        figures: StatVfs = self.upper.vfsops.statvfs(top if vp.upper is None else vp.upper, call)
        return figures

    def sync(self, call: Call) -> None:
        """The upper tree holds what was changed."""
        self.upper.vfsops.sync(call)

    def unmount(self) -> None:
        """Both end."""
        for branch in (self.lower, self.upper):
            branch.vfsops.unmount()

    def inactive(self, vp: Node) -> None:
        """Of the tree that it is of."""
        branch, real = self._real(vp)
        branch.vnodeops.inactive(real)

    def reclaim(self, vp: Node) -> None:
        """What has names that lead to it by way of the lower tree lives on, until the end."""
        if vp is self.top:
            self._tidy()
            for node in [each for each in self.nodes if each.kept]:
                self.nodes.leave(node)
        if not vp.kept:
            self.nodes.leave(vp)


def _options(below: VnodeOps, upper: VnodeOps) -> MountOptions:
    """Return options that neither tree has anything against."""
    one, other = below.options, upper.options
    return attrs.evolve(
        other,
        ro=False,
        fsname="puffs:overlay",
        subtype="overlay",
        default_permissions=one.default_permissions or other.default_permissions,
        kernel_cache=one.kernel_cache and other.kernel_cache,
        direct_io=one.direct_io or other.direct_io,
        attr_timeout=min(one.attr_timeout, other.attr_timeout),
        entry_timeout=min(one.entry_timeout, other.entry_timeout),
        negative_timeout=min(one.negative_timeout, other.negative_timeout),
    )
