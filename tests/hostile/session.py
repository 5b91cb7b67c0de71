"""A kernel that says anything: every operation, answered by a dummy or by a file system in memory."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator
from typing import Final

import pytest

from filesystems.detrempe import Detrempe
from puffpy import Size
from puffpy.ops import VfsOps, VnodeOps, inspect
from puffpy.session import session
from puffpy.types import Node
from puffpy.wire import Opcode, decode_reply
from puffpy.wire.structs import IN_HEADER
from tests.dispatch.samples import ANSWERS
from tests.dispatch.speaker import ROOT, Scribe, Speaker
from tests.hostile import said
from tests.hostile.cases import Case
from tests.hostile.health import Lines

MOVES: Final = frozenset(
    {Opcode.RELEASE, Opcode.RELEASEDIR, Opcode.FORGET, Opcode.BATCH_FORGET, Opcode.DESTROY}
)
"""What may move a count although it fails."""


def answering() -> VnodeOps:
    """Return a vector that has every operation, and an answer to each."""
    more = {
        "read": b"abc",
        "seek": lambda vp, offset, whence, call: offset,
        "readdir": lambda dvp, call: [("a", Node.file()), ("b", Node.file())],
    }
    return Scribe({"f": Node.file(size=6), "d": Node.directory()}, **{**ANSWERS, **more})


def in_memory() -> VnodeOps:
    """Return a file system that is quickly full."""
    return Detrempe(size=Size("4M"), inodes=200)


class Answering:
    """A session over a vector that answers everything."""

    name = "answering"
    make = staticmethod(answering)
    _lines: Lines

    def samples(self) -> list[Case]:
        """See :class:`Target`."""
        return said.conversations()

    def settle(self, message: bytes) -> bytes:
        """See :class:`Target`."""
        return said.settle(message)

    @contextlib.contextmanager
    def serving(self, lines: Lines) -> Iterator[None]:
        """See :class:`Target`."""
        self._lines = lines
        inspect(self.make(), VfsOps())
        with pytest.MonkeyPatch.context() as patch:
            # The vector is the same each time, and to look at it takes longer than all that is said.
            patch.setattr(session, "inspect", lambda *_: None)
            yield

    def play(self, case: Case) -> None:
        """See :class:`Target`."""
        speaker = Speaker(self.make(), minor=None)
        for message in case:
            self._say(speaker, message)
        self._ask(speaker)
        speaker.session.close()
        assert speaker.counts() == {}
        assert len(speaker.session.handles) == 1
        self._lines.check(len(case))  # how often there was what was told of once

    def _say(self, speaker: Speaker, message: bytes) -> None:
        counts, handles = speaker.counts(), len(speaker.session.handles)
        reply = speaker.tell(message)
        self._lines.check(1)
        for late in speaker.later:
            assert len(late) >= 16
        speaker.later.clear()
        if len(message) < IN_HEADER.size:
            assert reply is None
            return
        _, opcode, unique, *_ = IN_HEADER.unpack_from(message)
        code = said.check_reply(message, reply) if reply is not None else 0
        if reply is not None and unique & said.LOST and not code and opcode not in MOVES:
            speaker.session.undelivered(speaker.buffer, reply)
            self._lines.check(0)
            code = -1
        if code and opcode not in MOVES:
            assert speaker.counts() == counts, opcode
            assert len(speaker.session.handles) == handles, opcode
        assert not speaker.session.closed

    def _ask(self, speaker: Speaker) -> None:
        """See that the conversation goes on."""
        if not speaker.session.ready:
            assert not said.check_reply(said.INIT, speaker.tell(said.INIT) or b"")
        question = said.message(Opcode.GETATTR, 1 << 50, ROOT)
        reply = decode_reply(Opcode.GETATTR, speaker.tell(question) or b"")
        assert not reply.error
        assert stat.S_ISDIR(reply.fields["mode"])


class InMemory(Answering):
    """A session over a file system that means it."""

    name = "detrempe"
    make = staticmethod(in_memory)
