"""File handles of a tunnel: the number of a node, after the node's life has ended."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import puffpy
from filesystems.tunnel.handles import Handles
from filesystems.tunnel.volumes import Node
from tests.filesystems.direct import refuses
from tests.filesystems.tunnelled import Tunnel, asked, same_process
from tests.mounted.conftest import lacking

ABOVE = puffpy.ComponentName("..")


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    with same_process():
        yield


@pytest.fixture
def top(tmp_path: Path) -> Path:
    made = tmp_path / "top"
    made.mkdir()
    (made / "dir").mkdir()
    (made / "dir" / "pink").write_text("floyd")
    return made


@pytest.fixture
def tunnel(top: Path) -> Iterator[Tunnel]:
    if os.geteuid() != 0:
        lacking("handles can be opened by root only")
    made = Tunnel(top)
    assert made.fs.root.volume.handles
    yield made
    made.fs.vfsops.unmount()


def ended(tunnel: Tunnel, path: str) -> int:
    """The number of a node that the kernel has forgotten."""
    node = tunnel.find(path)
    number = number_of(tunnel, node)
    tunnel.fs.reclaim(node)
    return number


def number_of(tunnel: Tunnel, node: Node) -> int:
    return tunnel.fs.vfsops.nodetofh(node)[0]


def test_a_node_is_found_by_the_number_of_its_earlier_life_and_has_it_again(tunnel: Tunnel) -> None:
    number = ended(tunnel, "dir/pink")
    node = tunnel.fs.vfsops.fhtonode(number)
    assert tunnel.stat(node).size == 5
    assert number_of(tunnel, node) == number
    assert tunnel.find("dir/pink") is node


def test_a_file_that_is_looked_up_again_has_its_number_again(tunnel: Tunnel, top: Path) -> None:
    number = ended(tunnel, "dir/pink")
    (top / "dir" / "pink").rename(top / "moved")
    assert number_of(tunnel, tunnel.find("moved")) == number
    assert number_of(tunnel, tunnel.find("dir")) != number


def test_a_number_is_known_whether_or_not_there_was_a_descriptor(tunnel: Tunnel) -> None:
    node = tunnel.find("dir/pink")
    number = number_of(tunnel, node)
    tunnel.fs.nodes._held.pop(node.fd)
    assert tunnel.fs.nodes._let_go(node, node.fd)
    tunnel.fs.reclaim(node)
    assert tunnel.stat(tunnel.fs.vfsops.fhtonode(number)).size == 5


def test_a_number_that_was_never_given_is_stale(tunnel: Tunnel) -> None:
    for number in (0, 1, 2, 1 << 40):
        with refuses(errno.ESTALE):
            tunnel.fs.vfsops.fhtonode(number)


def test_what_was_removed_is_stale_and_a_new_file_with_its_inode_is_another(
    tunnel: Tunnel, top: Path
) -> None:
    number = ended(tunnel, "dir/pink")
    ino = (top / "dir" / "pink").stat().st_ino
    (top / "dir" / "pink").unlink()
    with refuses(errno.ESTALE):
        tunnel.fs.vfsops.fhtonode(number)
    for attempt in range(200):
        (top / f"new-{attempt}").touch()
        if (top / f"new-{attempt}").stat().st_ino == ino:
            assert number_of(tunnel, tunnel.find(f"new-{attempt}")) != number
            break


def test_only_the_latest_are_remembered(top: Path, tunnel: Tunnel) -> None:
    tunnel.fs.handles = tunnel.fs.vfsops.handles = Handles(tunnel.fs.nodes, most=2)
    for number in range(4):
        (top / str(number)).write_text(str(number))
    numbers = [ended(tunnel, str(number)) for number in range(4)]
    for number in numbers[:2]:
        with refuses(errno.ESTALE):
            tunnel.fs.vfsops.fhtonode(number)
    for number in numbers[2:]:
        assert tunnel.stat(tunnel.fs.vfsops.fhtonode(number)).size == 1
    # One that comes and goes again and again takes the room of one.
    for _ in range(5):
        assert ended(tunnel, "3") == numbers[3]
    assert tunnel.stat(tunnel.fs.vfsops.fhtonode(numbers[2])).size == 1


def test_files_that_are_removed_take_nobodys_place(top: Path, tunnel: Tunnel) -> None:
    tunnel.fs.handles = tunnel.fs.vfsops.handles = Handles(tunnel.fs.nodes, most=2)
    number = ended(tunnel, "dir/pink")
    for _ in range(5):
        node, fd = tunnel.create("new")
        number_of(tunnel, node)
        tunnel.remove("new")
        os.close(fd)
        tunnel.fs.reclaim(node)
    assert tunnel.stat(tunnel.fs.vfsops.fhtonode(number)).size == 5


def test_two_servers_give_numbers_of_different_generations(top: Path, tunnel: Tunnel) -> None:
    another = Tunnel(top)
    ours = tunnel.fs.vfsops.nodetofh(tunnel.find("dir"))
    assert another.fs.vfsops.nodetofh(another.find("dir"))[1] != ours[1]
    another.fs.vfsops.unmount()


def test_the_way_up_from_a_directory_ends_at_the_root(tunnel: Tunnel, top: Path) -> None:
    (top / "dir" / "deep").mkdir()
    deep = tunnel.fs.vfsops.fhtonode(ended(tunnel, "dir/deep"))
    parent = tunnel.fs.lookup(deep, ABOVE, asked())
    assert parent is tunnel.find("dir")
    assert tunnel.fs.lookup(parent, ABOVE, asked()) is tunnel.fs.root
    assert tunnel.fs.lookup(tunnel.fs.root, ABOVE, asked()) is tunnel.fs.root


def test_there_is_no_way_up_from_a_directory_that_was_moved_out(tunnel: Tunnel, top: Path) -> None:
    deep = tunnel.find("dir")
    (top / "dir").rename(top.parent / "outside")
    before = len(os.listdir("/proc/self/fd"))
    with refuses(errno.ESTALE):
        tunnel.fs.lookup(deep, ABOVE, asked())
    assert len(os.listdir("/proc/self/fd")) == before


def test_without_the_right_to_open_handles_nothing_is_remembered(tunnel: Tunnel) -> None:
    tunnel.fs.root.volume.handles = False
    number = ended(tunnel, "dir")
    with refuses(errno.ESTALE):
        tunnel.fs.vfsops.fhtonode(number)


def test_handles_into_a_file_system_that_is_gone_are_stale(tunnel: Tunnel) -> None:
    number = ended(tunnel, "dir")
    tunnel.fs.nodes._volumes.clear()
    with refuses(errno.ESTALE):
        tunnel.fs.vfsops.fhtonode(number)
    tunnel.fs.nodes._volumes[tunnel.fs.root.volume.device] = tunnel.fs.root.volume
