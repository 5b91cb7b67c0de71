"""Trace: what a line says."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path

import pytest

from filesystems.detrempe import Detrempe
from puffpy.layers import Hooks, Trace
from puffpy.types import OpenFile
from tests.layers.conftest import Piled

LINE = re.compile(r"\d\d:\d\d:\d\d\.\d{6} (.*) \((\d+\.\d{3}) ms(, uid \d+)?\)")


def told(lines: list[str]) -> list[str]:
    """What the lines say, without time and duration."""
    found = [LINE.fullmatch(line) for line in lines]
    assert all(found), lines
    return [match[1] + (match[3] or "") for match in found if match]


def test_a_line_says_what_was_asked_and_what_came_of_it(piled: Piled) -> None:
    lines: list[str] = []
    kernel = piled(Detrempe(), partial(Trace, to=lines.append))
    del lines[:]
    kernel.mkdir("/d")
    fd = kernel.open("/d/song", os.O_CREAT | os.O_RDWR, 0o640)
    kernel.write(fd, b"lunatic")
    kernel.pread(fd, 100, 0)
    kernel.close(fd)
    kernel.chmod("/d/song", 0o600)
    kernel.rename("/d/song", "/d/sung")
    with pytest.raises(OSError, match="not empty"):
        kernel.rmdir("/d")
    kernel.unlink("/d/sung")
    said = told(lines)
    for line in (
        "mkdir / 'd' mode=40755 = /d, uid 0",
        "create /d 'song' mode=100640 = /d/song, uid 0",
        "write /d/song offset=0 [7 bytes] = 7, uid 0",
        "read /d/song offset=0 size=100 = [7 bytes], uid 0",
        "rename /d 'song' /d 'sung' flags=0, uid 0",
        "rmdir / 'd' = ENOTEMPTY, uid 0",
        "remove /d 'sung', uid 0",
    ):
        assert line in said
    (changed,) = [line for line in said if line.startswith("setattr")]
    assert re.fullmatch(r"setattr /d/song mode=(100)?600 = mode=100600 size=7 nlink=1, uid 0", changed)


def test_opens_and_bugs_are_told_too(piled: Piled) -> None:
    class Buggy(Detrempe):
        def open(self, vp: object, flags: int, call: object) -> OpenFile:
            if flags & os.O_WRONLY:
                raise ZeroDivisionError("oh")
            return OpenFile("handle")

    lines: list[str] = []
    kernel = piled(Buggy(), partial(Trace, to=lines.append, ops="open:cl*"))
    kernel.close(kernel.open("/f", os.O_CREAT | os.O_RDWR))
    with pytest.raises(OSError, match="Input/output"):
        kernel.open("/f", os.O_WRONLY)
    assert [line.partition(",")[0] for line in told(lines)] == [
        "open /f O_RDWR|O_CREAT = 'handle'",
        "open /f O_WRONLY = EIO",
    ]


def test_only_the_operations_that_are_asked_for_are_told_and_hooked(piled: Piled) -> None:
    lines: list[str] = []
    base = Detrempe()
    layer = Trace(base, to=lines.append, ops="mk*")
    assert layer.write == base.write
    kernel = piled(layer)
    kernel.mkdir("/d")
    kernel.mkfifo("/d/fifo")
    kernel.unlink("/d/fifo")
    assert [line.split()[0] for line in told(lines)] == ["mkdir", "mknod"]


def test_lines_go_to_a_file_or_to_standard_error(
    piled: Piled, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    kernel = piled(Detrempe(), partial(Trace, to=str(log)), partial(Trace, ops="mkdir"))
    kernel.mkdir(b"/\xff")
    assert "mkdir / '\\udcff'" in log.read_text()
    (line,) = capsys.readouterr().err.splitlines()
    assert told([line])[0].startswith("mkdir /")


def test_a_layer_above_is_not_seen_below(piled: Piled) -> None:
    def refuse(_: object) -> None:
        raise PermissionError

    lines: list[str] = []
    kernel = piled(
        Detrempe(), partial(Trace, to=lines.append, ops="mkdir"), partial(Hooks, pre={"mkdir": refuse})
    )
    with pytest.raises(PermissionError):
        kernel.mkdir("/d")
    assert lines == []


def test_paths_follow_what_is_moved_exchanged_and_made_again(piled: Piled) -> None:
    lines: list[str] = []
    kernel = piled(Detrempe(), partial(Trace, to=lines.append, ops="setattr"))
    kernel.makedirs("/a/b")
    kernel.mkdir("/c")
    kernel.rename("/a", "/c/a")
    kernel.chmod("/c/a/b", 0o700)
    kernel.mkdir("/d")
    kernel.rename("/c/a", "/d", flags=2)
    kernel.chmod("/d/b", 0o700)
    kernel.chmod("/c/a", 0o700)
    kernel.rmdir("/d/b")
    kernel.mkdir("/d/b")
    kernel.chmod("/d/b", 0o700)
    assert [line.split()[1] for line in told(lines)] == ["/c/a/b", "/d/b", "/c/a", "/d/b"]
