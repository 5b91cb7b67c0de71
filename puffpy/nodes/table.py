"""What is alive: cookies, nodes, and how often the kernel has been told of each.

No request and no operation is understood here; the table is told what happened and says when a node's life
ends.

Theory of operation.  The kernel knows a node by its *cookie* only.  Every successful answer that names a node
adds one to its *lookup count*, and a FORGET gives some of them back.  An answer is counted before it is sent,
and a FORGET can only give back what the kernel has received: so a FORGET that crosses a lookup's answer on
the way leaves at least that answer's count, and the node stays.  (puffs learned this late, and added the
count to its reclaim; pyfuse3 left the counting to the file system for the same reason.)  All of this runs on
the thread that owns the session, one message at a time, so that nothing can come in between.

A node is in the table while the kernel knows it or somebody has it open, because RELEASE and FORGET of the
same file may come in either order.  Cookies are never used twice, except that a file system which can find
its nodes again (``nodetofh``) chooses them itself, with a generation.

The way back, from a node to its cookie, is a note in the node itself, where that is a ``Node``: an entry in a
dict takes ten times the memory.  A note counts only if its cookie leads back to that node.  One table at a
time leaves notes, the one that has left the root's; a table that shares its nodes with others leaves none.
"""

from __future__ import annotations

import errno
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

from puffpy.errors import FsError, ReplyError, WireError
from puffpy.types import Node

ROOT_COOKIE = 1
UNKNOWN_KIND = -1
"""No type at all: 0 is what a mode without a type says, and is refused."""

FileHandle = Callable[[Any], tuple[int, int]]


@attrs.define(eq=False, weakref_slot=False)
class Vnode:
    """A node in the table.

    *kind* is its type (``mode >> 12``), which may never change, once it is known.  *stamp* moves with
    every change of the names in a directory,
    *listings* are what it was seen to hold lately.  *active* means that ``inactive`` is still due.
    *nbacked* and *ncached* count the open files that the kernel passes through to *backing_id*, and those
    that it caches; there are never both.
    """

    node: Any
    cookie: int
    generation: int = 0
    nlookup: int = 0
    nopen: int = 0
    kind: int = UNKNOWN_KIND
    stamp: int = 0
    listings: tuple[Any, ...] = ()
    active: bool = True
    backing_id: int = 0
    nbacked: int = 0
    ncached: int = 0


class Cookies(dict[int, Vnode]):
    """Vnodes by cookie; one that is not there is stale, unless *find* finds it."""

    __slots__ = ("find",)

    def __init__(self) -> None:
        super().__init__()
        self.find: Callable[[int], Vnode] | None = None

    def __missing__(self, cookie: int) -> Vnode:
        if self.find is not None:
            return self.find(cookie)
        raise FsError(errno.ESTALE, f"the kernel named cookie {cookie}, which is not alive")


