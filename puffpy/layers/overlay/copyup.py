"""Copying up: a file of the lower tree becomes one of the upper, just before it is changed.

Theory of operation.  A copy is made in a directory of its own in the upper tree, which is never shown, and
moved to its place when it is whole: whatever happens meanwhile, there is the old file or the new one.
Directories above it are made in the upper tree first.  Nobody's rights are asked for: the kernel has checked
those, and what is copied is not changed yet.
"""

from __future__ import annotations

import os
import stat
from typing import Any, Final

import attrs

from puffpy.layers.base import Layer
from puffpy.layers.overlay.branch import NOBODY, PREFIXES, Branch, handle_of, node_of
from puffpy.layers.overlay.nodes import Node, Nodes
from puffpy.types import Call, ComponentName, Entry, SetAttr, Vattr

WORK: Final = ".puffpy-work"
"""Where copies are made, in the top directory of the upper tree."""

COPY: Final = ComponentName("copy")
"""Its name there: there is never more than one."""

PIECE: Final = 1 << 20
"""Bytes that are copied at once."""


class CopyUp(Layer):
    """What all operations that change something begin with."""

    upper: Branch
    lower: Branch
    nodes: Nodes

    def _raise(self, node: Node, size: int | None = None) -> Any:
        """Return the node of the upper tree that *node* is of, which is made where there is none.

        *size*: how much of the data are needed.
        """
        if node.upper is not None:
            return node.upper
        va = self.lower.attributes(node.lower)
        parent = self._parent(node)
        times = va if parent is None else self.upper.attributes(parent)
        if node.is_dir:
            made = self._directory(parent, node, va)
        else:
            made = self._file_copied(parent, node, va, va.size if size is None else min(size, va.size))
            node.elsewhere = max(va.nlink - node.lost - 1, 0)
            node.kept = node.elsewhere > 0
        self.nodes.copied(node, made)
        if parent is not None:
            # Nothing has come to be in it that was not there before.
            self.upper.vnodeops.setattr(parent, SetAttr(mtime_ns=times.mtime_ns), NOBODY)
        return made

    def _parent(self, node: Node) -> Any:
        """Return the upper directory that *node* goes to; nothing if it has no name any more."""
        if node.gone:
            return None
        assert node.parent is not None, f"{node} is in no directory"
        return self._raise(node.parent)

    def _directory(self, parent: Any, node: Node, va: Vattr) -> Any:
        name = ComponentName(node.name)
        made = node_of(self.upper.vnodeops.mkdir(parent, name, _new(va), NOBODY))
        try:
            self._dress(node, made, va)
        except BaseException:
            self.upper.vnodeops.rmdir(parent, name, NOBODY)
            self.nodes.drop(self.upper, made)
            raise
        return made

    def _file_copied(self, parent: Any, node: Node, va: Vattr, size: int) -> Any:
        ops, work = self.upper.vnodeops, self._work()
        answer = self._made(work, node, va)
        made = node_of(answer)
        try:
            if stat.S_ISREG(va.mode):
                self._fill(node.lower, made, answer.opened if type(answer) is Entry else None, size)
            self._dress(node, made, va)
            if parent is None:
                ops.remove(work, COPY, NOBODY)
            else:
                ops.rename(work, COPY, parent, ComponentName(node.name), 0, NOBODY)
        except BaseException:
            ops.remove(work, COPY, NOBODY)
            self.nodes.drop(self.upper, made)
            raise
        return made

    def _made(self, work: Any, node: Node, va: Vattr) -> Any:
        """Return what the upper tree answers to making a file of the kind of *node* in *work*."""
        new, ops = _new(va), self.upper.vnodeops
        if stat.S_ISREG(va.mode):
            return ops.create(work, COPY, new, NOBODY)
        if stat.S_ISLNK(va.mode):
            new.size = va.size
            target = self.lower.vnodeops.readlink(node.lower, NOBODY)
            return ops.symlink(work, COPY, new, os.fsdecode(target), NOBODY)
        return ops.mknod(work, COPY, new, NOBODY)

    def _fill(self, source: Any, target: Any, opened: Any, size: int) -> None:
        """Copy *size* bytes; *opened* is what making *target* said of it being open, if it did."""
        if opened is None:
            opened = self.upper.open(target, os.O_WRONLY, NOBODY)
        writing = attrs.evolve(NOBODY, handle=handle_of(opened))
        try:
            reading = attrs.evolve(NOBODY, handle=handle_of(self.lower.open(source, os.O_RDONLY, NOBODY)))
            try:
                self._pour(source, reading, target, writing, size)
            finally:
                self.lower.close(source, os.O_RDONLY, reading)
            self.upper.vnodeops.setattr(target, SetAttr(size=size), writing)
            if "fsync" in self.upper.ops:
                self.upper.vnodeops.fsync(target, False, writing)
        finally:
            self.upper.close(target, os.O_WRONLY, writing)

    def _pour(self, source: Any, reading: Call, target: Any, writing: Call, size: int) -> None:
        """Copy data piece by piece; pieces of zeros become holes."""
        for offset in range(0, size, PIECE):
            answer = self.lower.vnodeops.read(source, offset, min(PIECE, size - offset), reading)
            data = b"".join(answer) if isinstance(answer, tuple) else bytes(answer)
            done = 0 if data.strip(b"\0") else len(data)
            while done < len(data):
                wrote = self.upper.vnodeops.write(target, offset + done, memoryview(data)[done:], writing)
                done += len(data) - done if wrote is None else wrote

    def _dress(self, node: Node, made: Any, va: Vattr) -> None:
        """Give the copy what else the file has: owner, mode, extended attributes, times."""
        ops, lower = self.upper.vnodeops, self.lower.vnodeops
        mode = None if stat.S_ISLNK(va.mode) else stat.S_IMODE(va.mode)
        ops.setattr(made, SetAttr(uid=va.uid, gid=va.gid), NOBODY)
        if mode is not None:
            ops.setattr(made, SetAttr(mode=mode), NOBODY)
        if {"listextattr", "getextattr"} <= self.lower.ops and "setextattr" in self.upper.ops:
            for name in list(lower.listextattr(node.lower, NOBODY)):
                if not name.startswith(PREFIXES):
                    ops.setextattr(made, name, bytes(lower.getextattr(node.lower, name, NOBODY)), 0, NOBODY)
        ops.setattr(made, SetAttr(atime_ns=va.atime_ns, mtime_ns=va.mtime_ns), NOBODY)

    # where copies are made

    def _work(self) -> Any:
        top = self.upper.root()
        return self.upper.find(top, WORK) or node_of(
            self.upper.vnodeops.mkdir(top, ComponentName(WORK), Vattr(stat.S_IFDIR | 0o700, 2), NOBODY)
        )

    def _tidy(self) -> None:
        """Take away the directory of copies, and what is in it since somebody's power failed."""
        top = self.upper.root()
        work = self.upper.find(top, WORK)
        if work is not None:
            for each in self.upper.listing(work):
                self.upper.vnodeops.remove(work, ComponentName(each.name), NOBODY)
            self.upper.vnodeops.rmdir(top, ComponentName(WORK), NOBODY)
            self.nodes.drop(self.upper, work)


def _new(va: Vattr) -> Vattr:
    return attrs.evolve(va, nlink=2 if stat.S_ISDIR(va.mode) else 1, size=0, ino=0, blocks=None, ttl=None)
