"""The queue between the user kernel and whoever waits for messages."""

from __future__ import annotations

import errno
import threading

import pytest

from puffpy.libfuse.link import QueueLink
from puffpy.wire.opcodes import UNIQUE_NOTIFY
from puffpy.wire.structs import IN_HEADER, OUT_HEADER
from tests.mounted.harness import wait_for


def request(unique: int, data: bytes = b"") -> bytes:
    return IN_HEADER.pack(IN_HEADER.size + len(data), 1, unique, 1, 0, 0, 0, 0) + data


def reply(unique: int, data: bytes = b"", error: int = 0) -> bytes:
    return OUT_HEADER.pack(OUT_HEADER.size + len(data), -error, unique) + data


class Asker(threading.Thread):
    """Asks once, in a thread of its own."""

    def __init__(self, link: QueueLink, message: bytes) -> None:
        super().__init__(daemon=True)
        self.link, self.message = link, message
        self.answer: bytes | OSError | None = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = self.link.call(self.message)
        except OSError as exc:
            self.answer = exc

    def told(self) -> bytes | int | None:
        """The answer, or the errno."""
        self.join(5)
        return self.answer.errno if isinstance(self.answer, OSError) else self.answer


def received(link: QueueLink, room: int = 4096) -> bytes:
    buffer = bytearray(room)
    return bytes(buffer[: link.receive(buffer)])


def test_a_request_comes_out_and_its_reply_goes_back_to_who_asked() -> None:
    link = QueueLink()
    first, second = Asker(link, request(2)), Asker(link, request(4))
    assert {received(link), received(link)} == {request(2), request(4)}
    assert link.send((reply(4, b"pink")[:20], memoryview(reply(4, b"pink"))[20:]))
    assert link.send(reply(2, b"floyd"))
    assert (first.told(), second.told()) == (reply(2, b"floyd"), reply(4, b"pink"))


def test_what_nobody_asked_for_is_heard() -> None:
    link = QueueLink()
    heard: list[bytes] = []
    link.listen(heard.append)
    assert link.send(reply(UNIQUE_NOTIFY, b"news"))
    assert heard == [reply(UNIQUE_NOTIFY, b"news")]
    link.close()
    assert not link.send(reply(UNIQUE_NOTIFY, b"late"))
    assert len(heard) == 1


def test_what_was_posted_before_the_end_is_received_before_it() -> None:
    link = QueueLink()
    link.post(request(2))
    link.close()
    link.post(request(4))
    assert (received(link), received(link), received(link)) == (request(2), b"", b"")


def test_a_cut_ends_who_waits_on_either_side_and_throws_away_the_rest() -> None:
    link = QueueLink()
    asker = Asker(link, request(2))
    assert received(link) == request(2)
    link.post(request(4))
    link.cut()
    assert asker.told() == errno.ECONNABORTED
    assert received(link) == b""
    with pytest.raises(OSError, match="not connected"):
        link.call(request(6))


def test_a_cut_wakes_who_waits_for_a_message() -> None:
    link = QueueLink()
    sizes: list[int] = []
    waiting = threading.Thread(target=lambda: sizes.append(link.receive(bytearray(100))), daemon=True)
    waiting.start()
    link.cut()
    wait_for(lambda: sizes == [0], "it has ended")


def test_a_message_too_long_for_the_servers_buffer_is_an_error_to_who_asked() -> None:
    link = QueueLink()
    asker = Asker(link, request(2, bytes(100)))
    wait_for(lambda: not link._sent.empty(), "it is sent")
    link.post(request(4))
    assert received(link, room=60) == request(4)
    assert asker.told() == reply(2, error=errno.EIO)


def test_what_is_in_flight_may_be_sent_again() -> None:
    link = QueueLink()
    asker = Asker(link, request(2))
    assert received(link) == request(2)
    link.resend()
    again = received(link)
    assert (len(again), again != request(2)) == (len(request(2)), True)
    link.send(reply(2))
    assert asker.told() == reply(2)
