"""Notifications: what a file system tells the kernel unasked, to bytes and back.

When to send one, and from which thread, is the session's business.  A notification has an out header whose
unique is 0 and whose error is the code, positive.
"""

from collections.abc import Mapping, Sequence
from struct import Struct
from struct import error as struct_error
from types import MappingProxyType
from typing import Final

import attrs

from puffpy.errors import WireError
from puffpy.wire import structs as s
from puffpy.wire.opcodes import UNIQUE_NOTIFY, NotifyCode


@attrs.frozen
class NotifyShape:
    """The shape of one notification: a fixed structure, then what one of its fields counts."""

    code: NotifyCode
    layout: s.Layout | None = None
    counted: str = ""
    """The field that counts what follows."""

    follows: str = ""
    """``name`` (and a NUL that is not counted), ``data``, or ``nodeids``."""

    since: int = 0
    """The first protocol minor that takes it."""


SHAPES: Final = (
    NotifyShape(NotifyCode.POLL, s.NOTIFY_POLL_WAKEUP_OUT, since=11),
    NotifyShape(NotifyCode.INVAL_INODE, s.NOTIFY_INVAL_INODE_OUT, since=12),
    NotifyShape(NotifyCode.INVAL_ENTRY, s.NOTIFY_INVAL_ENTRY_OUT, "namelen", "name", since=12),
    NotifyShape(NotifyCode.STORE, s.NOTIFY_STORE_OUT, "size", "data", since=15),
    NotifyShape(NotifyCode.RETRIEVE, s.NOTIFY_RETRIEVE_OUT, since=15),
    NotifyShape(NotifyCode.DELETE, s.NOTIFY_DELETE_OUT, "namelen", "name", since=18),
    NotifyShape(NotifyCode.RESEND, since=40),
    NotifyShape(NotifyCode.INC_EPOCH, since=44),
    NotifyShape(NotifyCode.PRUNE, s.NOTIFY_PRUNE_OUT, "count", "nodeids", since=45),
)

NOTIFICATIONS: Final[Mapping[NotifyCode, NotifyShape]] = MappingProxyType({row.code: row for row in SHAPES})
"""The shape of each code."""


@attrs.frozen
class Notification:
    """What the kernel was told."""

    code: NotifyCode
    fields: Mapping[str, int] = attrs.field(factory=dict)
    name: bytes = b""
    data: bytes | bytearray | memoryview = b""
    nodeids: tuple[int, ...] = ()


def encode_poll(kh: int) -> bytes:
    """Return: what POLL of *kh* would say has changed; ask again."""
    return _message(NotifyCode.POLL, (kh,))


def encode_inval_inode(nodeid: int, offset: int = 0, length: int = 0) -> bytes:
    """Return: forget the attributes and the pages of *nodeid*.

    Args:
        offset: Of the first byte to forget; negative for the attributes alone.
        length: In bytes; 0 or less is to the end.
    """
    return _message(NotifyCode.INVAL_INODE, (nodeid, offset, length))


def encode_inval_entry(parent: int, name: bytes, flags: int = 0) -> bytes:
    """Return: *name* in *parent* may be something else now; *flags* is an InvalEntryFlag."""
    return _message(NotifyCode.INVAL_ENTRY, (parent, len(name), flags), _terminated(name))


def encode_delete(parent: int, child: int, name: bytes) -> bytes:
    """Return: *name* in *parent*, which was *child*, is gone; watchers are to be told."""
    return _message(NotifyCode.DELETE, (parent, child, len(name)), _terminated(name))


def encode_store(nodeid: int, offset: int, data: s.Buffer) -> bytes:
    """Return: these are the bytes of *nodeid* from *offset* on; keep them."""
    return _message(NotifyCode.STORE, (nodeid, offset, len(data)), bytes(data))


def encode_retrieve(notify_unique: int, nodeid: int, offset: int, size: int) -> bytes:
    """Return: send what you keep of *nodeid*; a NOTIFY_REPLY with unique *notify_unique* will follow."""
    return _message(NotifyCode.RETRIEVE, (notify_unique, nodeid, offset, size))


def encode_resend() -> bytes:
    """Return: ask everything again that was not answered, with UNIQUE_RESEND set."""
    return _message(NotifyCode.RESEND)


def encode_inc_epoch() -> bytes:
    """Return: no name you remember is certain any more."""
    return _message(NotifyCode.INC_EPOCH)


def encode_prune(nodeids: Sequence[int]) -> bytes:
    """Return: give these back where nobody uses them; FORGETs will follow."""
    try:
        tail = Struct(f"={len(nodeids)}Q").pack(*nodeids)
    except struct_error as exc:
        raise WireError(f"PRUNE: {exc}; a nodeid is 0 to 2**64 - 1") from None
    return _message(NotifyCode.PRUNE, (len(nodeids),), tail)


def decode_notify(message: s.Buffer) -> Notification:
    """Take one whole notification apart; :class:`WireError` where the kernel would refuse it."""
    length, number, unique = s.OUT_HEADER.unpack_from(message)
    if length != len(message):
        raise WireError(f"notification says {length} bytes, holds {len(message)}")
    if unique != UNIQUE_NOTIFY:
        raise WireError(f"unique is {unique}: a reply; a notification's is {UNIQUE_NOTIFY}")
    try:
        row = NOTIFICATIONS[NotifyCode(number)]
    except ValueError:
        raise WireError(f"notification code {number} is not in the table") from None
    at = s.OUT_HEADER.size
    fields: Mapping[str, int] = {}
    if row.layout:
        fields = row.layout.named(row.layout.unpack_from(message, at))
        at += row.layout.size
    return _with_tail(row, fields, message[at:])


def _with_tail(row: NotifyShape, fields: Mapping[str, int], tail: s.Buffer) -> Notification:
    count = fields[row.counted] if row.counted else 0
    expected = {"": 0, "name": count + 1, "data": count, "nodeids": count * 8}[row.follows]
    if len(tail) != expected:
        raise WireError(f"{row.code.name}: {len(tail)} bytes follow, expected {expected}")
    if row.follows == "name":
        name = bytes(tail)
        if name.find(b"\0") != count:
            raise WireError(f"{row.code.name}: NUL at {name.find(0)} of {name!r}, expected at {count}")
        return Notification(row.code, fields, name=name[:-1])
    if row.follows == "nodeids":
        return Notification(row.code, fields, nodeids=Struct(f"={count}Q").unpack(tail))
    return Notification(row.code, fields, data=tail)


def _message(code: NotifyCode, values: Sequence[int] = (), tail: bytes = b"") -> bytes:
    layout = NOTIFICATIONS[code].layout
    body = (layout.pack(*values) if layout else b"") + tail
    return s.OUT_HEADER.pack(s.OUT_HEADER.size + len(body), code, UNIQUE_NOTIFY) + body


def _terminated(name: bytes) -> bytes:
    if b"\0" in name:
        raise WireError(f"name {name!r} holds a NUL")
    return name + b"\0"
