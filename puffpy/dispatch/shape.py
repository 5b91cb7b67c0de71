"""Answers to bytes: the replies that carry attributes, names and open files, each packed in one call.

What an operation answered is also policed here: an answer that cannot be true becomes a ReplyError that
names the class and the operation, and the kernel never sees it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any, NoReturn

from typing_extensions import Buffer

from puffpy.dispatch.binding import Binding, own_vattr
from puffpy.dispatch.parking import Parked
from puffpy.errors import ReplyError, WireError
from puffpy.nodes import ROOT_COOKIE, UNKNOWN_KIND, Vnode
from puffpy.types import Call, Entry, Vattr
from puffpy.wire import encode_rdev
from puffpy.wire.structs import ATTR_OUT, CREATE_OUT, ENTRY_OUT, OPEN_OUT, OUT_HEADER, reply_struct

pack_header = OUT_HEADER.struct.pack
pack_entry = reply_struct(ENTRY_OUT).pack
pack_bare_entry = ENTRY_OUT.struct.pack
pack_opened = OPEN_OUT.struct.pack
pack_attr = reply_struct(ATTR_OUT).pack

HEADER_SIZE = OUT_HEADER.size
ENTRY_SIZE = HEADER_SIZE + ENTRY_OUT.size
CREATE_SIZE = HEADER_SIZE + CREATE_OUT.size
ATTR_SIZE = HEADER_SIZE + ATTR_OUT.size

NANO = 1_000_000_000
FOR_EVER = 1 << 32
"""Seconds beyond which the kernel's own arithmetic saturates (timespec64_to_jiffies)."""

KINDS = frozenset({0o01, 0o02, 0o04, 0o06, 0o10, 0o12, 0o14})
"""The types of nodes, as ``mode >> 12``."""

CANNOT_PACK = (struct.error, TypeError, ValueError, ArithmeticError, AttributeError, WireError)
"""What comes of numbers that are none, or do not fit."""

SHOWN = 200
"""How much of a wrong answer the log shows, in characters."""

Ttl = tuple[int, int]


def split_ttl(seconds: float) -> Ttl:
    """Return a time to live as seconds and nanoseconds; ``math.inf`` is for ever."""
    if not 0 <= seconds < FOR_EVER:
        if math.isnan(seconds) or seconds < 0:
            raise ValueError(f"a time to live of {seconds} seconds; expected 0 or more, or math.inf")
        return FOR_EVER, 0
    whole = int(seconds)
    return whole, int((seconds - whole) * NANO)


def attr_values(va: Vattr, cookie: int) -> tuple[int, ...]:
    """Return the sixteen numbers of ``fuse_attr``."""
    atime, atimensec = divmod(va.atime_ns, NANO)
    mtime, mtimensec = divmod(va.mtime_ns, NANO)
    ctime, ctimensec = divmod(va.ctime_ns, NANO)
    size = va.size
    blocks = va.blocks
    rdev = va.rdev
    return (
        va.ino or cookie,
        size,
        (size + 511) >> 9 if blocks is None else blocks,
        atime,
        mtime,
        ctime,
        atimensec,
        mtimensec,
        ctimensec,
        va.mode,
        va.nlink,
        va.uid,
        va.gid,
        encode_rdev(rdev) if rdev else 0,
        va.blksize,
        0,
    )


def untrue(binding: Binding, op: str, came: object, expected: str) -> NoReturn:
    """Refuse an answer that cannot be true."""
    answer = repr(came)
    if len(answer) > SHOWN:
        answer = answer[:SHOWN] + "..."
    raise ReplyError(f"{binding.name}.{op} answered {answer}; expected {expected}")


