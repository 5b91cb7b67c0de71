"""Quota: how much a tree, or each user in it, may take, whatever there is room for below.

What is counted is what goes through the layer, and what was there at the beginning; a base that others change
as well is not for this.
"""

from __future__ import annotations

import enum
import errno
import stat
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import attrs

from puffpy.errors import FsError, VectorError
from puffpy.layers.base import Layer
from puffpy.layers.hooks import Asked, Outcome, post, pre
from puffpy.ops import VnodeOps, written
from puffpy.ops.manner import is_async
from puffpy.options import Size
from puffpy.types import Call, ComponentName, Dirent, Entry, StatVfs, Vattr

UNLIMITED: Final = Size(0)
UNIT: Final = 4096
"""What ``df`` counts in."""

KEEP_SIZE: Final = 0x01

NOBODY: Final = Call(0, 0, 0)
"""Who asks for what the layer wants to know."""

ASKS: Final = ("getattr", "lookup", "readdir")
"""Operations that the layer asks below of its own accord."""

MAKERS: Final = ("create", "mknod", "mkdir", "symlink", "tmpfile")


class Per(enum.Enum):
    """Whose use is held against the limits."""

    TOTAL = "total"
    USER = "user"


@attrs.define
class Use:
    """What somebody takes: *size* bytes in *inodes* nodes."""

    size: int = 0
    inodes: int = 0


@attrs.define(eq=False)
class Entered:
    """A live node in the books: *node* is charged to *uid* with *size*; *gone* once it has no name left."""

    node: Any
    uid: int
    size: int
    gone: bool = False


