"""The operations on what a node holds: attributes, extended attributes, data.

Half of the node vector; the other half is in ``names``.  What changes something copies it up first.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any

import attrs
from typing_extensions import Buffer

from puffpy.errors import FsError
from puffpy.layers.overlay.branch import NOBODY, PREFIXES, Branch, handle_of
from puffpy.layers.overlay.copyup import CopyUp
from puffpy.layers.overlay.nodes import Handle, Node
from puffpy.types import Call, OpenFile, SetAttr, Vattr


class Contents(CopyUp):
    """Nodes by themselves, of the upper tree where they are in it."""

    _opened: Callable[[Node, Any, int], OpenFile]

    # attributes

    def getattr(self, vp: Node, call: Call) -> Vattr:
        """Those of the upper tree, with the number that the node has always had."""
        branch, real = self._real(vp)
        return self.nodes.attributes(vp, branch.attributes(real, self._through(vp, call)))

    def setattr(self, vp: Node, change: SetAttr, call: Call) -> None:
        """Of a file that is cut, only what is left of it is copied."""
        upper = self._raise(vp, change.size)
        self.upper.vnodeops.setattr(upper, change, self._through(vp, call))

    def getextattr(self, vp: Node, name: str, call: Call) -> Buffer:
        """The marks are nobody's business."""
        if name.startswith(PREFIXES):
            raise FsError(errno.ENODATA)
        branch, real = self._real(vp)
        value: Buffer = branch.vnodeops.getextattr(real, name, call)
        return value

    def setextattr(self, vp: Node, name: str, value: bytes, flags: int, call: Call) -> None:
        """A mark cannot be made."""
        if name.startswith(PREFIXES):
            raise FsError(errno.EPERM)
        self.upper.vnodeops.setextattr(self._raise(vp), name, value, flags, call)

    def listextattr(self, vp: Node, call: Call) -> list[str]:
        """All but the marks."""
        branch, real = self._real(vp)
        return [name for name in branch.vnodeops.listextattr(real, call) if not name.startswith(PREFIXES)]

    def deleteextattr(self, vp: Node, name: str, call: Call) -> None:
        """Nor removed."""
        if name.startswith(PREFIXES):
            raise FsError(errno.ENODATA)
        self.upper.vnodeops.deleteextattr(self._raise(vp), name, call)

    def readlink(self, vp: Node, call: Call) -> str:
        """The target as it is."""
        branch, real = self._real(vp)
        target = branch.vnodeops.readlink(real, call)
        return os.fsdecode(target)

    def pathconf(self, vp: Node, name: str, call: Call) -> int:
        """What both trees can keep."""
        limits: list[int] = [
            each.vnodeops.pathconf(each.root(), name, call) for each in (self.upper, self.lower)
        ]
        return min(limits)

    # data

    def open(self, vp: Node, flags: int, call: Call) -> OpenFile:
        """What is opened to be written is copied first."""
        if flags & os.O_ACCMODE != os.O_RDONLY:
            self._raise(vp)
        branch, real = self._real(vp)
        return self._opened(vp, branch.open(real, flags, call), flags)

    def close(self, vp: Node, flags: int, call: Call) -> None:
        """In the tree that it is open in."""
        handle: Handle = call.handle
        handle.branch.close(handle.real, flags, attrs.evolve(call, handle=handle.inner))

    def flush(self, vp: Node, call: Call) -> None:
        """As ``close``."""
        branch, real, through = self._file(vp, call)
        if "flush" in branch.ops:
            branch.vnodeops.flush(real, through)

    def read(self, vp: Node, offset: int, size: int, call: Call) -> Buffer | tuple[Buffer, ...]:
        """Of what the file is now, whatever it was when it was opened."""
        branch, real, through = self._file(vp, call)
        data: Buffer | tuple[Buffer, ...] = branch.vnodeops.read(real, offset, size, through)
        return data

    def write(self, vp: Node, offset: int, data: memoryview, call: Call) -> int | None:
        """In the upper tree, as the file was opened."""
        _, real, through = self._file(vp, call)
        wrote: int | None = self.upper.vnodeops.write(real, offset, data, through)
        return wrote

    def fsync(self, vp: Node, dataonly: bool, call: Call) -> None:
        """What is in the lower tree is safe."""
        if vp.upper is not None:
            through = self._file(vp, call)[2] if isinstance(call.handle, Handle) else call
            self.upper.vnodeops.fsync(vp.upper, dataonly, through)

    def seek(self, vp: Node, offset: int, whence: int, call: Call) -> int:
        """Where they are in the tree that has the file."""
        branch, real, through = self._file(vp, call)
        found: int = branch.vnodeops.seek(real, offset, whence, through)
        return found

    def fallocate(self, vp: Node, offset: int, length: int, mode: int, call: Call) -> None:
        """In the upper tree."""
        _, real, through = self._file(vp, call)
        self.upper.vnodeops.fallocate(real, offset, length, mode, through)

    def fdiscard(self, vp: Node, offset: int, length: int, call: Call) -> None:
        """In the upper tree."""
        _, real, through = self._file(vp, call)
        self.upper.vnodeops.fdiscard(real, offset, length, through)

    def copy_file_range(self, vp: Node, offset: int, tvp: Node, toffset: int, length: int, call: Call) -> int:
        """Within the upper tree; from the lower one, the kernel copies by reading and writing."""
        branch, real, through = self._file(vp, call)
        if branch is not self.upper:
            raise FsError(errno.EXDEV)
        _, target, into = self._file(tvp, attrs.evolve(call, handle=call.tohandle))
        through.tohandle = into.handle
        copied: int = self.upper.vnodeops.copy_file_range(real, offset, target, toffset, length, through)
        return copied

    # which of the trees

    def _real(self, vp: Node) -> tuple[Branch, Any]:
        return (self.lower, vp.lower) if vp.upper is None else (self.upper, vp.upper)

    def _file(self, vp: Node, call: Call) -> tuple[Branch, Any, Call]:
        """Return tree, node and call for an open file, which is opened anew if *vp* was copied meanwhile."""
        handle: Handle = call.handle
        if handle.branch is self.lower and vp.upper is not None:
            inner = handle_of(self.upper.open(vp.upper, os.O_RDONLY, NOBODY))
            self.lower.close(handle.real, handle.flags, attrs.evolve(NOBODY, handle=handle.inner))
            handle.branch, handle.real, handle.inner = self.upper, vp.upper, inner
        return handle.branch, handle.real, attrs.evolve(call, handle=handle.inner)

    def _through(self, vp: Node, call: Call) -> Call:
        """Return *call* as the tree that *vp* is of is to see it."""
        if isinstance(call.handle, Handle):
            return self._file(vp, call)[2]
        return call
