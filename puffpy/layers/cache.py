"""Cache: a slow file system asked less often.  What it said counts for a while, and data are read ahead.

How much is remembered and for how long is in ``store``.  The kernel has caches of its own, before this one:
they last as long as the mount's timeouts, and are dropped when memory is short.

Theory of operation.  What a layer remembers must not be older than a change that came by meanwhile, also
where operations run beside each other.  So changes are counted, before they are done and after, and what was
said is kept only if none was counted since it was asked for.
"""

from __future__ import annotations

import time
from typing import Any, Final

import attrs

from puffpy.errors import Absent
from puffpy.layers.base import Layer
from puffpy.layers.hooks import Asked, HookTable, Instead, Outcome, post, pre
from puffpy.layers.store import Store
from puffpy.ops import VnodeOps
from puffpy.options import MIB, Size
from puffpy.types import Entry

BLOCK: Final = 128 * 1024
"""Bytes that are kept together."""

ROOM: Final = Size(64 * MIB)

OF_NODE: Final = ("write", "setattr", "fallocate", "fdiscard", "setextattr", "deleteextattr", "ioctl")
"""Operations that change *vp*."""

OF_NAME: Final = ("create", "mknod", "mkdir", "symlink", "link", "remove", "rmdir")
"""Operations that change *cn* in *dvp*."""

CHANGES: Final = (*OF_NODE, *OF_NAME, "rename", "copy_file_range")


