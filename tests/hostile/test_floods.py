"""The same wrong thing again and again, and what takes without giving back: few words, and an end."""

from __future__ import annotations

import errno
import functools
import itertools
import os
import socket
import threading
import time

import pytest

from filesystems.detrempe import Detrempe
from puffpy.bridges.vhostuser import control
from puffpy.bridges.vhostuser.messages import HEADER, Request
from puffpy.dispatch import lockqueue
from puffpy.errors import MountError, WireError
from puffpy.types import Node
from puffpy.unixsocket import greeting, serving
from puffpy.wire import Opcode
from tests.dispatch.speaker import ROOT, Speaker
from tests.hostile import said
from tests.hostile.session import answering
from tests.mounted.harness import wait_for
from tests.vhostuser.conftest import Serve

MANY = 1000
FEW = 12


def test_a_kernel_that_is_wrong_without_end_has_a_few_lines_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    speaker = Speaker(answering())
    for number in range(MANY):
        assert speaker.tell(said.settle(speaker.request(Opcode.LOOKUP, ROOT, b"f")[:-1])) is not None
        speaker.tell(speaker.request(Opcode.LOOKUP, number + 1000, b"a/b"))
        speaker.tell(b"short")
    speaker.session.close()
    assert len(caplog.records) <= FEW
    assert f"({MANY} of this kind so far)" in caplog.text


def test_front_ends_that_come_with_nonsense_have_a_few_lines_in_the_log(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    served = serve(Detrempe())
    for number in range(100):
        machine = served.connect()
        machine.send(1000 + number)
        assert machine.left
        machine.close()
    assert caplog.text.count("the connection ends") == 3
    assert "(100 of this kind so far)" in caplog.text


def test_a_guest_that_asks_and_does_not_wait_its_turn_is_sent_away(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Requests that wait are kept: who hands the same chain over for ever would fill the memory."""
    served = serve(answering())
    guest = served.guest(indirect=False)
    kernel = guest.mount()
    held: list[int] = []
    served.server.session._routes[Opcode.STATFS] = (40, lambda *_: held.append(1))
    queue = guest.queues[1]
    statfs = said.message(Opcode.STATFS, 2)
    head, _ = queue._lay_out(queue._free.get(), [statfs], [16, 80])
    for _ in range(queue.size + 1):
        looked_at = functools.partial(_looked_at, held, len(held), caplog)
        queue._offer(head)
        wait_for(looked_at, "it was looked at")
    assert len(held) == queue.size
    assert guest.machine.left
    guest.close()
    kernel = served.guest().mount()
    assert kernel.stat("/").st_ino
    kernel.unmount()


def _looked_at(held: list[int], before: int, caplog: pytest.LogCaptureFixture) -> bool:
    return len(held) > before or "handed back" in caplog.text


def test_more_than_was_agreed_on_is_not_read() -> None:
    asked: list[int] = []

    def read(vp: Node, offset: int, size: int, call: object) -> bytes:
        asked.append(size)
        return bytes(size)

    vector = answering()
    vector.read = read  # type: ignore[method-assign]
    speaker = Speaker(vector)
    nodeid = speaker.lookup(b"f")
    fh = speaker.open(nodeid)
    assert speaker.refused(Opcode.READ, nodeid, fh=fh, offset=0, size=0xFFFFFFFF) == errno.EINVAL
    assert len(speaker.ask(Opcode.READ, nodeid, fh=fh, offset=0, size=1 << 20).data) == 1 << 20
    assert asked == [1 << 20]


def test_so_many_may_wait_for_a_lock_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockqueue, "MOST", 3)
    vector = answering()
    vector.advlock = lambda *_: (_ for _ in ()).throw(BlockingIOError())  # type: ignore[method-assign]
    speaker = Speaker(vector)
    nodeid = speaker.lookup(b"f")
    fh = speaker.open(nodeid)
    for owner in range(3):
        speaker.mute(Opcode.SETLKW, nodeid, fh=fh, owner=owner, end=9, type=1)
    assert speaker.refused(Opcode.SETLKW, nodeid, fh=fh, owner=3, end=9, type=1) == errno.ENOLCK


def test_who_says_a_line_byte_by_byte_has_no_more_time_than_others(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x" * 1000)
        with pytest.raises(MountError, match="no whole line"):
            greeting.read_line(ours)


def test_a_front_end_that_says_a_message_byte_by_byte_has_no_more_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = itertools.count(step=6)
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # a piece at a time
    with theirs:
        connection = control.Control(ours)
        theirs.send(HEADER.pack(Request.SET_FEATURES, 1, 8))
        for _ in range(8):
            theirs.send(b"x")
        with pytest.raises(WireError, match="are missing after"):
            connection.receive()
        connection.close()


def test_a_descriptor_that_nobody_asked_for_is_closed() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        socket.send_fds(theirs, [b"{}\n"], [theirs.fileno()])
        line, stray = greeting.read_line(ours)
        assert line == b"{}"
        assert not os.get_inheritable(stray)
        os.close(stray)


def test_more_connections_than_there_is_room_for_are_turned_away(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving, "MOST", 2)
    listener = serving.Listener(Detrempe(), f"{tmp_path}/socket")
    thread = threading.Thread(target=listener.run, daemon=True)
    thread.start()
    connected = []
    try:
        for _ in range(2):
            connected.append(socket.socket(socket.AF_UNIX))
            connected[-1].connect(listener.path)
            assert b'"options"' in greeting.read_line(connected[-1])[0]
        with socket.socket(socket.AF_UNIX) as third:
            third.connect(listener.path)
            assert b"others are connected" in greeting.read_line(third)[0]
        connected.pop().close()
        wait_for(lambda: listener._places._value == 1, "there is room again")
    finally:
        for each in connected:
            each.close()
        listener.close()
        thread.join()
    assert "turned away" in caplog.text
