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
from puffpy.errors import ReplyError
from puffpy.nodes import ROOT_COOKIE, Vnode
from puffpy.types import Call, Entry, Vattr
from puffpy.wire import encode_rdev
from puffpy.wire.structs import ATTR_OUT, CREATE_OUT, ENTRY_OUT, OUT_HEADER, reply_struct

pack_header = OUT_HEADER.struct.pack
pack_entry = reply_struct(ENTRY_OUT).pack
pack_bare_entry = ENTRY_OUT.struct.pack
pack_create = reply_struct(CREATE_OUT).pack
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

Ttl = tuple[int, int]


def split_ttl(seconds: float) -> Ttl:
    """Return a time to live as seconds and nanoseconds; ``math.inf`` is for ever."""
    if not 0 <= seconds < FOR_EVER:
        if math.isnan(seconds) or seconds < 0:
            raise ReplyError(f"a time to live of {seconds} seconds; expected 0 or more, or math.inf")
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
    raise ReplyError(f"{binding.name}.{op} answered {came!r}; expected {expected}")


def check_vattr(binding: Binding, op: str, va: Any, vnode: Vnode | None) -> None:
    """Say what is wrong with *va*, which could not be packed or does not fit its node."""
    if not isinstance(va, Vattr):
        untrue(binding, op, va, "a Vattr (or a node that has one in its attribute vattr)")
    kind = va.mode >> 12
    if kind not in KINDS:
        untrue(binding, op, va, "a mode with one of the stat.S_IF... types in it")
    if vnode is not None and vnode.kind and vnode.kind != kind:
        was = oct(vnode.kind << 12)
        untrue(
            binding,
            op,
            va,
            f"the type that the node has had so far, {was}: a file of another type is another node",
        )
    if not 0 <= va.size < 1 << 63:
        untrue(binding, op, va, "a size from 0 to 2**63 - 1")
    untrue(
        binding,
        op,
        va,
        "numbers that fit: uid, gid, nlink, blksize 32 bits, ino, blocks 64 bits, none negative",
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
                ttl, ttl_nsec = split_ttl(answer.ttl)
            answer = answer.node
        va = self.describe(op, answer, call)
        attr_ttl, attr_ttl_nsec = self._attr_ttl if va.ttl is None else split_ttl(va.ttl)
        vnode = self._nodes.hold(answer)
        kind = va.mode >> 12
        if kind != vnode.kind or vnode.cookie == ROOT_COOKIE:
            self._first_sight(op, va, vnode, kind)
        head = (vnode.cookie, vnode.generation, ttl, attr_ttl, ttl_nsec, attr_ttl_nsec)
        try:
            return vnode, head + attr_values(va, vnode.cookie)
        except (TypeError, ArithmeticError):
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
        self, unique: int, answer: Any, call: Call, opening: Callable[[Vnode], tuple[int, int, int]]
    ) -> bytes:
        """Return the reply that names a node and an open file of it, which *opening* makes."""
        vnode, values = self.entry_values("create", answer, call)
        try:
            opened = opening(vnode)
        except BaseException:
            self._nodes.forget(vnode.cookie, 1)
            raise
        try:
            return pack_create(CREATE_SIZE, 0, unique, *values, *opened)
        except struct.error:
            self.refuse("create", answer, vnode, call)

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
                self._settle_kind(op, va, vnode)
            return pack_attr(ATTR_SIZE, 0, unique, ttl, ttl_nsec, *attr_values(va, vnode.cookie))
        except (struct.error, AttributeError, TypeError, ArithmeticError):
            check_vattr(self._binding, op, va, vnode)
            raise

    def refuse(self, op: str, came: Any, vnode: Vnode, call: Call | None = None) -> NoReturn:
        """Take back the count of an entry that cannot be sent, and say why it cannot."""
        self._nodes.forget(vnode.cookie, 1)
        va = came if isinstance(came, Vattr) or call is None else self.describe(op, vnode.node, call)
        check_vattr(self._binding, op, va, vnode)
        raise AssertionError("unreachable: check_vattr always finds something")

    def _first_sight(self, op: str, va: Vattr, vnode: Vnode, kind: int) -> None:
        if vnode.cookie == ROOT_COOKIE:
            self._nodes.forget(ROOT_COOKIE, 1)
            untrue(self._binding, op, vnode.node, "a node other than the root, which has no name")
        if vnode.kind or kind not in KINDS:
            self.refuse(op, va, vnode)
        vnode.kind = kind

    def _settle_kind(self, op: str, va: Vattr, vnode: Vnode) -> None:
        if vnode.kind or va.mode >> 12 not in KINDS:
            check_vattr(self._binding, op, va, vnode)
        vnode.kind = va.mode >> 12


def data_reply(binding: Binding, op: str, unique: int, data: Any, limit: int) -> bytes | tuple[Buffer, ...]:
    """Return the reply that carries *data*, at most *limit* bytes, without copying it."""
    kind = type(data)
    if kind is bytes or kind is bytearray:
        size = len(data)
    elif kind is tuple:
        size = sum(memoryview(piece).nbytes for piece in data)
    else:
        try:
            data = memoryview(data)
        except TypeError:
            untrue(binding, op, data, "bytes or another buffer (or a tuple of them)")
        if not data.c_contiguous:
            data = memoryview(bytes(data))
        size = data.nbytes
    if size > limit:
        untrue(binding, op, f"{size} bytes", f"at most the {limit} bytes that were asked for")
    header = pack_header(HEADER_SIZE + size, 0, unique)
    if not size:
        return header
    return (header, *data) if kind is tuple else (header, data)