def check_vattr(binding: Binding, op: str, va: Any, vnode: Vnode | None) -> None:
    """Say what is wrong with *va*, which could not be packed or does not fit its node."""
    if not isinstance(va, Vattr):
        untrue(binding, op, va, "a Vattr (or a node that has one in its attribute vattr)")
    mode: Any = va.mode
    size: Any = va.size
    kind = mode >> 12 if isinstance(mode, int) else None
    if kind not in KINDS:
        untrue(binding, op, va, "a mode with one of the stat.S_IF... types in it")
    try:
        split_ttl(va.ttl or 0)
    except (TypeError, ValueError):
        untrue(binding, op, va, "a ttl in seconds, 0 or more, math.inf or None")
    if vnode is not None and vnode.kind not in (UNKNOWN_KIND, kind):
        was = oct(vnode.kind << 12)
        untrue(
            binding,
            op,
            va,
            f"the type that the node has had so far, {was}: a file of another type is another node",
        )
    if not isinstance(size, int) or not 0 <= size < 1 << 63:
        untrue(binding, op, va, "a size from 0 to 2**63 - 1")
    untrue(
        binding,
        op,
        va,
        "whole numbers that fit: uid, gid, nlink, blksize 32 bits, ino, blocks 64 bits, none negative; "
        "rdev 12 bits of major and 20 of minor",
    )


