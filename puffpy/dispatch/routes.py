"""The routes: one row per opcode of the protocol.  A newcomer starts here.

A row names the operations that an opcode leads to and the factory of its handler.  Where none of those
operations is written, the operation table says what is answered; nothing else decides that.

To add an opcode, add its row; the tests hold this table against the protocol's and the operations'.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from types import MappingProxyType

import attrs

from puffpy.dispatch import attributes, closing, creation, data, devices, directories, life, locks, names
from puffpy.dispatch.binding import Binding, Handler, Message, Reply
from puffpy.dispatch.shape import HEADER_SIZE, Shaper, pack_header
from puffpy.ops import OPERATIONS, Answer
from puffpy.wire import MESSAGES, Opcode
from puffpy.wire.flags import InitFlag
from puffpy.wire.structs import IN_HEADER, SETXATTR_IN_COMPAT

Factory = Callable[[Binding, Shaper], Handler]


@attrs.frozen
class Route:
    """What becomes of one opcode.

    *ops*: the operations it leads to, the first one deciding what is answered where none is written.
    *factory*: makes the handler.  *needed*: the handler is there even where no operation is.  *refusal*: the
    errno that answers an opcode which leads nowhere on purpose, with the reason in *note*.
    """

    opcode: Opcode
    ops: tuple[str, ...] = ()
    factory: Factory | None = None
    needed: bool = False
    refusal: int = 0
    note: str = ""


_SESSION = "the session's own: it concerns the conversation, not a file"
_DAX = "mapped windows are virtiofs's DAX, and no bridge has one"

_ROWS = (
    Route(Opcode.LOOKUP, ("lookup",), names.lookup),
    Route(Opcode.FORGET, ("reclaim",), life.forget, needed=True),
    Route(Opcode.GETATTR, ("getattr",), attributes.getattr, needed=True),
    Route(Opcode.SETATTR, ("setattr",), attributes.setattr),
    Route(Opcode.READLINK, ("readlink",), names.readlink),
    Route(Opcode.SYMLINK, ("symlink",), creation.symlink),
    Route(Opcode.MKNOD, ("mknod", "create"), creation.mknod),
    Route(Opcode.MKDIR, ("mkdir",), creation.mkdir),
    Route(Opcode.UNLINK, ("remove",), names.remove),
    Route(Opcode.RMDIR, ("rmdir",), names.rmdir),
    Route(Opcode.RENAME, ("rename",), names.rename),
    Route(Opcode.LINK, ("link",), names.link),
    Route(Opcode.OPEN, ("open",), data.open, needed=True),
    Route(Opcode.READ, ("read",), data.read),
    Route(Opcode.WRITE, ("write",), data.write),
    Route(Opcode.STATFS, ("statvfs",), attributes.statvfs, needed=True),
    Route(Opcode.RELEASE, ("close",), closing.close, needed=True),
    Route(Opcode.FSYNC, ("fsync",), data.fsync),
    Route(Opcode.SETXATTR, ("setextattr",), attributes.setextattr),
    Route(Opcode.GETXATTR, ("getextattr",), attributes.getextattr),
    Route(Opcode.LISTXATTR, ("listextattr",), attributes.listextattr),
    Route(Opcode.REMOVEXATTR, ("deleteextattr",), attributes.deleteextattr),
    Route(Opcode.FLUSH, ("flush", "advlock"), closing.flush),
    Route(Opcode.INIT, note=_SESSION),
    Route(Opcode.OPENDIR, ("readdir",), directories.opendir, needed=True),
    Route(Opcode.READDIR, ("readdir",), directories.readdir),
    Route(Opcode.RELEASEDIR, ("readdir",), directories.closedir, needed=True),
    Route(Opcode.FSYNCDIR, ("fsync",), data.fsync),
    Route(Opcode.GETLK, ("advlock",), locks.getlk),
    Route(Opcode.SETLK, ("advlock",), locks.setlk),
    Route(Opcode.SETLKW, ("advlock",), locks.setlkw),
    Route(Opcode.ACCESS, ("access",), attributes.access),
    Route(Opcode.CREATE, ("create",), creation.create),
    Route(Opcode.INTERRUPT, note=_SESSION),
    Route(Opcode.BMAP, ("bmap",), devices.bmap),
    Route(Opcode.DESTROY, ("unmount",), note=_SESSION),
    Route(Opcode.IOCTL, ("ioctl",), devices.ioctl),
    Route(Opcode.POLL, ("poll",), devices.poll),
    Route(Opcode.NOTIFY_REPLY, note=_SESSION),
    Route(Opcode.BATCH_FORGET, ("reclaim",), life.batch_forget, needed=True),
    Route(Opcode.FALLOCATE, ("fallocate", "fdiscard"), data.fallocate),
    Route(Opcode.READDIRPLUS, ("readdir",), directories.readdirplus),
    Route(Opcode.RENAME2, ("rename",), names.rename2),
    Route(Opcode.LSEEK, ("seek",), data.seek),
    Route(Opcode.COPY_FILE_RANGE, ("copy_file_range",), data.copy_file_range),
    Route(Opcode.SETUPMAPPING, refusal=errno.ENOSYS, note=_DAX),
    Route(Opcode.REMOVEMAPPING, refusal=errno.ENOSYS, note=_DAX),
    Route(Opcode.SYNCFS, ("sync",), life.sync, needed=True),
    Route(Opcode.TMPFILE, ("tmpfile",), creation.tmpfile),
    Route(Opcode.STATX, ("getattr",), attributes.statx, needed=True),
    Route(Opcode.COPY_FILE_RANGE_64, ("copy_file_range",), data.copy_file_range_64),
    Route(
        Opcode.CUSE_INIT, refusal=errno.ENOSYS, note="character devices in user space are not file systems"
    ),
)

ROUTES: Mapping[Opcode, Route] = MappingProxyType({row.opcode: row for row in _ROWS})
"""Every opcode's row."""

Bound = tuple[int, Handler]
"""How many bytes a message must have at least, and what answers it."""


def bind(b: Binding) -> dict[int, Bound]:
    """Return what answers each opcode of one mounted file system."""
    shaper = Shaper(b)
    return {
        int(row.opcode): (_least(row.opcode, b.terms.flags), _handler(row, b, shaper))
        for row in ROUTES.values()
    }


def _least(opcode: Opcode, agreed: InitFlag) -> int:
    if opcode is Opcode.SETXATTR and not agreed & InitFlag.SETXATTR_EXT:
        return IN_HEADER.size + SETXATTR_IN_COMPAT.size
    message = MESSAGES[opcode]
    return IN_HEADER.size + (message.request.size if message.request else 0)


def _handler(row: Route, b: Binding, shaper: Shaper) -> Handler:
    if row.opcode is Opcode.OPEN and b.terms.no_open:
        return refuse(errno.ENOSYS)
    if row.factory is None:
        return refuse(row.refusal or errno.ENOSYS)
    if row.needed or b.written.intersection(row.ops):
        return row.factory(b, shaper)
    operation = OPERATIONS[row.ops[0]]
    return refuse(errno.ENOSYS if operation.answer is Answer.KERNEL else operation.errno or errno.EOPNOTSUPP)


def refuse(code: int) -> Handler:
    """Return a handler that always says *code*."""

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        return pack_header(HEADER_SIZE, -code, unique)

    return handle
