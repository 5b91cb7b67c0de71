"""The device after it has been closed: threads that are no operation's may still come to it."""

from __future__ import annotations

import os

import pytest

from puffpy.bridges.devfuse import DevFuse
from puffpy.bridges.lent import LentDevice


@pytest.fixture
def closed() -> DevFuse:
    bridge = DevFuse()
    bridge.fd = os.open(os.devnull, os.O_RDWR)
    bridge.close()
    return bridge


def test_nothing_is_to_be_received_now(closed: DevFuse) -> None:
    assert closed.receive_now(bytearray(8192)) == 0


def test_a_backing_id_has_gone_with_it(closed: DevFuse) -> None:
    closed.backing_close(1)
    assert closed.fd == -1


def test_a_reply_goes_nowhere(closed: DevFuse) -> None:
    assert closed.send(bytes(16)) is False
    assert closed.send((bytes(16), b"pink")) is False


def test_what_is_there_is_received_now_and_waiting_is_as_before() -> None:
    theirs, ours = os.pipe()
    os.close(ours)
    bridge, buffer = DevFuse(), bytearray(8)
    bridge.fd = os.dup(theirs)
    try:
        assert bridge.receive_now(buffer) == 0
        assert os.get_blocking(bridge.fd)
    finally:
        os.close(theirs)
        bridge.close()


def test_what_comes_to_a_lent_device_is_in_the_landing_as_well() -> None:
    """It is read into that, so that there is no moment at which nobody but the reader has it."""
    theirs, ours = os.pipe()
    owner = DevFuse()
    owner.fd = theirs
    landing, buffer = memoryview(bytearray(8)), bytearray(16)
    lent = LentDevice(owner, landing)
    try:
        for message in (b"short", b"as it is", b"longer than that"):
            os.write(ours, message)
            assert lent.receive(buffer) == len(message)
            assert bytes(buffer[: len(message)]) == message
            assert landing[: len(message)] == message[:8]
    finally:
        os.close(ours)
        owner.close()
