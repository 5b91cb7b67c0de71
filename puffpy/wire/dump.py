"""One line of text for any message, either way: what ``--dump`` prints.

Nothing here refuses a message: what is malformed is shown as far as it goes, with what is wrong with it.

    > 10 LOOKUP node=1 uid=1000 gid=1000 pid=4711 'hello'
    < 10 LOOKUP nodeid=2 entry_valid=1 ino=2 mode=0o100444 nlink=1
    > 12 GETXATTR node=2 pid=4711 size=20 'user.colour'
    < 12 GETXATTR ENODATA
    ! INVAL_ENTRY parent=1 namelen=5 flags=EXPIRE_ONLY 'hello'

The number behind the arrow is the request's unique, so that a search for it finds the pair.  A field that is
0 is left out, and data is shown by its length.
"""

import errno
import os
from collections.abc import Callable, Mapping
from enum import Enum, IntFlag
from types import MappingProxyType
from typing import Final

from puffpy.errors import WireError
from puffpy.wire import flags as f
from puffpy.wire.codec import Reply, Request, decode_reply, decode_request, records
from puffpy.wire.dirents import unpack_dirents, unpack_direntsplus
from puffpy.wire.messages import MESSAGES
from puffpy.wire.notify import NOTIFICATIONS, Notification, decode_notify
from puffpy.wire.opcodes import UNIQUE_NOTIFY, UNIQUE_RESEND, NotifyCode, Opcode
from puffpy.wire.rdev import decode_rdev
from puffpy.wire.structs import OUT_HEADER, Buffer, Layout


class Direction(Enum):
    """Which way a message goes."""

    TO_SERVER = ">"
    TO_KERNEL = "<"


SHOWN_RECORDS: Final = 8
"""So many nodes of a BATCH_FORGET are shown."""


class OpenMode(IntFlag):
    """What open(2) was given, by this machine's numbers; O_RDONLY is 0."""

    O_WRONLY = os.O_WRONLY
    O_RDWR = os.O_RDWR
    O_CREAT = os.O_CREAT
    O_EXCL = os.O_EXCL
    O_TRUNC = os.O_TRUNC
    O_APPEND = os.O_APPEND
    O_NONBLOCK = os.O_NONBLOCK
    O_DSYNC = os.O_DSYNC
    O_DIRECT = os.O_DIRECT
    O_DIRECTORY = os.O_DIRECTORY
    O_NOFOLLOW = os.O_NOFOLLOW
    O_NOATIME = os.O_NOATIME
    O_CLOEXEC = os.O_CLOEXEC


FLAG_WORDS: Final[Mapping[str, Mapping[str, type[IntFlag]]]] = MappingProxyType(
    {
        "attr_out": {"flags": f.AttrFlag},
        "create_in": {"flags": OpenMode, "open_flags": f.OpenIn},
        "create_out": {"flags": f.AttrFlag, "open_flags": f.OpenOut},
        "cuse_init_in": {"flags": f.CuseFlag},
        "cuse_init_out": {"flags": f.CuseFlag},
        "entry_out": {"flags": f.AttrFlag},
        "fallocate_in": {"mode": f.FallocateFlag},
        "fsync_in": {"fsync_flags": f.FsyncFlag},
        "getattr_in": {"getattr_flags": f.GetattrFlag},
        "ioctl_in": {"flags": f.IoctlFlag},
        "ioctl_out": {"flags": f.IoctlFlag},
        "lk_in": {"lk_flags": f.LockFlag},
        "notify_inval_entry_out": {"flags": f.InvalEntryFlag},
        "open_in": {"flags": OpenMode, "open_flags": f.OpenIn},
        "open_out": {"open_flags": f.OpenOut},
        "poll_in": {"flags": f.PollFlag},
        "read_in": {"flags": OpenMode, "read_flags": f.ReadFlag},
        "release_in": {"flags": OpenMode, "release_flags": f.ReleaseFlag},
        "rename2_in": {"flags": f.RenameFlag},
        "setattr_in": {"valid": f.SetattrValid},
        "setupmapping_in": {"flags": f.SetupmappingFlag},
        "setxattr_in": {"flags": f.XattrFlag, "setxattr_flags": f.SetxattrFlag},
        "statx_in": {"getattr_flags": f.GetattrFlag},
        "write_in": {"flags": OpenMode, "write_flags": f.WriteFlag},
    }
)
"""Which class names the bits of a field, by structure."""

OCTAL: Final = frozenset({"mode", "umask"})
HEXADECIMAL: Final = frozenset({"cmd", "arg", "lock_owner", "owner"})


def dump(
    message: Buffer,
    *,
    direction: Direction | None = None,
    opcode_of: Callable[[int], int | None] | None = None,
) -> str:
    """Return one line about *message*.  Never raises, whatever the bytes.

    Args:
        message: A request, a reply or a notification, whole.
        direction: Which way it went; without it the header tells.
        opcode_of: Gives the opcode of the request with some unique, or None; without it the body of a reply
            cannot be read and is shown by its length.
    """
    if len(message) < OUT_HEADER.size:
        return f"? malformed: {len(message)} bytes, a header has {OUT_HEADER.size} at least"
    _, number, unique = OUT_HEADER.unpack_from(message)
    if direction is None:
        asks = number > 0 and (unique != UNIQUE_NOTIFY or number == Opcode.NOTIFY_REPLY)
        direction = Direction.TO_SERVER if asks else Direction.TO_KERNEL
    if direction is Direction.TO_SERVER:
        return _dump_request(message, number, unique)
    if unique == UNIQUE_NOTIFY:
        return _dump_notification(message, number)
    return _dump_reply(message, number, unique, opcode_of(unique) if opcode_of else None)


