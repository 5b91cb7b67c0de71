"""poll and ioctl."""

from __future__ import annotations

import errno
import os
import select

import pytest

from puffpy.userkernel.devices import ALWAYS_READY
from puffpy.wire import Opcode, Reply, Request
from puffpy.wire.flags import IoctlFlag
from tests.userkernel.stand_in import fields, stand_in

READ, WRITE = 2 << 30, 1 << 30
FOUR_BYTES = 4 << 16


def test_an_ioctl_carries_what_its_number_says() -> None:
    def ioctl(request: Request) -> Reply:
        return Reply(request.unique, fields={"result": 5}, data=bytes(request.data)[::-1])

    kernel, server = stand_in({Opcode.IOCTL: ioctl})
    fd = kernel.open("/file", os.O_RDWR)
    assert kernel.ioctl(fd, READ | WRITE | FOUR_BYTES | 1, b"abc") == b"\0cba"
    (asked,) = server.seen(Opcode.IOCTL)
    assert (asked.fields["in_size"], asked.fields["out_size"], bytes(asked.data)) == (4, 4, b"abc\0")
    server.set(Opcode.IOCTL, fields(result=5))
    assert kernel.ioctl(fd, 7, 42) == 5
    assert server.seen(Opcode.IOCTL)[0].fields["arg"] == 42
    kernel.ioctl(kernel.open("/directory", os.O_RDONLY), 7)
    assert server.seen(Opcode.IOCTL)[0].fields["flags"] == IoctlFlag.DIR
    kernel.unmount()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"result": -errno.EPERM}, errno.EPERM),
        ({"flags": int(IoctlFlag.RETRY)}, errno.EIO),
    ],
)
def test_what_an_ioctl_may_answer(answer: dict[str, int], code: int) -> None:
    kernel, _ = stand_in({Opcode.IOCTL: fields(**answer)})
    fd = kernel.open("/file", os.O_RDWR)
    with pytest.raises(OSError, match=".") as caught:
        kernel.ioctl(fd, 7)
    assert caught.value.errno == code
    kernel.unmount()


def test_too_many_bytes_from_an_ioctl_are_eio() -> None:
    kernel, _ = stand_in({Opcode.IOCTL: lambda request: Reply(request.unique, fields={}, data=b"12345")})
    fd = kernel.open("/file", os.O_RDWR)
    with pytest.raises(OSError, match="Input/output"):
        kernel.ioctl(fd, READ | FOUR_BYTES, b"")
    kernel.unmount()


def test_a_poll_tells_what_was_asked_for_and_what_is_wrong() -> None:
    kernel, _ = stand_in({Opcode.POLL: fields(revents=select.POLLOUT | select.POLLHUP)})
    fd = kernel.open("/file", os.O_RDWR)
    assert kernel.poll(fd, select.POLLIN) == select.POLLHUP
    kernel.unmount()


def test_a_poll_gives_up_in_time() -> None:
    kernel, server = stand_in({Opcode.POLL: fields(revents=0)})
    fd = kernel.open("/file", os.O_RDWR)
    assert kernel.poll(fd, timeout=0.02) == 0
    assert len(server.seen(Opcode.POLL)) == 2
    kernel.unmount()


def test_a_server_without_poll_is_always_ready() -> None:
    kernel, _ = stand_in()
    assert kernel.poll(kernel.open("/file", os.O_RDWR)) == ALWAYS_READY
    kernel.unmount()