class Quota(Layer):
    """Hold a tree, or each user in it, to so many bytes and so many nodes.

    Bytes are those of regular files as ``ls -l`` shows them, holes included; they are the owner's.  Root is
    not held to a user's limits.  ``df`` shows the limits, and what is left of them.  Every write comes here,
    so nothing is passed through to a backing file.

    Args:
        size: Bytes, 0 for no limit.
        inodes: Nodes, 0 for no limit.
        per: ``total`` for the whole tree, ``user`` for each user alone.

    Raises:
        ENOSPC: the tree is full.
        EDQUOT: the owner has had their share.
        ValueError: a limit is negative, or *per* is neither.
        VectorError: what is below has to be awaited; the tree is read once, to see what is there.
    """

    supplies = frozenset({"reclaim", "statvfs"})

    def __init__(
        self, below: VnodeOps, *, size: Size = UNLIMITED, inodes: int = 0, per: str = "total"
    ) -> None:
        if size < 0 or inodes < 0:
            raise ValueError(f"size={size}, inodes={inodes}: expected 0 or more")
        if per not in (each.value for each in Per):
            raise ValueError(f"per={per}: expected total or user")
        self._limit = Use(size, inodes)
        self._per = Per(per)
        self._uses: dict[int, Use] = {}
        self._entered: dict[int, Entered] = {}
        self._lock = threading.RLock()
        super().__init__(below)
        waiting = [op for op in ASKS if is_async(getattr(below, op))]
        if waiting:
            raise VectorError(f"{type(below).__name__}.{waiting[0]} is async: a quota cannot await it")
        self._look: Callable[..., Any] = below.getattr if "getattr" in written(below) else _own
        self._survey()

    # the books

    def _use(self, uid: int) -> Use:
        return self._uses.setdefault(uid if self._per is Per.USER else 0, Use())

    def _free(self, uid: int) -> tuple[float, float]:
        """Return how many bytes and nodes more *uid* may have."""
        if self._per is Per.USER and not uid:
            return float("inf"), float("inf")
        use, limit = self._use(uid), self._limit
        return (
            limit.size - use.size if limit.size else float("inf"),
            limit.inodes - use.inodes if limit.inodes else float("inf"),
        )

    def _full(self) -> FsError:
        return FsError(errno.EDQUOT if self._per is Per.USER else errno.ENOSPC)

    def _enter(self, node: Any) -> Entered:
        """Return what the books have about *node*, which is from now on among the live ones."""
        entered = self._entered.get(id(node))
        if entered is None:
            va = self._look(node, NOBODY)
            entered = self._entered[id(node)] = Entered(node, va.uid, _size(va))
        return entered

    def _settle(self, node: Any) -> None:
        """Charge what *node* has come to be to whoever has come to own it."""
        with self._lock:
            entered = self._enter(node)
            va = self._look(node, NOBODY)
            self._use(entered.uid).size -= entered.size
            if not entered.gone:
                self._use(entered.uid).inodes -= 1
                self._use(va.uid).inodes += 1
            entered.uid, entered.size = va.uid, _size(va)
            self._use(entered.uid).size += entered.size

    def _bury(self, node: Any) -> None:
        """*node* has lost its last name: it is no longer counted, and its data are until it is reclaimed.

        Whoever removes a file can make another; the kernel may be a few requests late in letting go.
        """
        with self._lock:
            entered = self._enter(node)
            if not entered.gone:
                entered.gone = True
                self._use(entered.uid).inodes -= 1

    # making and removing

    @pre(*MAKERS)
    def _room_for_one(self, asked: Asked) -> None:
        if self._free(asked.va.uid)[1] < 1:
            raise self._full()

    @post(*MAKERS)
    def _made(self, _: Asked, outcome: Outcome) -> None:
        if outcome.error is None:
            with self._lock:
                entered = self._enter(_node(outcome.answer))
                use = self._use(entered.uid)
                use.inodes += 1
                use.size += entered.size

    @pre("remove", "rmdir")
    def _before_removal(self, asked: Asked) -> None:
        asked.memo = self._child(asked.dvp, asked.cn, asked.call)

    @pre("rename")
    def _before_rename(self, asked: Asked) -> None:
        asked.memo = self._child(asked.tdvp, asked.tcn, asked.call)

    @post("remove", "rmdir", "rename")
    def _removed(self, asked: Asked, outcome: Outcome) -> None:
        if outcome.error is None and asked.memo is not None:
            va = self._look(asked.memo, NOBODY)
            if asked.op == "rmdir" or not va.nlink:
                self._bury(asked.memo)

    def _child(self, dvp: Any, cn: ComponentName, call: Call) -> Any:
        """Return the node called *cn*, which the kernel has looked up already, or nothing."""
        try:
            node = _node(self.below.lookup(dvp, cn, call))
            self._enter(node)
        except OSError:
            return None
        return node

    @pre("reclaim")
    def _reclaimed(self, asked: Asked) -> None:
        entered = self._entered.get(id(asked.vp))
        if entered is None:
            return
        try:
            if not self._look(asked.vp, NOBODY).nlink:
                self._bury(asked.vp)
        except OSError:
            pass  # it is gone already, and counted as what it was last
        with self._lock:
            if entered.gone:
                self._use(entered.uid).size -= entered.size
            del self._entered[id(asked.vp)]

    # data

    @pre("write")
    def _before_write(self, asked: Asked) -> None:
        """What still fits is written, as on a disk that fills up."""
        whole = asked.data.nbytes
        fits = self._fitting(asked.vp, asked.offset, whole)
        if fits < whole:
            asked.data, asked.memo = asked.data[:fits], fits

    @post("write")
    def _written(self, asked: Asked, outcome: Outcome) -> None:
        self._settle(asked.vp)
        if outcome.answer is None and outcome.error is None:
            outcome.answer = asked.memo

    @pre("copy_file_range")
    def _before_copy(self, asked: Asked) -> None:
        asked.length = self._fitting(asked.tvp, asked.toffset, asked.length)

    @post("copy_file_range")
    def _copied(self, asked: Asked, _: Outcome) -> None:
        self._settle(asked.tvp)

    @pre("fallocate")
    def _before_fallocate(self, asked: Asked) -> None:
        if not asked.mode & KEEP_SIZE and self._fitting(asked.vp, asked.offset, asked.length) < asked.length:
            raise self._full()

    @pre("setattr")
    def _before_change(self, asked: Asked) -> None:
        change, entered = asked.change, self._enter(asked.vp)
        size = entered.size if change.size is None else change.size
        uid = entered.uid if change.uid is None else change.uid
        ours = entered.size if self._per is Per.TOTAL or uid == entered.uid else 0
        room = self._free(uid)
        if (size > ours and size - ours > room[0]) or (self._moves(entered.uid, uid) and room[1] < 1):
            raise self._full()

    @post("setattr", "fallocate")
    def _changed(self, asked: Asked, _: Outcome) -> None:
        self._settle(asked.vp)

    def _moves(self, uid: int, to: int) -> bool:
        return self._per is Per.USER and uid != to

    def _fitting(self, node: Any, offset: int, length: int) -> int:
        """Return how many of *length* bytes from *offset* on may be written; refuse if that is none."""
        entered = self._enter(node)
        end = entered.size + self._free(entered.uid)[0]
        fits = int(min(offset + length, max(end, entered.size))) - offset
        if fits <= 0 < length:
            raise self._full()
        return fits

    # figures

    @post("statvfs")
    def _figures(self, asked: Asked, outcome: Outcome) -> None:
        if outcome.error is not None:
            return
        st: StatVfs = outcome.answer if outcome.answer.blocks else StatVfs(frsize=UNIT, bsize=UNIT)
        size, inodes = self._free(asked.call.uid)
        if self._limit.size and size != float("inf"):
            blocks, free = self._limit.size // st.frsize, max(int(size), 0) // st.frsize
            had = st.blocks > 0
            st = attrs.evolve(
                st,
                blocks=min(blocks, st.blocks) if had else blocks,
                bfree=min(free, st.bfree) if had else free,
                bavail=min(free, st.bavail) if had else free,
            )
        if self._limit.inodes and inodes != float("inf"):
            had = st.files > 0
            st = attrs.evolve(
                st,
                files=min(self._limit.inodes, st.files) if had else self._limit.inodes,
                ffree=min(max(int(inodes), 0), st.ffree) if had else max(int(inodes), 0),
            )
        outcome.answer = st

    # what was there

    def _survey(self) -> None:
        """Count what there is below; nobody uses it yet, so each node is let go when it has been counted."""
        root = self._root_below()()
        seen: set[int] = set()
        self._count(root, seen)
        walking = [(root, iter(self._names(root)))]
        while walking:
            directory, names = walking[-1]
            node = next(
                (each for each in map(partial(self._found, directory), names) if each is not None), None
            )
            if node is None:
                walking.pop()
                if directory is not root:
                    self.below.reclaim(directory)
            elif self._count(node, seen):
                walking.append((node, iter(self._names(node))))
            else:
                self.below.reclaim(node)

    def _count(self, node: Any, seen: set[int]) -> bool:
        """Count *node*, unless its number has been *seen*; tell whether it is a directory."""
        va = self._look(node, NOBODY)
        if va.nlink <= 1 or not va.ino or va.ino not in seen:
            seen.add(va.ino)
            use = self._use(va.uid)
            use.size += _size(va)
            use.inodes += 1
        return stat.S_ISDIR(va.mode)

    def _names(self, dvp: Any) -> list[str]:
        below: Any = self.below
        items = below.readdir(dvp, NOBODY)
        names = [item.name if isinstance(item, Dirent) else item[0] for item in items]
        return [name for name in names if name not in (".", "..")]

    def _found(self, dvp: Any, name: str) -> Any:
        try:
            return _node(self.below.lookup(dvp, ComponentName(name), NOBODY))
        except FileNotFoundError:
            return None


def _own(vp: Any, _: Call) -> Vattr:
    va: Vattr = vp.vattr
    return va


def _node(answer: Any) -> Any:
    return answer.node if type(answer) is Entry else answer


def _size(va: Vattr) -> int:
    return va.size if stat.S_ISREG(va.mode) else 0
