"""Rename: what moves, what is replaced, and everything it refuses to do."""

from __future__ import annotations

import errno
import stat

import pytest

from filesystems.detrempe import Detrempe
from filesystems.detrempe.rename import EXCHANGE, NOREPLACE, WHITEOUT
from tests.filesystems.direct import Direct, age, refuses, times


@pytest.fixture
def fs() -> Direct:
    return Direct(Detrempe())


def test_a_file_moves_with_its_node_and_times(fs: Direct) -> None:
    node, there = fs.file("a", b"x"), fs.dir("there")
    age(fs.root, there, node)
    fs.rename("a", "b", tdvp=there)
    now = node.vattr.ctime_ns
    assert now > 3
    assert fs.find("b", there) is node
    assert "a" not in fs.names()
    assert times(node) == (3, 2, now)
    assert times(fs.root)[1:] == times(there)[1:] == (now, now)


def test_a_replaced_file_loses_one_link_and_lives_on_while_it_is_open(fs: Direct) -> None:
    fs.file("a", b"new")
    old = fs.file("b", b"old")
    fs.link(old, "c")
    age(old)
    fs.rename("a", "b")
    assert fs.read(fs.find("b")) == b"new"
    assert (old.vattr.nlink, fs.read(old)) == (1, b"old")
    assert old.vattr.ctime_ns > 3
    fs.rename("b", "c")
    assert (old.vattr.nlink, fs.read(old)) == (0, b"old")
    fs.fs.reclaim(old)
    assert fs.used() == (1, 2)


def test_two_names_of_one_file_both_stay(fs: Direct) -> None:
    node = fs.file("a")
    fs.link(node, "b")
    age(fs.root, node)
    fs.rename("a", "b")
    fs.rename("a", "a")
    assert (fs.find("a"), fs.find("b"), node.vattr.nlink) == (node, node, 2)
    assert (times(fs.root), times(node)) == ((3, 2, 1), (3, 2, 1))


def test_a_directory_takes_its_dotdot_along(fs: Direct) -> None:
    here, there = fs.dir("here"), fs.dir("there")
    moved = fs.dir("d", here)
    fs.file("f", dvp=moved)
    assert (here.vattr.nlink, there.vattr.nlink) == (3, 2)
    fs.rename("d", "e", fdvp=here, tdvp=there)
    assert (here.vattr.nlink, there.vattr.nlink, moved.vattr.nlink) == (2, 3, 2)
    assert fs.find("..", moved) is there
    assert "f" in fs.names(fs.find("e", there))
    fs.rename("e", "g", fdvp=there, tdvp=there)
    assert there.vattr.nlink == 3


def test_a_directory_replaces_an_empty_one_and_no_other(fs: Direct) -> None:
    moved, empty, full = fs.dir("d"), fs.dir("empty"), fs.dir("full")
    fs.file("f", dvp=full)
    with refuses(errno.ENOTEMPTY):
        fs.rename("d", "full")
    fs.rename("d", "empty")
    assert fs.find("empty") is moved
    assert (empty.vattr.nlink, fs.root.vattr.nlink) == (0, 4)
    with refuses(errno.ENOENT):
        fs.file("x", dvp=empty)


def test_the_types_have_to_agree(fs: Direct) -> None:
    fs.file("f")
    fs.dir("d")
    age(fs.root)
    with refuses(errno.EISDIR):
        fs.rename("f", "d")
    with refuses(errno.ENOTDIR):
        fs.rename("d", "f")
    assert times(fs.root) == (3, 2, 1)


def test_what_is_not_there_cannot_be_moved(fs: Direct) -> None:
    fs.file("f")
    for flags in (0, NOREPLACE, EXCHANGE, WHITEOUT):
        with refuses(errno.ENOENT):
            fs.rename("x", "f", flags)


def test_no_directory_moves_below_itself_nor_replaces_one_above(fs: Direct) -> None:
    a = fs.dir("a")
    b = fs.dir("b", a)
    c = fs.dir("c", b)
    fs.file("f", dvp=c)
    for target in (a, b, c):
        with refuses(errno.EINVAL):
            fs.rename("a", "x", tdvp=target)
    with refuses(errno.ENOTEMPTY):
        fs.rename("f", "a", fdvp=c)
    with refuses(errno.EINVAL):
        fs.rename("c", "a", EXCHANGE, fdvp=b)
    assert fs.find("b", fs.find("a")) is b
    fs.rename("c", "c", fdvp=b)
    assert fs.find("..", c) is fs.root


def test_noreplace_leaves_what_is_there(fs: Direct) -> None:
    a, b = fs.file("a"), fs.file("b")
    with refuses(errno.EEXIST):
        fs.rename("a", "b", NOREPLACE)
    with refuses(errno.EEXIST):
        fs.rename("a", "a", NOREPLACE)
    assert (fs.find("a"), fs.find("b")) == (a, b)
    fs.rename("a", "c", NOREPLACE)
    assert fs.find("c") is a


def test_exchange_swaps_two_names_of_any_kind(fs: Direct) -> None:
    here, there = fs.dir("here"), fs.dir("there")
    directory, file = fs.dir("d", here), fs.file("f", b"x", there)
    fs.file("inside", dvp=directory)
    age(here, there, directory, file)
    fs.rename("d", "f", EXCHANGE, fdvp=here, tdvp=there)
    assert fs.find("d", here) is file
    assert fs.find("f", there) is directory
    assert fs.find("..", directory) is there
    assert (here.vattr.nlink, there.vattr.nlink) == (2, 3)
    now = file.vattr.ctime_ns
    assert now > 3
    assert times(file) == times(directory) == (3, 2, now)
    assert times(here)[1:] == times(there)[1:] == (now, now)
    assert (file.vattr.nlink, directory.vattr.nlink) == (1, 2)


def test_exchange_needs_both_names(fs: Direct) -> None:
    fs.file("a")
    with refuses(errno.ENOENT):
        fs.rename("a", "b", EXCHANGE)


def test_a_whiteout_takes_the_place_of_what_has_moved(fs: Direct) -> None:
    node = fs.file("a")
    fs.rename("a", "b", WHITEOUT)
    left = fs.find("a")
    assert fs.find("b") is node
    assert stat.S_ISCHR(left.vattr.mode)
    assert (left.vattr.rdev, left.vattr.nlink, stat.S_IMODE(left.vattr.mode)) == (0, 1, 0)
    assert fs.used() == (0, 3)


def test_a_whiteout_of_a_directory_keeps_the_links_right(fs: Direct) -> None:
    there = fs.dir("there")
    fs.dir("d")
    fs.rename("d", "d", WHITEOUT | NOREPLACE, tdvp=there)
    assert (fs.root.vattr.nlink, there.vattr.nlink) == (3, 3)


def test_a_whiteout_that_has_no_room_changes_nothing() -> None:
    fs = Direct(Detrempe(inodes=2))
    node = fs.file("a")
    age(fs.root)
    with refuses(errno.ENOSPC):
        fs.rename("a", "b", WHITEOUT)
    assert fs.find("a") is node
    assert times(fs.root) == (3, 2, 1)


@pytest.mark.parametrize("flags", [8, NOREPLACE | EXCHANGE, WHITEOUT | EXCHANGE, 7])
def test_flags_that_make_no_sense_are_einval(fs: Direct, flags: int) -> None:
    fs.file("a")
    fs.file("b")
    with refuses(errno.EINVAL):
        fs.rename("a", "b", flags)