def flag_names(word: type[IntFlag], value: int) -> str:
    """Return the bits of *value* by name, joined by ``|``; what has no name is one hexadecimal number."""
    named = {name: int(bit) for name, bit in word.__members__.items() if bit and value & bit == bit}
    rest = value
    for bit in named.values():
        rest &= ~bit
    return "|".join([*named, *([hex(rest)] if rest or not named else [])])


def _dump_request(message: Buffer, number: int, unique: int) -> str:
    head = f"> {_unique(unique)} {_name(Opcode, number)}"
    try:
        request = _decode_either(message)
    except WireError as exc:
        return f"{head} malformed: {exc}"
    row = MESSAGES[request.opcode]
    line = head + _fields(
        None, {"node": request.nodeid, "uid": request.uid, "gid": request.gid, "pid": request.pid}
    )
    line += _fields(row.request, request.fields)
    line += "".join(" " + _quoted(name) for name in request.names)
    if row.records:
        shown = [":".join(map(str, record)) for record in records(request)[: SHOWN_RECORDS + 1]]
        if len(shown) > SHOWN_RECORDS:
            shown[-1] = "..."
        line += " " + " ".join(shown)
    else:
        line += _bytes(request.data)
    if request.groups:
        line += " groups=" + ",".join(map(str, request.groups))
    return line + "".join(f" {_quoted(name)}={_quoted(value)}" for name, value in request.secctx)


def _decode_either(message: Buffer) -> Request:
    """Decode a request of a conversation whose terms are not known: SETXATTR has two forms.

    The long form read as the short one leaves more data than its size says: the last 4 bytes are zeros, which
    end the name.  The other way round a name of 8 or more bytes would pass, shortened.
    """
    try:
        return decode_request(message)
    except WireError:
        return decode_request(message, setxattr_ext=True)


def _dump_reply(message: Buffer, error: int, unique: int, number: int | None) -> str:
    head = f"< {_unique(unique)}"
    try:
        opcode = None if number is None else Opcode(number)
    except ValueError:
        opcode = None
    if number is not None:
        head += f" {_name(Opcode, number)}"
    if error:
        head += " " + errno.errorcode.get(-error, f"error {error}")
    if opcode is None:
        length = OUT_HEADER.unpack_from(message)[0]
        lie = "" if length == len(message) else f" malformed: says {length} bytes, holds {len(message)}"
        return head + ("" if error else " ok") + _bytes(message[OUT_HEADER.size :]) + lie
    try:
        reply = decode_reply(opcode, message)
        body = _fields(MESSAGES[opcode].reply, reply.fields) + _payload(opcode, reply)
    except WireError as exc:
        return f"{head} malformed: {exc}"
    return head + (body or ("" if error else " ok"))


def _payload(opcode: Opcode, reply: Reply) -> str:
    if reply.error:
        return ""
    if opcode is Opcode.READLINK:
        return " " + _quoted(bytes(reply.data))
    if opcode is Opcode.READDIR:
        return f" {len(unpack_dirents(reply.data))} entries," + _bytes(reply.data)
    if opcode is Opcode.READDIRPLUS:
        return f" {len(unpack_direntsplus(reply.data))} entries," + _bytes(reply.data)
    return _bytes(reply.data)


def _dump_notification(message: Buffer, number: int) -> str:
    head = f"! {_name(NotifyCode, number)}"
    try:
        said: Notification = decode_notify(message)
    except WireError as exc:
        return f"{head} malformed: {exc}"
    line = head + _fields(NOTIFICATIONS[said.code].layout, said.fields) + _bytes(said.data)
    if said.name:
        line += " " + _quoted(said.name)
    return line + "".join(f" {nodeid}" for nodeid in said.nodeids[:SHOWN_RECORDS])


def _name(numbers: type[Opcode] | type[NotifyCode], number: int) -> str:
    try:
        return numbers(number).name
    except ValueError:
        return f"{numbers.__name__.lower()} {number}"


def _unique(unique: int) -> str:
    return f"{unique & ~UNIQUE_RESEND}{' (again)' if unique & UNIQUE_RESEND else ''}"


def _fields(layout: Layout | None, fields: Mapping[str, int]) -> str:
    words = FLAG_WORDS.get(layout.name, {}) if layout else {}
    if fields and layout and layout.name in ("init_in", "init_out"):
        fields = dict(fields, flags=fields["flags"] | fields["flags2"] << 32, flags2=0)
        words = {"flags": f.InitFlag}
    return "".join(f" {name}={_value(name, value, words)}" for name, value in fields.items() if value)


def _value(name: str, value: int, words: Mapping[str, type[IntFlag]]) -> str:
    if name in words:
        return flag_names(words[name], value)
    if name in OCTAL:
        return oct(value)
    if name in HEXADECIMAL:
        return hex(value)
    if name == "rdev":
        device = decode_rdev(value)
        return f"{os.major(device)}:{os.minor(device)}"
    return str(value)


def _bytes(data: Buffer) -> str:
    return f" {len(data)} bytes" if len(data) else ""


def _quoted(name: bytes) -> str:
    return repr(name)[1:]
