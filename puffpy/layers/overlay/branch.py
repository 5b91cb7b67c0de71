"""One of the two trees, asked in the overlay's own words; and the marks that are left in the upper one.

What is seen where there is something in both is in ``nodes`` and ``names``.
"""

from __future__ import annotations

import errno
import stat
import time
from collections.abc import Iterator
from typing import Any, Final

import attrs

from puffpy.errors import FsError, VectorError, errno_of
from puffpy.layers.base import vfsops_of
from puffpy.ops import VnodeOps, written
from puffpy.ops.manner import is_async
from puffpy.types import Call, ComponentName, Dirent, Entry, OpenFile, Vattr

NOBODY: Final = Call(0, 0, 0)
"""Who does what nobody in particular asked for."""

PREFIXES: Final = ("trusted.overlay.", "user.overlay.")
"""Extended attributes that are marks, and nobody's business else."""

OPAQUE, SOME_WHITEOUTS = b"y", b"x"
"""Values of the mark on a directory: nothing below it is seen; some of its empty files are whiteouts."""

CANNOT: Final = frozenset({errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSPC})


@attrs.frozen
class Listed:
    """A name in a directory of a branch, its number there, and its type as in ``d_type``."""

    name: str
    ino: int
    kind: int


class Branch:
    """One tree: the vector *vnodeops* and what goes with it."""

    def __init__(self, vnodeops: VnodeOps) -> None:
        if not isinstance(vnodeops, VnodeOps):
            raise VectorError(f"an overlay out of {vnodeops!r}: expected a VnodeOps")
        # Not awaited, as is seen to below, which the declared types of operations leave open.
        self.vnodeops: Any = vnodeops
        self.vfsops: Any = vfsops_of(vnodeops)
        self.ops = written(vnodeops) | written(self.vfsops)
        waiting = sorted(op for op in written(vnodeops) if is_async(getattr(vnodeops, op)))
        if waiting:
            raise VectorError(f"{type(vnodeops).__name__}.{waiting[0]} is async: an overlay cannot await it")

    def root(self) -> Any:
        """Return the node of the top."""
        return self.vfsops.root() if "root" in self.ops else self.vnodeops.root

    def attributes(self, node: Any, call: Call = NOBODY) -> Vattr:
        """Return the attributes of *node*, a copy."""
        va: Vattr = self.vnodeops.getattr(node, call)
        return attrs.evolve(va)

    def find(self, dvp: Any, name: str) -> Any:
        """Return the node called *name*, or nothing if there is none.

        The caller is not told: what is seen of a directory may have another mode than this tree's has.
        """
        try:
            return node_of(self.vnodeops.lookup(dvp, ComponentName(name), NOBODY))
        except OSError as exc:
            if errno_of(exc) not in (errno.ENOENT, errno.ENOTDIR):
                raise
            return None

    def listing(self, dvp: Any) -> Iterator[Listed]:
        """Yield what is in *dvp*, but for the dots."""
        for item in list(self.vnodeops.readdir(dvp, NOBODY)):
            if isinstance(item, Dirent):
                listed = Listed(item.name, item.ino, item.kind)
            else:
                va = self.attributes(item[1])
                listed = Listed(item[0], va.ino, va.mode >> 12)
            if listed.name not in (".", ".."):
                yield listed

    def open(self, node: Any, flags: int, call: Call) -> Any:
        """Return what the branch says of *node* being opened; nothing where it does not want to know."""
        return self.vnodeops.open(node, flags, call) if "open" in self.ops else None

    def close(self, node: Any, flags: int, call: Call) -> None:
        """Close what :meth:`open` opened."""
        if "close" in self.ops:
            self.vnodeops.close(node, flags, call)

    def xattr(self, node: Any, name: str) -> bytes | None:
        """Return the extended attribute *name*, or nothing if there is none."""
        if "getextattr" not in self.ops:
            return None
        try:
            return bytes(self.vnodeops.getextattr(node, name, NOBODY))
        except OSError:
            return None

    def mark(self, node: Any, name: str, value: bytes) -> bool:
        """Leave the mark *name* on *node*; tell whether that could be done."""
        if "setextattr" in self.ops:
            for prefix in PREFIXES:
                try:
                    self.vnodeops.setextattr(node, prefix + name, value, 0, NOBODY)
                except OSError as exc:
                    if errno_of(exc) not in CANNOT:
                        raise
                else:
                    return True
        return False

    def marked(self, node: Any, name: str) -> bytes | None:
        """Return the value of the mark *name* on *node*, if it is there."""
        values = (self.xattr(node, prefix + name) for prefix in PREFIXES)
        return next((value for value in values if value is not None), None)

    # whiteouts

    def whiteout(self, dvp: Any, name: str) -> None:
        """Say in *dvp* that whatever has the *name* below is gone.

        Raises:
            EOPNOTSUPP: neither devices nor extended attributes can be made here.
        """
        cn, now = ComponentName(name), time.time_ns()
        try:
            self.vnodeops.mknod(dvp, cn, Vattr(stat.S_IFCHR, 1, 0, 0, 0, now, now, now, now), NOBODY)
        except OSError as exc:
            if errno_of(exc) not in CANNOT:
                raise
        else:
            return
        va = Vattr(stat.S_IFREG, 1, 0, 0, 0, now, now, now, now)
        answer = self.vnodeops.create(dvp, cn, va, NOBODY)
        node = node_of(answer)
        if type(answer) is Entry and answer.opened is not None:
            self.close(node, 0, attrs.evolve(NOBODY, handle=answer.opened.handle))
        if not (
            self.mark(node, "whiteout", b"y")
            and (self.opaque(dvp) or self.mark(dvp, "opaque", SOME_WHITEOUTS))
        ):
            self.vnodeops.remove(dvp, cn, NOBODY)
            raise FsError(errno.EOPNOTSUPP, f"the upper tree can keep no mark that {name} is gone")

    def is_whiteout(self, node: Any) -> bool:
        """Tell whether *node* is there to say that something is not."""
        va = self.attributes(node)
        if stat.S_ISCHR(va.mode):
            return not va.rdev
        return stat.S_ISREG(va.mode) and not va.size and self.marked(node, "whiteout") is not None

    def opaque(self, dvp: Any) -> bool:
        """Tell whether nothing below *dvp* is seen."""
        return self.marked(dvp, "opaque") == OPAQUE

    def whiteouts(self, dvp: Any) -> set[str]:
        """Return the names of the whiteouts in *dvp*."""
        files_too = self.marked(dvp, "opaque") == SOME_WHITEOUTS
        kinds = {stat.S_IFCHR >> 12, 0} | ({stat.S_IFREG >> 12} if files_too else set())
        suspects = [each.name for each in self.listing(dvp) if each.kind in kinds]
        nodes = ((name, self.find(dvp, name)) for name in suspects)
        return {name for name, node in nodes if node is not None and self.is_whiteout(node)}


def node_of(answer: Any) -> Any:
    """Return the node that *answer* names."""
    return answer.node if type(answer) is Entry else answer


def handle_of(opened: Any) -> Any:
    """Return the handle in what ``open`` answered."""
    return opened.handle if type(opened) is OpenFile else opened
