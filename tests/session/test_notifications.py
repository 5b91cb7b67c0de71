"""What a file system tells the kernel of its own accord, from any thread, and what it asks back."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from puffpy.errors import WireError
from puffpy.ops import Kernel
from puffpy.session import notifier
from puffpy.types import Node
from puffpy.wire import Notification, NotifyCode, Opcode, decode_notify
from puffpy.wire.flags import InvalEntryFlag
from tests.dispatch.speaker import ROOT, Scribe, Speaker

FILE = 2
DEADLINE = 30.0


@pytest.fixture
def scribe() -> Scribe:
    return Scribe({"f": Node.file()})


@pytest.fixture
def speaker(scribe: Scribe) -> Speaker:
    speaker = Speaker(scribe)
    assert speaker.lookup(b"f") == FILE
    return speaker


def said(speaker: Speaker) -> Notification:
    """Take the one notification that was sent."""
    (message,) = speaker.later
    speaker.later.clear()
    return decode_notify(message)


def test_a_node_is_called_by_its_cookie(speaker: Speaker, scribe: Scribe) -> None:
    kernel: Kernel = speaker.session.kernel
    file = scribe.names["f"]
    kernel.inval_inode(file, 5, 10)
    notice = said(speaker)
    assert (notice.code, dict(notice.fields)) == (NotifyCode.INVAL_INODE, {"ino": FILE, "off": 5, "len": 10})
    kernel.inval_inode(file, -1)
    assert said(speaker).fields["off"] == -1
    kernel.store(file, 7, b"data")
    notice = said(speaker)
    assert (notice.code, notice.fields["nodeid"], notice.fields["offset"]) == (NotifyCode.STORE, FILE, 7)
    assert notice.data == b"data"


def test_a_file_system_may_ask_how_often_a_node_is_open() -> None:
    kept: list[int | None] = []
    scribe = Scribe({"f": Node.file()}, read=b"", inactive=lambda vp: kept.append(count(vp)))
    speaker = Speaker(scribe)
    count: Callable[[Any], int | None] = speaker.session.kernel.open_count
    assert count(scribe.names["f"]) is None
    file = speaker.lookup(b"f")
    assert count(scribe.names["f"]) == 0
    handles = [speaker.open(file), speaker.open(file)]
    assert count(scribe.names["f"]) == 2
    for fh in handles:
        speaker.release(file, fh)
    assert kept == [0]
    speaker.forget(file)
    assert count(scribe.names["f"]) is None
    assert not speaker.later


def test_a_name_is_called_by_its_directorys_cookie_and_its_bytes(speaker: Speaker, scribe: Scribe) -> None:
    kernel: Kernel = speaker.session.kernel
    kernel.inval_entry(scribe.root, "caf\u00e9\udcff")
    notice = said(speaker)
    assert (notice.code, notice.fields["parent"], notice.fields["flags"]) == (NotifyCode.INVAL_ENTRY, ROOT, 0)
    assert notice.name == b"caf\xc3\xa9\xff"
    kernel.expire_entry(scribe.root, "f")
    assert said(speaker).fields["flags"] == InvalEntryFlag.EXPIRE_ONLY
    kernel.delete(scribe.root, scribe.names["f"], "f")
    notice = said(speaker)
    assert (notice.code, notice.fields["parent"], notice.fields["child"]) == (NotifyCode.DELETE, ROOT, FILE)
    assert notice.name == b"f"


def test_the_whole_mount_is_told_without_a_node(speaker: Speaker, scribe: Scribe) -> None:
    kernel: Kernel = speaker.session.kernel
    kernel.inc_epoch()
    assert said(speaker).code is NotifyCode.INC_EPOCH
    kernel.resend()
    assert said(speaker).code is NotifyCode.RESEND
    kernel.prune(scribe.names["f"], object())
    notice = said(speaker)
    assert (notice.code, notice.nodeids) == (NotifyCode.PRUNE, (FILE,))


@pytest.mark.parametrize(
    "tell",
    [
        lambda kernel, node: kernel.inval_inode(node),
        lambda kernel, node: kernel.inval_entry(node, "x"),
        lambda kernel, node: kernel.expire_entry(node, "x"),
        lambda kernel, node: kernel.delete(node, node, "x"),
        lambda kernel, node: kernel.store(node, 0, b"x"),
    ],
)
def test_of_what_the_kernel_does_not_know_it_is_told_nothing(
    tell: Callable[[Kernel, Any], None], speaker: Speaker
) -> None:
    tell(speaker.session.kernel, Node.file())
    assert speaker.later == []
    assert speaker.session.kernel.retrieve(Node.file(), 0, 10) == b""


def test_a_forgotten_node_is_told_of_no_more(speaker: Speaker, scribe: Scribe) -> None:
    speaker.forget(FILE)
    speaker.session.kernel.inval_inode(scribe.names["f"])
    speaker.session.kernel.delete(scribe.root, scribe.names["f"], "f")
    assert speaker.later == []


def test_a_name_that_cannot_be_sent_is_refused_where_it_is_told(speaker: Speaker, scribe: Scribe) -> None:
    with pytest.raises(WireError, match="NUL"):
        speaker.session.kernel.inval_entry(scribe.root, "a\0b")
    assert speaker.later == []


class Retrieval(threading.Thread):
    """A thread that retrieves *size* bytes of *node*."""

    def __init__(self, speaker: Speaker, node: Any, size: int) -> None:
        super().__init__(daemon=True)
        self.answer: Any = None
        self._speaker, self._node, self._size = speaker, node, size
        already = len(speaker.later)
        self.start()
        deadline = time.monotonic() + DEADLINE
        while len(speaker.later) == already:
            assert time.monotonic() < deadline, "nothing was sent"
        self.notice = decode_notify(speaker.later[already])

    def run(self) -> None:
        try:
            self.answer = self._speaker.session.kernel.retrieve(self._node, 100, self._size)
        except OSError as exc:
            self.answer = exc

    def result(self) -> Any:
        self.join(DEADLINE)
        assert not self.is_alive()
        return self.answer


def reply(speaker: Speaker, to: Retrieval, data: bytes, **fields: int) -> None:
    """Send the NOTIFY_REPLY that answers *to*; its unique is the notification's."""
    more: dict[str, Any] = fields
    message = bytearray(speaker.request(Opcode.NOTIFY_REPLY, FILE, data=data, **more))
    message[8:16] = to.notice.fields["notify_unique"].to_bytes(8, "little")
    assert speaker.tell(bytes(message)) is None


