"""What a mount of fsspec's keeps of what it was told and has read, and for how long."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import puffpy
from filesystems.fsspecfs import FsspecFS, contents
from puffpy.userkernel import UserKernel
from tests.fsspec.memory import OWN_MEMORY, MakeKernel, read


def test_what_others_change_is_seen_when_the_time_to_live_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    vector = FsspecFS("memory://", storage=OWN_MEMORY, ttl=10)
    kernel, fs = UserKernel.over(vector, clock=lambda: now[0]), vector.nodes.backend.fs
    fs.pipe_file("/song", b"us")
    assert kernel.listdir("/") == ["song"]
    assert read(kernel, "/song") == b"us"
    fs.pipe_file("/song", b"and them")
    fs.pipe_file("/new", b"")
    now[0] += 9
    assert kernel.stat("/song").st_size == 2
    assert kernel.listdir("/") == ["song"]
    now[0] += 2
    assert kernel.stat("/song").st_size == 8
    assert read(kernel, "/song") == b"and them"
    assert sorted(kernel.listdir("/")) == ["new", "song"]
    kernel.unmount()


def test_what_was_read_or_listed_is_not_asked_for_again(
    memory: tuple[UserKernel, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel, fs = memory
    for number in range(50):
        fs.pipe_file(f"/{number}", b"x")
    asked: list[str] = []

    def counting(name: str) -> None:
        call = getattr(fs, name)

        def counted(*args: Any, **more: Any) -> Any:
            asked.append(name)
            return call(*args, **more)

        monkeypatch.setattr(fs, name, counted)

    for name in ("info", "ls", "open"):
        counting(name)
    assert {kernel.stat(f"/{name}").st_size for name in kernel.listdir("/")} == {1}
    assert asked == ["ls"]
    for _ in range(3):
        assert read(kernel, "/7") == b"x"
    assert asked == ["ls", "open"]


def test_blocks_are_read_one_by_one_wherever_in_the_file(userkernel: MakeKernel, tmp_path: Path) -> None:
    data = os.urandom(1_000_003)
    (tmp_path / "data").write_bytes(data)
    kernel = userkernel(FsspecFS(str(tmp_path), block=puffpy.Size(4096), cache=puffpy.Size(20_000)))
    fd = kernel.open("/data", os.O_RDONLY)
    for offset, size in (
        (999_999, 100),
        (0, 1),
        (4095, 2),
        (500_000, 300_000),
        (0, 2_000_000),
        (2_000_000, 5),
    ):
        assert kernel.pread(fd, size, offset) == data[offset : offset + size]
    kernel.close(fd)


def test_whoever_reads_on_is_given_more_at_a_time(
    tmp_path: Path, userkernel: MakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(100 * 1024 + 1)
    (tmp_path / "data").write_bytes(data)
    asked: list[int] = []
    read_at = contents.read_at

    def counted(reader: Any, offset: int, size: int) -> bytes:
        asked.append(size // 1024)
        return read_at(reader, offset, size)

    monkeypatch.setattr(contents, "read_at", counted)
    kernel = userkernel(FsspecFS(str(tmp_path), block=puffpy.Size(1024), cache=puffpy.Size(16 * 1024)))
    fd = kernel.open("/data", os.O_RDONLY)
    assert b"".join(kernel.pread(fd, 1024, 1024 * number) for number in range(101)) == data
    assert asked == [2, 4, *[8] * 12]
    asked.clear()
    for number in (7, 60, 30):
        assert kernel.pread(fd, 10, 1024 * number) == data[1024 * number :][:10]
    assert asked == [1, 1, 1]
    kernel.close(fd)
