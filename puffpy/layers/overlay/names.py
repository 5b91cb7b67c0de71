"""The operations on names: what is seen is the upper tree's, and of the lower one what no whiteout covers.

Half of the node vector; the other half is in ``contents``, and moving a name in ``renames``.  The kernel has
looked up every name that an operation takes, so the nodes of these are alive.
"""

from __future__ import annotations

import errno
import stat
from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs

from puffpy.errors import FsError
from puffpy.layers.overlay.branch import NOBODY, OPAQUE, node_of
from puffpy.layers.overlay.copyup import WORK, CopyUp
from puffpy.layers.overlay.nodes import Handle, Node
from puffpy.types import Call, ComponentName, Dirent, Entry, OpenFile, Vattr

DIRECTORY: Final = stat.S_IFDIR >> 12


class Names(CopyUp):
    """Names in directories, of either tree or of both; *top* is the root."""

    top: Node

    def lookup(self, dvp: Node, cn: ComponentName, call: Call) -> Node:
        """The upper tree first; what it does not have may be below."""
        if cn.name == "..":
            return dvp.parent or dvp
        node = self._child(dvp, cn.name)
        if node is None:
            raise FileNotFoundError
        return node

    def create(self, dvp: Node, cn: ComponentName, va: Vattr, call: Call) -> Entry:
        """A file of the upper tree."""
        answer = self._make(dvp, cn, lambda upper: self.upper.vnodeops.create(upper, cn, va, call))
        return self._entered(dvp, cn.name, answer)

    def tmpfile(self, dvp: Node, va: Vattr, call: Call) -> Entry:
        """A file of the upper tree, which has no name."""
        entry = self._entered(dvp, "", self.upper.vnodeops.tmpfile(self._raise(dvp), va, call))
        entry.node.parent = None
        return entry

    def mknod(self, dvp: Node, cn: ComponentName, va: Vattr, call: Call) -> Entry:
        """Of the upper tree; a device 0:0 would say that there is nothing."""
        if stat.S_ISCHR(va.mode) and not va.rdev:
            raise FsError(errno.EPERM, "a character device 0:0 is a whiteout")
        answer = self._make(dvp, cn, lambda upper: self.upper.vnodeops.mknod(upper, cn, va, call))
        return self._entered(dvp, cn.name, answer)

    def mkdir(self, dvp: Node, cn: ComponentName, va: Vattr, call: Call) -> Entry:
        """Of the upper tree, and empty, whatever may be below it."""
        answer = self._make(dvp, cn, lambda upper: self.upper.vnodeops.mkdir(upper, cn, va, call))
        self._cover(dvp, cn.name, node_of(answer))
        return self._entered(dvp, cn.name, answer)

    def symlink(self, dvp: Node, cn: ComponentName, va: Vattr, target: str, call: Call) -> Entry:
        """Of the upper tree."""
        answer = self._make(dvp, cn, lambda upper: self.upper.vnodeops.symlink(upper, cn, va, target, call))
        return self._entered(dvp, cn.name, answer)

    def link(self, dvp: Node, vp: Node, cn: ComponentName, call: Call) -> None:
        """A file of the lower tree is copied, for there it gets no name."""
        if vp.is_dir:
            raise FsError(errno.EPERM)
        upper = self._raise(vp)
        self._make(dvp, cn, lambda directory: self.upper.vnodeops.link(directory, upper, cn, call))
        vp.parent, vp.name = dvp, cn.name

    def remove(self, dvp: Node, cn: ComponentName, call: Call) -> None:
        """From the upper tree it goes; over the lower one comes a whiteout."""
        node = self._there(dvp, cn.name)
        if node.is_dir:
            raise FsError(errno.EISDIR)
        self._take_away(dvp, cn, node, self.upper.vnodeops.remove, call)
        self._lost(node)

    def rmdir(self, dvp: Node, cn: ComponentName, call: Call) -> None:
        """Whiteouts in it do not count, and go with it."""
        node = self._there(dvp, cn.name)
        if not node.is_dir:
            raise FsError(errno.ENOTDIR)
        self._check_empty(node)
        self._clear(node)
        self._take_away(dvp, cn, node, self.upper.vnodeops.rmdir, call)
        node.gone = True

    def readdir(self, dvp: Node, call: Call) -> Iterator[Dirent]:
        """Both trees' names, each once."""
        above = dvp.parent or dvp
        yield Dirent(".", dvp.number, DIRECTORY)
        yield Dirent("..", above.number, DIRECTORY)
        if not dvp.gone:
            yield from self._listed(dvp)

    # what is there

    def _child(self, dvp: Node, name: str) -> Node | None:
        """Return what is seen as *name* in *dvp*."""
        if dvp.gone or (name == WORK and dvp is self.top):
            return None
        upper = self.upper.find(dvp.upper, name) if dvp.upper is not None else None
        if upper is not None and self.nodes.seen(upper) is None and self.upper.is_whiteout(upper):
            self.nodes.drop(self.upper, upper)
            return None
        lower = self.lower.find(dvp.lower, name) if dvp.lower is not None else None
        if upper is None:
            return None if lower is None else self.nodes.enter(None, lower, dvp, name)
        seen = self.nodes.seen(upper)
        known = seen is not None and seen.lower is lower
        if lower is not None and not known and (seen is not None or not self._merge(upper, lower)):
            self.nodes.drop(self.lower, lower)
            lower = None
        node = self.nodes.enter(upper, lower if seen is None else None, dvp, name)
        if lower is not None and node.is_dir:
            self.nodes.merged(node)
        return node

    def _there(self, dvp: Node, name: str) -> Node:
        node = self._child(dvp, name)
        if node is None:
            raise FileNotFoundError
        return node

    def _merge(self, upper: Any, lower: Any) -> bool:
        """Tell whether two nodes of one name are seen as one directory."""
        kinds = self.upper.attributes(upper).mode, self.lower.attributes(lower).mode
        return all(map(stat.S_ISDIR, kinds)) and not self.upper.opaque(upper)

    def _listed(self, dvp: Node) -> Iterator[Dirent]:
        hidden = {WORK} if dvp is self.top else set()
        if dvp.upper is not None:
            hidden |= self.upper.whiteouts(dvp.upper)
            directories = set()
            for each in self.upper.listing(dvp.upper):
                if each.name not in hidden:
                    hidden.add(each.name)
                    if each.kind == DIRECTORY and dvp.lower is not None:
                        directories.add(each.name)
                    else:
                        yield Dirent(each.name, self.nodes.shown_upper(each.ino), each.kind)
            for name in directories:
                yield Dirent(name, self._number(dvp, name), DIRECTORY)
        if dvp.lower is not None:
            for each in self.lower.listing(dvp.lower):
                if each.name not in hidden:
                    yield Dirent(each.name, self.nodes.shown_lower(each.ino), each.kind)

    def _number(self, dvp: Node, name: str) -> int:
        """Return the number of an upper directory, which may be one with a lower one."""
        upper, lower = self.upper.find(dvp.upper, name), self.lower.find(dvp.lower, name)
        seen = self.nodes.seen(upper)
        if seen is not None:
            number = seen.number
        elif lower is not None and self._merge(upper, lower):
            number = self.nodes.shown_lower(self.lower.attributes(lower).ino)
        else:
            number = self.nodes.shown_upper(self.upper.attributes(upper).ino)
        self.nodes.drop(self.upper, upper)
        self.nodes.drop(self.lower, lower)
        return number

    def _check_empty(self, node: Node) -> None:
        if next(iter(self._listed(node)), None) is not None:
            raise FsError(errno.ENOTEMPTY)

    def _covered(self, dvp: Node, name: str) -> bool:
        """Tell whether the lower tree's *name* would be seen in *dvp* if the upper tree had nothing of it."""
        lower = self.lower.find(dvp.lower, name) if dvp.lower is not None else None
        self.nodes.drop(self.lower, lower)
        return lower is not None

    # what is done in the upper tree

    def _make(self, dvp: Node, cn: ComponentName, make: Callable[[Any], Any]) -> Any:
        """Return what *make* answers, which makes *cn* in the upper directory, where a whiteout may be."""
        if dvp.gone:
            raise FileNotFoundError
        if self._child(dvp, cn.name) is not None:
            raise FsError(errno.EEXIST)
        if dvp is self.top and cn.name == WORK:
            raise FsError(errno.EPERM, f"{WORK} is where copies are made")
        upper = self._raise(dvp)
        uncovered = self._uncover(upper, cn)
        try:
            return make(upper)
        except BaseException:
            if uncovered:
                self.upper.whiteout(upper, cn.name)
            raise

    def _uncover(self, upper: Any, cn: ComponentName) -> bool:
        """Take away the whiteout *cn*; tell whether there was one."""
        there = self.upper.find(upper, cn.name)
        if there is None or self.nodes.seen(there) is not None or not self.upper.is_whiteout(there):
            return False
        self.upper.vnodeops.remove(upper, cn, NOBODY)
        self.nodes.drop(self.upper, there)
        return True

    def _cover(self, dvp: Node, name: str, made: Any) -> None:
        """Have the new upper directory *made* hide what is below it."""
        if self._covered(dvp, name) and not self.upper.mark(made, "opaque", OPAQUE):
            lower = self.lower.find(dvp.lower, name)
            if stat.S_ISDIR(self.lower.attributes(lower).mode):
                for each in self.lower.listing(lower):
                    self.upper.whiteout(made, each.name)

    def _entered(self, dvp: Node, name: str, answer: Any) -> Entry:
        """Return what the kernel is told of a new node of the upper tree."""
        real = node_of(answer)
        node = self.nodes.enter(real, None, dvp, name)
        if type(answer) is not Entry:
            return Entry(node)
        opened = None if answer.opened is None else self._opened(node, answer.opened, 2)
        return attrs.evolve(answer, node=node, opened=opened)

    def _opened(self, node: Node, answer: Any, flags: int) -> OpenFile:
        """Return what the kernel is told of an open file, of the tree that *node* is of now."""
        branch, real = (self.upper, node.upper) if node.upper is not None else (self.lower, node.lower)
        told = answer if type(answer) is OpenFile else OpenFile(answer)
        # A file of the lower tree may be copied while it is open, and is another one for the kernel then.
        backing = told.backing if branch is self.upper else None
        return attrs.evolve(told, handle=Handle(branch, real, told.handle, flags), backing=backing)

    def _clear(self, node: Node) -> None:
        """Take away what whiteouts there are in an empty directory."""
        if node.upper is not None:
            for name in self.upper.whiteouts(node.upper):
                self.upper.vnodeops.remove(node.upper, ComponentName(name), NOBODY)

    def _take_away(
        self,
        dvp: Node,
        cn: ComponentName,
        node: Node,
        how: Callable[[Any, ComponentName, Call], None],
        call: Call,
    ) -> None:
        covers = self._covered(dvp, cn.name)
        upper = self._raise(dvp) if covers else dvp.upper
        there = self.upper.find(upper, cn.name)
        if there is not None:
            how(upper, cn, call)
        elif node.upper is not None:
            node.elsewhere -= 1  # it has been copied under another name
        if covers:
            self.upper.whiteout(upper, cn.name)

    def _lost(self, node: Node) -> None:
        """A name of *node* is gone; of a file of the lower tree, only the overlay knows that."""
        if node.upper is None:
            node.lost += 1
            node.gone = self.lower.attributes(node.lower).nlink <= node.lost
            node.kept = not node.gone
