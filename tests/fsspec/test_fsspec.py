"""The vector as an fsspec file system, beyond what fsspec tests itself."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import fsspec
import pytest

import puffpy
from filesystems.detrempe import Detrempe
from puffpy.fsspec import PuffsFileSystem


@pytest.fixture
def fs() -> Iterator[PuffsFileSystem]:
    fs = PuffsFileSystem(Detrempe())
    yield fs
    fs.kernel.unmount()


def test_it_is_registered_under_its_protocol() -> None:
    fs = fsspec.filesystem("puffs", vnodeops="filesystems.detrempe:Detrempe")
    assert isinstance(fs, PuffsFileSystem)
    fs.pipe_file("/x", b"1")
    with fs.open("puffs://x") as file:
        assert file.read() == b"1"
    fs.kernel.unmount()


def test_a_listing_tells_names_sizes_and_types(fs: PuffsFileSystem) -> None:
    fs.mkdir("/d")
    fs.pipe_file("/d/f", b"four")
    fs.kernel.symlink("f", "/d/l")
    assert fs.ls("/d") == ["/d/f", "/d/l"]
    told = {each["name"]: (each["type"], each["size"], each["islink"]) for each in fs.ls("/d", detail=True)}
    assert told == {"/d/f": ("file", 4, False), "/d/l": ("file", 4, True)}
    assert fs.find("/") == ["/d/f", "/d/l"]


def test_a_link_that_leads_nowhere_is_listed_as_a_link(fs: PuffsFileSystem) -> None:
    fs.kernel.symlink("nowhere", "/l")
    assert fs.info("/l")["type"] == "link"
    assert fs.info("/l")["destination"] == "nowhere"


def test_moving_a_directory_is_one_step(fs: PuffsFileSystem) -> None:
    fs.mkdir("/d")
    fs.pipe_file("/d/f", b"x")
    ino = fs.info("/d")["ino"]
    fs.mv("/d", "/e", recursive=True)
    assert fs.info("/e")["ino"] == ino
    assert fs.cat_file("/e/f") == b"x"
    assert not fs.exists("/d")


def test_touch_makes_a_file_and_tells_its_time(fs: PuffsFileSystem) -> None:
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)
    fs.touch("/t")
    assert fs.modified("/t") >= before
    assert fs.created("/t") >= before


def test_a_directory_cannot_be_opened_and_an_absent_file_is_not_found(fs: PuffsFileSystem) -> None:
    fs.mkdir("/d")
    with pytest.raises(IsADirectoryError):
        fs.open("/d")
    with pytest.raises(FileNotFoundError):
        fs.open("/absent")
    with pytest.raises(FileExistsError):
        fs.mkdir("/d")


def test_a_read_only_vector_is_read(tmp_path: Any) -> None:
    class Hello(puffpy.VnodeOps):
        def __init__(self) -> None:
            self.root = puffpy.Node.directory()
            self.hello = puffpy.Node.file(0o444, size=6)

        def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
            if cn.name == "hello":
                return self.hello
            raise FileNotFoundError

        def readdir(self, dvp: Any, call: puffpy.Call) -> Any:
            yield "hello", self.hello

        def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> bytes:
            return b"world\n"[offset : offset + size]

    fs = PuffsFileSystem(Hello)
    assert fs.cat("/hello") == b"world\n"
    fs.get("/hello", str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_bytes() == b"world\n"
    fs.kernel.unmount()


def test_what_is_no_vector_is_refused_with_what_is_expected() -> None:
    with pytest.raises(TypeError, match="expected a VnodeOps"):
        PuffsFileSystem(42)
