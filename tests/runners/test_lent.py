"""Requests whose operation has the serving thread: what becomes of them when it is taken back, or not."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import puffpy
from puffpy.session.beside import Beside
from puffpy.wire import Opcode, Reply, decode_reply
from puffpy.wire.structs import OUT_HEADER
from tests.dispatch.speaker import ROOT, Speaker
from tests.runners.test_beside import PATIENCE, until


@puffpy.blocking
class Waiting(puffpy.VnodeOps):
    """Its operations are quick; those in *slow* wait for the *gate*, and then fail with *failure*, if any."""

    def __init__(self) -> None:
        self.root = puffpy.Node.directory()
        self.names = {"f": puffpy.Node.file(0o644), "g": puffpy.Node.file(0o644)}
        self.slow: set[str] = set()
        self.gate = threading.Event()
        self.data = bytearray(b"floyd")
        self.failure: BaseException | None = None
        self.asked: list[tuple[str, int]] = []
        self.reclaimed: list[Any] = []

    def _enter(self, name: str) -> None:
        self.asked.append((name, threading.get_ident()))
        if name in self.slow:
            assert self.gate.wait(PATIENCE)
            if self.failure is not None:
                raise self.failure

    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        self._enter("lookup")
        if cn.name not in self.names:
            raise FileNotFoundError
        return self.names[cn.name]

    def getattr(self, vp: Any, call: puffpy.Call) -> puffpy.Vattr:
        self._enter("getattr")
        va: puffpy.Vattr = vp.vattr
        return va

    def create(self, dvp: Any, cn: puffpy.ComponentName, va: puffpy.Vattr, call: puffpy.Call) -> Any:
        self._enter("create")
        node = self.names[cn.name] = puffpy.Node(va)
        return node

    def open(self, vp: Any, flags: int, call: puffpy.Call) -> int:
        self._enter("open")
        return 7

    def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> memoryview:
        self._enter("read")
        return memoryview(self.data)[offset : offset + size]

    def reclaim(self, vp: Any) -> None:
        self.reclaimed.append(vp)


@pytest.fixture
def fs() -> Waiting:
    return Waiting()


@pytest.fixture
def speaker(fs: Waiting) -> Iterator[Speaker]:
    made = Speaker(fs)
    lent(made).parking.lending.trusted.update({"lookup", "getattr", "create", "open", "read"})
    yield made
    fs.gate.set()
    made.session.close()


def lent(speaker: Speaker) -> Beside:
    """Return what runs operations beside the conversation, or in its thread."""
    beside = speaker.session.lend()
    assert beside is not None
    return beside


def told(reply: bytes) -> tuple[int, int]:
    """Return the errno of a reply, and the unique of what it answers."""
    _, error, unique = OUT_HEADER.unpack_from(reply)
    return -error, unique


class Serving(threading.Thread):
    """The serving thread, taken up with one request."""

    def __init__(self, speaker: Speaker, fs: Waiting, opcode: Opcode, *names: bytes, **fields: Any) -> None:
        super().__init__(daemon=True)
        self.message = bytearray(speaker.request(opcode, ROOT, *names, **fields))
        self.unique, self.opcode = speaker.unique, opcode
        self.speaker, self.fs = speaker, fs
        self.reply: Any = b"none yet"
        self.start()
        until(lambda: any(ident == self.ident and name in fs.slow for name, ident in fs.asked))

    def run(self) -> None:
        self.reply = self.speaker.session.receive(self.message, len(self.message))

    def end(self) -> Reply:
        """Let the operation end; return the reply, wherever it went."""
        self.fs.gate.set()
        self.join(PATIENCE)
        assert not self.is_alive()
        whole = self.reply
        if whole is None:
            until(lambda: [unique for _, unique in map(told, self.speaker.later) if unique == self.unique])
            (whole,) = [late for late in self.speaker.later if told(late)[1] == self.unique]
        reply = decode_reply(self.opcode, b"".join(whole) if isinstance(whole, tuple) else whole)
        assert reply.unique == self.unique
        return reply


def take_back(speaker: Speaker) -> bool:
    """Do as the thread that stands by does."""
    beside = lent(speaker)
    call = beside.parking.lending.current
    assert call is not None
    return beside.take_back(call, lambda: None)


def test_a_quick_operation_runs_where_its_request_came(speaker: Speaker, fs: Waiting) -> None:
    assert speaker.ask(Opcode.LOOKUP, ROOT, b"f").fields["nodeid"] == 2
    assert speaker.refused(Opcode.LOOKUP, ROOT, b"missing") == errno.ENOENT
    assert fs.asked == [(name, threading.get_ident()) for name in ("lookup", "getattr", "lookup")]
    assert not speaker.later
    assert not speaker.session.parked()


def test_one_that_ends_before_anybody_minds_is_answered_as_ever(speaker: Speaker, fs: Waiting) -> None:
    fs.slow.add("getattr")
    serving = Serving(speaker, fs, Opcode.LOOKUP, b"f")
    reply = serving.end()
    assert (reply.fields["nodeid"], serving.reply is None) == (2, False)
    assert [name for name, _ in fs.asked] == ["lookup", "getattr"]


def test_nothing_of_an_answer_is_held_once_it_has_been_given(speaker: Speaker, fs: Waiting) -> None:
    nodeid = speaker.lookup(b"f")
    fh = speaker.open(nodeid)
    assert speaker.ask(Opcode.READ, nodeid, fh=fh, size=5).data == b"floyd"
    fs.data += b" is pink"  # a BufferError if anybody still looks at it
    speaker.release(nodeid, fh)


@pytest.mark.parametrize("slow", ["lookup", "getattr"])
def test_one_that_keeps_the_thread_is_parked_and_others_are_answered(
    speaker: Speaker, fs: Waiting, slow: str
) -> None:
    fs.slow.add(slow)
    serving = Serving(speaker, fs, Opcode.LOOKUP, b"f")
    assert take_back(speaker)
    ((_, call),) = speaker.session.parked()
    assert call is not None
    assert call.unique == serving.unique
    lending = lent(speaker).parking.lending
    assert slow not in lending.trusted
    assert lending.current is None
    fs.slow.clear()
    speaker.tell(speaker.request(Opcode.LOOKUP, ROOT, b"missing"))
    reply = serving.end()
    assert serving.reply is None, "another thread serves by now"
    assert speaker.session.nodes.cookies[reply.fields["nodeid"]].node is fs.names["f"]
    assert [name for name, _ in fs.asked].count(slow) == (2 if slow == "lookup" else 1), "once for each name"
    assert speaker.counts() == {reply.fields["nodeid"]: (1, 0)}
    assert not speaker.session.parked()


def test_what_was_made_is_made_once(speaker: Speaker, fs: Waiting) -> None:
    """The handler of CREATE asks three operations; it is run again from its beginning for the third."""
    fs.slow.add("open")
    serving = Serving(speaker, fs, Opcode.CREATE, b"new", flags=os.O_CREAT, mode=0o100644)
    assert take_back(speaker)
    reply = serving.end()
    names = [name for name, _ in fs.asked]
    assert (names.count("create"), names.count("open")) == (1, 1)
    assert speaker.counts() == {reply.fields["nodeid"]: (1, 1)}


@pytest.mark.parametrize(
    ("failure", "code"), [(OSError(errno.ENOSPC, "full"), errno.ENOSPC), (ValueError("a bug"), errno.EIO)]
)
def test_one_that_fails_at_last_is_refused(
    speaker: Speaker, fs: Waiting, failure: Exception, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    fs.slow.add("open")
    fs.failure = failure
    serving = Serving(speaker, fs, Opcode.CREATE, b"new", flags=os.O_CREAT, mode=0o100644)
    assert take_back(speaker)
    assert serving.end().error == code
    assert not speaker.counts()
    assert bool(caplog.records) is (code == errno.EIO)


def test_a_caller_who_gives_up_is_answered_at_once(speaker: Speaker, fs: Waiting) -> None:
    fs.slow.add("lookup")
    serving = Serving(speaker, fs, Opcode.LOOKUP, b"f")
    assert take_back(speaker)
    speaker.mute(Opcode.INTERRUPT, 0, unique=serving.unique)
    assert speaker.late() == (serving.unique, errno.EINTR)
    fs.gate.set()
    serving.join(PATIENCE)
    assert serving.reply is None
    assert not speaker.later
    assert not speaker.counts()


def test_a_node_is_not_reclaimed_while_one_that_was_parked_may_answer_with_it(
    speaker: Speaker, fs: Waiting
) -> None:
    nodeid = speaker.lookup(b"f")
    fs.slow.add("getattr")
    serving = Serving(speaker, fs, Opcode.LOOKUP, b"f")
    assert take_back(speaker)
    speaker.forget(nodeid)
    assert not fs.reclaimed
    assert serving.end().fields["nodeid"] == nodeid
    assert speaker.counts() == {nodeid: (1, 0)}


def test_a_worker_with_a_request_to_finish_takes_the_thread_back(speaker: Speaker, fs: Waiting) -> None:
    """Two handlers never run at the same time, not even one of them in the middle."""
    beside = lent(speaker)
    beside.parking.lending.trusted.remove("lookup")
    fs.slow.add("getattr")
    serving = Serving(speaker, fs, Opcode.GETATTR, getattr_flags=0, fh=0)
    assert speaker.tell(speaker.request(Opcode.LOOKUP, ROOT, b"missing")) is None
    until(lambda: speaker.later)
    assert speaker.late() == (speaker.unique, errno.ENOENT)
    assert serving.unique in [call.unique for _, call in speaker.session.parked() if call is not None]
    assert not serving.end().error
    assert "getattr" in beside.parking.lending.trusted, "it was not its fault"


def test_where_one_worker_is_all_there_is_nothing_is_lent() -> None:
    assert Speaker(Waiting(), options=puffpy.MountOptions(workers=1)).session.lend() is None
    assert Speaker(Plain()).session.lend() is None


class Plain(puffpy.VnodeOps):
    """Whose operations do not wait."""

    def __init__(self) -> None:
        self.root = puffpy.Node.directory()

    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        raise FileNotFoundError