def test_what_the_page_cache_holds_comes_back_to_who_asked(speaker: Speaker, scribe: Scribe) -> None:
    one = Retrieval(speaker, scribe.names["f"], 10)
    two = Retrieval(speaker, scribe.names["f"], 20)
    assert (one.notice.code, one.notice.fields["nodeid"]) == (NotifyCode.RETRIEVE, FILE)
    assert (one.notice.fields["offset"], one.notice.fields["size"]) == (100, 10)
    reply(speaker, two, b"second", offset=100)
    reply(speaker, one, b"first", offset=100)
    assert (one.result(), two.result()) == (b"first", b"second")


def test_a_kernel_that_holds_nothing_says_so(speaker: Speaker, scribe: Scribe) -> None:
    asked = Retrieval(speaker, scribe.names["f"], 10)
    reply(speaker, asked, b"")
    assert asked.result() == b""
    refused = Retrieval(speaker, scribe.names["f"], 10)
    speaker.session.kernel.refused(refused.notice.fields["notify_unique"])
    assert refused.result() == b""


def test_an_answer_that_never_comes_is_given_up_and_a_late_one_does_no_harm(
    speaker: Speaker, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier, "RETRIEVE_TIMEOUT", 0.01)
    asked = Retrieval(speaker, scribe.names["f"], 10)
    assert asked.result().errno == errno.ETIMEDOUT
    reply(speaker, asked, b"late")


def test_a_notice_may_be_given_from_inside_an_operation() -> None:
    def remove(dvp: Any, cn: Any, call: Any) -> None:
        kernels[0].delete(dvp, scribe.names.pop(cn.name), cn.name)

    kernels: list[Kernel] = []
    scribe = Scribe({"f": Node.file()}, remove=remove, start=kernels.append)
    told = Speaker(scribe)
    told.lookup(b"f")
    assert not told.ask(Opcode.UNLINK, ROOT, b"f").error
    assert said(told).code is NotifyCode.DELETE
