"""Which path a node number stood for, learnt from the replies that hand numbers out.

Numbers that were given out before the recording began have no path: they show as ``#17``.
"""

from __future__ import annotations

from typing import Final

from puffpy.errors import WireError
from puffpy.wire import (
    IN_HEADER,
    MESSAGES,
    OUT_HEADER,
    Layout,
    Opcode,
    unpack_direntsplus,
)

ROOT: Final = 1
DEEPEST: Final = 4096
"""More steps up than any path has: the numbers run in a circle."""

EXCHANGE: Final = 2
"""RENAME_EXCHANGE of RENAME2."""

RENAMES: Final = frozenset({Opcode.RENAME, Opcode.RENAME2})
REMOVALS: Final = frozenset({Opcode.UNLINK, Opcode.RMDIR})
NAMING: Final = frozenset(
    {Opcode.LOOKUP, Opcode.MKNOD, Opcode.MKDIR, Opcode.SYMLINK, Opcode.LINK, Opcode.CREATE}
)
"""Their reply says which number a name has."""

IN_DIRECTORY: Final = NAMING | REMOVALS
NODELESS: Final = frozenset({Opcode.INIT, Opcode.BATCH_FORGET, Opcode.INTERRUPT, Opcode.DESTROY})


class Paths:
    """What is known of names and numbers; feed it every request, and every reply to one."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[int, str]] = {}
        self._nodes: dict[tuple[int, str], int] = {}

    def of(self, nodeid: int) -> str:
        """Return the path of *nodeid*."""
        parts: list[str] = []
        for _ in range(DEEPEST):
            if nodeid == ROOT:
                return "/" + "/".join(reversed(parts))
            if nodeid not in self._places:
                return "/".join([f"#{nodeid}", *reversed(parts)])
            nodeid, name = self._places[nodeid]
            parts.append(name)
        return f"#{nodeid}"

    def subject(self, request: bytes) -> str:
        """Return what *request* is about, for people: a path, or two."""
        number, _, nodeid = IN_HEADER.unpack_from(request)[1:4]
        try:
            row = MESSAGES[Opcode(number)]
        except ValueError:
            return self.of(nodeid)
        if row.opcode in NODELESS:
            return ""
        names = names_of(request, row.request, row.names)
        if len(names) < row.names or not names:
            return self.of(nodeid)
        name = names[0]
        if row.opcode in RENAMES:
            return f"{self._below(nodeid, name)} -> {self._below(_field(request, 'newdir'), names[1])}"
        if row.opcode is Opcode.LINK:
            return f"{self.of(_field(request, 'oldnodeid'))} -> {self._below(nodeid, name)}"
        if row.opcode in IN_DIRECTORY:
            return self._below(nodeid, name)
        # What is left has the name of an extended attribute, or a dummy.
        return self.of(nodeid) if row.opcode is Opcode.TMPFILE else f"{self.of(nodeid)} [{name}]"

    def learn(self, request: bytes, reply: bytes) -> None:
        """Take in what *reply*, a success, said about names."""
        number, _, nodeid = IN_HEADER.unpack_from(request)[1:4]
        if number == Opcode.READDIRPLUS:
            self._listed(nodeid, reply)
        if number not in IN_DIRECTORY | RENAMES:
            return
        row = MESSAGES[Opcode(number)]
        names = names_of(request, row.request, row.names)
        if len(names) < row.names:
            return
        if number in NAMING:
            self._place(nodeid, names[0], _nodeid_of(reply))
        elif number in REMOVALS:
            # The node keeps its path: whoever has it open goes on using it.
            self._nodes.pop((nodeid, names[0]), None)
        else:
            old, new = (nodeid, names[0]), (_field(request, "newdir"), names[1])
            moved, replaced = self._nodes.pop(old, 0), self._nodes.pop(new, 0)
            self._place(*new, moved)
            if _field(request, "flags") & EXCHANGE:
                self._place(*old, replaced)

    def _below(self, parent: int, name: str) -> str:
        return f"{self.of(parent).rstrip('/')}/{name}"

    def _listed(self, parent: int, reply: bytes) -> None:
        try:
            entries = unpack_direntsplus(reply[OUT_HEADER.size :])
        except WireError:
            return  # cut short on the way here
        for each in entries:
            if each.name not in (b".", b".."):
                self._place(parent, _text(each.name), each.entry["nodeid"])

    def _place(self, parent: int, name: str, nodeid: int) -> None:
        if nodeid > ROOT:
            self._places[nodeid] = (parent, name)
            self._nodes[parent, name] = nodeid


def names_of(request: bytes, layout: Layout | None, number: int) -> list[str]:
    """Return the first *number* names behind *layout*; fewer, if *request* was cut short."""
    if not number:
        return []
    start = IN_HEADER.size + (layout.size if layout else 0)
    return [_text(name) for name in request[start:].split(b"\0")[:-1][:number]]


def _field(request: bytes, name: str) -> int:
    layout = MESSAGES[Opcode(IN_HEADER.unpack_from(request)[1])].request
    if layout is None or name not in layout.fields or len(request) < IN_HEADER.size + layout.size:
        return 0
    return layout.unpack_from(request, IN_HEADER.size)[layout.fields.index(name)]


def _nodeid_of(reply: bytes) -> int:
    """Return the number that a reply with an entry gives out; 0 where it says that there is no such name."""
    layout = MESSAGES[Opcode.LOOKUP].reply
    whole = layout is not None and len(reply) >= OUT_HEADER.size + layout.size
    return layout.unpack_from(reply, OUT_HEADER.size)[0] if layout is not None and whole else 0


def _text(name: bytes) -> str:
    """Return *name* so that it can be shown, whatever its bytes."""
    shown = name.decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in shown)
