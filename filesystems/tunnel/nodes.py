"""The nodes that are alive, and a descriptor for each of them whenever one is wanted.

Nothing is done to a node here, and nobody is asked for permission: all of this is done with the server's own
rights, never in a caller's.

Theory of operation.  A node is a file underneath, known by device and inode number; it has one object for as
long as the kernel knows it.  Everything is done through a descriptor of the file itself or of the directory
that a single name is in, so that no path is ever walked: whoever renames directories or puts symbolic links
in their place can not lead anybody astray.  Descriptors are few and nodes may be many: those least used are
closed, and opened again by a handle of the file (open_by_handle_at(2)) or, where that is not allowed, by
going down from the nearest ancestor that is held, name by name, and comparing what is found.  Files that
users have open are not closed; when they have taken all but the last descriptors no more are opened, so that
everybody can still look, rename, remove, and close.
"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import stat
from collections import OrderedDict
from contextlib import suppress
from typing import Final

import puffpy
from filesystems.tunnel.mounts import fuse_devices
from filesystems.tunnel.syscalls import AT_STATX_DONT_SYNC, Statx
from filesystems.tunnel.volumes import OPATH, Node, Volume

DIRECTORY: Final = stat.S_IFDIR >> 12

SPARE: Final = 64
"""Descriptors left to the rest of the process, and to what is opened for the length of one operation."""

MOST: Final = 16384
"""The most nodes that are held; each keeps an inode in the memory of the kernel."""

FEWEST: Final = 16
"""The fewest, however many files their users have open."""

LAST: Final = SPARE // 2
"""How many descriptors beyond those FEWEST are left when no more files are opened."""

SAFE: Final = 8
"""How many are never closed, those used last: an operation needs two or three at once."""


class Lent:
    """The context in which a file is opened for somebody; where that fails, its descriptor is free again."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    def __enter__(self) -> None:
        self._nodes.lend()

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        if kind is not None:
            self._nodes.take_back()


