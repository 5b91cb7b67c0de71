"""What belongs to each opcode: one row, read by the codec, the dump, the routes and the tests.

How a row becomes bytes is in :mod:`puffpy.wire.codec`, what an opcode means to a file system in dispatch.

To add an opcode: give it a number in :mod:`puffpy.wire.opcodes`, its structures in
:mod:`puffpy.wire.structs`, and a row here.  The tests find the rest.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

from puffpy.wire import structs as s
from puffpy.wire.opcodes import Opcode


@attrs.frozen
class Message:
    """The shape of one request and of its reply.

    A request is: in header, *request*, *names* NUL-terminated strings, then either raw data (*data*) or an
    extension area (*extensions*).  A reply is: out header, *reply*, raw data (*reply_data*).
    """

    opcode: Opcode

    request: s.Layout | None = None
    """The fixed structure in front; None where there is none."""

    names: int = attrs.field(default=0, kw_only=True)
    """How many NUL-terminated strings follow it."""

    data: bool = attrs.field(default=False, kw_only=True)
    """Whether raw bytes end the request."""

    counted: str = attrs.field(default="", kw_only=True)
    """The field of *request* that says how much data there is: bytes, or *records*."""

    records: s.Layout | None = attrs.field(default=None, kw_only=True)
    """What the data is a row of, where it is not bytes."""

    extensions: bool = attrs.field(default=False, kw_only=True)
    """Whether security contexts and a group may end the request."""

    reply: s.Layout | None = attrs.field(default=None, kw_only=True)
    """The fixed structure of a successful reply; None where the header says it all."""

    reply_data: bool = attrs.field(default=False, kw_only=True)
    """Whether raw bytes end a successful reply."""

    answered: bool = attrs.field(default=True, kw_only=True)
    """False where the kernel has no place for an answer, not even for an error."""

    since: int = attrs.field(default=0, kw_only=True)
    """The first protocol minor that sends it; 0 where it was always there."""

    note: str = attrs.field(default="", kw_only=True)
    """One line for people: what the header's nodeid is, or what is easily overlooked."""


