"""Listings: all of it, from any position, with READDIRPLUS where Linux would."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from puffpy.userkernel import UserKernel
from puffpy.wire import Opcode, Reply, Request, dirent, direntplus
from puffpy.wire.flags import InitFlag
from puffpy.wire.structs import ENTRY_OUT
from tests.userkernel.stand_in import ROOT, entry, stand_in

NAMES = (b".", b"..", b"file", b"directory", b"other")
NODEIDS = (0, 0, 2, 3, 60)
READDIRPLUS = InitFlag.DO_READDIRPLUS | InitFlag.PARALLEL_DIROPS


def plain(request: Request) -> Reply:
    at = request.fields["offset"]
    data = b"".join(dirent(9, i + 1, 8, NAMES[i]) for i in range(at, min(at + 2, len(NAMES))))
    return Reply(request.unique, data=data)


def plus(request: Request) -> Reply:
    at = request.fields["offset"]
    data = b""
    for i in range(at, min(at + 2, len(NAMES))):
        packed = ENTRY_OUT.pack_named(entry(NODEIDS[i]) if NODEIDS[i] else {})
        data += direntplus(packed, 9, i + 1, 8, NAMES[i])
    return Reply(request.unique, data=data)


def test_a_listing_is_read_to_its_end_without_the_dots() -> None:
    kernel, server = stand_in({Opcode.READDIR: plain})
    assert kernel.listdir("/") == ["file", "directory", "other"]
    assert kernel.listdir(b"/") == [b"file", b"directory", b"other"]
    asked = server.seen(Opcode.READDIR)
    assert [request.fields["offset"] for request in asked] == [0, 2, 4, 5] * 2
    assert {request.fields["size"] for request in asked} == {16384}
    assert len(server.seen(Opcode.RELEASEDIR)) == 2
    kernel.unmount()


def test_positions_are_told_and_come_back() -> None:
    kernel, _ = stand_in({Opcode.READDIR: plain})
    fd = kernel.open("/", os.O_RDONLY | os.O_DIRECTORY)
    names, positions = [], [kernel.telldir(fd)]
    while (record := kernel.readdir(fd)) is not None:
        names.append(record.name)
        positions.append(kernel.telldir(fd))
    assert tuple(names) == NAMES
    for position, name in zip(positions, names, strict=False):
        kernel.seekdir(fd, position)
        record = kernel.readdir(fd)
        assert record is not None
        assert record.name == name
    kernel.rewinddir(fd)
    assert kernel.listdir(fd) == ["file", "directory", "other"]
    with pytest.raises(NotADirectoryError):
        kernel.readdir(kernel.open("/file", os.O_RDONLY))
    kernel.unmount()


def test_readdirplus_fills_the_cache_and_counts_all_but_the_dots() -> None:
    kernel, server = stand_in({Opcode.READDIRPLUS: plus}, init={"flags": READDIRPLUS})
    kernel.listdir("/")
    assert kernel.balance().lookups == {2: 1, 3: 1, 60: 1}
    assert kernel.stat("/other").st_ino == 60
    assert not server.seen(Opcode.LOOKUP)
    assert not server.seen(Opcode.READDIR)
    kernel.listdir("/")
    assert kernel.balance().lookups == {2: 2, 3: 2, 60: 2}
    kernel.unmount()
    assert kernel.balance().zero


def test_automatic_readdirplus_goes_where_it_pays() -> None:
    flags = READDIRPLUS | InitFlag.READDIRPLUS_AUTO
    kernel, server = stand_in({Opcode.READDIRPLUS: plus, Opcode.READDIR: plain}, init={"flags": flags})

    def asked() -> list[Opcode]:
        return [request.opcode for request in server.seen(Opcode.READDIR, Opcode.READDIRPLUS)]

    kernel.listdir("/")
    assert asked() == [Opcode.READDIRPLUS, *[Opcode.READDIR] * 3]
    fd = kernel.open("/", os.O_RDONLY)
    for _ in range(2):
        kernel.readdir(fd)
    kernel.stat("/file")
    kernel.readdir(fd)
    assert asked() == [Opcode.READDIRPLUS, Opcode.READDIRPLUS], "a look-up since then"
    kernel.unmount()


def test_what_cannot_be_true_is_shown_but_not_kept() -> None:
    def bad(request: Request) -> Reply:
        if request.fields["offset"]:
            return Reply(request.unique)
        packed = ENTRY_OUT.pack_named(entry(60, mode=0))
        return Reply(request.unique, data=direntplus(packed, 9, 1, 8, b"bad"))

    kernel, server = stand_in({Opcode.READDIRPLUS: bad}, init={"flags": READDIRPLUS})
    assert kernel.listdir("/") == ["bad"]
    (forget,) = server.seen(Opcode.FORGET)
    assert (forget.nodeid, forget.fields["nlookup"]) == (60, 1)
    kernel.unmount()


def test_a_name_with_a_slash_is_eio() -> None:
    kernel, _ = stand_in(
        {Opcode.READDIR: lambda request: Reply(request.unique, data=dirent(9, 1, 8, b"a/b"))}
    )
    with pytest.raises(OSError, match="one component") as caught:
        kernel.listdir("/")
    assert caught.value.errno == errno.EIO
    kernel.unmount()


def test_scandir_tells_types_without_asking(kernel: UserKernel) -> None:
    kernel.mkdir("/d")
    kernel.close(kernel.open("/d/file", os.O_CREAT | os.O_WRONLY))
    kernel.mkdir("/d/directory")
    kernel.symlink("directory", "/d/link")
    kernel.symlink("nowhere", "/d/dangling")
    with kernel.scandir("/d") as entries:
        by_name = {entry.name: entry for entry in entries}
    assert set(by_name) == {"file", "directory", "link", "dangling"}
    assert by_name["file"].is_file()
    assert by_name["file"].path == "/d/file"
    assert os.fspath(by_name["file"]) == "/d/file"
    assert by_name["file"].inode() == kernel.stat("/d/file").st_ino
    assert by_name["directory"].is_dir()
    assert by_name["link"].is_symlink()
    assert by_name["link"].is_dir()
    assert not by_name["link"].is_dir(follow_symlinks=False)
    assert not by_name["dangling"].is_file()
    assert stat.S_ISLNK(by_name["dangling"].stat(follow_symlinks=False).st_mode)
    assert {entry.path for entry in kernel.scandir(b"/d")} >= {b"/d/file"}


def test_a_listing_left_half_way_is_closed(kernel: UserKernel) -> None:
    kernel.mkdir("/d")
    with kernel.scandir("/") as entries:
        next(entries)
        assert kernel.balance().handles == 1
    assert kernel.balance().handles == 0
    assert list(entries) == []


def test_a_directory_emptied_while_it_is_listed_is_seen_whole(kernel: UserKernel) -> None:
    kernel.mkdir("/d")
    expected = {f"name{number:04}" * 8 for number in range(1500)}
    for name in expected:
        kernel.close(kernel.open(f"/d/{name}", os.O_CREAT | os.O_WRONLY))
    seen = []
    for each in kernel.scandir("/d"):
        seen.append(each.name)
        kernel.unlink(each.path)
    assert sorted(map(str, seen)) == sorted(expected)
    kernel.rmdir("/d")


def test_listing_takes_the_right_to_read(kernel: UserKernel) -> None:
    kernel.mkdir("/d", 0o711)
    with kernel.as_user(1000, 1000), pytest.raises(PermissionError) as caught:
        kernel.listdir("/d")
    assert caught.value.filename == "/d"


def test_the_root_is_node_one() -> None:
    kernel, server = stand_in({Opcode.READDIR: plain})
    kernel.listdir()
    assert server.seen(Opcode.OPENDIR)[0].nodeid == ROOT
    kernel.unmount()
