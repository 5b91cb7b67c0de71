"""The tree of names as far as it is known: dentries, their times to live, and the inodes they lead to.

Paths are not walked here, and nothing is permitted or refused; see walk and permissions.
"""

from __future__ import annotations

import errno
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from weakref import WeakValueDictionary

import attrs

from puffpy.userkernel.connection import Caller, Connection
from puffpy.userkernel.counts import Counts
from puffpy.userkernel.inodes import Attr, Dentry, Inode
from puffpy.wire import Opcode
from puffpy.wire.flags import InitFlag
from puffpy.wire.opcodes import ROOT_NODEID


class Tree:
    """Everything that is known of the server's names and nodes.

    *lock* guards every dentry and every field of every inode.  It is taken after any inode's own lock, and
    held for no request.  What was asked before somebody changed the same directory is used but not
    remembered: *stamp* tells.

    Args:
        connection: Who is asked.
        clock: Seconds; anything that does not go backwards.
        capacity: How many names are remembered; the least recently used go first.
    """

    def __init__(self, connection: Connection, clock: Callable[[], float], capacity: int) -> None:
        self.connection = connection
        self.clock = clock
        self.capacity = capacity
        self.lock = threading.RLock()
        self.epoch = 0
        self._version = 0
        self.counts = Counts(connection)
        self._known: WeakValueDictionary[int, Inode] = WeakValueDictionary()
        self._recent: OrderedDict[Dentry, None] = OrderedDict()
        self._distrust = threading.local()
        self.root = Inode(ROOT_NODEID, 0, ROOT_ATTR, self.counts.owed)
        self._known[ROOT_NODEID] = self.root

    # attributes

    def now(self) -> int:
        """Return the present version, to be noted before asking for attributes."""
        return self._version

    def learn(self, inode: Inode, fields: Mapping[str, int], since: int) -> None:
        """Take over the attributes in a reply to what was asked at version *since*.

        Raises:
            EIO: the node has changed its type; the inode is bad from now on.
        """
        attr = Attr.of(fields)
        with self.lock:
            if inode.kind != attr.mode & 0o170000:
                inode.bad = True
                inode.check()
            if inode.version > since:
                return  # overtaken by a change; what it changed is asked again when needed
            inode.attr = attr
            inode.expires = self._deadline(fields, "attr_valid")
            inode.stale = False

    def changed(self, inode: Inode, *, size: int | None = None) -> None:
        """Note that the server has been made to change *inode*; what is on its way is out of date."""
        with self.lock:
            self._version += 1
            inode.version = self._version
            inode.stale = True
            if size is not None:
                inode.attr = attrs.evolve(inode.attr, size=size)

    def touched(self, inode: Inode) -> None:
        """Note that its times have moved."""
        inode.stale = True

    def refresh(self, inode: Inode, caller: Caller | None, *, trusted: bool = False) -> Attr:
        """Return attributes that are not out of date, asked for if need be.

        Args:
            inode: Whose.
            caller: Who wants to know.
            trusted: Mode and owner are enough, so that moved times do not matter.
        """
        inode.check()
        if inode.expires <= self.clock() or (inode.stale and not trusted):
            since = self.now()
            reply = self.connection.must(Opcode.GETATTR, inode.nodeid, caller=caller)
            self.learn(inode, reply.fields, since)
            return Attr.of(reply.fields)
        return inode.attr

    # names

    def lookup(self, directory: Inode, name: bytes, caller: Caller, *, fresh: bool = False) -> Inode | None:
        """Return what *name* in *directory* is, ``None`` if it is not there.

        *fresh* has the server asked in any case.
        """
        directory.check()
        fresh = fresh or getattr(self._distrust, "everything", False)
        with self.lock:
            directory.plus = True
            dentry = directory.children.get(name)
            if dentry is not None and not fresh and self._valid(dentry):
                self._recent.move_to_end(dentry)
                return dentry.inode
            stamp, since = directory.stamp, self.now()
        if len(name) > self.connection.terms.name_max:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        try:
            with self.alone(directory):
                reply = self.connection.must(Opcode.LOOKUP, directory.nodeid, names=(name,), caller=caller)
        except FileNotFoundError:
            self._enter(directory, name, None, 0.0, stamp)
            return None
        inode = self.adopt(reply.fields, since) if reply.fields["nodeid"] else None
        self._enter(directory, name, inode, self._deadline(reply.fields, "entry_valid"), stamp)
        return inode

    @contextmanager
    def trusting_nothing(self) -> Iterator[None]:
        """Have the server asked for every name that the calling thread looks up in this context."""
        self._distrust.everything = True
        try:
            yield
        finally:
            self._distrust.everything = False

    def alone(self, directory: Inode) -> AbstractContextManager[object]:
        """Return what keeps others out of *directory* while it is asked about, if the server wants that."""
        return nullcontext() if self.connection.has(InitFlag.PARALLEL_DIROPS) else directory.lock

    def adopt(self, fields: Mapping[str, int], since: int) -> Inode:
        """Return the inode that an ENTRY_OUT names, and count it.

        Raises:
            EIO: the entry cannot be true.  The kernel does not give such a count back.
        """
        nodeid, generation = fields["nodeid"], fields["generation"] & 0xFFFFFFFF
        if nodeid in (0, ROOT_NODEID):
            raise OSError(errno.EIO, f"the server gave a name to node {nodeid}, which has none")
        attr = Attr.of(fields)
        with self.lock:
            inode = self._known.get(nodeid)
            if inode is not None and (inode.generation, inode.kind) != (generation, attr.mode & 0o170000):
                inode.bad = True
                inode = None
            if inode is None:
                self._known[nodeid] = inode = Inode(nodeid, generation, attr, self.counts.owed)
            inode.nlookup += 1
            self.counts.given(nodeid)
            self.learn(inode, fields, since)
        return inode

    def entered(self, directory: Inode, name: bytes, fields: Mapping[str, int], since: int) -> Inode:
        """Take over the entry of something new in *directory*, whose lock is held."""
        inode = self.adopt(fields, since)
        with self.lock:
            self.stir(directory)
            self._enter(directory, name, inode, self._deadline(fields, "entry_valid"), directory.stamp)
        return inode

    def listed(
        self, directory: Inode, name: bytes, fields: Mapping[str, int], stamp: int, since: int
    ) -> None:
        """Take over what READDIRPLUS said of *name*, unless *directory* has changed since *stamp*."""
        inode = self.adopt(fields, since)
        self._enter(directory, name, inode, self._deadline(fields, "entry_valid"), stamp)

    def stir(self, directory: Inode) -> None:
        """Note a change to the names in *directory*: what is being asked about them may be out of date."""
        with self.lock:
            directory.stamp += 1
            self.changed(directory)

    def find(self, nodeid: int) -> Inode | None:
        """Return the inode of *nodeid* if it is in use."""
        return self._known.get(nodeid)

    def drop(self, directory: Inode, name: bytes) -> None:
        """Forget *name* in *directory*, and everything below it."""
        with self.lock:
            directory.stamp += 1
            dentry = directory.children.get(name)
            if dentry is not None:
                self._detach(dentry)

    def expire(self, directory: Inode, name: bytes) -> None:
        """Have *name* asked for again before its next use."""
        with self.lock:
            directory.stamp += 1
            dentry = directory.children.get(name)
            if dentry is not None:
                dentry.expires = 0.0

    def move(self, source: tuple[Inode, bytes], target: tuple[Inode, bytes], *, exchange: bool) -> None:
        """Follow a rename that the server has done."""
        with self.lock:
            moved, met = (end[0].children.get(end[1]) for end in (source, target))
            for (directory, _), dentry in ((source, moved), (target, met)):
                self.stir(directory)
                if dentry is not None:
                    self._unhash(dentry)
            if met is not None and not exchange:
                self._prune(met)
            if moved is not None:
                self._enter(*target, moved.inode, moved.expires, target[0].stamp)
            if met is not None and exchange:
                self._enter(*source, met.inode, met.expires, source[0].stamp)

    def clear(self, nodeids: frozenset[int] | None = None) -> None:
        """Forget every name, or those of *nodeids* that lead to nothing else."""
        with self.lock:
            for dentry in list(self._recent):
                inode = dentry.inode
                if nodeids is None or (inode and inode.nodeid in nodeids and not inode.children):
                    self._detach(dentry)

    def _deadline(self, fields: Mapping[str, int], which: str) -> float:
        return self.clock() + fields[which] + min(fields[which + "_nsec"], 999_999_999) / 1e9

    def _valid(self, dentry: Dentry) -> bool:
        return dentry.expires > self.clock() and dentry.epoch == self.epoch

    def _enter(self, directory: Inode, name: bytes, inode: Inode | None, expires: float, stamp: int) -> None:
        """Remember what *name* is, unless the directory has changed since it was asked."""
        with self.lock:
            if directory.stamp != stamp:
                return
            known = directory.children.get(name)
            if known is not None and known.inode is inode:
                known.expires, known.epoch = expires, self.epoch
                return
            if known is not None:
                self._detach(known)
            if inode is None and expires <= self.clock():
                return
            if inode is not None and inode.is_dir:
                self._place(inode, directory, name)
            dentry = directory.children[name] = Dentry(directory, name, inode, expires, self.epoch)
            self._recent[dentry] = None
            self._make_room()

    def _place(self, inode: Inode, directory: Inode, name: bytes) -> None:
        """Give a directory its one place; a second name means that it was moved."""
        above: Inode | None = directory
        while above is not None:
            if above is inode:
                raise OSError(errno.ELOOP, f"the server put node {inode.nodeid} below itself")
            above = above.parent
        if inode.parent is not None:
            former = inode.parent.children.get(inode.name)
            if former is not None and former.inode is inode:
                self._unhash(former)
        inode.parent, inode.name = directory, name

    def _make_room(self) -> None:
        for _ in range(len(self._recent) - self.capacity):
            dentry = next(iter(self._recent))
            if dentry.inode is not None and dentry.inode.children:
                self._recent.move_to_end(dentry)  # its turn comes when its children are gone
            else:
                self._unhash(dentry)

    def _unhash(self, dentry: Dentry) -> None:
        dentry.parent.children.pop(dentry.name, None)
        self._recent.pop(dentry, None)

    def _prune(self, dentry: Dentry) -> None:
        """Forget everything below *dentry*, so that no directory and its names keep each other alive."""
        below = [dentry]
        for above in below:
            if above.inode is not None and above.inode.is_dir:
                below.extend(above.inode.children.values())
        for each in reversed(below[1:]):
            self._unhash(each)

    def _detach(self, dentry: Dentry) -> None:
        self._prune(dentry)
        self._unhash(dentry)


ROOT_ATTR = Attr(ROOT_NODEID, 0, 0, 0, 0, 0, 0, 0, 0, 0o040000, 2, 0, 0, 0, 0, 0)
"""What is known of the root before it is asked for: that it is a directory."""