ROWS: Final = (
    Message(Opcode.LOOKUP, names=1, reply=s.ENTRY_OUT, note="nodeid 0 in the reply: no such name, cached"),
    Message(Opcode.FORGET, s.FORGET_IN, answered=False, note="takes nlookup off the lookup count"),
    Message(Opcode.GETATTR, s.GETATTR_IN, reply=s.ATTR_OUT, note="fh counts with GetattrFlag.FH"),
    Message(Opcode.SETATTR, s.SETATTR_IN, reply=s.ATTR_OUT, note="valid may be 0"),
    Message(Opcode.READLINK, reply_data=True, note="the target, without a NUL"),
    Message(Opcode.SYMLINK, names=2, extensions=True, reply=s.ENTRY_OUT, note="the name, then the target"),
    Message(
        Opcode.MKNOD, s.MKNOD_IN, names=1, extensions=True, reply=s.ENTRY_OUT, note="mode has the type bits"
    ),
    Message(
        Opcode.MKDIR, s.MKDIR_IN, names=1, extensions=True, reply=s.ENTRY_OUT, note="mode has no type bits"
    ),
    Message(Opcode.UNLINK, names=1),
    Message(Opcode.RMDIR, names=1, note="whether it is empty is the server's question"),
    Message(Opcode.RENAME, s.RENAME_IN, names=2, note="nodeid is the old parent, newdir the new one"),
    Message(
        Opcode.LINK,
        s.LINK_IN,
        names=1,
        reply=s.ENTRY_OUT,
        note="nodeid is the new parent, oldnodeid the file",
    ),
    Message(Opcode.OPEN, s.OPEN_IN, reply=s.OPEN_OUT, note="without O_CREAT, O_EXCL and O_NOCTTY"),
    Message(Opcode.READ, s.READ_IN, reply_data=True, note="fewer bytes than size: the end of the file"),
    Message(Opcode.WRITE, s.WRITE_IN, data=True, counted="size", reply=s.WRITE_OUT),
    Message(Opcode.STATFS, reply=s.STATFS_OUT, note="nodeid is the file that was asked about"),
    Message(Opcode.RELEASE, s.RELEASE_IN, note="one for each OPEN; an error is ignored"),
    Message(Opcode.FSYNC, s.FSYNC_IN),
    Message(
        Opcode.SETXATTR,
        s.SETXATTR_IN,
        names=1,
        data=True,
        counted="size",
        note="8 bytes in front of the name without InitFlag.SETXATTR_EXT",
    ),
    Message(
        Opcode.GETXATTR, s.GETXATTR_IN, names=1, reply_data=True, note="size 0: getxattr_out, else the value"
    ),
    Message(Opcode.LISTXATTR, s.GETXATTR_IN, reply_data=True, note="size 0: getxattr_out, else the names"),
    Message(Opcode.REMOVEXATTR, names=1),
    Message(Opcode.FLUSH, s.FLUSH_IN, note="one for each close(2), which gets the error"),
    Message(Opcode.INIT, s.INIT_IN, reply=s.INIT_OUT, note="first of all; 16 bytes before 7.36"),
    Message(Opcode.OPENDIR, s.OPEN_IN, reply=s.OPEN_OUT),
    Message(Opcode.READDIR, s.READ_IN, reply_data=True, note="offset is a cookie; no data: the end"),
    Message(Opcode.RELEASEDIR, s.RELEASE_IN),
    Message(Opcode.FSYNCDIR, s.FSYNC_IN),
    Message(Opcode.GETLK, s.LK_IN, reply=s.LK_OUT, since=7, note="type F_UNLCK in the reply: free"),
    Message(Opcode.SETLK, s.LK_IN, since=7),
    Message(Opcode.SETLKW, s.LK_IN, since=7, note="waits; EINTR once it is interrupted"),
    Message(Opcode.ACCESS, s.ACCESS_IN, note="never with default_permissions"),
    Message(
        Opcode.CREATE,
        s.CREATE_IN,
        names=1,
        extensions=True,
        reply=s.CREATE_OUT,
        since=3,
        note="flags keep O_CREAT, O_EXCL and O_TRUNC",
    ),
    Message(Opcode.INTERRUPT, s.INTERRUPT_IN, since=7, note="need not be answered; EAGAIN: send it again"),
    Message(Opcode.BMAP, s.BMAP_IN, reply=s.BMAP_OUT, since=8, note="fuseblk only"),
    Message(Opcode.DESTROY, since=8, note="fuseblk and virtiofs only"),
    Message(
        Opcode.IOCTL,
        s.IOCTL_IN,
        data=True,
        counted="in_size",
        reply=s.IOCTL_OUT,
        reply_data=True,
        since=11,
        note="at most out_size bytes come back",
    ),
    Message(Opcode.POLL, s.POLL_IN, reply=s.POLL_OUT, since=11),
    Message(
        Opcode.NOTIFY_REPLY,
        s.NOTIFY_RETRIEVE_IN,
        data=True,
        counted="size",
        answered=False,
        since=15,
        note="unique is the notify_unique of the NotifyCode.RETRIEVE it answers",
    ),
    Message(
        Opcode.BATCH_FORGET,
        s.BATCH_FORGET_IN,
        data=True,
        counted="count",
        records=s.FORGET_ONE,
        answered=False,
        since=16,
        note="nodeid is 0, each record has its own",
    ),
    Message(Opcode.FALLOCATE, s.FALLOCATE_IN, since=19),
    Message(Opcode.READDIRPLUS, s.READ_IN, reply_data=True, since=21, note="every entry but . and .. counts"),
    Message(Opcode.RENAME2, s.RENAME2_IN, names=2, since=23, note="only with flags; RENAME otherwise"),
    Message(Opcode.LSEEK, s.LSEEK_IN, reply=s.LSEEK_OUT, since=24, note="only SEEK_DATA and SEEK_HOLE"),
    Message(Opcode.COPY_FILE_RANGE, s.COPY_FILE_RANGE_IN, reply=s.WRITE_OUT, since=28),
    Message(Opcode.SETUPMAPPING, s.SETUPMAPPING_IN, since=31, note="virtiofs DAX only"),
    Message(
        Opcode.REMOVEMAPPING,
        s.REMOVEMAPPING_IN,
        data=True,
        counted="count",
        records=s.REMOVEMAPPING_ONE,
        since=31,
        note="virtiofs DAX only",
    ),
    Message(Opcode.SYNCFS, s.SYNCFS_IN, since=34, note="fuseblk and virtiofs only"),
    Message(
        Opcode.TMPFILE,
        s.CREATE_IN,
        names=1,
        extensions=True,
        reply=s.CREATE_OUT,
        since=37,
        note="the name is a dummy, /",
    ),
    Message(Opcode.STATX, s.STATX_IN, reply=s.STATX_OUT, since=39, note="only when the birth time is wanted"),
    Message(
        Opcode.COPY_FILE_RANGE_64,
        s.COPY_FILE_RANGE_IN,
        reply=s.COPY_FILE_RANGE_OUT,
        since=45,
        note="tried before COPY_FILE_RANGE",
    ),
    Message(
        Opcode.CUSE_INIT,
        s.CUSE_INIT_IN,
        reply=s.CUSE_INIT_OUT,
        reply_data=True,
        since=12,
        note="character devices only; the data is KEY=value strings",
    ),
)

MESSAGES: Final[Mapping[Opcode, Message]] = MappingProxyType({row.opcode: row for row in ROWS})
"""The row of each opcode."""