class Cache(Layer):
    """Remember names, attributes, listings, links and data of a slow file system.

    What is changed through the layer is seen at once; what others change below is seen when *ttl* is over.
    Times of access move less often.  Reads come in blocks of 128 KiB with one block ahead, and every one of
    them comes here: nothing is passed through to a backing file.

    Args:
        ttl: Seconds for which an answer counts.
        entries: How many names are remembered; as many attributes, links and listed names.
        size: How many bytes of data are remembered.

    Raises:
        ValueError: a number is negative.
    """

    supplies = frozenset({"reclaim"})

    def __init__(self, below: VnodeOps, *, ttl: float = 5.0, entries: int = 65536, size: Size = ROOM) -> None:
        if not ttl >= 0 or entries < 0:
            raise ValueError(f"ttl={ttl}, entries={entries}: expected 0 or more")
        self._changes = 0
        self._attributes: Store[Any] = Store(ttl, entries, self._now)
        self._names: Store[Any] = Store(ttl, entries, self._now)
        self._listings: Store[list[Any]] = Store(ttl, entries, self._now, len)
        self._targets: Store[Any] = Store(ttl, entries, self._now)
        self._data: Store[bytes] = Store(ttl, size, self._now, len)
        super().__init__(below)

    def _now(self) -> float:
        return time.monotonic()

    def _hooks(self) -> HookTable:
        hooks = super()._hooks()
        counted = tuple((op, self._count) for op in CHANGES)
        # Counted again once it is done, but before what it changed is dropped.
        return HookTable(
            pre=(*counted, *hooks.pre), post=(*((op, self._count_again) for op in CHANGES), *hooks.post)
        )

    def _count(self, _: Asked) -> None:
        self._changes += 1

    def _count_again(self, _: Asked, __: Outcome) -> None:
        self._changes += 1

    # what is remembered

    @pre("getattr")
    def _recall_attributes(self, asked: Asked) -> Instead | None:
        held = self._attributes.get(id(asked.vp))
        asked.memo = self._changes
        return None if held is None else Instead(attrs.evolve(held))

    @post("getattr")
    def _keep_attributes(self, asked: Asked, outcome: Outcome) -> None:
        if outcome.error is None and asked.memo == self._changes:
            # A copy: the node's own may go on changing.
            self._attributes.put(id(asked.vp), attrs.evolve(outcome.answer), [asked.vp])

    @pre("lookup")
    def _recall_name(self, asked: Asked) -> Instead | None:
        held = self._names.get((id(asked.dvp), asked.cn.name))
        asked.memo = self._changes
        if isinstance(held, Absent):
            raise Absent(held.ttl)
        if isinstance(held, FileNotFoundError):
            raise FileNotFoundError(*held.args)
        return None if held is None else Instead(held)

    @post("lookup")
    def _keep_name(self, asked: Asked, outcome: Outcome) -> None:
        if asked.memo != self._changes:
            return
        key, answer = (id(asked.dvp), asked.cn.name), outcome.answer
        if isinstance(outcome.error, FileNotFoundError):
            told = outcome.error
            missing = Absent(told.ttl) if isinstance(told, Absent) else FileNotFoundError(*told.args)
            self._names.put(key, missing, [asked.dvp])
        elif outcome.error is None:
            self._names.put(key, answer, [asked.dvp, _node(answer)])

    @pre("readdir")
    def _recall_listing(self, asked: Asked) -> Instead | None:
        held = self._listings.get(id(asked.dvp))
        asked.memo = self._changes
        return None if held is None else Instead(list(held))

    @post("readdir")
    def _keep_listing(self, asked: Asked, outcome: Outcome) -> None:
        if outcome.error is None and asked.memo == self._changes:
            nodes = [item[1] for item in outcome.answer if type(item) is tuple]
            self._listings.put(id(asked.dvp), list(outcome.answer), [asked.dvp, *nodes])

    @pre("readlink")
    def _recall_target(self, asked: Asked) -> Instead | None:
        held = self._targets.get(id(asked.vp))
        asked.memo = self._changes
        return None if held is None else Instead(held)

    @post("readlink")
    def _keep_target(self, asked: Asked, outcome: Outcome) -> None:
        if outcome.error is None and asked.memo == self._changes:
            self._targets.put(id(asked.vp), outcome.answer, [asked.vp])

    @pre("read")
    def _recall_data(self, asked: Asked) -> Instead | None:
        """Answer from the blocks held, or ask for whole ones, and for the one that comes next."""
        found = self._found(asked.vp, asked.offset, asked.offset + asked.size)
        if found is not None:
            return Instead(found)
        asked.memo = self._changes, asked.offset, asked.size
        first, last = asked.offset // BLOCK, -(-(asked.offset + asked.size) // BLOCK)
        asked.offset, asked.size = first * BLOCK, (last + 1 - first) * BLOCK
        return None

    @post("read")
    def _keep_data(self, asked: Asked, outcome: Outcome) -> None:
        if outcome.error is not None:
            return
        changes, offset, size = asked.memo
        answer = outcome.answer
        data = b"".join(answer) if isinstance(answer, tuple) else bytes(answer)
        if changes == self._changes:
            for start in range(0, len(data) + 1, BLOCK):
                if start + BLOCK <= len(data) or len(data) < asked.size:
                    key = id(asked.vp), (asked.offset + start) // BLOCK
                    self._data.put(key, data[start : start + BLOCK], [asked.vp])
        begin = offset - asked.offset
        outcome.answer = data[begin : begin + size]

    def _found(self, vp: Any, offset: int, end: int) -> bytes | None:
        """Return the data from *offset* to *end*, or to the end of the file, if they are held."""
        pieces = []
        for block in range(offset // BLOCK, -(-end // BLOCK)):
            held = self._data.get((id(vp), block))
            if held is None:
                return None
            start = block * BLOCK
            pieces.append(held[max(offset - start, 0) : end - start])
            if len(held) < BLOCK:
                break
        return b"".join(pieces)

    # what is no longer true

    @post(*OF_NODE)
    def _changed(self, asked: Asked, _: Outcome) -> None:
        self._forget(asked.vp)

    @post("copy_file_range")
    def _copied(self, asked: Asked, _: Outcome) -> None:
        self._forget(asked.vp)
        self._forget(asked.tvp)

    @post(*OF_NAME)
    def _renamed_one(self, asked: Asked, _: Outcome) -> None:
        self._forget_name(asked.dvp, asked.cn.name, there=asked.op in ("remove", "rmdir"))
        if asked.op == "link":
            self._forget(asked.vp)

    @post("rename")
    def _renamed(self, asked: Asked, _: Outcome) -> None:
        self._forget_name(asked.fdvp, asked.fcn.name, there=True)
        self._forget_name(asked.tdvp, asked.tcn.name, there=True)

    @pre("reclaim")
    def _reclaimed(self, asked: Asked) -> None:
        """The node's next life, if it has one, starts with a new lookup below."""
        for store in (self._attributes, self._names, self._listings, self._targets, self._data):
            store.drop_about(asked.vp)

    def _forget(self, node: Any) -> None:
        for store in (self._attributes, self._targets, self._data):
            store.drop_about(node)

    def _forget_name(self, directory: Any, name: str, *, there: bool) -> None:
        key = id(directory), name
        held = self._names.get(key)
        if held is not None and not isinstance(held, FileNotFoundError):
            self._forget(_node(held))
            self._listings.drop_about(_node(held))  # a directory's has the one that it was in
        elif there:
            # Something has lost a name, or got another, and which that was is not known.
            self._attributes.clear()
            self._listings.clear()
        self._names.drop(key)
        self._listings.drop(id(directory))
        self._attributes.drop_about(directory)


def _node(answer: Any) -> Any:
    return answer.node if type(answer) is Entry else answer
