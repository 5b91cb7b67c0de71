"""The loop, driven by a kernel that is a list of messages."""

from __future__ import annotations

import errno
import logging
import threading
from collections.abc import Iterable
from typing import Any

import pytest
from typing_extensions import Buffer

import puffpy
from puffpy.options import MountOptions
from puffpy.serve import Server
from puffpy.wire import NotifyCode, Opcode
from puffpy.wire.structs import GETATTR_IN, IN_HEADER, INIT_IN, NOTIFY_RETRIEVE_OUT, OUT_HEADER
from tests.serve.subject import Subject


def request(opcode: Opcode, unique: int, body: bytes = b"") -> bytes:
    """One message of the kernel's, about the root."""
    return IN_HEADER.struct.pack(IN_HEADER.size + len(body), opcode, unique, 1, 0, 0, 0, 0) + body


INIT = request(Opcode.INIT, 2, INIT_IN.pack(7, 45, 1 << 17, 0, 0))
GETATTR = request(Opcode.GETATTR, 4, GETATTR_IN.pack(0, 0))


class Script:
    """A bridge to a kernel that says *messages* and then lets go; what it is told is in *sent*."""

    name = "script"

    def __init__(self, messages: Iterable[bytes], refuse: dict[int, int] | None = None) -> None:
        self.messages = iter(messages)
        self.refuse = refuse or {}
        self.sent: list[bytes] = []
        self.closed = 0
        self.over = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def attach(self, mountpoint: str, options: MountOptions) -> None:
        pass

    def receive(self, buffer: bytearray) -> int:
        self.go_on.wait()
        if self.over.is_set():
            return 0
        message = next(self.messages, b"")
        buffer[: len(message)] = message
        return len(message)

    def send(self, message: bytes | tuple[Buffer, ...]) -> bool:
        whole = b"".join(message) if isinstance(message, tuple) else message
        self.sent.append(whole)
        code = self.refuse.get(OUT_HEADER.unpack_from(whole)[2], 0)
        if code == errno.ENOENT:
            return False
        if code:
            raise OSError(code, "as the script says")
        return True

    def detach(self) -> bool:
        return True

    def cut(self, receiver: int) -> None:
        assert receiver != threading.get_ident()
        self.over.set()

    def close(self) -> None:
        self.closed += 1


def attached(bridge: Script) -> Server:
    """Serve nothing yet."""
    server = Server(Subject(), puffpy.VfsOps(), MountOptions(), bridge)
    server.attach("/mnt", MountOptions())
    return server


def waiting(bridge: Script) -> tuple[Server, threading.Thread]:
    """Serve in a thread, which hears nothing before ``bridge.go_on`` is set."""
    server = attached(bridge)
    bridge.go_on.clear()
    serving = threading.Thread(target=server.run)
    serving.start()
    return server, serving


def served(bridge: Script, vfsops: puffpy.VfsOps | None = None, **more: Any) -> Server:
    """Serve until the script ends."""
    server = Server(Subject(), vfsops or puffpy.VfsOps(), MountOptions(), bridge, **more)
    server.attach("/mnt", MountOptions())
    server.run()
    assert server.ended.is_set()
    return server


def test_what_is_asked_is_answered_in_order_and_the_end_closes_all() -> None:
    bridge = Script([INIT, GETATTR])
    server = served(bridge)
    assert [OUT_HEADER.unpack_from(reply)[1:] for reply in bridge.sent] == [(0, 2), (0, 4)]
    assert bridge.closed
    assert server.session.closed


class NoStart(puffpy.VfsOps):
    """Will not start."""

    def __init__(self, exc: Exception) -> None:
        self.exc = exc

    def start(self, kernel: puffpy.Kernel) -> None:
        raise self.exc


@pytest.mark.parametrize(
    ("exc", "code"), [(PermissionError(errno.EACCES, "closed"), errno.EACCES), (KeyError("x"), errno.EIO)]
)
def test_a_file_system_that_will_not_start_is_not_mounted(exc: Exception, code: int) -> None:
    bridge = Script([INIT])
    with pytest.raises(puffpy.MountError, match="/mnt.*start") as caught:
        served(bridge, NoStart(exc))
    assert caught.value.errno == code
    assert bridge.closed


def test_a_kernel_that_is_too_old_is_no_mount() -> None:
    old = request(Opcode.INIT, 2, INIT_IN.pack(7, 23, 1 << 17, 0, 0))
    with pytest.raises(puffpy.MountError, match="too old"):
        served(Script([old]))


