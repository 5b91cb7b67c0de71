"""Handles of files on a mounted tunnel: they find what the kernel has forgotten, as NFS servers need it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.filesystems.direct import refuses
from tests.mounted.clients.handles import Handle, forget
from tests.mounted.conftest import StartServer
from tests.mounted.harness import Server, wait_for
from tests.mounted.tunnelled import messages, through

pytestmark = pytest.mark.usefixtures("root")


@pytest.fixture
def below(tmp_path: Path) -> Path:
    """The directory that is tunnelled, with something in it."""
    made = tmp_path.resolve() / "below"
    (made / "a" / "b").mkdir(parents=True)
    (made / "a" / "b" / "pink").write_text("floyd")
    return made


@pytest.fixture
def tunnel(start: StartServer, below: Path) -> Server:
    return start("--debug", command=through(below))


def forgotten(server: Server) -> None:
    """Return once the server has been told that nodes, of which there must be some, are forgotten."""
    before = messages(server, "FORGET", "BATCH_FORGET")

    def told() -> bool:
        forget()
        return messages(server, "FORGET", "BATCH_FORGET") > before

    wait_for(told, "nodes forgotten")


def test_a_file_is_opened_by_its_handle_after_the_kernel_has_forgotten_it(
    tunnel: Server, below: Path
) -> None:
    handle = Handle.of(tunnel.mnt / "a" / "b" / "pink")
    forgotten(tunnel)
    (below / "a" / "b" / "pink").rename(below / "moved")
    fd = handle.open(tunnel.mnt, os.O_RDWR)
    assert os.pread(fd, 10, 0) == b"floyd"
    os.pwrite(fd, b"F", 0)
    assert os.fstat(fd).st_ino == (below / "moved").stat().st_ino
    os.close(fd)
    assert (below / "moved").read_text() == "Floyd"
    # What is found by its name afterwards is the same node, so that the old handle stays good.
    assert Handle.of(tunnel.mnt / "moved") == handle


def test_a_directory_that_is_found_by_its_handle_has_its_place_in_the_tree(
    tunnel: Server, below: Path
) -> None:
    handle = Handle.of(tunnel.mnt / "a" / "b")
    forgotten(tunnel)
    fd = handle.open(tunnel.mnt, os.O_RDONLY)
    assert os.listdir(fd) == ["pink"]
    assert os.readlink(f"/proc/self/fd/{fd}") == str(tunnel.mnt / "a" / "b")
    assert os.stat("..", dir_fd=fd).st_ino == (below / "a").stat().st_ino
    os.mkdir("new", dir_fd=fd)
    os.close(fd)
    assert (below / "a" / "b" / "new").is_dir()


def test_the_root_is_opened_by_its_handle(tunnel: Server) -> None:
    handle = Handle.of(tunnel.mnt)
    assert (tunnel.mnt / "a" / "b").exists()
    forgotten(tunnel)
    fd = handle.open(tunnel.mnt, os.O_RDONLY)
    assert os.listdir(fd) == ["a"]
    os.close(fd)


def test_the_handle_of_a_file_that_was_removed_is_stale(tunnel: Server) -> None:
    pink = tunnel.mnt / "a" / "b" / "pink"
    handle = Handle.of(pink)
    pink.unlink()
    forgotten(tunnel)  # until then it is a file without a name, which can be opened
    with refuses(errno.ESTALE):
        handle.open(tunnel.mnt, os.O_RDONLY)


def test_a_directory_that_was_moved_out_is_not_reached_by_its_handle(tunnel: Server, below: Path) -> None:
    handle = Handle.of(tunnel.mnt / "a" / "b")
    forgotten(tunnel)
    (below / "a" / "b").rename(below.parent / "outside")
    with refuses(errno.ESTALE):
        handle.open(tunnel.mnt, os.O_RDONLY)


def test_handles_of_an_earlier_mount_are_stale(start: StartServer, below: Path) -> None:
    first = start(command=through(below))
    handle = Handle.of(first.mnt / "a")
    assert first.unmount() == 0
    second = start(command=through(below))
    assert (second.mnt / "a").is_dir()
    with refuses(errno.ESTALE):
        handle.open(second.mnt, os.O_RDONLY)
