"""A kernel that says anything to a mount that outlives its servers, and asks for the same again."""

from __future__ import annotations

import itertools
import struct
from typing import Final

from puffpy.supervise import Ledger
from puffpy.wire import Opcode
from puffpy.wire.opcodes import UNIQUE_RESEND
from puffpy.wire.structs import IN_HEADER, OUT_HEADER
from tests.hostile import said
from tests.hostile.cases import Case
from tests.hostile.session import Answering, answering
from tests.supervise.succession import Succession

DEATH: Final = b""
"""In place of a message: the server dies, and the next one begins."""

ROOM: Final = 1 << 16
"""Bytes of a ledger that is soon full."""


class Servers(Succession):
    """One server after the other, to whom nothing has been said yet."""

    def __init__(self) -> None:
        self.later = []
        self.make = answering
        self.uniques = itertools.count(2, 2)
        self.unique = 0
        self.ledger = Ledger(ROOM)
        self.begin()


class Supervised(Answering):
    """A session that writes down what it answers."""

    name = "supervised"

    def samples(self) -> list[Case]:
        """See :class:`Target`."""
        once = said.conversations()
        more = [(*said.FOREWORD, asked, DEATH, _again(asked), asked) for asked in map(said.sample, Opcode)]
        return [*once, *more]

    def play(self, case: Case) -> None:
        """See :class:`Target`."""
        servers = Servers()
        for message in case:
            if message == DEATH:
                servers.begin()
                continue
            reply = servers.tell(message)
            if reply is not None and not IN_HEADER.unpack_from(message)[2] & UNIQUE_RESEND:
                said.check_reply(message, reply)
            elif reply is not None:
                # What comes again gets its answer again; something else, asked under its number, as well.
                assert OUT_HEADER.unpack_from(reply)[0] == len(reply)
        self._ask(servers)
        servers.session.close()
        assert len(servers.session.nodes) == 0
        assert len(servers.session.handles) == 1
        self._lines.check(2 * len(case) + 1)


def _again(asked: bytes) -> bytes:
    """Return *asked* with the mark of what comes again."""
    unique = IN_HEADER.unpack_from(asked)[2] | UNIQUE_RESEND
    return asked[:8] + struct.pack("=Q", unique) + asked[16:]
