"""Nodes of a tunnel with more files than descriptors, and with somebody renaming behind its back."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import puffpy
from filesystems.tunnel.nodes import FEWEST, LAST, SPARE
from filesystems.tunnel.volumes import Node
from tests.filesystems.direct import name, refuses
from tests.filesystems.tunnelled import FEW, Tunnel, asked, new, same_process
from tests.mounted.harness import PROJECT

EXCHANGE = 2


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    with same_process():
        yield


@pytest.fixture
def top(tmp_path: Path) -> Path:
    made = tmp_path / "top"
    made.mkdir()
    return made


@pytest.fixture(params=["by handle", "by walking"])
def tunnel(top: Path, request: pytest.FixtureRequest) -> Iterator[Tunnel]:
    """A tunnel with few descriptors, that finds its nodes again in either way."""
    made = Tunnel(top, few=True)
    if request.param == "by walking":
        made.fs.root.volume.handles = False
    elif os.geteuid() != 0:
        pytest.skip("handles can be opened by root only")
    yield made
    made.fs.vfsops.unmount()


def closed(node: Node) -> bool:
    return node.fd < 0


def test_a_thousand_nodes_need_few_descriptors_and_each_is_still_itself(tunnel: Tunnel, top: Path) -> None:
    for number in range(10):
        (top / str(number)).mkdir()
        for inner in range(100):
            (top / str(number) / str(inner)).write_text(f"{number}/{inner}")
    before = descriptors()
    nodes = {
        f"{number}/{inner}": tunnel.find(f"{number}/{inner}") for number in range(10) for inner in range(100)
    }
    assert descriptors() - before <= FEW
    assert sum(map(closed, nodes.values())) > 900
    for path, node in nodes.items():
        assert tunnel.find(path) is node
        assert tunnel.stat(node).ino == (top / path).stat().st_ino
    assert tunnel.read("7/77") == b"7/77"
    assert descriptors() - before <= FEW
    for node in nodes.values():
        tunnel.fs.reclaim(node)
    assert descriptors() <= before + 11


def test_the_table_of_descriptors_does_not_grow_while_there_are_nodes(top: Path) -> None:
    """In a process of its own, for a table never shrinks."""
    program = (
        "import sys; from filesystems.tunnel.nodes import Nodes; nodes = Nodes(sys.argv[1], 1000); "
        "print(open('/proc/self/status').read().partition('FDSize:')[2].split()[0])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, str(top)], check=True, capture_output=True, text=True, cwd=PROJECT
    )
    assert int(said.stdout) >= 1000 - SPARE


def test_open_files_come_out_of_the_same_limit(tunnel: Tunnel, top: Path) -> None:
    for number in range(2 * FEW):
        (top / str(number)).touch()
    before = descriptors()
    calls = []
    for number in range(2 * FEW):
        node, call = tunnel.find(str(number)), puffpy.Call(0, 0, 0)
        call.handle = tunnel.fs.open(node, os.O_RDONLY, call).handle
        calls.append((node, call))
    assert descriptors() - before <= 2 * FEW + FEW
    for node, call in calls:
        tunnel.fs.close(node, os.O_RDONLY, call)
    assert descriptors() - before <= FEW


def test_a_node_is_found_again_where_the_mount_has_moved_it(tunnel: Tunnel, top: Path) -> None:
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "b" / "file").write_text("pink")
    (top / "other").write_text("floyd")
    file, other = tunnel.find("a/b/file"), tunnel.find("other")
    tunnel.rename("a/b", "c")
    tunnel.starve()
    assert closed(file)
    assert tunnel.stat(file).size == 4
    tunnel.rename("c/file", "other", EXCHANGE)
    tunnel.starve()
    assert (tunnel.stat(file).size, tunnel.stat(other).size) == (4, 5)
    assert tunnel.find("other") is file


def test_a_node_without_a_name_keeps_its_descriptor(tunnel: Tunnel, top: Path) -> None:
    (top / "file").write_text("pink")
    (top / "replaced").write_text("floyd")
    (top / "new").touch()
    (top / "dir").mkdir()
    nodes = [tunnel.find(text) for text in ("file", "replaced", "dir")]
    tunnel.starve()
    assert all(map(closed, nodes))
    tunnel.remove("file")
    tunnel.rename("new", "replaced")
    tunnel.rmdir("dir")
    tunnel.starve()
    assert [tunnel.stat(node).nlink for node in nodes] == [0, 0, 0]
    before = descriptors()
    for node in nodes:
        tunnel.fs.reclaim(node)
    assert descriptors() == before - 3


def test_a_hard_link_is_found_again_by_its_last_name(tunnel: Tunnel, top: Path) -> None:
    (top / "one").write_text("pink")
    (top / "two").hardlink_to(top / "one")
    node = tunnel.find("one")
    assert tunnel.find("two") is node
    tunnel.remove("one")
    tunnel.starve()
    assert closed(node)
    assert tunnel.stat(node).nlink == 1


def test_what_was_removed_behind_its_back_is_stale(tunnel: Tunnel, top: Path) -> None:
    (top / "file").touch()
    node = tunnel.find("file")
    tunnel.starve()
    (top / "file").unlink()
    with refuses(errno.ESTALE):
        tunnel.stat(node)
    with refuses(errno.ENOENT):
        tunnel.find("file")


def test_a_new_file_with_an_old_number_is_another_node(tunnel: Tunnel, top: Path) -> None:
    (top / "old").write_text("old")
    node = tunnel.find("old")
    ino = tunnel.stat(node).ino
    tunnel.starve()
    (top / "old").unlink()
    for number in range(200):
        (top / f"new{number}").write_text("new!")
        if (top / f"new{number}").stat().st_ino == ino:
            break
    else:
        pytest.skip("this file system does not use numbers again")
    found = tunnel.find(f"new{number}")
    assert found is not node
    assert tunnel.stat(found).size == 4
    with refuses(errno.ESTALE):
        tunnel.stat(node)
    tunnel.fs.reclaim(node)
    assert tunnel.find(f"new{number}") is found


def test_a_directory_that_becomes_a_symbolic_link_leads_nowhere_else(tunnel: Tunnel, top: Path) -> None:
    outside = top.parent / "outside"
    for directory, text in ((top / "victim", "inside"), (outside, "outside")):
        directory.mkdir()
        (directory / "file").write_text(text)
    victim = tunnel.find("victim")
    file = tunnel.find("victim/file")
    (top / "victim").rename(top / "spare")
    (top / "victim").symlink_to(outside)
    assert tunnel.find("spare") is victim
    assert tunnel.read("spare/file") == b"inside"
    tunnel.starve()
    assert closed(victim)
    with refuses(errno.ENOTDIR):
        tunnel.find("victim/file")
    if tunnel.fs.root.volume.handles:
        assert tunnel.stat(file).size == len("inside")
    else:
        victim.name = "victim"  # as if nobody had looked since
        tunnel.starve()
        with refuses(errno.ESTALE):
            tunnel.stat(file)


def test_another_file_under_the_old_name_is_not_taken_for_it(top: Path) -> None:
    tunnel = Tunnel(top, few=True)
    tunnel.fs.root.volume.handles = False
    (top / "file").write_text("pink")
    node = tunnel.find("file")
    tunnel.starve()
    (top / "file").rename(top / "moved")
    (top / "file").write_text("floyd")
    with refuses(errno.ESTALE):
        tunnel.stat(node)
    assert tunnel.find("file") is not node
    assert tunnel.find("moved") is node


def test_two_directories_that_were_last_seen_inside_each_other_are_stale(top: Path) -> None:
    tunnel = Tunnel(top, few=True)
    tunnel.fs.root.volume.handles = False
    (top / "a" / "b").mkdir(parents=True)
    a, b = tunnel.find("a"), tunnel.find("a/b")
    (top / "a" / "b").rename(top / "b")
    (top / "a").rename(top / "b" / "a")
    b_again, a_again = tunnel.find("b"), tunnel.find("b/a")
    assert (a_again, b_again) == (a, b)
    b.parent, b.name = a, "b"  # as if b had not been looked up since
    tunnel.starve()
    with refuses(errno.ESTALE):
        tunnel.stat(a)


def test_the_end_leaves_no_descriptor(top: Path) -> None:
    before = descriptors()
    tunnel = Tunnel(top)
    (top / "dir").mkdir()
    (top / "dir" / "file").touch()
    tunnel.find("dir/file")
    assert descriptors() > before
    tunnel.fs.vfsops.unmount()
    assert descriptors() == before


def test_a_deep_path_is_walked_without_depth_in_the_server(top: Path) -> None:
    tunnel = Tunnel(top, few=True)
    tunnel.fs.root.volume.handles = False
    node = tunnel.fs.root
    for _ in range(1500):
        node = tunnel.fs.mkdir(node, name("d"), new(stat.S_IFDIR, 0o755), asked())
    tunnel.starve()
    assert closed(node)
    assert tunnel.stat(node).nlink == 2
    subprocess.run(["rm", "-r", top / "d"], check=True)


def test_the_last_descriptors_are_not_lent_to_open_files(tunnel: Tunnel, top: Path) -> None:
    """Nobody's open files keep others from looking, removing and closing."""
    most = FEW + SPARE - FEWEST - LAST
    for number in range(most + 1):
        (top / f"f{number}").touch()
    call = asked()
    opened = [tunnel.fs.open(tunnel.find(f"f{n}"), os.O_RDWR, call).handle for n in range(most)]
    before = descriptors()
    for refused in (
        lambda: tunnel.fs.open(tunnel.find(f"f{most}"), os.O_RDONLY, asked()),
        lambda: tunnel.create("new"),
        lambda: tunnel.fs.tmpfile(tunnel.fs.root, new(stat.S_IFREG, 0o600), asked()),
    ):
        with refuses(errno.ENFILE):
            refused()
    assert not (top / "new").exists()
    assert descriptors() <= before
    assert len(tunnel.names()) == most + 1
    made = tunnel.mkdir("new")
    tunnel.rmdir("new")
    tunnel.fs.reclaim(made)
    call.handle = opened.pop()
    tunnel.fs.close(tunnel.fs.root, 0, call)
    tunnel.create("new")


def test_files_without_a_name_count_twice_and_are_given_back(tunnel: Tunnel) -> None:
    made = []
    with refuses(errno.ENFILE):
        for _ in range(SPARE):
            entry = tunnel.fs.tmpfile(tunnel.fs.root, new(stat.S_IFREG, 0o600), asked())
            assert entry.opened is not None
            made.append((entry.node, entry.opened.handle))
    assert len(made) == (FEW + SPARE - FEWEST - LAST) // 2
    for node, handle in made:
        call = asked()
        call.handle = handle
        tunnel.fs.close(node, 0, call)
        tunnel.fs.reclaim(node)
    assert (tunnel.fs.nodes.opened, tunnel.fs.nodes.pinned) == (0, 1)  # the root


def test_an_open_that_fails_lends_nothing(tunnel: Tunnel, top: Path) -> None:
    (top / "f").touch()
    for _ in range(SPARE):
        with refuses(errno.EEXIST):
            tunnel.create("f")
    assert tunnel.fs.nodes.opened == 0
