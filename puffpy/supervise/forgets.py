"""What the kernel tells to be forgotten, which it says once: not lost with the server that was told.

The kernel waits for no answer to a FORGET, so that it does not send one again.  It is written into the ledger
before it is done; until then it is in the landing, into which messages are read (:mod:`puffpy.bridges.lent`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from puffpy.dispatch import Message
from puffpy.supervise.ledger import LANDING, Ledger
from puffpy.supervise.records import Table
from puffpy.wire import Opcode
from puffpy.wire.opcodes import UNIQUE_RESEND
from puffpy.wire.structs import BATCH_FORGET_IN, FORGET_ONE, IN_HEADER

FORGETTING: Final = frozenset({Opcode.FORGET, Opcode.BATCH_FORGET})

BODY: Final = IN_HEADER.size
MANY: Final = BODY + BATCH_FORGET_IN.size
"""Where BATCH_FORGET's cookies begin."""

TAKEN_OFF: Final = bytes(BODY)
"""The header of a message that is in the landing no more."""


class Forgets:
    """Those that are at hand, in *ledger*."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def begin(self, unique: int, message: Message, size: int) -> None:
        """*message* is about to be done."""
        self._ledger.put(Table.FORGETS, unique, bytes(message[:size]))
        self._ledger.commit()
        self._ledger.landing[:BODY] = TAKEN_OFF

    def end(self, unique: int) -> None:
        """It has been, from the next commit on."""
        self._ledger.drop(Table.FORGETS, unique)

    def left(self) -> list[bytes]:
        """Return what the last server had begun with, and what it had only just read."""
        return [*self._ledger.table(Table.FORGETS).values(), *self._landed()]

    def _landed(self) -> Iterator[bytes]:
        size, opcode, unique, *rest = IN_HEADER.unpack_from(self._ledger.landing)
        if opcode not in FORGETTING or unique & ~UNIQUE_RESEND in self._ledger.table(Table.FORGETS):
            return
        landed = bytes(self._ledger.landing[: min(size, LANDING)])
        if size > LANDING:
            # What did not fit is gone.
            count = (LANDING - MANY) // FORGET_ONE.size
            size = MANY + count * FORGET_ONE.size
            head = IN_HEADER.pack(size, opcode, unique, *rest) + BATCH_FORGET_IN.pack(count)
            landed = head + landed[MANY:size]
        yield landed


def forgotten(opcode: Opcode, message: Message, size: int, nodeid: int) -> Iterator[int]:
    """Yield the cookies that *message* is about."""
    if opcode == Opcode.FORGET:
        yield nodeid
        return
    (count,) = BATCH_FORGET_IN.unpack_from(message, BODY)
    for at in range(MANY, min(MANY + count * FORGET_ONE.size, size), FORGET_ONE.size):
        yield FORGET_ONE.unpack_from(message, at)[0]