class NodeTable:
    """Every node the kernel knows, by cookie and by identity.

    *inactive* and *reclaim* are called with the node when its use, and its life, end.  *postpone* takes what
    is to be done once no operation is running that may answer with a node whose life would end now, and tells
    whether there is one.  *entered* is called with each node whose life begins.
    """

    def __init__(
        self,
        root: Any,
        inactive: Callable[[Any], object] | None = None,
        reclaim: Callable[[Any], object] | None = None,
        handle: FileHandle | None = None,
        postpone: Callable[[Callable[[], object]], bool] | None = None,
        entered: Callable[[Any], object] | None = None,
    ) -> None:
        self.cookies = Cookies()
        self._known: dict[int, Vnode] = {}
        self._noting = entered is None and isinstance(root, Node) and not getattr(root, "_known_as", 0)
        self._numbers = itertools.count(ROOT_COOKIE + 1)
        self._inactive = inactive
        self._reclaim = reclaim
        self._handle = handle
        self._postpone = postpone
        self._entered = entered
        self.root = Vnode(root, ROOT_COOKIE, nlookup=1)
        self._enter(self.root)

    def __len__(self) -> int:
        return len(self.cookies)

    def __iter__(self) -> Iterator[Vnode]:
        return iter(list(self.cookies.values()))

    def find(self, node: Any) -> Vnode | None:
        """Return the vnode of *node* if it is alive."""
        if self._noting:
            try:
                vnode = self.cookies.get(node._known_as)
            except AttributeError:
                pass
            else:
                if vnode is not None and vnode.node is node:
                    return vnode
        return self._known.get(id(node))

    def cookies_of(self, nodes: Sequence[Any], absent: int) -> list[int]:
        """Return the cookie of each of *nodes*, *absent* for those that are not alive."""
        if self._noting and not self._known:
            try:
                return [node._known_as or absent for node in nodes]
            except AttributeError:
                pass
        return [absent if vnode is None else vnode.cookie for vnode in map(self.find, nodes)]

    def hold(self, node: Any) -> Vnode:
        """Return the vnode of *node*, one lookup count up; a new life if it had none."""
        if self._noting:  # as find, without its call: every answer that names a node comes through here
            try:
                vnode = self.cookies.get(node._known_as)
            except AttributeError:
                pass
            else:
                if vnode is not None and vnode.node is node:
                    vnode.nlookup += 1
                    return vnode
        vnode = self._known.get(id(node)) or self._new(node)
        vnode.nlookup += 1
        return vnode

    def forget(self, cookie: int, nlookup: int) -> None:
        """Take *nlookup* counts back; the node's life may end with that."""
        vnode = self.cookies[cookie]
        if nlookup > vnode.nlookup and self.cookies.find is not None:
            nlookup = vnode.nlookup  # what an earlier server has counted is not known
        if nlookup > vnode.nlookup:
            told, vnode.nlookup = vnode.nlookup, 0
            self._settle(vnode)
            raise WireError(f"FORGET gives back {nlookup} lookups of cookie {cookie}, which has only {told}")
        vnode.nlookup -= nlookup
        if vnode.nlookup == 0:
            self._settle(vnode)

    def hook(
        self,
        inactive: Callable[[Any], object] | None,
        reclaim: Callable[[Any], object] | None,
        handle: FileHandle | None,
    ) -> None:
        """Call these from now on; whether nodes choose their cookies themselves stays as it was."""
        self._inactive, self._reclaim = inactive, reclaim
        if self._handle is not None and handle is not None:
            self._handle = handle

    def resume(self, find: Callable[[int], tuple[Any, int, int]], number: int) -> None:
        """Take up the nodes that an earlier server has told the kernel of, each when it is first named.

        *find* returns the node of a cookie with its generation and its type, or raises ESTALE; new nodes get
        cookies from *number* on.  How often the kernel was told of a node is not known then: its life ends
        with the first FORGET that gives back all that is known of, and where that was too early it is found
        again.
        """
        self._numbers = itertools.count(max(number, ROOT_COOKIE + 1))

        def revive(cookie: int) -> Vnode:
            node, generation, kind = find(cookie)
            if self.find(node) is not None:
                raise FsError(errno.ESTALE, f"cookie {cookie} leads to {node!r}, which has another by now")
            vnode = Vnode(node, cookie, generation, nlookup=1, kind=kind)
            self._enter(vnode)
            return vnode

        self.cookies.find = revive

    def uncount(self, vnode: Vnode) -> None:
        """Take back one count of :meth:`hold`, which will be asked again: no life ends with that."""
        vnode.nlookup -= 1

    def opened(self, vnode: Vnode) -> None:
        """Somebody has opened *vnode*."""
        vnode.nopen += 1
        vnode.active = True

    def closed(self, vnode: Vnode) -> None:
        """One open file of *vnode* is gone; ``inactive`` is due with the last one."""
        vnode.nopen -= 1
        if vnode.nopen == 0:
            self._quiesce(vnode)
            self._settle(vnode)

    def begin_anew(self) -> None:
        """The kernel has forgotten everything, and sends no FORGET for it: every life ends but the root's."""
        for vnode in self:
            if vnode is not self.root:
                self._end(vnode)
        self.root.nlookup, self.root.nopen, self.root.listings = 1, 0, ()

    def clear(self) -> None:
        """The kernel is gone and sends no FORGET for what it still knew: every life ends, the root's last."""
        self.begin_anew()
        if self.root.cookie in self.cookies:
            self._end(self.root)

    def _new(self, node: Any) -> Vnode:
        if self._handle is None:
            vnode = Vnode(node, next(self._numbers))
        else:
            fileid, generation = self._handle(node)
            if not ROOT_COOKIE < fileid < 1 << 64:
                raise ReplyError(f"nodetofh of {node!r} gave file id {fileid}; expected 2 to 2**64 - 1")
            if fileid in self.cookies:
                other = self.cookies[fileid].node
                raise ReplyError(
                    f"nodetofh gave file id {fileid} for {node!r} and for {other!r}; both are alive"
                )
            vnode = Vnode(node, fileid, generation & 0xFFFFFFFF)
        self._enter(vnode)
        return vnode

    def _enter(self, vnode: Vnode) -> None:
        if self._entered is not None:
            self._entered(vnode.node)
        node, cookie = vnode.node, vnode.cookie
        self.cookies[cookie] = vnode
        if not self._noting or not self._note(node, cookie):
            self._known[id(node)] = vnode

    def _note(self, node: Any, cookie: int) -> bool:
        """Note *cookie* in *node*; False where another table's is there, or none can be."""
        try:
            if node._known_as:
                return False
        except AttributeError:
            if not isinstance(node, Node):
                return False
        try:
            node._known_as = cookie
        except AttributeError:  # of a frozen class
            return False
        return True

    def _settle(self, vnode: Vnode) -> None:
        if vnode.nlookup or vnode.nopen or vnode is self.root:
            return
        if self._postpone is None or not self._postpone(lambda: self._settle_later(vnode)):
            self._end(vnode)

    def _settle_later(self, vnode: Vnode) -> None:
        if not vnode.nlookup and not vnode.nopen and self.cookies.get(vnode.cookie) is vnode:
            self._end(vnode)

    def _end(self, vnode: Vnode) -> None:
        del self.cookies[vnode.cookie]
        if not self._known or self._known.pop(id(vnode.node), None) is None:
            vnode.node._known_as = 0
        vnode.nlookup = vnode.nopen = 0
        self._quiesce(vnode)
        if self._reclaim is not None:
            self._reclaim(vnode.node)

    def _quiesce(self, vnode: Vnode) -> None:
        if vnode.active:
            vnode.active = False
            if self._inactive is not None:
                self._inactive(vnode.node)
