"""The ways to a server: in this process, and over a descriptor."""

from __future__ import annotations

import errno
import os
import socket
import threading

import pytest

from puffpy.userkernel import DescriptorLink, SessionLink
from puffpy.userkernel.link import unique_of
from puffpy.wire import Opcode, Request, encode_request
from puffpy.wire.structs import OUT_HEADER
from tests.userkernel.patience import until

ASKED = encode_request(Request(Opcode.STATFS, unique=10, nodeid=1))


def answer(unique: int, data: bytes = b"") -> bytes:
    return OUT_HEADER.pack(OUT_HEADER.size + len(data), 0, unique) + data


def test_pieces_of_a_reply_are_put_together_before_anybody_else_is_let_in() -> None:
    storage = bytearray(b"data")

    class Server:
        def receive(self, message: bytearray, size: int) -> tuple[bytes, memoryview]:
            storage.extend(b"!")  # BufferError if a view of an earlier reply were still alive
            return answer(10, b"data"), memoryview(storage)[:0]

        def close(self) -> None:
            """Nothing to end."""

    link = SessionLink(lambda send: Server())
    for _ in range(3):
        assert link.call(ASKED) == answer(10, b"data")
    link.close()


def test_answers_find_who_asked_in_any_order() -> None:
    link, theirs = DescriptorLink.pair()
    replies: dict[int, bytes] = {}

    def ask(unique: int) -> None:
        message = encode_request(Request(Opcode.STATFS, unique=unique, nodeid=1))
        replies[unique] = link.call(message)

    threads = [threading.Thread(target=ask, args=(unique,)) for unique in (2, 4, 6)]
    for thread in threads:
        thread.start()
    asked = [unique_of(os.read(theirs, 100)) for _ in threads]
    for unique in sorted(asked, reverse=True):
        os.write(theirs, answer(unique, bytes([unique])))
    for thread in threads:
        thread.join(10)
    assert replies == {unique: answer(unique, bytes([unique])) for unique in (2, 4, 6)}
    os.close(theirs)
    link.close()


def test_what_nobody_asked_for_is_heard() -> None:
    link, theirs = DescriptorLink.pair()
    heard: list[bytes] = []
    link.listen(heard.append)
    os.write(theirs, answer(0))
    os.write(theirs, answer(99))
    until(lambda: len(heard) == 2)
    assert heard == [answer(0), answer(99)]
    os.close(theirs)
    link.close()


def test_a_server_that_goes_away_wakes_who_waits() -> None:
    link, theirs = DescriptorLink.pair()
    codes: list[int | None] = []

    def ask() -> None:
        try:
            link.call(ASKED)
        except OSError as exc:
            codes.append(exc.errno)

    thread = threading.Thread(target=ask)
    thread.start()
    os.read(theirs, 100)
    os.close(theirs)
    thread.join(10)
    ask()
    assert codes == [errno.ECONNABORTED, errno.ENOTCONN]
    link.post(ASKED)
    link.close()
    link.close()


def test_closing_the_link_ends_the_server() -> None:
    link, theirs = DescriptorLink.pair()
    link.close()
    assert os.read(theirs, 100) == b""
    os.close(theirs)


def test_a_byte_stream_is_refused() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs, pytest.raises(ValueError, match="SOCK_SEQPACKET"):
        DescriptorLink(ours.fileno())


def test_the_limit_is_what_gets_through() -> None:
    link, theirs = DescriptorLink.pair(100_000)
    assert link.limit >= 100_000
    big = bytes(link.limit)
    assert os.write(theirs, big) == len(big)
    with pytest.raises(OSError, match="too long"):
        os.write(theirs, big + bytes(1))
    os.close(theirs)
    link.close()