class Shaper:
    """Packs the replies of one mounted file system."""

    def __init__(self, binding: Binding) -> None:
        options = binding.options
        self._binding = binding
        self._nodes = binding.nodes
        self._entry_ttl = split_ttl(options.entry_timeout)
        self._attr_ttl = split_ttl(options.attr_timeout)
        self._attributes = binding.attributes()
        self._getattr = "getattr" if self._attributes is not own_vattr else ""

    def describe(self, op: str, node: Any, call: Call) -> Vattr:
        """Return the attributes of *node*, which *op* answered."""
        if self._getattr:
            va = self._attributes(node, call)
        else:
            va = getattr(node, "vattr", None)
        if type(va) is not Vattr and not isinstance(va, Vattr):
            expected = "a node; raise FileNotFoundError where there is none" if node is None else ""
            untrue(
                self._binding,
                self._getattr or op,
                va if self._getattr else node,
                expected or self._expected(),
            )
        return va

    def _expected(self) -> str:
        if self._getattr:
            return "a Vattr"
        return "a node with its attributes (a Vattr) in the attribute vattr, unless you write getattr"

    def entry_values(self, op: str, answer: Any, call: Call) -> tuple[Vnode, tuple[int, ...]]:
        """Return the vnode that *answer* names, one lookup count up, and the 22 numbers of its entry."""
        ttl, ttl_nsec = self._entry_ttl
        if type(answer) is Entry:
            if answer.ttl is not None:
                ttl, ttl_nsec = self._entry_time(op, answer)
            answer = answer.node
        va = self.describe(op, answer, call)
        try:
            attr_ttl, attr_ttl_nsec = self._attr_ttl if va.ttl is None else split_ttl(va.ttl)
            kind = va.mode >> 12
        except CANNOT_PACK:
            check_vattr(self._binding, self._getattr or op, va, None)
            raise
        vnode = self._nodes.hold(answer)
        if kind != vnode.kind or vnode.cookie == ROOT_COOKIE:
            self._first_sight(op, va, vnode, kind)
        head = (vnode.cookie, vnode.generation, ttl, attr_ttl, ttl_nsec, attr_ttl_nsec)
        try:
            return vnode, head + attr_values(va, vnode.cookie)
        except CANNOT_PACK:
            self.refuse(op, va, vnode)

    def entry(self, op: str, unique: int, answer: Any, call: Call) -> bytes:
        """Return the reply that names a node."""
        vnode, values = self.entry_values(op, answer, call)
        try:
            return pack_entry(ENTRY_SIZE, 0, unique, *values)
        except struct.error:
            self.refuse(op, answer, vnode, call)

    def root_entry(self, unique: int, call: Call) -> bytes:
        """Return the reply that names the root, which only an exported mount asks for (fuse_get_parent)."""
        root = self._nodes.hold(self._binding.nodes.root.node)
        va = self.describe("root", root.node, call)
        return pack_entry(ENTRY_SIZE, 0, unique, ROOT_COOKIE, 0, 0, 0, 0, 0, *attr_values(va, ROOT_COOKIE))

    def create(
        self,
        op: str,
        unique: int,
        answer: Any,
        call: Call,
        opening: Callable[[Vnode], tuple[int, int, int]],
        drop: Callable[[Any, Call], None],
        *,
        emptied: bool = False,
    ) -> bytes:
        """Return the reply that names a node and an open file of it, which *opening* makes.

        Where the node cannot be named, *drop* closes what was made open with it.
        *emptied*: opening it cuts its data, so that the attributes are not what they were: the size is known
        then, and the kernel asks for the rest.
        """
        try:
            vnode, values = self.entry_values(op, answer, call)
        except Parked:
            raise
        except BaseException:
            drop(answer, call)
            raise
        if emptied:
            values = (*values[:3], 0, values[4], 0, values[6], 0, 0, *values[9:])
        try:
            entry = pack_entry(CREATE_SIZE, 0, unique, *values)
        except struct.error:
            self.refuse(op, answer, vnode, call)
        try:
            return entry + pack_opened(*opening(vnode))
        except Parked:
            self._nodes.uncount(vnode)
            raise
        except BaseException:
            self._nodes.forget(vnode.cookie, 1)
            raise

    def bare_entry(self, op: str, answer: Any, call: Call) -> bytes:
        """Return a counted READDIRPLUS entry."""
        vnode, values = self.entry_values(op, answer, call)
        try:
            return pack_bare_entry(*values)
        except struct.error:
            self.refuse(op, answer, vnode, call)

    def attr(self, op: str, unique: int, va: Any, vnode: Vnode) -> bytes:
        """Return the reply that tells attributes."""
        try:
            ttl, ttl_nsec = self._attr_ttl if va.ttl is None else split_ttl(va.ttl)
            if va.mode >> 12 != vnode.kind:
                self.settle_kind(op, va, vnode)
            return pack_attr(ATTR_SIZE, 0, unique, ttl, ttl_nsec, *attr_values(va, vnode.cookie))
        except CANNOT_PACK:
            check_vattr(self._binding, op, va, vnode)
            raise

    def refuse(self, op: str, came: Any, vnode: Vnode, call: Call | None = None) -> NoReturn:
        """Take back the count of an entry that cannot be sent, and say why it cannot."""
        self._nodes.forget(vnode.cookie, 1)
        va = came if isinstance(came, Vattr) or call is None else self.describe(op, vnode.node, call)
        check_vattr(self._binding, self._getattr or op, va, vnode)
        raise AssertionError("unreachable: check_vattr always finds something")

    def _first_sight(self, op: str, va: Vattr, vnode: Vnode, kind: int) -> None:
        if vnode.cookie == ROOT_COOKIE:
            self._nodes.forget(ROOT_COOKIE, 1)
            untrue(self._binding, op, vnode.node, "a node other than the root, which has no name")
        if vnode.kind != UNKNOWN_KIND or kind not in KINDS:
            self.refuse(op, va, vnode)
        vnode.kind = kind

    def _entry_time(self, op: str, answer: Entry) -> Ttl:
        try:
            return split_ttl(answer.ttl)  # type: ignore[arg-type]  # it is not None
        except (TypeError, ValueError):
            untrue(self._binding, op, answer, "an Entry whose ttl is seconds, 0 or more, math.inf or None")

    def settle_kind(self, op: str, va: Vattr, vnode: Vnode) -> None:
        """Learn the type of *vnode* from its first attributes, and hold later ones against it."""
        if vnode.kind != UNKNOWN_KIND or va.mode >> 12 not in KINDS:
            check_vattr(self._binding, op, va, vnode)
        vnode.kind = va.mode >> 12


def _buffer(binding: Binding, op: str, data: Any) -> memoryview:
    """Return *data* as what one system call can send."""
    try:
        view = memoryview(data)
    except TypeError:
        untrue(binding, op, data, "bytes or another buffer (or a tuple of them)")
    return view if view.c_contiguous else memoryview(bytes(view))


def data_reply(binding: Binding, op: str, unique: int, data: Any, limit: int) -> bytes | tuple[Buffer, ...]:
    """Return the reply that carries *data*, at most *limit* bytes, without copying it."""
    kind = type(data)
    if kind is bytes or kind is bytearray:
        size = len(data)
    elif kind is tuple:
        data = tuple(_buffer(binding, op, piece) for piece in data)
        size = sum(piece.nbytes for piece in data)
    elif kind is memoryview and data.c_contiguous:
        size = data.nbytes
    else:
        data = _buffer(binding, op, data)
        size = data.nbytes
    if size > limit:
        untrue(binding, op, f"{size} bytes", f"at most the {limit} bytes that were asked for")
    header = pack_header(HEADER_SIZE + size, 0, unique)
    if not size:
        return header
    return (header, *data) if kind is tuple else (header, data)
