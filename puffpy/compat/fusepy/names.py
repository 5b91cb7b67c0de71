"""The operations on names, from a program's by path: looking up, making, linking, moving, removing, listing.

What is done to a file that has been found is in ``files``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import Any

from puffpy.compat.fusepy.asking import NOBODY
from puffpy.compat.fusepy.paths import Paths, index
from puffpy.compat.fusepy.tree import PathNode
from puffpy.types import Call, ComponentName, Dirent, Entry, Vattr

NOREPLACE, EXCHANGE = 1, 2
DOTS = (".", "..")
UNKNOWN_INO = 0xFFFFFFFF
CANNOT = (errno.EROFS, errno.ENOSYS, errno.EOPNOTSUPP)
"""What a program says that has no such operation."""


class Names(Paths):
    """The names of files.

    A file that is removed, or replaced, while somebody has it open stays readable: as libfuse does, the
    program is asked to rename it to ``.fuse_hidden...`` beside it, and to unlink it after the last close.
    Unlike libfuse, such names are shown to nobody and do not keep their directory from being removed, and a
    program that cannot rename is asked to unlink at once; so is every program with ``hard_remove=True``.
    """

    def lookup(self, dvp: PathNode, cn: ComponentName, call: Call) -> Any:
        """Ask ``getattr``."""
        known = dvp.children.get(cn.name)
        if known is not None and known.hidden:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return self._found(dvp, cn.name, call)

    def create(self, dvp: PathNode, cn: ComponentName, va: Vattr, call: Call) -> Any:
        """Ask ``create``, or ``mknod`` where the program has only that; ``open`` comes next."""
        path = self._below(dvp, cn.name)
        if self._only_mknod:
            self.program.tell(call, "mknod", path, va.mode, 0)
            return self._found(dvp, cn.name, call)
        handle = self._create(call, path, va.mode)
        try:
            va = self._attributes(call, path, handle)
        except OSError:
            self._release(call, path, handle)
            raise
        answer = self._entered(dvp, cn.name, va, call)
        node: PathNode = answer.node if isinstance(answer, Entry) else answer
        node.created = (call, handle)
        return answer

    def mknod(self, dvp: PathNode, cn: ComponentName, va: Vattr, call: Call) -> Any:
        """Ask ``mknod``."""
        self.program.tell(call, "mknod", self._below(dvp, cn.name), va.mode, va.rdev)
        return self._found(dvp, cn.name, call)

    def mkdir(self, dvp: PathNode, cn: ComponentName, va: Vattr, call: Call) -> Any:
        """Ask ``mkdir``, with the permission bits alone."""
        self.program.tell(call, "mkdir", self._below(dvp, cn.name), stat.S_IMODE(va.mode))
        return self._found(dvp, cn.name, call)

    def symlink(self, dvp: PathNode, cn: ComponentName, va: Vattr, target: str, call: Call) -> Any:
        """Ask ``symlink``."""
        self.program.tell(call, "symlink", self._below(dvp, cn.name), self.program.inward(target))
        return self._found(dvp, cn.name, call)

    def link(self, dvp: PathNode, vp: PathNode, cn: ComponentName, call: Call) -> None:
        """Ask ``link``; the file stays one node, whichever name it is asked for by."""
        self.program.tell(call, "link", self._below(dvp, cn.name), self._path(vp))
        self.tree.link(vp, dvp, cn.name)

    def remove(self, dvp: PathNode, cn: ComponentName, call: Call) -> None:
        """Ask ``unlink``, or hide a file that somebody has open."""
        path = self._below(dvp, cn.name)
        node = dvp.children.get(cn.name)
        if node is not None and self._in_use(node) and self._hide(node, dvp, call):
            return
        self.program.tell(call, "unlink", path)
        self.tree.remove(dvp, cn.name)

    def rmdir(self, dvp: PathNode, cn: ComponentName, call: Call) -> None:
        """Ask ``rmdir``, with the hidden files in it moved out of the way."""
        node = dvp.children.get(cn.name)
        if node is not None:
            for child in [child for child in node.children.values() if child.hidden]:
                self._hide(child, dvp, call)
        self.program.tell(call, "rmdir", self._below(dvp, cn.name))
        self.tree.remove(dvp, cn.name)

    def rename(
        self, fdvp: PathNode, fcn: ComponentName, tdvp: PathNode, tcn: ComponentName, flags: int, call: Call
    ) -> None:
        """Ask ``rename``, with the flags if it takes them."""
        old, new = self._below(fdvp, fcn.name), self._below(tdvp, tcn.name)
        flagged = bool(flags) and self.program.takes("rename", 3)
        if flags and not flagged:
            self._emulate(flags, new, call)
        target = tdvp.children.get(tcn.name)
        hidden = (
            target is not None
            and target is not fdvp.children.get(fcn.name)
            and not flags & EXCHANGE
            and self._in_use(target)
            and self._hide(target, tdvp, call)
        )
        try:
            self.program.tell(call, "rename", old, new, *((flags,) if flagged else ()))
        except OSError:
            if hidden and target is not None:
                self._show(target, tdvp, tcn.name, call)
            raise
        moved = self.tree.swap if flags & EXCHANGE else self.tree.move
        moved(fdvp, fcn.name, tdvp, tcn.name)

    def readdir(self, dvp: PathNode, call: Call) -> list[Dirent]:
        """Ask ``opendir``, ``readdir`` to the end, and ``releasedir``."""
        try:
            path = self._path(dvp)
        except FileNotFoundError:
            return []  # removed while open
        hidden = {name for name, child in list(dvp.children.items()) if child.hidden}
        handle = self._opendir(call, path)
        try:
            return self.program.guard(call, "readdir", self._listing, path, handle, hidden)  # type: ignore[no-any-return]
        finally:
            self._releasedir(call, path, handle)

    def inactive(self, vp: PathNode) -> None:
        """Ask to ``unlink`` a hidden file that nobody has open any more."""
        if vp.hidden and vp.parent is not None:
            try:
                self.program.tell(NOBODY, "unlink", self._path(vp))
            finally:
                self.tree.remove(vp.parent, vp.name)

    def _listing(self, path: str, handle: Any, hidden: set[str]) -> list[Dirent]:
        outward = self.program.outward
        listing = []
        for item in self._items(path, handle):
            name, attributes = (item, None) if isinstance(item, str) else (item[0], item[1])
            name = outward(name)
            if name in DOTS or name in hidden:
                continue
            mode, ino = attributes if isinstance(attributes, int) else 0, UNKNOWN_INO
            if isinstance(attributes, dict):
                mode = attributes.get("st_mode", 0)
                if self.config.use_ino:
                    ino = attributes.get("st_ino") or UNKNOWN_INO
            listing.append(Dirent(name, ino, mode >> 12))
        return listing

    def _items(self, path: str, handle: Any) -> Iterator[Any]:
        run = self.program.run
        if not self.program.has("readdir_with_offset"):
            yield from run("readdir", path, handle)
            return
        offset = 0
        while True:
            item = None
            for item in run("readdir_with_offset", path, offset, handle):
                yield item
            # It goes on from where the last entry said, for as long as that is further on.
            last = item[2] if isinstance(item, tuple) else 0
            if not last or last == offset:
                return
            offset = last

    def _emulate(self, flags: int, new: str, call: Call) -> None:
        """Do what *flags* ask for a program that knows none, or refuse."""
        if flags != NOREPLACE:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        if self._is_there(new, call):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))

    def _in_use(self, node: PathNode) -> bool:
        return node.opens > 0 and not node.more and not self.config.hard_remove

    def _hide(self, node: PathNode, where: PathNode, call: Call) -> bool:
        """Have *node* renamed to a name in *where* that nobody else uses; tell whether the program could."""
        old = self._path(node)
        parent, name = node.parent, node.name
        hidden = self._unused(where, call)
        new = self._below(where, hidden)
        try:
            self.program.tell(call, "rename", old, new)
        except OSError as exc:
            if exc.errno in CANNOT:
                return False
            raise
        if parent is not None:
            self.tree.move(parent, name, where, hidden)
        node.hidden = True
        return True

    def _unused(self, where: PathNode, call: Call) -> str:
        """Return a name in *where* that nobody uses."""
        while True:
            name = f".fuse_hidden{next(self._hidden):016x}"
            if not self._is_there(self._below(where, name), call):
                return name

    def _is_there(self, path: str, call: Call) -> bool:
        try:
            self._attributes(call, path, None)
        except OSError as exc:
            if exc.errno == errno.ENOENT:
                return False
            raise
        return True

    def _show(self, node: PathNode, parent: PathNode, name: str, call: Call) -> None:
        """Give a hidden file its name back, if that can be."""
        with contextlib.suppress(OSError):
            self.program.tell(call, "rename", self._path(node), self._below(parent, name))
            if node.parent is not None:
                self.tree.move(node.parent, node.name, parent, name)
            node.hidden = False

    def _create(self, call: Call, path: str, mode: int) -> Any:
        flags = os.O_CREAT | os.O_RDWR
        if self.raw_fi:
            return self._raw("create", call, flags, path, mode)
        more = (flags,) if self._creates_with_flags else ()
        return index(self.program.ask(call, "create", path, mode, *more))
