"""Detrempe with passthrough: large files are read, written and mapped by the kernel alone.

How their data are kept is in ``backed`` and ``tmpfs``.

Theory of operation.  A node is either open through the page cache or passed through, never both
(fs/fuse/iomode.c).  So the way is chosen when a file is opened that nobody has open yet, and it is chosen by
what is known then:

* A file of :data:`LARGE` bytes is moved underneath, and passed through from the next open on.
* An empty file that is opened for writing alone (``cp``, ``tar``, ``dd``, ``>``) is moved underneath at once.
  If it is still small when its last user has closed it, it is brought back.
* A small file opened in any other way stays in this process: it has no descriptor, and the page cache serves
  those who read it.

A memory map of a file that is passed through is one of the file underneath, and lives on when the open file
is closed, which nobody is told.  So a file that anybody could have mapped stays where it is until it is
removed; one that was open for writing alone could not be (mmap(2): EACCES).

Every such file has a descriptor in this process; where there are no more, files stay in this process, and
who came first has been served.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import attrs

import puffpy
from filesystems.detrempe.backed import BackedFile, bring_back, move_below
from filesystems.detrempe.nodes import SECTOR, File, Inode
from filesystems.detrempe.room import PAGE
from filesystems.detrempe.tmpfs import SharedRoom, Tmpfs
from filesystems.detrempe.vfsops import DetrempeVfs
from filesystems.detrempe.vnodeops import UNLIMITED, Detrempe
from filesystems.detrempe.volume import Volume

LARGE: Final = 64 * 1024
"""Bytes from which on a file is worth a descriptor."""

SINCE: Final = (6, 9)
"""The first Linux that passes anything through."""

CAP_SYS_ADMIN: Final = 21

NOTHING_ASKED: Final = (None,) * 6

ATTRIBUTES_ALONE: Final = -1
"""The offset with which a node's data stay in the page cache."""


class PassthroughDetrempe(Detrempe):
    """Detrempe, with large files passed through to the kernel.

    Args:
        size: As for :class:`Detrempe`; what is passed through counts, and the kernel itself says ENOSPC.
        inodes: As for :class:`Detrempe`.
        mode: As for :class:`Detrempe`.
        huge: Whether large pages are used.  That makes large reads and writes two to three times as fast;
            but a write into a hole fills it for up to 2 MiB around.

    Raises:
        OSError: the right to it is missing (CAP_SYS_ADMIN), or the kernel has no large pages.
    """

    vfsops: PassthroughVfs

    def __init__(
        self, *, size: puffpy.Size = UNLIMITED, inodes: int = 0, mode: str = "0755", huge: bool = False
    ) -> None:
        super().__init__(size=size, inodes=inodes, mode=mode)
        self.tmpfs = Tmpfs(self.volume.room.limit, huge=huge)
        self.volume.room = SharedRoom(self.volume.room.limit, self.tmpfs)
        self.vfsops = PassthroughVfs(self.volume, self.tmpfs)

    def open(self, vp: Inode, flags: int, call: puffpy.Call) -> puffpy.OpenFile | int:
        """The file underneath, of a file that has one, or is worth one; the handle are the flags."""
        unread = flags & os.O_ACCMODE == os.O_WRONLY
        if type(vp) is File:
            super().open(vp, flags, call)
            size = vp.vattr.size
            if size >= LARGE or (unread and not size):
                move_below(vp, self.tmpfs, streamed=not size)
        if not isinstance(vp, BackedFile):
            return flags
        vp.data.streamed &= unread
        if flags & os.O_ACCMODE == os.O_RDWR and not vp.data.mappable:
            vp.data.mappable = True
            vp.suspect()
            self.vfsops.doubt(vp)
        # Not kept: what the page cache has of it is older than what the kernel did underneath.
        return puffpy.OpenFile(flags, backing=vp.data.fd, keep_cache=False)

    def inactive(self, vp: Inode) -> None:
        """Nobody has *vp* open any more."""
        super().inactive(vp)
        if isinstance(vp, BackedFile) and vp.data.streamed:
            va = vp.vattr
            # With more blocks than its size needs, it has some reserved beyond its end.
            if va.nlink and va.size < LARGE and (va.blocks or 0) * SECTOR < va.size + PAGE:
                bring_back(vp, self.volume.room)

    def write(self, vp: File, offset: int, data: memoryview, call: puffpy.Call) -> int:
        """As ever, but a file that becomes large is moved first."""
        if type(vp) is File and offset + len(data) >= LARGE:
            move_below(vp, self.tmpfs)
        return super().write(vp, offset, data, call)

    def fallocate(self, vp: Inode, offset: int, length: int, mode: int, call: puffpy.Call) -> None:
        """As ever, but a file that becomes large is moved first."""
        if type(vp) is File and offset + length >= LARGE:
            move_below(vp, self.tmpfs)
        super().fallocate(vp, offset, length, mode, call)

    def copy_file_range(
        self, vp: Inode, offset: int, tvp: Inode, toffset: int, length: int, call: puffpy.Call
    ) -> int:
        """As ever, but a file that becomes large is moved first."""
        if type(tvp) is File and toffset + min(length, vp.vattr.size - offset) >= LARGE:
            move_below(tvp, self.tmpfs)
        return super().copy_file_range(vp, offset, tvp, toffset, length, call)

    def setattr(self, vp: Inode, change: puffpy.SetAttr, call: puffpy.Call) -> puffpy.Vattr:
        """As ever, but a change of nothing clears set-uid and set-gid bits.

        The kernel asks for that before it writes to such a file by itself, on behalf of somebody who may not
        keep them (file_remove_privs).
        """
        asked = (change.mode, change.uid, change.gid, change.size, change.atime_ns, change.mtime_ns)
        if call.uid and asked == NOTHING_ASKED and isinstance(vp, File):
            change = attrs.evolve(change, kill_suidgid=True)
        return super().setattr(vp, change, call)


