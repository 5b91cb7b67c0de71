"""The operations of a mount as a whole.

Signatures and contracts; what is left out is answered from the operation table.
"""

from __future__ import annotations

from typing import Any

from puffpy.ops.kernel import Kernel
from puffpy.ops.table import dummy
from puffpy.types import Call, Eventual, StatVfs


class VfsOps:
    """The mount-wide vector.  Subclass it where your file system has figures, a sync or an end of its own.

    Give an instance to ``mount(..., vfsops=...)``, or keep it in the attribute ``vfsops`` of your
    ``VnodeOps``, or let one class inherit from both.
    """

    def root(self) -> Any:
        """Return the root node.

        Asked once, when the file system is mounted.  The root is never reclaimed.

        Returns: any object; it counts as a directory.

        Default: the attribute ``root`` of the ``VnodeOps``.
        Source: puffs_mount(3)
        """
        raise dummy("root")

    def start(self, kernel: Kernel) -> Eventual[None]:
        """Begin: the mount is there, and *kernel* can be told things from now on.

        Default: nothing to be done.
        Source: VFS_START(9)
        """

    def statvfs(self, vp: Any, call: Call) -> Eventual[StatVfs]:
        """Return the figures of the file system as seen from *vp*, for ``df`` and ``statvfs``.

        Returns: figures in the units that :class:`StatVfs` names; *frsize* must not be 0.

        Default: all figures 0.
        Source: puffs_fs_statvfs(3), statvfs(3)
        """
        return StatVfs()

    def sync(self, call: Call) -> Eventual[None]:
        """Commit everything that the file system itself still holds back.

        Linux asks for this on virtual machines' and block-device mounts only.

        Raises: EIO: it could not be written.

        Default: nothing to be done.
        Source: puffs_fs_sync(3), syncfs(2)
        """

    def unmount(self) -> Eventual[None]:
        """End: the mount is gone, nothing will be asked any more; every node has been reclaimed.

        Called exactly once per mount, also when the kernel's connection broke.

        Default: nothing to be done.
        Source: puffs_fs_unmount(3)
        """

    def nodetofh(self, vp: Any) -> tuple[int, int]:
        """Return the numbers by which *vp* can be found again after it was reclaimed.

        With both ``nodetofh`` and ``fhtonode`` a mount can be exported, and ``open_by_handle_at`` works for
        nodes that the kernel has forgotten meanwhile.

        Returns: ``(fileid, generation)``; *fileid* from 2 up to 2**64 - 1 and never two files with the same
        pair; *generation* fits 32 bits.

        Default: no file handles outlive their node.
        Source: puffs_fs_nodetofh(3)
        """
        raise dummy("nodetofh")

    def fhtonode(self, fileid: int) -> Any:
        """Return the node that :meth:`nodetofh` described.

        The library compares the generation, by asking ``nodetofh`` of the result.

        Raises: ESTALE: there is no such file any more.

        Default: no file handles outlive their node.
        Source: puffs_fs_fhtonode(3)
        """
        raise dummy("fhtonode")
