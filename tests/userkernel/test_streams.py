"""File objects, next to what ``open`` returns for a file of the machine."""

from __future__ import annotations

import csv
import io
import json
import os
import pathlib
import zipfile
from typing import Any

import pytest

from puffpy.userkernel import UserKernel
from puffpy.userkernel.streams import flags_of
from puffpy.wire import Opcode
from puffpy.wire.flags import OpenOut
from tests.userkernel.stand_in import fields, stand_in


def test_text_goes_in_and_comes_out(kernel: UserKernel) -> None:
    with kernel.open_file("/f", "w", encoding="utf-8", newline="\r\n") as file:
        assert isinstance(file, io.TextIOWrapper)
        file.write("one\ntwo\N{SNOWMAN}\n")
    with kernel.open_file("/f", "rb") as raw:
        assert isinstance(raw, io.BufferedReader)
        assert raw.read() == "one\r\ntwo\N{SNOWMAN}\r\n".encode()
    with kernel.open_file("/f", encoding="utf-8") as file:
        assert list(file) == ["one\n", "two\N{SNOWMAN}\n"]


@pytest.mark.parametrize("mode", ["rb", "wb", "ab", "xb", "r+b", "w+b", "a+b"])
def test_every_mode_does_what_open_does(kernel: UserKernel, tmp_path: pathlib.Path, mode: str) -> None:
    def play(file: Any) -> list[object]:
        told: list[object] = [file.readable(), file.writable(), file.seekable(), file.tell()]
        if file.writable():
            told.append(file.write(b"WXYZ"))
        if file.readable():
            file.seek(2)
            told.append(file.read(3))
        if file.writable():
            told.append(file.truncate(6))
        file.close()
        return told

    real = tmp_path / "f"
    if "x" not in mode:
        real.write_bytes(b"0123456789")
        with kernel.open_file("/f", "wb") as file:
            file.write(b"0123456789")
    expected = play(real.open(mode))
    assert play(kernel.open_file("/f", mode)) == expected
    with kernel.open_file("/f", "rb") as file:
        assert file.read() == real.read_bytes()


@pytest.mark.parametrize("mode", ["", "q", "rw", "rr", "rbt", "r+w", "U"])
def test_modes_that_open_refuses_are_refused(mode: str) -> None:
    with pytest.raises(ValueError, match="mode"):
        flags_of(mode)


def test_the_standard_library_is_none_the_wiser(kernel: UserKernel) -> None:
    with kernel.open_file("/a.zip", "w+b") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("inside", "text" * 10000)
    with kernel.open_file("/a.zip", "rb") as file:
        assert zipfile.ZipFile(file).read("inside") == b"text" * 10000
    with kernel.open_file("/a.json", "w") as file:
        json.dump({"key": [1, 2]}, file)
    with kernel.open_file("/a.json") as file:
        assert json.load(file) == {"key": [1, 2]}
    with kernel.open_file("/a.csv", "w", newline="") as file:
        csv.writer(file).writerows([["a", "b"], ["c", "d,e"]])
    with kernel.open_file("/a.csv", newline="") as file:
        assert list(csv.reader(file)) == [["a", "b"], ["c", "d,e"]]


def test_what_a_raw_file_refuses(kernel: UserKernel) -> None:
    with kernel.open_file("/f", "wb", buffering=0) as raw:
        with pytest.raises(io.UnsupportedOperation):
            raw.read(1)
        with pytest.raises(OSError, match="fileno"):
            raw.fileno()
    with pytest.raises(ValueError, match="closed"):
        raw.write(b"")
    wrongs: list[dict[str, Any]] = [{"mode": "rb", "encoding": "utf-8"}, {"mode": "r", "buffering": 0}]
    for wrong in wrongs:
        with pytest.raises(ValueError, match=r"binary|unbuffered"):
            kernel.open_file("/f", **wrong)
    with pytest.raises(FileNotFoundError) as caught:
        kernel.open_file("/missing")
    assert caught.value.filename == "/missing"
    assert kernel.balance().handles == 0


def test_a_descriptor_can_be_wrapped(kernel: UserKernel) -> None:
    fd = kernel.open("/f", os.O_CREAT | os.O_RDWR)
    with kernel.open_file(fd, "r+b") as file:
        file.write(b"x")
    with pytest.raises(OSError, match="Bad file"):
        kernel.fstat(fd)


def test_what_cannot_seek_says_so() -> None:
    kernel, _ = stand_in({Opcode.OPEN: fields(fh=1, open_flags=OpenOut.NONSEEKABLE)})
    with kernel.open_file("/file", "rb") as file:
        assert not file.seekable()
    kernel.unmount()
