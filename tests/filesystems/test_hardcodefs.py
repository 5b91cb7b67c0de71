"""Hardcodefs called directly: the operations it has, and where it keeps its data."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

import pytest

import puffpy
from filesystems.hardcodefs import FILES, LENGTH, TOTAL, File, HardcodeFS
from tests.filesystems.direct import ROOT_CALL, name, refuses


@pytest.fixture
def fs() -> HardcodeFS:
    return HardcodeFS()


def find(fs: HardcodeFS, text: str) -> File:
    return fs.lookup(fs.root, name(text), ROOT_CALL)


def contents(fs: HardcodeFS, text: str) -> bytes:
    return bytes(fs.read(find(fs, text), 0, 1 << 20, ROOT_CALL))


def write(fs: HardcodeFS, text: str, data: bytes, offset: int = 0) -> int:
    return fs.write(find(fs, text), offset, memoryview(data), ROOT_CALL)


def cut(fs: HardcodeFS, text: str, size: int) -> None:
    fs.setattr(find(fs, text), puffpy.SetAttr(size=size), ROOT_CALL)


def test_every_file_of_the_table_is_there_and_no_other(fs: HardcodeFS) -> None:
    listed = dict(fs.readdir(fs.root, ROOT_CALL))
    assert list(listed) == [row.name for row in FILES]
    for text, node in listed.items():
        assert find(fs, text) is node
    with pytest.raises(FileNotFoundError):
        find(fs, "syd")


def test_attributes_are_those_of_the_table(fs: HardcodeFS) -> None:
    for row in FILES:
        va = fs.getattr(find(fs, row.name), ROOT_CALL)
        assert (va.mode, va.size) == (stat.S_IFREG | row.mode, len(row.says))
    assert stat.S_ISDIR(fs.getattr(fs.root, ROOT_CALL).mode)


def test_what_a_file_says_at_first_is_read_and_ends_where_it_ends(fs: HardcodeFS) -> None:
    row = FILES[0]
    node = find(fs, row.name)
    assert contents(fs, row.name) == row.says
    assert bytes(fs.read(node, 5, 7, ROOT_CALL)) == row.says[5:12]
    assert bytes(fs.read(node, len(row.says), 10, ROOT_CALL)) == b""
    assert bytes(fs.read(node, 1 << 40, 10, ROOT_CALL)) == b""


def test_what_is_written_is_read_and_the_neighbours_are_not_touched(fs: HardcodeFS) -> None:
    for row in FILES:
        assert write(fs, row.name, b"\xff" * row.room) == row.room
    for row in FILES:
        assert contents(fs, row.name) == b"\xff" * row.room
        assert find(fs, row.name).size == row.room


def test_a_write_ends_where_the_room_ends_and_the_next_is_enospc(fs: HardcodeFS) -> None:
    row = FILES[2]
    assert write(fs, row.name, b"x" * (row.room + 10)) == row.room
    assert write(fs, row.name, b"yz", row.room - 1) == 1
    assert write(fs, row.name, b"", row.room) == 0
    before = contents(fs, row.name)
    for offset in (row.room, row.room + 1, 1 << 40):
        with refuses(errno.ENOSPC):
            write(fs, row.name, b"z", offset)
    assert contents(fs, row.name) == before == b"x" * (row.room - 1) + b"y"


def test_a_gap_and_what_comes_into_use_again_are_zeros(fs: HardcodeFS) -> None:
    write(fs, "notes", b"the lunatic is on the grass")
    cut(fs, "notes", 3)
    assert contents(fs, "notes") == b"the"
    write(fs, "notes", b"!", 8)
    assert contents(fs, "notes") == b"the\0\0\0\0\0!"
    cut(fs, "notes", 0)
    cut(fs, "notes", 9)
    assert contents(fs, "notes") == bytes(9)


def test_a_size_beyond_the_room_is_efbig(fs: HardcodeFS) -> None:
    with refuses(errno.EFBIG):
        cut(fs, "counter", FILES[2].room + 1)
    assert contents(fs, "counter") == FILES[2].says


def test_time_moves_with_the_data_and_can_be_set(fs: HardcodeFS) -> None:
    node = find(fs, "notes")
    fs.setattr(node, puffpy.SetAttr(mtime_ns=1), ROOT_CALL)
    assert fs.getattr(node, ROOT_CALL).mtime_ns == 1
    fs.setattr(node, puffpy.SetAttr(), ROOT_CALL)
    assert fs.getattr(node, ROOT_CALL).mtime_ns == 1
    write(fs, "notes", b"pink")
    assert fs.getattr(node, ROOT_CALL).mtime_ns > 1
    fs.setattr(node, puffpy.SetAttr(ctime_ns=5, size=0), ROOT_CALL)
    assert fs.getattr(node, ROOT_CALL).mtime_ns == 5


@pytest.mark.parametrize("change", [puffpy.SetAttr(mode=0o600), puffpy.SetAttr(uid=1), puffpy.SetAttr(gid=1)])
def test_what_is_fixed_in_the_code_cannot_be_changed(fs: HardcodeFS, change: puffpy.SetAttr) -> None:
    with refuses(errno.EPERM):
        fs.setattr(find(fs, "notes"), change, ROOT_CALL)
    with refuses(errno.EPERM):
        fs.setattr(fs.root, puffpy.SetAttr(), ROOT_CALL)


def test_a_store_brings_everything_back(tmp_path: Path) -> None:
    store = tmp_path / "store"
    fs = HardcodeFS(store=str(store))
    write(fs, "notes", b"pink")
    cut(fs, "counter", 0)
    assert store.stat().st_size == TOTAL
    again = HardcodeFS(store=str(store))
    assert contents(again, "notes") == b"pink"
    assert contents(again, "counter") == b""
    assert contents(again, "readme") == FILES[0].says


def test_a_file_that_is_no_store_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.write_bytes(b"the dark side")
    with pytest.raises(ValueError, match="has 13 bytes"):
        HardcodeFS(store=str(store))
    assert store.read_bytes() == b"the dark side"


def test_a_store_with_a_length_that_cannot_be_is_read_up_to_the_room(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.write_bytes(LENGTH.pack(1 << 60) + bytes(TOTAL - LENGTH.size))
    fs = HardcodeFS(store=str(store))
    assert contents(fs, FILES[0].name) == bytes(FILES[0].room)