def test_an_unmount_before_the_greeting_is_an_end_like_any_other() -> None:
    bridge = Script([])
    assert served(bridge).session.closed
    assert bridge.closed


def test_a_reply_that_the_kernel_refuses_is_logged_and_the_mount_lives(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bridge = Script([INIT, GETATTR, request(Opcode.STATFS, 6)], refuse={4: errno.EINVAL})
    served(bridge)
    assert OUT_HEADER.unpack_from(bridge.sent[-1])[2] == 6
    assert "refused the reply to > 4 GETATTR" in caplog.text


def test_debug_shows_a_line_for_each_message_and_pairs_them_by_number(
    capsys: pytest.CaptureFixture[str],
) -> None:
    served(Script([INIT, GETATTR]), debug=True)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[:3] for line in lines] == [
        [">", "2", "INIT"],
        ["<", "2", "INIT"],
        [">", "4", "GETATTR"],
        ["<", "4", "GETATTR"],
    ]


def test_a_retrieve_of_what_the_kernel_does_not_have_is_answered_at_once() -> None:
    bridge = Script([INIT, GETATTR], refuse={0: errno.ENOENT})
    server, serving = waiting(bridge)
    try:
        root = server.session.nodes.root.node
        assert server.session.kernel.retrieve(root, 0, 4096) == b""
    finally:
        bridge.go_on.set()
        serving.join(10)
    sent = [OUT_HEADER.unpack_from(message) for message in bridge.sent]
    assert [(size, code) for size, code, unique in sent if unique == 0] == [
        (OUT_HEADER.size + NOTIFY_RETRIEVE_OUT.size, NotifyCode.RETRIEVE)
    ]


def test_a_notification_that_the_kernel_refuses_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    bridge = Script([INIT, GETATTR], refuse={0: errno.EINVAL})
    server = attached(bridge)
    server.session.kernel.inc_epoch()
    with caplog.at_level(logging.ERROR):
        server.run()
    assert "refused ! INC_EPOCH" in caplog.text


def test_a_cut_ends_the_loop_at_once_but_after_what_was_to_be_sent() -> None:
    bridge = Script([INIT, *[GETATTR] * 1000])
    server, serving = waiting(bridge)
    server.session.kernel.inc_epoch()
    server.cut()
    assert bridge.over.wait(10)
    bridge.go_on.set()
    serving.join(10)
    assert not serving.is_alive()
    assert [OUT_HEADER.unpack_from(message)[2] for message in bridge.sent] == [2, 0]


def test_what_nobody_waited_for_is_taken_back() -> None:
    name = b"file\0"
    bridge = Script([INIT, request(Opcode.LOOKUP, 4, name)], refuse={4: errno.ENOENT})
    server = attached(bridge)
    counts: list[int] = []
    bridge.close = lambda: counts.append(len(server.session.nodes))  # type: ignore[method-assign]
    server.run()
    assert counts == [1]


class Deaf(Script):
    """Takes replies, but no notification until it is cut."""

    def __init__(self, messages: Iterable[bytes]) -> None:
        super().__init__(messages)
        self.refusing = threading.Event()

    def send(self, message: bytes | tuple[Buffer, ...]) -> bool:
        whole = b"".join(message) if isinstance(message, tuple) else message
        if not OUT_HEADER.unpack_from(whole)[2]:
            self.refusing.set()
            self.over.wait()
            return False
        return super().send(message)


def test_who_takes_no_notifications_is_given_up_before_they_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("puffpy.outbox.MOST", 100)
    monkeypatch.setattr("puffpy.outbox.PATIENCE", 0.0)
    bridge = Deaf([INIT, *[GETATTR] * 1000])
    server, serving = waiting(bridge)
    server.session.kernel.inc_epoch()
    assert bridge.refusing.wait(10)
    for _ in range(1000):
        server.session.kernel.inc_epoch()
    assert bridge.over.wait(10)
    bridge.go_on.set()
    serving.join(10)
    assert not serving.is_alive()
    assert server.ended.is_set()
    assert [record.getMessage() for record in caplog.records] == [
        "100 notifications wait, and none is taken: the connection ends"
    ]


def test_a_burst_of_notifications_that_are_taken_is_none_of_that(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("puffpy.outbox.MOST", 100)
    bridge = Script([INIT, GETATTR])
    server = attached(bridge)
    for _ in range(1000):
        server.session.kernel.inc_epoch()
    server.run()
    assert len(bridge.sent) == 2 + 1000
    assert not caplog.records
