"""How a mounted file system ends: by a signal, by umount, or by sudden death."""

from __future__ import annotations

import errno
import mmap
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.mounted.conftest import StartServer
from tests.mounted.harness import Server, run, wait_for
from tests.mounted.tunnelled import NOT_PASSED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_status_0_and_nothing_stays_mounted(
    detrempe: Server, number: signal.Signals
) -> None:
    (detrempe.mnt / "pink").write_text("floyd")
    assert detrempe.end(number) == 0
    assert not detrempe.is_mounted
    assert list(detrempe.mnt.iterdir()) == []


def test_umount_from_outside_ends_it_with_status_0(detrempe: Server) -> None:
    (detrempe.mnt / "pink").write_text("floyd")
    assert detrempe.unmount() == 0
    assert not detrempe.is_mounted


def test_a_mount_that_is_never_touched_ends_as_cleanly(start: StartServer) -> None:
    assert start().end(signal.SIGTERM) == 0
    assert start().unmount() == 0


def test_a_clean_end_says_nothing(detrempe: Server) -> None:
    run("ls", "-la", detrempe.mnt)
    detrempe.unmount()
    assert detrempe.said() == ""


def test_a_signal_ends_it_even_while_a_file_in_it_is_open(detrempe: Server) -> None:
    held = os.open(detrempe.mnt / "pink", os.O_CREAT | os.O_RDWR)
    os.write(held, b"floyd")
    assert detrempe.end(signal.SIGTERM) == 0
    assert not detrempe.is_mounted
    with pytest.raises(OSError, check=lambda error: error.errno in {errno.ENOTCONN, errno.ECONNABORTED}):
        os.ftruncate(held, 1)
    with suppress(OSError):  # there is nobody left to flush to
        os.close(held)


def test_a_second_signal_does_not_spoil_the_end(detrempe: Server) -> None:
    detrempe.process.send_signal(signal.SIGINT)
    if detrempe.process.poll() is None:
        detrempe.process.send_signal(signal.SIGINT)
    assert detrempe.wait() == 0
    assert not detrempe.is_mounted


def test_a_server_that_is_killed_leaves_no_mount_behind(detrempe: Server) -> None:
    (detrempe.mnt / "pink").write_text("floyd")
    detrempe.process.kill()
    assert detrempe.wait() == -signal.SIGKILL
    wait_for(lambda: not detrempe.is_mounted, "the dead server's mount is gone")


def test_the_same_place_can_be_mounted_again_and_again(start: StartServer) -> None:
    for number in range(3):
        server = start()
        assert list(server.mnt.iterdir()) == []
        (server.mnt / f"file-{number}").touch()
        server.end(signal.SIGINT)


def test_a_server_that_is_killed_while_it_mounts_leaves_no_mount_behind(start: StartServer) -> None:
    for _ in range(3):
        server = start()  # back as soon as the mount is in the table, perhaps before the server knows
        server.process.kill()
        assert server.wait() == -signal.SIGKILL
        wait_for(lambda server=server: not server.is_mounted, "the dead server's mount is gone")  # type: ignore[misc]


def test_a_signal_ends_a_mount_that_no_path_leads_to_any_more(root: None, detrempe: Server) -> None:
    with subprocess.Popen(["sleep", "60"], cwd=detrempe.mnt) as inside:
        run("umount", "-l", detrempe.mnt)
        assert detrempe.process.poll() is None, "somebody is still inside"
        assert detrempe.end(signal.SIGTERM) == 0
        inside.kill()


def test_a_signal_ends_a_mount_that_another_mount_namespace_keeps(root: None, detrempe: Server) -> None:
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", "echo; exec sleep 60"], stdout=subprocess.PIPE
    ) as apart:
        assert apart.stdout
        apart.stdout.readline()
        assert detrempe.end(signal.SIGTERM) == 0
        assert not detrempe.is_mounted
        apart.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, None], ids=["SIGINT", "SIGTERM", "umount"])
def test_what_only_the_page_cache_has_is_written_before_the_end(
    root: None, start: StartServer, tmp_path: Path, number: signal.Signals | None
) -> None:
    below = tmp_path / "below"
    below.mkdir()
    server = start(command=(sys.executable, "-c", NOT_PASSED, below))
    (server.mnt / "pink").write_bytes(bytes(1 << 20))
    with open(server.mnt / "pink", "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[:] = b"f" * (1 << 20)
    assert (server.unmount() if number is None else server.end(number)) == 0
    assert (below / "pink").read_bytes() == b"f" * (1 << 20)
