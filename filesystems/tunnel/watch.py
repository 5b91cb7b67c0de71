"""Watches the directories that the kernel knows names of, and has it ask again for what others change.

What is true instead is not looked at here: the kernel asks the usual way, when it wants to know.

Theory of operation.  A thread reads inotify(7) events.  It touches neither descriptors nor tables of the
serving thread: all it knows is which node a watch is for, and which node was last found under a name there.
A name that came or went is expired, which costs one lookup if the change was our own, and the listing of its
directory is dropped; a file that was written or changed is invalidated.  If events come faster than they are
read, the system drops them and says so, and everything is asked for again.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import stat
import struct
import threading
import weakref
from collections.abc import Iterator, Sequence
from typing import Final

import attrs

import puffpy
from filesystems.tunnel.syscalls import inotify_add_watch, inotify_init, inotify_rm_watch
from filesystems.tunnel.volumes import Node

log = logging.getLogger("tunnel")

MODIFY: Final = 0x2
ATTRIB: Final = 0x4
MOVED_FROM: Final = 0x40
MOVED_TO: Final = 0x80
CREATE: Final = 0x100
DELETE: Final = 0x200
OVERFLOW: Final = 0x4000
IGNORED: Final = 0x8000
ONLYDIR: Final = 0x01000000

NAMES: Final = MOVED_FROM | MOVED_TO | CREATE | DELETE
MASK: Final = NAMES | MODIFY | ATTRIB | ONLYDIR

DIRECTORY: Final = stat.S_IFDIR >> 12

ATTRIBUTES_ALONE: Final = -1
"""The offset with which a node's data stay in the page cache."""

TRUSTED: Final = 60.0
"""Seconds for which the kernel believes what is watched.  Not for ever: no event tells of a memory map that
is written to, or of a change by a name in a directory that nobody knows."""

UNWATCHED: Final = 1.0
"""Seconds for which it believes what is not, because there are no more watches."""

_EVENT: Final = struct.Struct("=iIII")
ROOM: Final = 64 * 1024


@attrs.frozen
class Event:
    """Something happened to *name* in, or if that is empty to, the directory of watch *number*."""

    number: int
    mask: int
    name: str


def events(data: bytes) -> Iterator[Event]:
    """Take apart what was read from an inotify descriptor."""
    start = 0
    while start < len(data):
        number, mask, _, length = _EVENT.unpack_from(data, start)
        start += _EVENT.size
        yield Event(number, mask, os.fsdecode(data[start : start + length].rstrip(b"\0")))
        start += length


class Watch:
    """The watches of one mount."""

    def __init__(self) -> None:
        self._fd = inotify_init()
        self._wake, self._awake = os.pipe2(os.O_CLOEXEC)
        self._numbers: dict[Node, int] = {}
        self._directories: dict[int, Node] = {}
        self._children: weakref.WeakValueDictionary[tuple[int, str], Node] = weakref.WeakValueDictionary()
        self._full = False
        self._thread: threading.Thread | None = None

    def start(self, kernel: puffpy.Kernel) -> None:
        """Begin to tell *kernel*."""
        self._thread = threading.Thread(target=self._run, args=(kernel,), name="tunnel-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        os.close(self._awake)
        if self._thread is not None:
            self._thread.join()
        os.close(self._wake)
        os.close(self._fd)

    def add(self, dvp: Node, path: str) -> None:
        """Watch *dvp*, to which *path* leads, before anything in it is looked up, and before it is listed."""
        if dvp in self._numbers or self._full:
            return
        try:
            number = inotify_add_watch(self._fd, path, MASK)
        except OSError as exc:
            if exc.errno == errno.ENOSPC:
                self._full = True
                log.warning("no more watches (fs.inotify.max_user_watches): the rest is seen in time")
            elif exc.errno not in (errno.EACCES, errno.ENOTDIR, errno.ENOENT):
                raise
            return
        self._numbers[dvp] = number
        self._directories[number] = dvp

    def covers(self, vp: Node, va: puffpy.Vattr) -> bool:
        """Tell whether a change of *va*, the attributes of *vp*, will be told."""
        if va.mode >> 12 == DIRECTORY:
            return vp in self._numbers
        return vp.parent in self._numbers and va.nlink == 1

    def ttl(self, dvp: Node) -> float | None:
        """Return for how long a name in *dvp* may be believed; None: for as long as the mount says."""
        return None if dvp in self._numbers else UNWATCHED

    def remember(self, dvp: Node, name: str, vp: Node) -> None:
        """*vp* was found as *name* in *dvp*."""
        number = self._numbers.get(dvp)
        if number is not None:
            self._children[number, name] = vp

    def drop(self, dvp: Node) -> None:
        """The kernel knows no name in *dvp* any more."""
        number = self._numbers.pop(dvp, None)
        if number is not None and self._directories.pop(number, None) is not None:
            try:
                inotify_rm_watch(self._fd, number)
            except OSError as exc:
                if exc.errno != errno.EINVAL:  # the directory itself went first
                    raise

    def _run(self, kernel: puffpy.Kernel) -> None:
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.register(self._wake, select.POLLIN | select.POLLHUP)
        while True:
            ready = {fd for fd, _ in poll.poll()}
            if self._wake in ready:
                return
            # The same thing twice is told once.
            self.tell(kernel, list(dict.fromkeys(events(os.read(self._fd, ROOM)))))

    def tell(self, kernel: puffpy.Kernel, happened: Sequence[Event]) -> None:
        """Have *kernel* ask again for whatever *happened* may have made untrue."""
        changed = {
            dvp: None
            for event in happened
            if event.mask & NAMES and (dvp := self._directories.get(event.number)) is not None
        }
        for event in happened:
            self._tell_one(kernel, event)
        for dvp in changed:
            kernel.inval_inode(dvp)  # its listing, its times

    def _tell_one(self, kernel: puffpy.Kernel, event: Event) -> None:
        if event.mask & OVERFLOW:
            self._tell_everything(kernel)
            return
        dvp = self._directories.get(event.number)
        if dvp is None:
            return
        if event.mask & IGNORED:
            self._directories.pop(event.number, None)
        elif not event.name:
            kernel.inval_inode(dvp, ATTRIBUTES_ALONE)
        elif event.mask & NAMES:
            kernel.expire_entry(dvp, event.name)
            # A file that is still known by another name has one link more or less.
            self._tell_child(kernel, event, ATTRIBUTES_ALONE)
        else:
            self._tell_child(kernel, event, 0 if event.mask & MODIFY else ATTRIBUTES_ALONE)

    def _tell_child(self, kernel: puffpy.Kernel, event: Event, offset: int) -> None:
        vp = self._children.get((event.number, event.name))
        if vp is not None:
            kernel.inval_inode(vp, offset)

    def _tell_everything(self, kernel: puffpy.Kernel) -> None:
        for (number, name), vp in list(self._children.items()):
            dvp = self._directories.get(number)
            if dvp is not None:
                kernel.expire_entry(dvp, name)
            kernel.inval_inode(vp)
        for dvp in list(self._directories.values()):
            kernel.inval_inode(dvp)