class PassthroughVfs(DetrempeVfs):
    """The mount of one *volume*, some of whose data are in *tmpfs*."""

    def __init__(self, volume: Volume, tmpfs: Tmpfs) -> None:
        super().__init__(volume)
        self.tmpfs = tmpfs
        self.kernel: puffpy.Kernel | None = None

    def start(self, kernel: puffpy.Kernel) -> None:
        """The kernel is told of what it cannot know."""
        super().start(kernel)
        self.kernel = kernel

    def doubt(self, vp: Inode) -> None:
        """Have the kernel forget the attributes of *vp*, of which it was told that they hold."""
        if self.kernel is not None:
            self.kernel.inval_inode(vp, ATTRIBUTES_ALONE)

    def unmount(self) -> None:
        """Nobody comes back for the data: every descriptor is closed."""
        for node in self.volume.nodes:
            if isinstance(node, BackedFile):
                node.release()
        self.tmpfs.close()


def possible() -> bool:
    """Tell whether this process may have the kernel pass something through, and the kernel is new enough."""
    release = os.uname().release.split(".")
    if tuple(int("".join(filter(str.isdigit, part.split("-")[0])) or 0) for part in release[:2]) < SINCE:
        return False
    # The right is asked for in the first user namespace, which has all numbers there are.
    if Path("/proc/self/uid_map").read_text().split() != ["0", "0", "4294967295"]:
        return False
    status = Path("/proc/self/status").read_text()
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> CAP_SYS_ADMIN & 1)


def detrempe(
    *,
    size: puffpy.Size = UNLIMITED,
    inodes: int = 0,
    mode: str = "0755",
    passthrough: bool | None = None,
    huge: bool = False,
) -> Detrempe:
    """A complete POSIX file system in memory.

    Args:
        size: Bytes of data it may hold; 0: half of the memory that the process may have.
        inodes: How many nodes it may have; 0: as many as the other half has room for.
        mode: Permissions of the root, in octal digits as for chmod(1).
        passthrough: Whether the kernel reads and writes large files by itself; left out: where it can.
        huge: Whether that is done in large pages, which are faster, and fill holes.
    """
    if passthrough or huge or (passthrough is None and possible()):
        if passthrough is False:
            raise ValueError("huge is for what is passed through; leave out one of huge and passthrough=no")
        try:
            return PassthroughDetrempe(size=size, inodes=inodes, mode=mode, huge=huge)
        except OSError as exc:
            if passthrough or huge:
                needs = "Linux 6.9 and CAP_SYS_ADMIN" + (", and a kernel with large pages" if huge else "")
                raise OSError(exc.errno, f"no passthrough: {exc.strerror}: it takes {needs}") from exc
    return Detrempe(size=size, inodes=inodes, mode=mode)
