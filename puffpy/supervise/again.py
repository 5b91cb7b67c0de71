"""What to do about a request that comes again, after the server that had it has died.

The kernel marks it (UNIQUE_RESEND).  Which of three cases it is in is said in the room's docstring; here is
the table of what a request means that was at hand, and is done for a second time.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from puffpy.dispatch import Bound, Message, Reply
from puffpy.errors import FsError, errno_of
from puffpy.nodes import NodeTable
from puffpy.supervise.ledger import AT_HAND, Ledger
from puffpy.supervise.records import UNIQUE, Table
from puffpy.wire import Opcode
from puffpy.wire.flags import RenameFlag
from puffpy.wire.opcodes import UNIQUE_RESEND
from puffpy.wire.structs import (
    CREATE_IN,
    ENTRY_OUT,
    IN_HEADER,
    LINK_IN,
    MKDIR_IN,
    MKNOD_IN,
    OUT_HEADER,
    RENAME2_IN,
    RENAME_IN,
    Layout,
)

log = logging.getLogger("puffpy")

BODY: Final = IN_HEADER.size
ANSWER: Final = OUT_HEADER.size
INO, MODE = 6, 15
"""Where ENTRY_OUT has these."""

EXCHANGE: Final = int(RenameFlag.EXCHANGE)
AMBIGUOUS: Final = EXCHANGE | int(RenameFlag.WHITEOUT)
"""After a rename with one of these there is something under the old name, as there was before."""

UNIQUE_AT: Final = 8

Handle = Callable[..., Reply]
IsIt = Callable[[Message, tuple[int, ...]], bool]
"""Whether what has the name, an ENTRY_OUT, is what the message asks for."""

Request = tuple[Message, int, int, int, int, int, int]
"""(message, size, unique, nodeid, uid, gid, pid), as a handler takes it."""


class Again:
    """Answers requests that come again, over *routes*."""

    def __init__(
        self,
        ledger: Ledger,
        routes: Mapping[int, Bound],
        nodes: NodeTable,
        poison: frozenset[int],
    ) -> None:
        self._lookup = routes[Opcode.LOOKUP][1]
        self._ledger, self._nodes, self._poison = ledger, nodes, poison
        self._answered = {
            UNIQUE.unpack_from(record)[0]: record[UNIQUE.size :]
            for record in ledger.table(Table.ANSWERS).values()
        }
        self._begun = dict(ledger.table(Table.BEGUN))
        self._suspects = frozenset({*self._begun, ledger.words[AT_HAND]})

    def answering(self, handle: Handle) -> Handle:
        """Return *handle* with answers given again that nobody heard."""

        def answer(
            message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int
        ) -> Reply:
            if unique >= UNIQUE_RESEND:
                plain = unique & ~UNIQUE_RESEND
                reply = self._answered.get(plain)
                if reply is not None:
                    return reply[:UNIQUE_AT] + UNIQUE.pack(unique) + reply[ANSWER:]
                if plain in self._poison:
                    log.error("request %d was at hand whenever a server died: its caller gets EIO", plain)
                    raise FsError(errno.EIO)
            return handle(message, size, unique, nodeid, uid, gid, pid)

        return answer

    def redoing(self, opcode: int, handle: Handle) -> Handle:
        """Return *handle* with success where a second time fails because there was a first."""
        redo = REDO.get(Opcode(opcode))
        if redo is None:
            return handle
        if opcode == Opcode.RENAME2:
            handle = self._noting(handle)

        def answer(
            message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int
        ) -> Reply:
            request = message, size, unique, nodeid, uid, gid, pid
            if unique >= UNIQUE_RESEND and unique & ~UNIQUE_RESEND in self._suspects:
                return redo(self, handle, request)
            return handle(*request)

        return answer

    # how each is done again

    def make(self, start: int, is_it: IsIt, handle: Handle, request: Request) -> Reply:
        """A name that is there already was made the first time, if it leads to what was asked for."""
        try:
            return handle(*request)
        except OSError as exc:
            if errno_of(exc) != errno.EEXIST:
                raise
            reply = self._look(request, request[3], name_in(request[0], start))
            if reply is None:
                raise
            entry = ENTRY_OUT.unpack_from(reply, ANSWER)
            if not is_it(request[0], entry):
                self._nodes.uncount(self._nodes.cookies[entry[0]])
                raise
        return reply

    def create(self, handle: Handle, request: Request) -> Reply:
        """Without O_EXCL: the file that is there was made the first time, and nobody has written to it."""
        copy = bytearray(request[0][: request[1]])
        flags, mode, umask, open_flags = CREATE_IN.unpack_from(copy, BODY)
        copy[BODY : BODY + CREATE_IN.size] = CREATE_IN.pack(flags & ~os.O_EXCL, mode, umask, open_flags)
        return handle(copy, *request[1:])

    def take_away(self, code: int, handle: Handle, request: Request) -> Reply:
        """What is not there was taken away the first time."""
        try:
            return handle(*request)
        except OSError as exc:
            if errno_of(exc) != code:
                raise
        return _done(request)

    def set_attribute(self, handle: Handle, request: Request) -> Reply:
        """An attribute that must not be there yet, and is, was set the first time."""
        return self.take_away(errno.EEXIST, handle, request)

    def rename(self, layout: Layout, handle: Handle, request: Request) -> Reply:
        """The old name is gone and the new one is there: so it was."""
        try:
            return handle(*request)
        except OSError as exc:
            if errno_of(exc) not in (errno.ENOENT, errno.EEXIST):
                raise
            old, newdir, new, flags = renaming(request[0], layout)
            if flags & EXCHANGE or self._there(request, request[3], old):
                raise
            if not self._there(request, newdir, new):
                raise
        return _done(request)

    def _noting(self, handle: Handle) -> Handle:
        """Return *handle*, which renames, with a note of what it moves where nobody could tell that it did.

        Two names that were exchanged look like two that were not, and a whiteout that was left would be moved
        like what it stands for.
        """
        ledger, begun = self._ledger, self._ledger.table(Table.BEGUN)

        def answer(*request: Any) -> Reply:
            old, newdir, new, flags = renaming(request[0], RENAME2_IN)
            if not flags & AMBIGUOUS:
                return handle(*request)
            plain = request[2] & ~UNIQUE_RESEND
            moved = self._begun.get(plain)
            if moved:
                if self._there(request, newdir, new) == UNIQUE.unpack(moved)[0]:
                    return _done(request)
                del self._begun[plain]
            what = self._there(request, request[3], old)  # every time: what is parked is asked in one order
            if what and not begun.get(plain):
                ledger.put(Table.BEGUN, plain, UNIQUE.pack(what))
                ledger.commit()
            return handle(*request)

        return answer

    def _look(self, request: Request, parent: int, name: bytes) -> bytes | None:
        """Return the answer to LOOKUP of *name*, counted, under the request's own unique."""
        unique, _, *caller = request[2:]
        size = BODY + len(name) + 1
        message = IN_HEADER.pack(size, Opcode.LOOKUP, unique, parent, *caller, 0) + name + b"\0"
        try:
            reply = self._lookup(message, size, unique, parent, *caller)
        except OSError:
            return None
        return reply if type(reply) is bytes and ENTRY_OUT.unpack_from(reply, ANSWER)[0] else None

    def _there(self, request: Request, parent: int, name: bytes) -> int:
        """Return the inode number of what *name* in *parent* leads to, 0 for nothing."""
        reply = self._look(request, parent, name)
        if reply is None:
            return 0
        entry = ENTRY_OUT.unpack_from(reply, ANSWER)
        self._nodes.uncount(self._nodes.cookies[entry[0]])
        return entry[INO]


