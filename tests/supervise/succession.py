"""One kernel and one server after the other over one ledger, without a mount and without a process.

What a server that is killed leaves behind is what it had committed; nothing of it is closed or ended.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from enum import Enum
from typing import Any

from puffpy.mount import prepared
from puffpy.ops import VnodeOps
from puffpy.session import Session
from puffpy.supervise import Keeper, Ledger, Scribe
from puffpy.wire import Opcode, Reply, decode_reply
from puffpy.wire.opcodes import UNIQUE_RESEND
from puffpy.wire.structs import IN_HEADER
from tests.dispatch.speaker import EVERYTHING, Speaker, init_flags

ME = (os.getuid(), os.getgid(), os.getpid())


class Moment(Enum):
    """When a server is killed."""

    BEFORE = "before it had begun"
    MIDWAY = "when it was done and not written down"
    UNHEARD = "when it was written down and nobody had heard"


class Killed(BaseException):
    """Leaves the server that it is raised in."""


class Succession(Speaker):
    """A kernel, and servers of what *make* makes, one after the other."""

    def __init__(self, make: Callable[[], VnodeOps]) -> None:
        self.later = []
        self.make = make
        self.uniques = itertools.count(2, 2)
        self.unique = 0
        self.ledger = Ledger(1 << 20)
        self.fs: Any = None
        self.begin()
        self.init = self.ask(Opcode.INIT, 0, major=7, minor=45, **init_flags(EVERYTHING))

    def begin(self, *poison: int) -> None:
        """Have the next server."""
        self.ledger.read()
        self.fs = fs = self.vnodeops = self.make()
        keeper = None
        if hasattr(fs, "kept"):
            keeper = fs.kept = Keeper(self.ledger)
        vfsops, options = prepared(fs, None, None)
        self.scribe = memory = Scribe(self.ledger, keeper, poison=frozenset(poison))
        self.session = Session(fs, vfsops, options, self.later.append, memory=memory)
        self.buffer = bytearray(self.session.buffer_size)
        if memory.terms is not None:
            self.session.resume()

    def fail_to_hear(
        self,
        moment: Moment,
        opcode: Opcode,
        nodeid: int,
        *names: bytes,
        meanwhile: Callable[[], object] = lambda: None,
        **more: Any,
    ) -> Reply:
        """Ask; the server is killed at *moment*; the next one is asked again, and its answer returned.

        *meanwhile* is done when nobody serves.
        """
        message = self.request(opcode, nodeid, *names, **more)
        unique = self.unique
        if moment is not Moment.BEFORE:
            if moment is Moment.MIDWAY:
                self.scribe._commit = _die  # type: ignore[method-assign,assignment]  # it has done its last
            self.tell(message)
        meanwhile()
        self.begin()
        return self.again(opcode, message, unique)

    def again(self, opcode: Opcode, message: bytes, unique: int) -> Reply:
        """Say *message* again, as a kernel does that was asked to."""
        whole = self.tell_again(message, unique)
        assert whole is not None
        reply = decode_reply(opcode, whole)
        assert reply.unique == unique | UNIQUE_RESEND, "the mark goes back as it came"
        return reply

    def tell_again(self, message: bytes, unique: int) -> bytes | None:
        """As :meth:`again`; return the bytes of the answer, if there is one now."""
        values = list(IN_HEADER.unpack_from(message))
        values[2] = unique | UNIQUE_RESEND
        return self.tell(IN_HEADER.pack(*values) + message[IN_HEADER.size :])


def _die(*_: object) -> None:
    raise Killed
