"""Replies that the kernel would not take: what they named was never known, what they opened never open."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import Any

import pytest

from puffpy.errors import Absent
from puffpy.options import MountOptions
from puffpy.types import Node
from puffpy.wire import MESSAGES, Opcode
from tests.dispatch.samples import ANSWERS, FILE, Conversation
from tests.dispatch.speaker import ROOT, Scribe, Speaker

ANSWERED = [
    o for o in Opcode if MESSAGES[o].answered and o not in (Opcode.RELEASE, Opcode.RELEASEDIR, Opcode.DESTROY)
]
ALL = {**ANSWERS, "readdir": lambda dvp, call: [("a", Node.file()), ("b", Node.file())]}


def lose(speaker: Speaker, message: bytes) -> Any:
    """Have *message* answered and its reply not taken; return the reply."""
    speaker.buffer[: len(message)] = message
    reply = speaker.session.receive(speaker.buffer, len(message))
    speaker.session.undelivered(speaker.buffer, reply)
    return reply


@pytest.mark.parametrize("opcode", ANSWERED, ids=lambda opcode: opcode.name)
def test_a_lost_reply_leaves_every_count_as_it_was(opcode: Opcode, caplog: pytest.LogCaptureFixture) -> None:
    speaker = Conversation(**ALL)
    before, handles = speaker.counts(), set(speaker.session.handles)
    lose(speaker, speaker.sample(opcode))
    assert speaker.counts() == before
    assert set(speaker.session.handles) == handles
    assert not [record for record in caplog.records if record.exc_info]


def test_what_was_made_for_nobody_ends_its_life_and_is_closed() -> None:
    speaker = Conversation(**ALL)
    lose(speaker, speaker.sample(Opcode.CREATE))
    assert speaker.scribe.calls()[-3:] == ["close", "inactive", "reclaim"]
    lose(speaker, speaker.sample(Opcode.MKDIR))
    assert speaker.scribe.calls()[-2:] == ["inactive", "reclaim"]
    lose(speaker, speaker.sample(Opcode.OPEN))
    assert speaker.scribe.last("close")[0] is speaker.scribe.names["f"]


def test_a_node_that_is_known_otherwise_stays_alive() -> None:
    speaker = Conversation(**ALL)
    lose(speaker, speaker.sample(Opcode.LOOKUP))
    assert "reclaim" not in speaker.scribe.calls()
    assert not speaker.ask(Opcode.GETATTR, FILE).error


def test_a_listing_that_is_lost_takes_back_each_of_its_nodes() -> None:
    speaker = Conversation(**ALL)
    lose(speaker, speaker.sample(Opcode.READDIRPLUS))
    assert speaker.scribe.calls().count("reclaim") == 2


def test_a_create_without_handles_is_taken_back_too() -> None:
    scribe = Scribe(create=lambda dvp, cn, va, call: Node(va), write=None, read=b"")
    speaker = Speaker(scribe, options=MountOptions(kernel_cache=True))
    lose(speaker, speaker.request(Opcode.CREATE, ROOT, b"new", flags=os.O_RDWR))
    assert speaker.counts() == {}


def test_a_lost_refusal_and_a_lost_absence_were_nothing() -> None:
    speaker = Speaker(Scribe(lookup=Absent(9)))
    lose(speaker, speaker.request(Opcode.LOOKUP, ROOT, b"x"))
    assert lose(speaker, speaker.request(Opcode.LOOKUP, 99, b"x"))[4:8] == (
        -errno.ESTALE & 0xFFFFFFFF
    ).to_bytes(4, "little")
    assert speaker.counts() == {}


def test_a_lost_answer_to_an_opcode_nobody_knows_is_nothing_either(caplog: pytest.LogCaptureFixture) -> None:
    speaker = Speaker(Scribe())
    message = bytearray(speaker.request(Opcode.GETATTR))
    message[4:8] = (999).to_bytes(4, "little")
    lose(speaker, bytes(message))
    assert not [record for record in caplog.records if record.exc_info]


def test_no_reply_is_nothing_to_take_back() -> None:
    speaker = Conversation(**ALL)
    lose(speaker, speaker.sample(Opcode.FORGET))
    waiting = Conversation(advlock=BlockingIOError())
    assert lose(waiting, waiting.sample(Opcode.SETLKW, type=fcntl.F_WRLCK)) is None
