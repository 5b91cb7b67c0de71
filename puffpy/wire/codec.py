"""Messages to bytes and back, for both halves of the conversation, driven by the table of messages.

Nothing here decides anything; whether a message makes sense to a file system is not looked at.  The session's
hot paths unpack by the same structures without coming through here.

What is malformed raises :class:`WireError` with the opcode, the number found and the number expected.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

from puffpy.errors import LAST_ERRNO, WireError
from puffpy.wire.extensions import EXT_UNIT, SecurityContext, decode_extensions, encode_extensions
from puffpy.wire.messages import MESSAGES, Message
from puffpy.wire.opcodes import Opcode
from puffpy.wire.structs import (
    GETXATTR_OUT,
    IN_HEADER,
    INIT_IN,
    INIT_IN_COMPAT,
    INIT_OUT,
    OUT_HEADER,
    SETXATTR_IN,
    SETXATTR_IN_COMPAT,
    Buffer,
    Layout,
)

NO_FIELDS: Final[Mapping[str, int]] = MappingProxyType({})

INIT_EXT_MINOR: Final = 36
"""The first minor whose INIT has 64 bytes and not 16."""

INIT_OUT_SHORTEST: Final = 24
"""The kernel reads what is missing behind this many bytes of an INIT reply as zeros."""


@attrs.frozen
class Request:
    """What the kernel asks."""

    opcode: Opcode
    unique: int = attrs.field(kw_only=True)
    nodeid: int = attrs.field(default=0, kw_only=True)
    uid: int = attrs.field(default=0, kw_only=True)
    gid: int = attrs.field(default=0, kw_only=True)
    pid: int = attrs.field(default=0, kw_only=True)

    fields: Mapping[str, int] = attrs.field(default=NO_FIELDS, kw_only=True)
    """The fixed structure's, by name; what an older kernel leaves out is 0."""

    names: tuple[bytes, ...] = attrs.field(default=(), kw_only=True)
    """Without their NULs."""

    data: bytes | bytearray | memoryview = attrs.field(default=b"", kw_only=True)
    """A slice of the message, so not a copy if that was a memoryview."""

    groups: tuple[int, ...] = attrs.field(default=(), kw_only=True)
    secctx: tuple[SecurityContext, ...] = attrs.field(default=(), kw_only=True)


@attrs.frozen
class Reply:
    """What the kernel is told."""

    unique: int

    error: int = attrs.field(default=0, kw_only=True)
    """An errno, positive; 0 is success."""

    fields: Mapping[str, int] = attrs.field(default=NO_FIELDS, kw_only=True)
    data: bytes | bytearray | memoryview = attrs.field(default=b"", kw_only=True)


def decode_request(message: Buffer, *, setxattr_ext: bool = False) -> Request:
    """Take one whole request apart.

    Args:
        message: Exactly what one read of the device returned.
        setxattr_ext: Whether InitFlag.SETXATTR_EXT was agreed on.

    Raises:
        WireError: The message is malformed, or its opcode is not in the table.
    """
    length, number, unique, nodeid, uid, gid, pid, extlen = IN_HEADER.unpack_from(message)
    row = _row(number)
    if length != len(message):
        raise _malformed(row.opcode, "the header's length", len(message), length)
    end = length - extlen * EXT_UNIT
    if extlen and (not row.extensions or end < IN_HEADER.size):
        room = length - IN_HEADER.size if row.extensions else 0
        raise _malformed(row.opcode, "the extension area", extlen * EXT_UNIT, f"at most {room}")
    secctx, groups = decode_extensions(message[end:])
    fields, position = _request_fields(row, message[:end], setxattr_ext)
    names, position = _split_names(row, message[:end], position)
    data = message[position:end]
    if len(data) != _data_size(row, fields):
        raise _malformed(row.opcode, "what follows", len(data), _data_size(row, fields))
    return Request(
        row.opcode,
        unique=unique,
        nodeid=nodeid,
        uid=uid,
        gid=gid,
        pid=pid,
        fields=fields,
        names=names,
        data=data,
        groups=groups,
        secctx=secctx,
    )


