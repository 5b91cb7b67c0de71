"""Writes down what every request has changed, from its bytes and those of its answer.

How a change becomes certain is in ``ledger``; how it is read again in ``restoring``.  No operation is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final

from puffpy.dispatch import Bound, Message, Parked, Reply, Terms
from puffpy.errors import PuffpyError, errno_of
from puffpy.nodes import NO_HANDLE, Handles, NodeTable
from puffpy.supervise.again import EXCHANGE, INO, MODE, ONCE, Again, name_in, renaming
from puffpy.supervise.forgets import FORGETTING, Forgets, forgotten
from puffpy.supervise.keeper import Keeper
from puffpy.supervise.ledger import ANSWERED, AT_HAND, NOTHING_AT_HAND, Ledger
from puffpy.supervise.records import PLAIN, UNIQUE, Named, OpenRecord, Table, pack_terms, unpack_terms
from puffpy.supervise.restoring import Find, restore_files
from puffpy.wire import Opcode, unpack_direntsplus
from puffpy.wire.opcodes import UNIQUE_RESEND
from puffpy.wire.structs import (
    CREATE_IN,
    ENTRY_OUT,
    IN_HEADER,
    LINK_IN,
    MKDIR_IN,
    MKNOD_IN,
    OPEN_IN,
    OPEN_OUT,
    OUT_HEADER,
    READ_IN,
    RELEASE_IN,
    RENAME2_IN,
    RENAME_IN,
)

BODY: Final = IN_HEADER.size
ANSWER: Final = OUT_HEADER.size
REMEMBERED: Final = 64
"""How many answers are kept; more may be on their way where operations run beside each other."""

NAME_AT: Final[Mapping[Opcode, int]] = MappingProxyType(
    {
        Opcode.LOOKUP: BODY,
        Opcode.MKDIR: BODY + MKDIR_IN.size,
        Opcode.MKNOD: BODY + MKNOD_IN.size,
        Opcode.SYMLINK: BODY,
        Opcode.LINK: BODY + LINK_IN.size,
        Opcode.CREATE: BODY + CREATE_IN.size,
    }
)
"""Where the requests that are answered with a node have its name."""

Note = Callable[[Opcode, Message, int, int, bytes], None]
"""Writes down what was answered: (opcode, message, size, nodeid, reply)."""


class Scribe:
    """The memory of one session: writes into *ledger*, and brings back what it says.

    *aware* says that the file system knows that it has a ledger, so that its handles can be trusted.
    *poison* are requests that have killed too many servers.
    """

    def __init__(
        self, ledger: Ledger, kept: Keeper | None = None, *, poison: frozenset[int] = frozenset()
    ) -> None:
        self._ledger, self._kept = ledger, kept
        self._forgets = Forgets(ledger)
        self._aware = kept is not None
        self._poison = poison
        self._answers = 0
        self._names: dict[int, Named] = {}
        self._cookies: dict[tuple[int, bytes], int] = {}
        self._nodes: NodeTable
        self._handles: Handles
        self._routes: Mapping[int, Bound]
        self._notes: Mapping[Opcode, Note] = {
            **dict.fromkeys(NAME_AT, self._note_entry),
            Opcode.TMPFILE: self._note_entry,
            Opcode.OPEN: self._note_open,
            Opcode.OPENDIR: self._note_open,
            Opcode.RELEASE: self._note_release,
            Opcode.RELEASEDIR: self._note_release,
            Opcode.FORGET: self._note_forget,
            Opcode.BATCH_FORGET: self._note_forget,
            Opcode.UNLINK: self._note_removal,
            Opcode.RMDIR: self._note_removal,
            Opcode.RENAME: self._note_rename,
            Opcode.RENAME2: self._note_rename,
            Opcode.READDIR: self._note_listing,
            Opcode.READDIRPLUS: self._note_listing,
        }

    @property
    def terms(self) -> Terms | None:
        """What an earlier server has settled with the kernel, if there was one."""
        record = self._ledger.table(Table.TERMS).get(0)
        return None if record is None else unpack_terms(record)

    def settled(self, terms: Terms) -> None:
        """The kernel was told *terms*."""
        self._ledger.put(Table.TERMS, 0, pack_terms(terms))
        self._ledger.commit()

    def over(self, routes: Mapping[int, Bound], nodes: NodeTable, handles: Handles) -> dict[int, Bound]:
        """Return *routes* with every answer written down before it is given."""
        self._nodes, self._handles = nodes, handles
        for cookie, record in self._ledger.table(Table.NAMES).items():
            self._know(cookie, Named.unpack(record))
        again = Again(self._ledger, routes, nodes, self._poison)
        bound = {}
        for opcode, (least, handle) in routes.items():
            bound[opcode] = least, again.answering(self._noting(opcode, again.redoing(opcode, handle)))
        self._routes = bound
        return bound

    def restore(
        self,
        by_handle: Callable[[int], Any] | None,
        lookup: Callable[[Any, str], Any],
        attributes: Callable[[Any], Any],
        reopen: Callable[[Any, int], Any],
    ) -> None:
        """See :meth:`puffpy.session.memory.Memory.restore`."""
        find = Find(self._nodes, self._names, by_handle, lookup, attributes).find
        self._nodes.resume(find, self._ledger.highest(Table.NAMES) + 1)
        if by_handle is None:
            # All at once: a node that is met by its name first would get another cookie.
            for cookie in list(self._names):
                with suppress(OSError):
                    self._nodes.cookies[cookie]
        restore_files(self._ledger, self._nodes, self._handles, reopen)
        for message in self._forgets.left():
            self._forget(message)

    def _forget(self, message: bytes) -> None:
        """Forget what the last server was told to forget when it died."""
        _, opcode, *request, _ = IN_HEADER.struct.unpack_from(message)
        with suppress(PuffpyError, OSError):  # what is not found is forgotten
            self._routes[opcode][1](message, len(message), *request)

    def _noting(self, opcode: int, handle: Callable[..., Reply]) -> Callable[..., Reply]:
        ledger, words, kept, forgets = self._ledger, self._ledger.words, self._kept, self._forgets
        note = self._notes.get(Opcode(opcode))
        forgetting = opcode in FORGETTING
        once, op = opcode in ONCE, Opcode(opcode)
        begun = ledger.table(Table.BEGUN)

        def answer(
            message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int
        ) -> Reply:
            plain = unique & ~UNIQUE_RESEND
            words[AT_HAND] = plain
            if forgetting:
                forgets.begin(plain, message, size)
            try:
                reply = handle(message, size, unique, nodeid, uid, gid, pid)
            except Parked:
                if plain not in begun:
                    ledger.put(Table.BEGUN, plain)
                    ledger.commit()
                words[AT_HAND] = NOTHING_AT_HAND
                raise
            except BaseException as exc:
                if once:
                    self._keep_answer(plain, OUT_HEADER.pack(ANSWER, -errno_of(exc), unique))
                if forgetting and note is not None:
                    note(op, message, size, nodeid, b"")  # a node that is not found is forgotten all the same
                    forgets.end(plain)
                self._commit(plain, begun)
                raise
            whole = reply if type(reply) is bytes else b""
            if note is not None and not (whole and _failed(whole)):
                note(op, message, size, nodeid, whole)
            if forgetting:
                forgets.end(plain)
            if once and type(reply) is bytes:
                self._keep_answer(plain, reply)
            self._commit(plain, begun)
            if kept is not None:
                kept.settle()
            return reply

        return answer

    def _commit(self, unique: int, begun: Mapping[int, bytes]) -> None:
        if unique in begun:
            self._ledger.drop(Table.BEGUN, unique)
        self._ledger.commit()
        self._ledger.words[AT_HAND] = NOTHING_AT_HAND
        self._ledger.words[ANSWERED] += 1

    def _keep_answer(self, unique: int, reply: bytes) -> None:
        self._answers = (self._answers + 1) % REMEMBERED
        self._ledger.put(Table.ANSWERS, self._answers, UNIQUE.pack(unique) + reply)

    # what each request changes

    def _note_entry(self, opcode: Opcode, message: Message, size: int, nodeid: int, reply: bytes) -> None:
        values = ENTRY_OUT.struct.unpack_from(reply, ANSWER)
        if values[0]:
            name = name_in(message, NAME_AT[opcode]) if opcode in NAME_AT else b""
            if name not in (b".", b".."):
                named = Named(nodeid if name else 0, values[INO], values[1], values[MODE] >> 12, name)
                self._learn(values[0], named)
        if opcode in (Opcode.CREATE, Opcode.TMPFILE):
            flags = CREATE_IN.unpack_from(message, BODY)[0]
            self._note_opened(values[0], flags, OPEN_OUT.unpack_from(reply, ANSWER + ENTRY_OUT.size))

    def _note_open(self, opcode: Opcode, message: Message, size: int, nodeid: int, reply: bytes) -> None:
        flags = OPEN_IN.unpack_from(message, BODY)[0]
        self._note_opened(nodeid, flags, OPEN_OUT.unpack_from(reply, ANSWER))

    def _note_opened(self, nodeid: int, flags: int, answered: tuple[int, ...]) -> None:
        fh, bits, backing_id = answered
        if fh == NO_HANDLE:
            return
        opened = self._handles[fh]
        plain = self._aware and type(opened.handle) in PLAIN
        record = OpenRecord(nodeid, flags | opened.flags, bits, backing_id, plain, opened.handle)
        self._ledger.put(Table.OPEN, fh, record.pack())

    def _note_release(self, opcode: Opcode, message: Message, size: int, nodeid: int, reply: bytes) -> None:
        fh = RELEASE_IN.unpack_from(message, BODY)[0]
        self._ledger.drop(Table.OPEN, fh)
        self._ledger.drop(Table.LISTINGS, fh)
        self._drop_if_ended(nodeid)

    def _note_forget(self, opcode: Opcode, message: Message, size: int, nodeid: int, reply: bytes) -> None:
        for cookie in forgotten(opcode, message, size, nodeid):
            self._drop_if_ended(cookie)

    def _drop_if_ended(self, cookie: int) -> None:
        if cookie not in self._nodes.cookies and cookie in self._names:
            named = self._names.pop(cookie)
            if self._cookies.get((named.parent, named.name)) == cookie:
                del self._cookies[named.parent, named.name]
            self._ledger.drop(Table.NAMES, cookie)

    def _note_removal(self, opcode: Opcode, message: Message, size: int, nodeid: int, reply: bytes) -> None:
        self._nameless(self._cookies.get((nodeid, name_in(message, BODY))))

    def _note_rename(self, opcode: Opcode, message: Message, size: int, nodeid: int, reply: bytes) -> None:
        layout = RENAME2_IN if opcode is Opcode.RENAME2 else RENAME_IN
        old, newdir, new, flags = renaming(message, layout)
        moved, replaced = self._cookies.get((nodeid, old)), self._cookies.get((newdir, new))
        if moved == replaced:
            return
        self._nameless(replaced)
        self._rename(moved, newdir, new)
        if flags & EXCHANGE:
            self._rename(replaced, nodeid, old)

    def _note_listing(self, opcode: Opcode, message: Message, size: int, nodeid: int, reply: bytes) -> None:
        if opcode is Opcode.READDIRPLUS:
            for record in unpack_direntsplus(reply[ANSWER:]):
                entry = record.entry
                if entry["nodeid"]:
                    kind = entry["mode"] >> 12
                    named = Named(nodeid, entry["ino"], entry["generation"], kind, record.name)
                    self._learn(entry["nodeid"], named)
        fh, offset, room, *_ = READ_IN.unpack_from(message, BODY)
        listing = self._handles[fh].listing
        # One that fits into an answer is told at once and needs no memory.
        if listing is not None and not offset and len(listing.records) > room // 2:
            self._ledger.put(Table.LISTINGS, fh, UNIQUE.pack(listing.number) + listing.records)

    # names

    def _know(self, cookie: int, named: Named) -> None:
        self._names[cookie] = named
        if named.parent:
            self._cookies[named.parent, named.name] = cookie

    def _learn(self, cookie: int, named: Named) -> None:
        if self._names.get(cookie) != named:
            self._nameless(self._cookies.get((named.parent, named.name)), but=cookie)
            self._know(cookie, named)
            self._ledger.put(Table.NAMES, cookie, named.pack())

    def _nameless(self, cookie: int | None, but: int = 0) -> None:
        """The node *cookie* has lost the name that is written here; it may have others."""
        if cookie is not None and cookie != but:
            self._rename(cookie, 0, b"")

    def _rename(self, cookie: int | None, parent: int, name: bytes) -> None:
        named = None if cookie is None else self._names.get(cookie)
        if named is None or cookie is None:
            return
        if self._cookies.get((named.parent, named.name)) == cookie:
            del self._cookies[named.parent, named.name]
        self._learn(cookie, Named(parent, named.ino, named.generation, named.kind, name))


def _failed(reply: bytes) -> bool:
    return bool(OUT_HEADER.struct.unpack_from(reply)[1])
