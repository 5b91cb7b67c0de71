"""Operations that wait: answers that come later, in another order, or when nobody wants them any more."""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue
from typing import Any

import pytest

import puffpy
from puffpy.wire import Opcode, Request, encode_request
from puffpy.wire.structs import GETATTR_IN, OUT_HEADER
from tests.vhostuser.conftest import Serve, Served, wait_for
from tests.vhostuser.driver import Guest, parts_of, room_for
from tests.vhostuser.front_end import PATIENCE


class Slow(puffpy.VnodeOps):
    """Answers the figures of its file system at once, and everything else when it is told to."""

    def __init__(self) -> None:
        self.root = puffpy.Node.directory()
        self.asked: SimpleQueue[int] = SimpleQueue()
        self.go = threading.Event()

    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        raise FileNotFoundError

    @puffpy.blocking
    def readlink(self, vp: Any, call: puffpy.Call) -> str:
        self.asked.put(call.unique)
        assert self.go.wait(PATIENCE)
        return "there"


READLINK = encode_request(Request(Opcode.READLINK, unique=40, nodeid=1))
GETATTR = encode_request(
    Request(Opcode.GETATTR, unique=41, nodeid=1, fields=dict.fromkeys(GETATTR_IN.fields, 0))
)


@pytest.fixture
def slow(serve: Serve) -> tuple[Slow, Served, Guest]:
    """The file system, and a guest that waits for it."""
    fs = Slow()
    served = serve(fs)
    guest = served.guest(slots=4)
    guest.mount()
    return fs, served, guest


def test_who_waits_holds_up_nobody(slow: tuple[Slow, Served, Guest]) -> None:
    fs, _, guest = slow
    waiting = [guest.queues[1].offer(parts_of(READLINK), room_for(READLINK)) for _ in range(2)]
    assert fs.asked.get(timeout=PATIENCE) != fs.asked.get(timeout=PATIENCE), "numbers of our own"
    assert not OUT_HEADER.unpack_from(guest.call(GETATTR))[1]
    fs.go.set()
    for answer in waiting:
        assert answer.get(timeout=PATIENCE) == OUT_HEADER.size + len("there")


def test_an_answer_that_comes_during_a_pause_is_there_after_it(slow: tuple[Slow, Served, Guest]) -> None:
    fs, served, guest = slow
    answer = guest.queues[1].offer(parts_of(READLINK), room_for(READLINK))
    fs.asked.get(timeout=PATIENCE)
    base = guest.machine.stop(1)
    fs.go.set()
    wait_for(lambda: not served.bridge._asked, "it has been answered")
    assert answer.empty()
    guest.queues[1].resume(base)
    assert answer.get(timeout=PATIENCE) == OUT_HEADER.size + len("there")


@pytest.mark.parametrize("when", ["while it is reset", "when the next one is there"])
def test_an_answer_that_a_driver_did_not_wait_for_disturbs_the_next_one_nowhere(
    slow: tuple[Slow, Served, Guest], when: str
) -> None:
    fs, served, guest = slow
    answer = guest.queues[1].offer(parts_of(READLINK), room_for(READLINK))
    fs.asked.get(timeout=PATIENCE)
    guest.unload()
    slot = guest.queues[1]._area
    guest.machine.write(slot, b"what the next kernel keeps there" * 1000)
    if when == "while it is reset":
        fs.go.set()
        wait_for(lambda: not served.bridge._asked, "it has been answered")
    guest.load()
    fs.go.set()
    wait_for(lambda: not served.bridge._asked, "it has been answered")
    assert guest.machine.read(slot, 32_000) == b"what the next kernel keeps there" * 1000
    assert not OUT_HEADER.unpack_from(guest.queues[1].ask(parts_of(GETATTR), room_for(GETATTR)))[1]
    assert answer.empty()


def test_a_machine_may_leave_while_it_waits(slow: tuple[Slow, Served, Guest]) -> None:
    fs, served, guest = slow
    guest.queues[1].offer(parts_of(READLINK), room_for(READLINK))
    fs.asked.get(timeout=PATIENCE)
    guest.close()
    fs.go.set()
    kernel = served.guest().mount()
    assert kernel.stat("/").st_nlink == 2
    kernel.unmount()


def test_memory_may_be_shared_anew_while_an_answer_is_waited_for(slow: tuple[Slow, Served, Guest]) -> None:
    fs, _, guest = slow
    answer = guest.queues[1].offer(parts_of(READLINK), room_for(READLINK))
    fs.asked.get(timeout=PATIENCE)
    guest.machine.share()
    fs.go.set()
    assert answer.get(timeout=PATIENCE) == OUT_HEADER.size + len("there")


def test_what_a_guest_interrupts_is_what_it_asked(slow: tuple[Slow, Served, Guest]) -> None:
    fs, _, guest = slow
    answer = guest.queues[1].offer(parts_of(READLINK), room_for(READLINK))
    fs.asked.get(timeout=PATIENCE)
    interrupt = encode_request(Request(Opcode.INTERRUPT, unique=42, fields={"unique": 40}))
    assert guest.queues[0].ask([interrupt], []) == b""
    assert answer.get(timeout=PATIENCE) == OUT_HEADER.size, "EINTR, while the operation still runs"
    fs.go.set()


def test_notifications_are_dropped(slow: tuple[Slow, Served, Guest]) -> None:
    _, served, guest = slow
    served.server.session.kernel.inval_inode(served.server.session.nodes.root.node)
    assert served.server.session.kernel.retrieve(served.server.session.nodes.root.node, 0, 10) == b""
    assert not OUT_HEADER.unpack_from(guest.call(GETATTR))[1]


def test_an_end_while_somebody_waits_is_an_end(slow: tuple[Slow, Served, Guest]) -> None:
    fs, served, guest = slow
    guest.queues[1].offer(parts_of(READLINK), room_for(READLINK))
    fs.asked.get(timeout=PATIENCE)
    assert not served.bridge.detach()
    served.bridge.cut(0)
    fs.go.set()
    assert guest.machine.left
    wait_for(lambda: not os.path.exists(served.path), "the socket is gone")