class Nodes:
    """All nodes below the directory *top*, with at most *limit* descriptors, by default the process's limit.

    *opened* counts the descriptors of open files and *pinned* those of nodes that cannot be found again; both
    come out of the same limit.
    """

    def __init__(self, top: str, limit: int | None = None) -> None:
        self.statx = Statx()
        self.opened = 0
        self.pinned = 0
        self.lent = Lent(self)
        self.fresh: tuple[Node, puffpy.Call, puffpy.Vattr] | None = None
        self._volumes: dict[int, Volume] = {}
        self._numbers: dict[int, int] = {}
        self._held: OrderedDict[int, Node] = OrderedDict()
        self._limit = (limit or resource.getrlimit(resource.RLIMIT_NOFILE)[0]) - SPARE
        _make_room_for(min(self._limit, MOST))
        fd = os.open(top, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._top = os.readlink(f"/proc/self/fd/{fd}")
        self._before = fuse_devices(self._top)
        self._own: frozenset[int] = frozenset()
        device, va = self.statx(fd)
        self.root = self._enter(self._volume(device, fd), va, fd)
        self.pin(self.root)

    def mounted(self) -> None:
        """Take note of our own mount, if it is below our own root: to look at it is to wait for ourselves."""
        self._own = fuse_devices(self._top) - self._before

    # descriptors

    def descriptor(self, node: Node) -> int:
        """Return the descriptor of *node*; it is good at least until SAFE others have been asked for.

        Raises:
            ESTALE: it is gone, or can not be found any more.
        """
        fd = node.fd
        if fd < 0:
            fd = node.volume.reopen(node.proof) if node.volume.handles else self._walk(node)
            self._hold(node, fd)
        elif fd in self._held:
            self._held.move_to_end(fd)
        return fd

    def path(self, node: Node) -> str:
        """Return a path that leads to *node* itself, whatever it is and wherever it has been moved."""
        return f"/proc/self/fd/{self.descriptor(node)}"

    def pin(self, node: Node) -> None:
        """Keep the descriptor of *node* for the rest of its life: it has no name to be found by."""
        if self._held.pop(self.descriptor(node), None) is not None:
            self.pinned += 1

    def reach(self, node: Node) -> int | str:
        """Return what a call takes that takes paths and open files alike: for *node* itself, whatever it is.

        A path through /proc costs three times what an open file does.
        """
        return node.file if node.file >= 0 else self.path(node)

    def is_unnamed(self, node: Node) -> bool:
        """Tell whether *node* is held for having no name, and still has none."""
        return node.fd >= 0 and node.fd not in self._held and not os.fstat(node.fd).st_nlink

    def lend(self) -> None:
        """Make room for the descriptor of one more open file; ``lent`` is the context that gives it back.

        Raises:
            ENFILE: too many are open; EMFILE would tell the caller that it is its own table that is full.
        """
        if self.opened + self.pinned > max(self._limit + SPARE - FEWEST - LAST, FEWEST):
            raise puffpy.FsError(errno.ENFILE)
        self.opened += 1
        self._make_room()

    def take_back(self, node: Node | None = None, fd: int = -1) -> None:
        """An open file is closed: *fd*, of *node*, unless there came to be none."""
        self.opened -= 1
        if node is not None and node.file == fd:
            node.file = -1

    # nodes

    def admit(self, fd: int, parent: Node, name: str, call: puffpy.Call) -> Node:
        """Return the node that *fd*, which is ours from now on, is a descriptor of.

        Its attributes are kept for the one who asks for them in the same *call*.
        """
        node, va = self._admitted(fd)
        if node is self.root:
            raise puffpy.FsError(errno.ELOOP, f"{name} is the top directory again")
        node.parent, node.name = parent, name
        self.fresh = node, call, self._shown(node.volume, va)
        return node

    def revive(self, device: int, handle: bytes) -> Node:
        """Return the node on *device* that *handle* is the handle of; its name is not known.

        Raises:
            ESTALE: it is gone, or nothing of its file system is known any more.
        """
        volume = self._volumes.get(device)
        if volume is None:
            raise puffpy.FsError(errno.ESTALE)
        return self._admitted(volume.reopen(handle))[0]

    def above(self, node: Node) -> Node:
        """Return the directory that the directory *node* is in; of the root, which ends everything, itself.

        Raises:
            ESTALE: *node* has been moved out of the root.
        """
        if node is self.root:
            return node
        fd = os.open("..", OPATH, dir_fd=self.descriptor(node))
        if not self._is_below(fd):
            os.close(fd)
            raise puffpy.FsError(errno.ESTALE, f"{node!r} is no longer below the top directory")
        return self._admitted(fd)[0]

    def attributes(self, node: Node, fd: int, call: puffpy.Call) -> puffpy.Vattr:
        """Return the attributes of *node*, of which *fd* is a descriptor, or -1."""
        fresh, self.fresh = self.fresh, None
        if fresh is not None and fresh[1] is call and fresh[0] is node:
            return fresh[2]
        _, va = self.statx(fd if fd >= 0 else self.descriptor(node))
        return self._shown(node.volume, va)

    def look(self, node: Node, call: puffpy.Call) -> puffpy.Vattr:
        """Return the attributes of *node*; who asks for them in the same *call* need not look again."""
        va = self.attributes(node, -1, call)
        self.fresh = node, call, va
        return va

    def find(self, parent: Node, name: str) -> tuple[Node | None, bool]:
        """Return the node called *name* in *parent*, if it is alive, with its descriptor open.

        And whether it has no other name; it may come to have one, or lose it, while nobody looks.
        """
        try:
            device, va = self._status(self.descriptor(parent), name)
            volume = self._volumes.get(device)
            node = volume.nodes.get(va.ino) if volume is not None else None
            if node is not None:
                self.descriptor(node)
        except OSError:
            return None, False
        return node, va.nlink < 2 or stat.S_ISDIR(va.mode)

    def one_of_each_volume(self) -> list[Node]:
        """Return one directory of every file system underneath that has any."""
        first = {
            volume: node
            for volume in self._volumes.values()
            for node in volume.nodes.values()
            if node.kind == DIRECTORY
        }
        return list(first.values())

    def drop(self, node: Node) -> None:
        """The life of *node* has ended."""
        volume = node.volume
        if volume.nodes.get(node.ino) is node:
            del volume.nodes[node.ino]
            if not volume.nodes:
                volume.close()  # or it could not be unmounted
                del self._volumes[volume.device]
        if node.fd >= 0:
            if self._held.pop(node.fd, None) is None:
                self.pinned -= 1
            os.close(node.fd)
            node.fd = -1

    def close(self) -> None:
        """Nothing is alive any more."""
        for volume in list(self._volumes.values()):
            for node in list(volume.nodes.values()):
                self.drop(node)

    # what is behind that

    def _admitted(self, fd: int) -> tuple[Node, puffpy.Vattr]:
        """Return the node that *fd*, which is ours from now on, is a descriptor of, and its attributes."""
        try:
            device, va = self._status(fd)
            volume = self._volumes.get(device) or self._volume(device, fd)
            node = volume.nodes.get(va.ino)
            if node is None or (node.fd < 0 and node.proof != volume.proof(fd, va)):
                return self._enter(volume, va, fd), va
            if node.fd < 0:
                self._hold(node, fd)
            else:
                os.close(fd)
        except BaseException:
            os.close(fd)
            raise
        return node, va

    def _is_below(self, fd: int) -> bool:
        """Tell whether the directory *fd* is the root, or in it however deep."""
        root, last, here = os.fstat(self.root.fd), None, os.fstat(fd)
        step = os.dup(fd)
        try:
            while not os.path.samestat(here, root):
                if last is not None and os.path.samestat(here, last):
                    return False  # the top of everything is its own parent
                above = os.open("..", OPATH, dir_fd=step)
                os.close(step)
                step = above
                last, here = here, os.fstat(step)
        finally:
            os.close(step)
        return True

    def _status(self, fd: int, name: str = "") -> tuple[int, puffpy.Vattr]:
        """Return device and attributes of *fd*, or of *name* in it; ELOOP if that is our own mount."""
        if self._own:
            device, _ = self.statx(fd, name, AT_STATX_DONT_SYNC)
            if device in self._own:
                raise puffpy.FsError(errno.ELOOP, "this is our own mount, below the directory it shows")
        return self.statx(fd, name)

    def _shown(self, volume: Volume, va: puffpy.Vattr) -> puffpy.Vattr:
        if volume.number:
            va.ino = volume.shown(va.ino)
        if va.mode & (stat.S_ISUID | stat.S_ISGID) and stat.S_ISREG(va.mode):
            # A write may clear these bits, and the kernel does not look for that in the answer to one.
            va.ttl = 0.0
        return va

    def _volume(self, device: int, fd: int) -> Volume:
        number = self._numbers.setdefault(device, len(self._numbers))
        volume = self._volumes[device] = Volume(device, number)
        volume.begin(fd)
        return volume

    def _enter(self, volume: Volume, va: puffpy.Vattr, fd: int) -> Node:
        node = volume.nodes[va.ino] = Node(volume, va)
        self._hold(node, fd)
        return node

    def _hold(self, node: Node, fd: int) -> None:
        node.fd = fd
        self._held[fd] = node
        self._make_room()

    def _make_room(self) -> None:
        """Close descriptors, least recently used first, until there are few enough."""
        taken = self.opened + self.pinned + len(self._volumes)
        most = max(min(self._limit - taken, MOST), FEWEST)
        for _ in range(len(self._held) - SAFE):
            if len(self._held) <= most:
                return
            fd, node = self._held.popitem(last=False)
            if not self._let_go(node, fd):
                self._held[fd] = node

    def _let_go(self, node: Node, fd: int) -> bool:
        """Close the descriptor of *node*, if it can be found again without."""
        try:
            _, va = self.statx(fd)
            if not va.nlink:
                return False
            node.proof = node.volume.proof(fd, va)
        except OSError:
            return False
        node.fd = -1
        os.close(fd)
        return True

    def _walk(self, node: Node) -> int:
        """Return a new descriptor of *node*, from the nearest ancestor that has one."""
        names = []
        seen = set()
        above: Node | None = node
        while above is not None and above.fd < 0 and above not in seen:
            names.append(above)
            seen.add(above)
            above = above.parent
        if above is None or above in seen:
            raise puffpy.FsError(errno.ESTALE, f"nobody knows where {node!r} is")
        fd = os.dup(above.fd)
        for step in reversed(names):
            try:
                try:
                    below = os.open(step.name, OPATH, dir_fd=fd)
                finally:
                    os.close(fd)
            except OSError:
                raise puffpy.FsError(errno.ESTALE, f"{step!r} is no longer where it was") from None
            fd = below
            device, va = self._status(fd)
            same = (device, va.ino) == (step.volume.device, step.ino)
            if not same or (step.proof and step.proof != step.volume.proof(fd, va)):
                os.close(fd)
                raise puffpy.FsError(errno.ESTALE, f"{step!r} is another file now")
        return fd


def _make_room_for(descriptors: int) -> None:
    """Have the table of descriptors grow now: with other threads there, each doubling takes milliseconds.

    The kernel waits then until nobody reads the old one any more (fs/file.c, expand_fdtable).
    """
    with suppress(OSError), open(os.devnull) as some:
        os.close(fcntl.fcntl(some, fcntl.F_DUPFD_CLOEXEC, descriptors - 1))