def encode_request(request: Request, *, setxattr_ext: bool = False) -> bytes:
    """Return the bytes the kernel would send; a field left out is 0, one that counts the data its count."""
    row = MESSAGES[request.opcode]
    fields = dict(request.fields)
    if row.counted:
        fields.setdefault(row.counted, len(request.data) // _unit(row))
    if len(request.data) != _data_size(row, fields):
        raise _malformed(row.opcode, "the data", len(request.data), _data_size(row, fields))
    if len(request.names) != row.names:
        raise WireError(f"{row.opcode.name}: {len(request.names)} names; it takes {row.names}")
    if any(b"\0" in name for name in request.names):
        raise WireError(f"{row.opcode.name}: a NUL in {request.names!r}")
    extensions = encode_extensions(request.secctx, request.groups)
    if extensions and not row.extensions:
        raise WireError(f"{row.opcode.name}: {len(extensions)} bytes of extensions; it takes none")
    body = _pack_request(row, fields, setxattr_ext)
    body += b"".join(name + b"\0" for name in request.names) + bytes(request.data) + extensions
    header = IN_HEADER.pack(
        IN_HEADER.size + len(body),
        request.opcode,
        request.unique,
        request.nodeid,
        request.uid,
        request.gid,
        request.pid,
        len(extensions) // EXT_UNIT,
    )
    return header + body


def records(request: Request) -> list[tuple[int, ...]]:
    """Return the data of a BATCH_FORGET or a REMOVEMAPPING, record by record."""
    layout = MESSAGES[request.opcode].records
    if layout is None:
        raise WireError(f"{request.opcode.name}: its data is not a row of records")
    return [layout.unpack_from(request.data, at) for at in range(0, len(request.data), layout.size)]


def decode_reply(opcode: Opcode, message: Buffer, *, size_probe: bool = False) -> Reply:
    """Take one whole reply apart.

    Args:
        opcode: Of the request it answers; the reply does not say.
        message: Exactly what was written to the device.
        size_probe: Whether the request was a GETXATTR or LISTXATTR of size 0.

    Raises:
        WireError: The kernel would refuse the reply, or the opcode has none.
    """
    length, error, unique = OUT_HEADER.unpack_from(message)
    if length != len(message):
        raise _malformed(opcode, "the header's length", len(message), length)
    layout, takes_data = _reply_shape(opcode, size_probe)
    if not -LAST_ERRNO <= error <= 0:
        raise WireError(f"{opcode.name}: error {error} in the reply; it takes 0 to -{LAST_ERRNO}")
    if error:
        if length != OUT_HEADER.size:
            raise _malformed(opcode, "an error reply", length, OUT_HEADER.size)
        return Reply(unique, error=-error)
    if opcode is Opcode.INIT and INIT_OUT_SHORTEST <= length - OUT_HEADER.size < INIT_OUT.size:
        message = bytes(message).ljust(OUT_HEADER.size + INIT_OUT.size, b"\0")
    end = OUT_HEADER.size + (layout.size if layout else 0)
    if len(message) < end or (len(message) > end and not takes_data):
        least = "at least " if takes_data else ""
        raise _malformed(opcode, "the reply", len(message), f"{least}{end}")
    fields = layout.named(layout.struct.unpack_from(message, OUT_HEADER.size)) if layout else {}
    return Reply(unique, fields=fields, data=message[end:])


def encode_reply(opcode: Opcode, reply: Reply, *, size_probe: bool = False) -> bytes:
    """Return the bytes of *reply* to a request of *opcode*; a field left out is 0."""
    layout, takes_data = _reply_shape(opcode, size_probe)
    if not 0 <= reply.error <= LAST_ERRNO:
        raise WireError(f"{opcode.name}: error {reply.error}; it takes an errno, 0 to {LAST_ERRNO}")
    if reply.data and (reply.error or not takes_data):
        raise _malformed(opcode, "the reply's data", len(reply.data), 0)
    if reply.fields and (reply.error or layout is None):
        raise WireError(f"{opcode.name}: fields {sorted(reply.fields)} in a reply that takes none")
    body = b"" if reply.error or layout is None else layout.pack_named(reply.fields)
    body += bytes(reply.data)
    return OUT_HEADER.pack(OUT_HEADER.size + len(body), -reply.error, reply.unique) + body


def _row(number: int) -> Message:
    try:
        return MESSAGES[Opcode(number)]
    except ValueError:
        raise WireError(f"opcode {number} is not in the table") from None


def _malformed(opcode: Opcode, what: str, actual: int, expected: object) -> WireError:
    return WireError(f"{opcode.name}: {what}: {actual} bytes, expected {expected}")


def _unit(row: Message) -> int:
    return row.records.size if row.records else 1


def _data_size(row: Message, fields: Mapping[str, int]) -> int:
    return fields[row.counted] * _unit(row) if row.counted else 0


def _request_fields(row: Message, message: Buffer, setxattr_ext: bool) -> tuple[Mapping[str, int], int]:
    """Return the fixed structure's fields and where it ends."""
    layout = row.request
    if layout is None:
        return {}, IN_HEADER.size
    end = IN_HEADER.size + layout.size
    if layout is INIT_IN and len(message) == IN_HEADER.size + INIT_IN_COMPAT.size:
        layout, end = INIT_IN_COMPAT, len(message)
    elif layout is INIT_IN and len(message) > end:
        # A newer kernel may say more; the answer, an older minor, tells it that it was not heard.
        end = len(message)
    elif layout is SETXATTR_IN and not setxattr_ext:
        layout, end = SETXATTR_IN_COMPAT, IN_HEADER.size + SETXATTR_IN_COMPAT.size
    if len(message) < end:
        raise _malformed(row.opcode, layout.name, len(message) - IN_HEADER.size, layout.size)
    fields = layout.named(layout.struct.unpack_from(message, IN_HEADER.size))
    if row.request is not None and layout is not row.request:
        fields = dict.fromkeys(row.request.fields, 0) | fields
    return fields, end


def _pack_request(row: Message, fields: Mapping[str, int], setxattr_ext: bool) -> bytes:
    layout = row.request
    if layout is None:
        if fields:
            raise WireError(f"{row.opcode.name}: fields {sorted(fields)} in a request that takes none")
        return b""
    if layout is INIT_IN and fields.get("minor", 0) < INIT_EXT_MINOR and not fields.get("flags2"):
        layout = INIT_IN_COMPAT
    elif layout is SETXATTR_IN and not setxattr_ext:
        layout = SETXATTR_IN_COMPAT
    if row.request is not layout:
        # What the short form has no room for must be what its reader fills in.
        fields = {name: value for name, value in fields.items() if value or name in layout.fields}
    return layout.pack_named(fields)


def _split_names(row: Message, message: Buffer, position: int) -> tuple[tuple[bytes, ...], int]:
    """Return the NUL-terminated strings from *position* on and where the last one ends."""
    if not row.names:
        return (), position
    tail = bytes(message[position:])
    names = tail.split(b"\0", row.names)
    if len(names) <= row.names:
        raise WireError(
            f"{row.opcode.name}: {len(names) - 1} names with a NUL in {len(tail)} bytes, expected {row.names}"
        )
    return tuple(names[:-1]), position + len(tail) - len(names[-1])


def _reply_shape(opcode: Opcode, size_probe: bool) -> tuple[Layout | None, bool]:
    row = MESSAGES[opcode]
    if not row.answered:
        raise WireError(f"{opcode.name} is not answered; the kernel would refuse any reply to it")
    if size_probe and opcode in (Opcode.GETXATTR, Opcode.LISTXATTR):
        return GETXATTR_OUT, False
    return row.reply, row.reply_data