def name_in(message: Message, start: int) -> bytes:
    """Return the name that begins at *start*."""
    return bytes(message[start : message.index(0, start)])


def renaming(message: Message, layout: Layout) -> tuple[bytes, int, bytes, int]:
    """Return the old name, the new one's directory, the new one, and the flags."""
    newdir, *flags = layout.unpack_from(message, BODY)
    old = name_in(message, BODY + layout.size)
    return old, newdir, name_in(message, BODY + layout.size + len(old) + 1), flags[0] if flags else 0


def _done(request: Sequence[Any]) -> bytes:
    return OUT_HEADER.pack(ANSWER, 0, request[2])


def _making(start: int, is_it: IsIt) -> Callable[[Again, Handle, Request], Reply]:
    return lambda again, handle, request: again.make(start, is_it, handle, request)


def _is_linked(message: Message, entry: tuple[int, ...]) -> bool:
    return LINK_IN.unpack_from(message, BODY)[0] == entry[0]


def _is_node(message: Message, entry: tuple[int, ...]) -> bool:
    return stat.S_IFMT(MKNOD_IN.unpack_from(message, BODY)[0]) == stat.S_IFMT(entry[MODE])


def _taking(code: int) -> Callable[[Again, Handle, Request], Reply]:
    return lambda again, handle, request: again.take_away(code, handle, request)


REDO: Final[Mapping[Opcode, Callable[[Again, Handle, Request], Reply]]] = MappingProxyType(
    {
        Opcode.MKDIR: _making(BODY + MKDIR_IN.size, lambda _, entry: stat.S_ISDIR(entry[MODE])),
        Opcode.MKNOD: _making(BODY + MKNOD_IN.size, _is_node),
        Opcode.SYMLINK: _making(BODY, lambda _, entry: stat.S_ISLNK(entry[MODE])),
        Opcode.LINK: _making(BODY + LINK_IN.size, _is_linked),
        Opcode.CREATE: Again.create,
        Opcode.UNLINK: _taking(errno.ENOENT),
        Opcode.RMDIR: _taking(errno.ENOENT),
        Opcode.SETXATTR: Again.set_attribute,
        Opcode.REMOVEXATTR: _taking(errno.ENODATA),
        Opcode.RENAME: lambda again, handle, request: again.rename(RENAME_IN, handle, request),
        Opcode.RENAME2: lambda again, handle, request: again.rename(RENAME2_IN, handle, request),
    }
)
"""What a second time means, where it is not the same as once.

What is not here may be done twice: reading, looking, writing at an offset, setting attributes, locking for
the same owner.  An IOCTL may be anything and is done again; a COPY_FILE_RANGE within one file copies what the
first time has copied.
"""

ONCE: Final = frozenset(
    {*REDO, Opcode.TMPFILE, Opcode.OPEN, Opcode.OPENDIR, Opcode.RELEASE, Opcode.RELEASEDIR, Opcode.FLUSH}
    | {Opcode.SETLK, Opcode.SETLKW, Opcode.IOCTL, Opcode.COPY_FILE_RANGE, Opcode.COPY_FILE_RANGE_64}
)
"""Requests whose answer is kept, so that they need not be done again if it was not heard."""
