"""A recorded session is a test: the same file system answers the same bytes, another one does not."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from typing_extensions import Buffer

import puffpy
from filesystems.detrempe import Detrempe
from puffpy.cli import main
from puffpy.errors import WireError
from puffpy.mount import prepared
from puffpy.record import MAGIC, Record, Recorder, What, read
from puffpy.session import Session
from puffpy.testing import Difference, load, replay
from puffpy.userkernel import Mount, SessionLink, UserKernel


@attrs.define(eq=False)
class Recorded:
    """A session every message of which goes to a recorder."""

    session: Session
    receive: Callable[[bytearray, int], bytes | tuple[Buffer, ...] | None]

    def close(self) -> None:
        self.session.close()


def recorded(make: Callable[[], puffpy.VnodeOps], use: Callable[[UserKernel], None]) -> bytes:
    """Record what *use* does to what *make* makes."""
    file = io.BytesIO()
    recorder = Recorder(file)
    with recorder.clock():
        vnodeops = make()
    vfsops, options = prepared(vnodeops, None, None)

    def serve(send: Callable[[bytes], object]) -> Recorded:
        session = Session(vnodeops, vfsops, options, send)
        return Recorded(session, recorder.answering(session.receive))

    kernel = UserKernel(SessionLink(serve), Mount(default_permissions=True))
    with contextlib.closing(file):
        with kernel:
            use(kernel)
        return file.getvalue()


def work(kernel: UserKernel) -> None:
    """A little of everything that depends on the time."""
    kernel.mkdir("directory")
    fd = kernel.open("directory/file", os.O_CREAT | os.O_RDWR)
    kernel.write(fd, b"some data")
    kernel.pread(fd, 100, 0)
    kernel.close(fd)
    kernel.symlink("directory/file", "link")
    kernel.stat("link")
    kernel.chmod("link", 0o600)
    kernel.listdir("directory")
    kernel.rename("directory/file", "file")
    with pytest.raises(FileNotFoundError):
        kernel.stat("nothing")
    with pytest.raises(OSError, match="No data"):
        kernel.getxattr("file", "user.nothing")
    kernel.unlink("file")


def records(raw: bytes) -> list[Record]:
    return list(read(io.BytesIO(raw)))


class ShortReads(Detrempe):
    """Detrempe after a change that somebody thought was small."""

    def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> Any:
        return super().read(vp, offset, min(size, 4), call)


@pytest.fixture(scope="module")
def raw() -> bytes:
    return recorded(Detrempe, work)


@pytest.fixture
def recording(raw: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "session.puffs"
    path.write_bytes(raw)
    return path


def test_the_same_file_system_answers_as_it_was_recorded(raw: bytes) -> None:
    assert replay(records(raw), Detrempe) == []
    requests = [each for each in records(raw) if each.what is What.REQUEST]
    assert len(requests) > 15


def test_a_changed_file_system_shows_the_difference(raw: bytes) -> None:
    (difference,) = replay(records(raw), ShortReads)
    assert isinstance(difference, Difference)
    request, expected, got = str(difference).splitlines()
    assert " READ " in request
    assert expected.lstrip().startswith("expected <")
    assert "9 bytes" in expected
    assert "4 bytes" in got


def test_a_recording_is_loaded_from_its_file(raw: bytes, recording: Path) -> None:
    assert load(recording) == records(raw)


def test_times_do_not_go_back(raw: bytes) -> None:
    times = [each.when for each in records(raw)]
    assert times == sorted(times)


def test_a_recording_cut_off_anywhere_within_a_record_is_a_wire_error(raw: bytes) -> None:
    whole = records(raw)
    ends = {len(MAGIC)}
    for each in whole:
        ends.add(max(ends) + 13 + len(each.data))
    assert len(raw) in ends
    for size in range(min(len(raw), 2000)):
        if size in ends:
            assert len(records(raw[:size])) < len(whole)
        else:
            with pytest.raises(WireError):
                records(raw[:size])


def test_what_is_no_recording_is_a_wire_error() -> None:
    with pytest.raises(WireError, match="no recording"):
        records(b"#!/bin/sh\n")
    with pytest.raises(WireError, match="kind 99"):
        records(MAGIC + bytes(8) + b"\x63" + bytes(4))


def test_dump_prints_a_line_for_each_message(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dump", str(recording)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("recorded from 20")
    assert any(" MKDIR " in line and "'directory'" in line and "> " in line for line in lines)
    assert any("ENODATA" in line and "< " in line for line in lines)
    messages = [each for each in load(recording) if each.what in (What.REQUEST, What.REPLY, What.LATER)]
    assert len(lines) == 1 + len(messages)
    assert main(["dump", str(recording), "--clock"]) == 0
    assert " = CLOCK 1" in capsys.readouterr().out


def test_dump_of_a_recording_cut_off_prints_what_there_is(
    raw: bytes, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording.write_bytes(raw[:-3])
    assert main(["dump", str(recording)]) == 1
    told = capsys.readouterr()
    assert " MKDIR " in told.out
    assert "puffpy: the recording ends in the middle of a record" in told.err


def test_replay_says_whether_anything_differs(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(recording), "filesystems.detrempe"]) == 0
    assert "requests are answered as recorded" in capsys.readouterr().out
    broken = f"{Path(__file__)}:ShortReads"
    assert main(["replay", str(recording), broken]) == 1
    told = capsys.readouterr().out
    assert " READ " in told
    assert told.splitlines()[-1].startswith("1 of ")
