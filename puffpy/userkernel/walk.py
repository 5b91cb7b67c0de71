"""From a path to an inode: components, symbolic links, ``..``, trailing slashes.

What is done at the end of the path is not known here.
"""

from __future__ import annotations

import errno
import os
from typing import Final

import attrs

from puffpy.userkernel.connection import Connection
from puffpy.userkernel.dentries import Tree
from puffpy.userkernel.inodes import Inode
from puffpy.userkernel.permissions import Guard, refusal
from puffpy.userkernel.processes import Process
from puffpy.wire import Opcode
from puffpy.wire.flags import InitFlag

PATH_MAX: Final = 4096
"""Bytes of a path, its NUL among them."""

MAX_LINKS: Final = 40
"""As many symbolic links are followed in one walk (include/linux/namei.h, MAXSYMLINKS)."""

DOT, DOTDOT = b".", b".."


@attrs.frozen
class Last:
    """Where a walk stopped: before the last component.

    *name* is empty where the path is nothing but slashes.  *slash*: the path says that a directory is meant.
    *links* counts the symbolic links followed so far.
    """

    directory: Inode
    name: bytes
    slash: bool
    links: int = 0

    @property
    def is_name(self) -> bool:
        """Whether it is a name that can be made, moved or removed."""
        return self.name not in (b"", DOT, DOTDOT)


class Walker:
    """Walks paths for a process.

    No path leads above the root of the mount, an absolute link's target begins there: for the file system's
    users it is as if they lived in a chroot.
    """

    def __init__(self, connection: Connection, tree: Tree, guard: Guard) -> None:
        self._connection = connection
        self._tree = tree
        self._guard = guard

    def last(self, process: Process, path: bytes, start: Inode | None = None, links: int = 0) -> Last:
        """Walk *path* up to its last component, from *start* (or the working directory).

        Raises:
            ENOENT: the path is empty, or a component is not there.
            ENOTDIR: a component on the way is no directory.
            EACCES: a directory may not be searched.
            ELOOP: more than 40 symbolic links.
            ENAMETOOLONG: the path has more than 4095 bytes.
        """
        if b"\0" in path:
            raise ValueError("embedded null byte")
        if not path:
            raise refusal(errno.ENOENT)
        if len(path) >= PATH_MAX:
            raise refusal(errno.ENAMETOOLONG)
        here = self._tree.root if path.startswith(b"/") else start or process.cwd
        components = [component for component in path.split(b"/") if component]
        slash = path.endswith(b"/")
        if not components:
            return Last(here, b"", slash, links)
        *before, name = components
        for component in before:
            here, links = self._into(process, here, component, links)
        self.search(here, process)
        return Last(here, name, slash, links)

    def at(self, process: Process, last: Last, *, fresh: bool = False) -> Inode | None:
        """Return what the last component is, ``None`` if it is not there; a link is not followed."""
        if last.name in (b"", DOT):
            return last.directory
        if last.name == DOTDOT:
            return last.directory.parent or self._tree.root
        return self._tree.lookup(last.directory, last.name, process, fresh=fresh)

    def onward(self, process: Process, last: Last, link: Inode) -> Last:
        """Walk on where the symbolic *link*, found at *last*, leads: up to the last component there.

        Raises: as :meth:`last`.
        """
        if last.links >= MAX_LINKS:
            raise refusal(errno.ELOOP)
        onward = self.last(process, self.target(link, process), last.directory, last.links + 1)
        return attrs.evolve(onward, slash=onward.slash or last.slash)

    def find(
        self, process: Process, path: bytes, start: Inode | None = None, *, follow: bool = True
    ) -> Inode:
        """Return the inode at the end of *path*; *follow*: also if that is a symbolic link.

        Raises: as :meth:`last`, and ENOENT, ENOTDIR for the last component.
        """
        return self._reach(process, self.last(process, path, start), follow)[0]

    def target(self, link: Inode, process: Process) -> bytes:
        """Return what the symbolic *link* says."""
        if link.target is not None:
            return link.target
        reply = self._connection.must(Opcode.READLINK, link.check().nodeid, caller=process)
        self._tree.touched(link)
        target = bytes(reply.data)
        if not target or len(target) >= PATH_MAX:
            raise refusal(errno.EIO if target else errno.ENOENT)
        if self._connection.has(InitFlag.CACHE_SYMLINKS):
            link.target = target
        return target

    def search(self, directory: Inode, process: Process) -> None:
        """ENOTDIR unless *directory* is one, EACCES unless *process* may search it."""
        if not directory.is_dir:
            raise refusal(errno.ENOTDIR)
        self._guard.need(directory, process, os.X_OK)

    def _into(self, process: Process, here: Inode, component: bytes, links: int) -> tuple[Inode, int]:
        self.search(here, process)
        inode, links = self._reach(process, Last(here, component, True, links), True)
        return inode, links

    def _reach(self, process: Process, last: Last, follow: bool) -> tuple[Inode, int]:
        while True:
            inode = self.at(process, last)
            if inode is None:
                raise refusal(errno.ENOENT)
            if not inode.is_link or not (follow or last.slash):
                if last.slash and not inode.is_dir:
                    raise refusal(errno.ENOTDIR)
                return inode, last.links
            last = self.onward(process, last, inode)
