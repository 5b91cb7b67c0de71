"""Which path a node has: the names that the kernel knows, as a tree.

libfuse's file systems see paths only, while the kernel speaks of nodes.  A node is in the tree from the first
answer that names it until the kernel has forgotten it and all that is below it, so that a renamed directory
takes along what is in it.  No file system is asked here.

A node's path is kept with it and is right as long as its stamp is the tree's; moving a directory changes the
tree's, and with it every path at once.  Any thread may ask and change the tree.
"""

from __future__ import annotations

import errno
import os
import threading

import attrs

from puffpy.types import Call, Vattr

DIRECTORY = 0o040000 >> 12


@attrs.define(eq=False)
class PathNode:
    """A file or directory that the kernel knows.

    Its *parent* is ``None`` once it is removed (and the root's always).  *more* holds further hard links.
    *opens* counts the open files, *hidden* means that it was removed while open and bears a name that nobody
    should see.  *seen* are attributes that were fetched on the way of the call beside them, *created* is the
    open file that ``create`` made in it.
    """

    name: str
    parent: PathNode | None
    kind: int
    children: dict[str, PathNode] = attrs.field(factory=dict)
    more: list[tuple[PathNode, str]] = attrs.field(factory=list)
    alive: bool = True
    opens: int = 0
    hidden: bool = False
    path: str = ""
    stamp: int = -1
    seen: tuple[Call, Vattr] | None = None
    created: tuple[Call, object] | None = None


class Tree:
    """All nodes of a mount, by name."""

    def __init__(self) -> None:
        self.root = PathNode("", None, DIRECTORY)
        self.stamp = 0
        self._lock = threading.RLock()

    def path(self, node: PathNode) -> str:
        """Return the path of *node*.

        Raises:
            ENOENT: it has been removed.
        """
        if node.stamp == self.stamp:
            return node.path
        with self._lock:
            names = []
            at = node
            while at.parent is not None:
                names.append(at.name)
                at = at.parent
            if at is not self.root:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            node.path = "/" + "/".join(reversed(names))
            node.stamp = self.stamp  # last: whoever finds it the tree's takes the path
            return node.path

    def below(self, parent: PathNode, name: str) -> str:
        """Return the path that *name* in *parent* has."""
        if parent is self.root:
            return "/" + name
        path = parent.path if parent.stamp == self.stamp else self.path(parent)
        return f"{path}/{name}"

    def enter(self, parent: PathNode, name: str, kind: int) -> PathNode:
        """Return the node called *name* in *parent*: the known one, or another if its type has changed."""
        with self._lock:
            node = parent.children.get(name)
            if node is not None and node.kind != kind:
                self.remove(parent, name)
                node = None
            if node is None:
                node = parent.children[name] = PathNode(name, parent, kind)
            node.alive = True
            return node

    def link(self, node: PathNode, parent: PathNode, name: str) -> None:
        """Give *node* one more name."""
        with self._lock:
            self.remove(parent, name)
            parent.children[name] = node
            if node.parent is None:
                self._rename(node, parent, name)
            else:
                node.more.append((parent, name))

    def remove(self, parent: PathNode, name: str) -> None:
        """Take the name away, if anybody knows it."""
        with self._lock:
            node = parent.children.pop(name, None)
            if node is None:
                return
            if (parent, name) in node.more:
                node.more.remove((parent, name))
            elif node.more:
                self._rename(node, *node.more.pop())
            else:
                node.parent = None
                self._moved(node)

    def move(self, parent: PathNode, name: str, newparent: PathNode, newname: str) -> None:
        """Give the node called *name* in *parent* another name, in the place of what is there."""
        with self._lock:
            node = parent.children.get(name)
            target = newparent.children.get(newname)
            if node is not None and node is target:
                return  # two names of one file: rename(2) leaves both
            self.remove(newparent, newname)
            if node is not None:
                del parent.children[name]
                newparent.children[newname] = node
                self._replace(node, parent, name, newparent, newname)

    def swap(self, parent: PathNode, name: str, newparent: PathNode, newname: str) -> None:
        """Exchange two names."""
        with self._lock:
            one, other = parent.children.pop(name, None), newparent.children.pop(newname, None)
            if one is not None:
                newparent.children[newname] = one
                self._replace(one, parent, name, newparent, newname)
            if other is not None:
                parent.children[name] = other
                self._replace(other, newparent, newname, parent, name)

    def forget(self, node: PathNode) -> None:
        """The kernel has forgotten *node*: it goes, and what was only kept for being above it.

        Its own path stays with it, for an answer on its way at this moment may still name it.
        """
        with self._lock:
            node.alive = False
            going = [node]
            while going:
                node = going.pop()
                if node.parent is None or node.alive or node.children:
                    continue
                for parent, name in ((node.parent, node.name), *node.more):
                    if parent.children.get(name) is node:
                        del parent.children[name]
                        going.append(parent)
                node.more = []

    def opened(self, node: PathNode) -> None:
        """One more has *node* open."""
        with self._lock:
            node.opens += 1

    def closed(self, node: PathNode) -> None:
        """One less has *node* open."""
        with self._lock:
            node.opens -= 1

    def _replace(
        self, node: PathNode, parent: PathNode, name: str, newparent: PathNode, newname: str
    ) -> None:
        if (parent, name) in node.more:
            node.more[node.more.index((parent, name))] = (newparent, newname)
        else:
            self._rename(node, newparent, newname)

    def _rename(self, node: PathNode, parent: PathNode, name: str) -> None:
        node.parent, node.name = parent, name
        self._moved(node)

    def _moved(self, node: PathNode) -> None:
        if node.children:
            self.stamp += 1
        node.stamp = -1
