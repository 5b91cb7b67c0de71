"""Passthrough in bytes: which opens name a file underneath, and which cannot."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from puffpy.options import MountOptions
from puffpy.types import Node, OpenFile
from puffpy.wire import Opcode
from puffpy.wire.flags import InitFlag, OpenOut
from tests.dispatch.speaker import EVERYTHING, ROOT, Scribe, Speaker

FD = 42


class Device:
    """Registers files, in a list."""

    def __init__(self, refusal: int = 0) -> None:
        self.asked: list[int] = []
        self.given_back: list[int] = []
        self.refusal = refusal

    def backing_open(self, fd: int) -> int:
        self.asked.append(fd)
        if self.refusal:
            raise OSError(self.refusal, "no")
        return 100 + len(self.asked)

    def backing_close(self, backing_id: int) -> None:
        self.given_back.append(backing_id)
        if self.refusal:
            raise OSError(self.refusal, "no")


class Backed(Speaker):
    """A Speaker whose open answers *answers*, one after the other."""

    def __init__(self, device: Device, *answers: Any, options: MountOptions | None = None) -> None:
        self.answers = list(answers)
        scribe = Scribe({"f": Node.file()}, open=lambda vp, flags, call: self.answers.pop(0), read=b"")
        super().__init__(scribe, options=options, backing=device)
        self.file = self.lookup(b"f")

    def opens(self) -> tuple[int, OpenOut, int]:
        """Open the file; return the handle, the bits but NOFLUSH, and the backing id."""
        fields = self.ask(Opcode.OPEN, self.file).fields
        return fields["fh"], OpenOut(fields["open_flags"]) & ~OpenOut.NOFLUSH, fields["backing_id"]


def test_passthrough_is_agreed_on_only_with_a_device_that_can() -> None:
    assert Backed(Device()).flags & InitFlag.PASSTHROUGH
    assert Backed(Device()).init.fields["max_stack_depth"] == 1
    assert not Speaker(Scribe(open=None)).flags & InitFlag.PASSTHROUGH
    old = Speaker(
        Scribe(open=OpenFile(backing=FD)), offered=EVERYTHING & ~InitFlag.PASSTHROUGH, backing=Device()
    )
    assert old.init.fields["max_stack_depth"] == 0
    assert old.ask(Opcode.OPEN, ROOT).fields["backing_id"] == 0


def test_one_registration_serves_every_open_of_a_node_and_goes_with_the_last() -> None:
    device = Device()
    backed = OpenFile(backing=FD)
    speaker = Backed(device, backed, None, backed, backed, options=MountOptions(kernel_cache=True))
    one, two = speaker.opens(), speaker.opens()
    assert one[1:] == two[1:] == (OpenOut.PASSTHROUGH, 101)
    assert device.asked == [FD]
    speaker.release(speaker.file, one[0])
    assert device.given_back == []
    speaker.release(speaker.file, two[0])
    assert device.given_back == [101]
    assert speaker.opens()[2] == 102


def test_a_node_that_is_open_through_the_cache_is_not_backed_until_that_is_closed() -> None:
    device = Device()
    speaker = Backed(device, None, OpenFile(backing=FD), OpenFile(backing=FD))
    cached, late = speaker.opens(), speaker.opens()
    assert cached[1:] == late[1:] == (OpenOut(0), 0)
    assert device.asked == []
    for fh, _, _ in (cached, late):
        speaker.release(speaker.file, fh)
    assert speaker.opens()[1:] == (OpenOut.PASSTHROUGH, 101)


def test_direct_io_stands_in_nobodys_way() -> None:
    speaker = Backed(Device(), OpenFile(direct_io=True), OpenFile(direct_io=True, backing=FD))
    assert speaker.opens()[1:] == (OpenOut.DIRECT_IO, 0)
    assert speaker.opens()[1:] == (OpenOut.DIRECT_IO | OpenOut.PASSTHROUGH, 101)


@pytest.mark.parametrize(("refusal", "asked"), [(errno.EPERM, 1), (errno.EBADF, 2)])
def test_a_refused_registration_is_an_ordinary_open(refusal: int, asked: int) -> None:
    device = Device(refusal)
    speaker = Backed(device, OpenFile(backing=FD), OpenFile(backing=FD))
    for _ in range(2):
        fh, *rest = speaker.opens()
        assert rest == [OpenOut(0), 0]
        speaker.release(speaker.file, fh)
    assert len(device.asked) == asked
    assert device.given_back == []


def test_a_backing_id_that_an_earlier_server_gave_back_is_nothing_to_complain_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for refusal, said in ((errno.ENOENT, ""), (errno.EBADF, "backing id 101")):
        device = Device()
        speaker = Backed(device, OpenFile(backing=FD))
        fh, _, _ = speaker.opens()
        device.refusal = refusal
        speaker.release(speaker.file, fh)
        assert device.given_back == [101]
        assert said in caplog.text
        assert bool(caplog.records) is bool(said)
