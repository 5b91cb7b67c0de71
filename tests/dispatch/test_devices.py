"""Files treated like devices, in bytes: poll, ioctl, bmap."""

from __future__ import annotations

import errno
import select
from typing import Any

import pytest

from puffpy.types import Waker
from puffpy.wire import NotifyCode, Opcode, decode_notify
from puffpy.wire.flags import PollFlag
from tests.dispatch.samples import FILE, Conversation
from tests.dispatch.speaker import UID


def test_poll_says_what_holds_now() -> None:
    speaker = Conversation("open", poll=select.POLLIN)
    reply = speaker.say(Opcode.POLL, events=select.POLLIN | select.POLLOUT)
    assert reply.fields["revents"] == select.POLLIN
    vp, events, waker, call = speaker.scribe.last("poll")
    assert (vp, events, waker) == (speaker.scribe.names["f"], select.POLLIN | select.POLLOUT, None)
    assert (call.handle, call.uid) == ("handle", UID)


def test_a_sleeper_is_woken_by_the_waker_it_came_with() -> None:
    wakers: list[Waker] = []

    def poll(vp: Any, events: int, waker: Waker, call: Any) -> int:
        wakers.append(waker)
        return 0

    speaker = Conversation(poll=poll)
    assert speaker.say(Opcode.POLL, kh=77, flags=int(PollFlag.SCHEDULE_NOTIFY)).fields["revents"] == 0
    assert speaker.say(Opcode.POLL, kh=78, flags=int(PollFlag.SCHEDULE_NOTIFY)).fields["revents"] == 0
    assert speaker.later == []
    wakers[0].wake()
    notice = decode_notify(speaker.later.pop())
    assert (notice.code, notice.fields["kh"]) == (NotifyCode.POLL, 77)


@pytest.mark.parametrize(
    ("answer", "result", "out"),
    [
        (0, 0, b""),
        (42, 42, b""),
        (b"", 0, b""),
        (b"0123456789abcdef", 0, b"0123456789abcdef"),
        (memoryview(b"a.b.")[::2], 0, b"ab"),
    ],
)
def test_ioctl_answers_a_number_or_bytes(answer: Any, result: int, out: bytes) -> None:
    speaker = Conversation("open", ioctl=answer)
    reply = speaker.say(Opcode.IOCTL, cmd=0x1234, arg=0x7FFF00000000)
    assert (reply.fields["result"], bytes(reply.data)) == (result, out)
    vp, cmd, arg, _, call = speaker.scribe.last("ioctl")
    assert (vp, cmd, arg, call.handle) == (speaker.scribe.names["f"], 0x1234, 0x7FFF00000000, "handle")


def test_ioctl_may_hand_back_what_it_was_given() -> None:
    speaker = Conversation(ioctl=lambda vp, cmd, arg, data, call: data)
    assert speaker.say(Opcode.IOCTL).data == b"in"


def test_an_ioctl_whose_sizes_do_not_agree_is_refused() -> None:
    speaker = Conversation("ioctl")
    message = bytearray(speaker.sample(Opcode.IOCTL))
    message[40 + 24] += 1
    assert speaker.tell(bytes(message)) is not None
    assert speaker.scribe.calls() == []


def test_ioctl_is_enotty_where_nobody_knows_the_command() -> None:
    assert Conversation().say(Opcode.IOCTL).error == errno.ENOTTY
    assert Conversation(ioctl=OSError(errno.ENOTTY, "")).say(Opcode.IOCTL).error == errno.ENOTTY


def test_bmap_answers_a_block() -> None:
    speaker = Conversation(bmap=1 << 40)
    assert speaker.ask(Opcode.BMAP, FILE, block=5, blocksize=512).fields["block"] == 1 << 40
    assert speaker.scribe.last("bmap")[:3] == (speaker.scribe.names["f"], 5, 512)
