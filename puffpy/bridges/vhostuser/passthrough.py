"""Passthrough for a guest: files that are read and written straight between disk and guest memory.

Not a word of it reaches the guest, whose kernel can open none of our files.

Theory of operation.  Towards the session this plays the part that a host's kernel has in passthrough: INIT
offers it (``greeting``), an OPEN answered with a backing id says where the data is, and from then on READ and
WRITE of that open file are done here, with no operation asked.  Towards the guest it takes every trace of
that out of the answers.  The guest goes on caching pages, as it does with any other file.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import stat
from typing import Final

import attrs

from puffpy.bridges.vhostuser.chains import Chain, cut, scatter
from puffpy.wire import Opcode
from puffpy.wire.flags import OpenOut, WriteFlag
from puffpy.wire.structs import (
    ENTRY_OUT,
    IN_HEADER,
    OPEN_IN,
    OPEN_OUT,
    OUT_HEADER,
    READ_IN,
    RELEASE_IN,
    WRITE_IN,
    WRITE_OUT,
    reply_struct,
)

BODY: Final = IN_HEADER.size
HEADER: Final = OUT_HEADER.size
HEAD: Final = BODY + WRITE_IN.size
"""How much of a request is looked at before its data."""

OPENED_AT: Final = {
    Opcode.OPEN: HEADER,
    Opcode.CREATE: HEADER + ENTRY_OUT.size,
    Opcode.TMPFILE: HEADER + ENTRY_OUT.size,
}
"""Where an answer names the open file."""

SYNC: Final = os.O_SYNC | os.O_DSYNC
WANTED: Final = os.O_ACCMODE | os.O_NOATIME | SYNC
"""What counts of the flags that a guest opens with: how to read and write, not where."""

KILL: Final = int(WriteFlag.KILL_SUIDGID)

_pack_header = OUT_HEADER.struct.pack
_pack_written = reply_struct(WRITE_OUT).pack
_unpack_read = READ_IN.struct.unpack_from
_unpack_write = WRITE_IN.struct.unpack_from


class Underneath:
    """A file underneath; *fd* is closed when the last one who uses it lets go of this."""

    __slots__ = ("fd", "flags")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.flags = fcntl.fcntl(fd, fcntl.F_GETFL)

    def __del__(self) -> None:
        os.close(self.fd)

    def serves(self, flags: int) -> bool:
        """Tell whether it can be read and written as somebody does who opens it with *flags*."""
        mode = self.flags & os.O_ACCMODE
        if self.flags & os.O_APPEND or (self.flags ^ flags) & SYNC:
            return False
        return mode in (os.O_RDWR, flags & os.O_ACCMODE)

    def opened(self, flags: int) -> Underneath:
        """Return it as opened with *flags*."""
        if self.serves(flags):
            return self
        return Underneath(os.open(f"/proc/self/fd/{self.fd}", flags & WANTED | os.O_CLOEXEC))


@attrs.frozen
class Open:
    """An open file of the guest's: what it reads and writes, and the backing id that stands for it."""

    file: Underneath
    backing_id: int


class Passthrough:
    """The backing files of one session, and the guest's open files that use them."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._backings: dict[int, Underneath] = {}
        self._open: dict[int, Open] = {}

    def register(self, fd: int) -> int:
        """Return the backing id of the regular file *fd*, which stays the caller's."""
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "a backing file must be a regular one")
        backing_id = next(self._numbers)
        self._backings[backing_id] = Underneath(os.dup(fd))
        return backing_id

    def unregister(self, backing_id: int) -> None:
        """Give a backing id back."""
        del self._backings[backing_id]
        for fh in [fh for fh, opened in self._open.items() if opened.backing_id == backing_id]:
            del self._open[fh]

    def forget(self) -> None:
        """The guest has nothing open any more."""
        self._open.clear()

    # what passes by

    def opened(self, opcode: int, flags: int, reply: bytes) -> bytes:
        """Return the answer to *opcode*, which opens a file with *flags*, as the guest may see it."""
        at = OPENED_AT[Opcode(opcode)]
        if len(reply) < at + OPEN_OUT.size:
            return reply
        fh, bits, backing_id = OPEN_OUT.unpack_from(reply, at)
        if not bits & OpenOut.PASSTHROUGH:
            return reply
        backing = self._backings.get(backing_id)
        if backing is not None and not bits & OpenOut.DIRECT_IO:
            try:
                self._open[fh] = Open(backing.opened(flags), backing_id)
            except OSError:
                pass  # this server may not open it that way; the file system's own read and write are asked
        return reply[:at] + OPEN_OUT.pack(fh, bits & ~OpenOut.PASSTHROUGH, 0) + reply[at + OPEN_OUT.size :]

    def released(self, message: memoryview) -> None:
        """RELEASE passes by."""
        if len(message) >= BODY + RELEASE_IN.size:
            self._open.pop(RELEASE_IN.struct.unpack_from(message, BODY)[0], None)

    # what does not

    def answer(self, opcode: int, head: memoryview, chain: Chain, unique: int) -> int:
        """Read or write if it can be done here; return how much was written into the chain, 0 if it cannot.

        *head* is the beginning of the request.
        """
        if len(head) < HEAD:
            return 0
        opened = self._open.get(_unpack_read(head, BODY)[0])
        if opened is None:
            return 0
        try:
            if opcode == Opcode.READ:
                return _read(opened.file.fd, head, chain, unique)
            return _write(opened.file.fd, head, chain, unique)
        except (OSError, OverflowError) as exc:
            code = exc.errno if isinstance(exc, OSError) and exc.errno else errno.EINVAL
            return scatter((_pack_header(HEADER, -code, unique),), chain.writable)


def _read(fd: int, head: memoryview, chain: Chain, unique: int) -> int:
    _, offset, want, _, _, _ = _unpack_read(head, BODY)
    if HEADER + want == chain.room and len(chain.writable[0]) == HEADER:
        views = chain.writable[1:]
    else:
        views = cut(chain.writable, HEADER, HEADER + want)
    size = HEADER + (os.preadv(fd, views, offset) if views else 0)
    scatter((_pack_header(size, 0, unique),), chain.writable)
    return size


def _write(fd: int, head: memoryview, chain: Chain, unique: int) -> int:
    _, offset, want, bits, _, _ = _unpack_write(head, BODY)
    if want != chain.size - HEAD or bits & KILL:
        return 0
    size = HEADER + WRITE_OUT.size
    if chain.room < size:
        return 0
    views = cut(chain.readable, HEAD, chain.size)
    done = os.pwritev(fd, views, offset) if views else 0
    return scatter((_pack_written(size, 0, unique, done),), chain.writable)


def flags_of(message: memoryview) -> int:
    """Return what OPEN, CREATE or TMPFILE opens a file with; it comes first in all of them."""
    return OPEN_IN.unpack_from(message, BODY)[0] if len(message) >= BODY + OPEN_IN.size else 0
