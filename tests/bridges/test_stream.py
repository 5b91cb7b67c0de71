"""A stream keeps its messages apart, whoever sends them; a device that does not wait is waited for."""

from __future__ import annotations

import os
import socket
import threading
import time

from puffpy.bridges.handed import HandedDevice
from puffpy.bridges.stream import REPLY, Stream
from puffpy.wire import OUT_HEADER

LARGE = 1 << 20
"""More than the kernel's buffers take at once."""

EACH = 20


def test_messages_of_several_threads_do_not_mix() -> None:
    ours, theirs = socket.socketpair()
    sending, hearing = Stream(ours), Stream(theirs, REPLY)

    def send(letter: int) -> None:
        for _ in range(EACH):
            body = bytes([letter]) * (LARGE - OUT_HEADER.size)
            assert sending.send((OUT_HEADER.pack(LARGE, 0, letter), body))

    threads = [threading.Thread(target=send, args=(letter,)) for letter in b"abc"]
    with ours, theirs:
        for thread in threads:
            thread.start()
        buffer = bytearray(2 * LARGE)
        heard = []
        for _ in range(EACH * len(threads)):
            assert hearing.receive(buffer) == LARGE
            heard.append(set(buffer[OUT_HEADER.size : LARGE]) | {OUT_HEADER.unpack_from(buffer)[2]})
        for thread in threads:
            thread.join()
    assert all(len(letters) == 1 for letters in heard)


def test_a_device_that_was_handed_over_and_does_not_wait_costs_no_processor() -> None:
    device, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    device.setblocking(False)
    ours, theirs = socket.socketpair()
    with device, kernel, ours, theirs:
        bridge = HandedDevice(os.dup(device.fileno()), ours)
        buffer = bytearray(100)
        threading.Timer(0.3, kernel.send, (b"message",)).start()
        begun = time.thread_time()
        assert bridge.receive(buffer) == len(b"message")
        assert time.thread_time() - begun < 0.1, "it looked again and again"
        bridge.close()
