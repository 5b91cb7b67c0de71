"""Listing directories: large ones, from positions, while they change; and what the links of a node are."""

from __future__ import annotations

import os

import pytest

from tests.posix.asking import content, make, opened
from tests.posix.callers import Caller

MANY = 2000


def names(fs: Caller, fd: int) -> list[str]:
    """Return the names from where the directory stands to its end."""
    found = []
    while (record := fs.readdir(fd)) is not None:
        name = record[1] if isinstance(record, tuple) else os.fsdecode(record.name)
        if name not in (".", ".."):
            found.append(name)
    return found


@pytest.fixture
def large(fs: Caller) -> Caller:
    """A directory of many."""
    fs.mkdir("/d")
    for number in range(MANY):
        fs.mknod(f"/d/{number:05}")
    return fs


EXPECTED = {f"{number:05}" for number in range(MANY)}


def test_a_large_directory_is_listed_whole_and_no_name_twice(large: Caller) -> None:
    listed = large.listdir("/d")
    assert len(listed) == MANY
    assert set(listed) == EXPECTED


def test_a_position_leads_back_to_where_it_was_told(large: Caller) -> None:
    with opened(large, "/d", os.O_RDONLY | os.O_DIRECTORY) as fd:
        for _ in range(MANY // 2):
            large.readdir(fd)
        position = large.telldir(fd)
        rest = names(large, fd)
        assert large.readdir(fd) is None
        for _ in range(3):
            large.seekdir(fd, position)
            assert names(large, fd) == rest
        large.seekdir(fd, 0)
        assert set(names(large, fd)) == EXPECTED


def test_every_name_that_stays_is_listed_once_while_others_come_and_go(large: Caller) -> None:
    with opened(large, "/d", os.O_RDONLY | os.O_DIRECTORY) as fd:
        listed = []
        step = 0
        while (record := large.readdir(fd)) is not None:
            listed.append(record[1] if isinstance(record, tuple) else os.fsdecode(record.name))
            if step % 100 == 50:
                large.unlink(f"/d/{step:05}")
                large.mknod(f"/d/new-{step}")
            step += 1
    stay = {name for name in EXPECTED if int(name) % 100 != 50}
    assert stay <= set(listed)
    assert len(listed) == len(set(listed))


def test_a_directory_is_emptied_while_it_is_read(large: Caller) -> None:
    with opened(large, "/d", os.O_RDONLY | os.O_DIRECTORY) as fd:
        while (record := large.readdir(fd)) is not None:
            name = record[1] if isinstance(record, tuple) else os.fsdecode(record.name)
            if name not in (".", ".."):
                large.unlink(f"/d/{name}")
    assert large.listdir("/d") == []
    large.rmdir("/d")


def test_rewinding_shows_what_has_changed(fs: Caller) -> None:
    fs.mkdir("/d")
    with opened(fs, "/d", os.O_RDONLY | os.O_DIRECTORY) as fd:
        assert names(fs, fd) == []
        make(fs, "/d/f")
        fs.seekdir(fd, 0)
        assert names(fs, fd) == ["f"]


def test_all_names_of_a_file_are_one_node(fs: Caller) -> None:
    make(fs, "/f", b"data")
    fs.mkdir("/d")
    fs.link("/f", "/d/g")
    fs.link("/d/g", "/d/h")
    statuses = [fs.stat(path) for path in ("/f", "/d/g", "/d/h")]
    assert len({(status.st_dev, status.st_ino) for status in statuses}) == 1
    assert {status.st_nlink for status in statuses} == {3}
    with opened(fs, "/d/h") as fd:
        fs.pwrite(fd, b"more data", 0)
        assert fs.fstat(fd).st_ino == statuses[0].st_ino
    fs.chmod("/d/g", 0o600)
    for path in ("/f", "/d/g", "/d/h"):
        assert fs.stat(path).st_size == 9
        assert fs.stat(path).st_mode & 0o777 == 0o600
        assert content(fs, path) == b"more data"
    fs.unlink("/f")
    fs.rename("/d/g", "/f")
    assert fs.stat("/f").st_nlink == fs.stat("/d/h").st_nlink == 2


def test_a_link_to_a_symbolic_link_or_a_fifo_is_one_node_too(fs: Caller) -> None:
    fs.symlink("x", "/l")
    fs.mkfifo("/p")
    for path in ("/l", "/p"):
        fs.link(path, path + "2", follow_symlinks=False)
        assert fs.lstat(path).st_ino == fs.lstat(path + "2").st_ino
        assert fs.lstat(path).st_nlink == 2


def test_a_directory_has_a_link_for_each_directory_in_it(fs: Caller) -> None:
    fs.mkdir("/d")
    fs.mkdir("/e")
    links = fs.stat("/d").st_nlink
    assert links == 2
    for number in range(3):
        fs.mkdir(f"/d/{number}")
        make(fs, f"/d/file-{number}")
    assert fs.stat("/d").st_nlink == 5
    fs.rename("/d/0", "/e/0")
    assert (fs.stat("/d").st_nlink, fs.stat("/e").st_nlink) == (4, 3)
    fs.rename("/d/1", "/d/file-0", flags=2)
    assert fs.stat("/d").st_nlink == 4
    fs.rename("/d/file-1", "/e/0", flags=2)
    assert (fs.stat("/d").st_nlink, fs.stat("/e").st_nlink) == (5, 2)
    fs.mkdir("/e/empty")
    fs.rename("/d/2", "/e/empty")
    assert (fs.stat("/d").st_nlink, fs.stat("/e").st_nlink) == (4, 3)
    assert fs.stat("/d/..").st_ino == fs.stat("/").st_ino


def test_an_exchange_swaps_whatever_the_two_are(fs: Caller) -> None:
    make(fs, "/f", b"file")
    fs.mkdir("/d")
    make(fs, "/d/inside", b"inside")
    fs.symlink("gone", "/l")
    fs.rename("/f", "/d", flags=2)
    assert content(fs, "/d") == b"file"
    assert content(fs, "/f/inside") == b"inside"
    fs.rename("/f", "/l", flags=2)
    assert fs.readlink("/f") == "gone"
    assert content(fs, "/l/inside") == b"inside"
    assert fs.stat("/l/..").st_ino == fs.stat("/").st_ino
    fs.rename("/d", "/new", flags=1)
    assert content(fs, "/new") == b"file"
