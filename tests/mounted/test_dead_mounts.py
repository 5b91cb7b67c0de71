"""Mounts that a crash has left dead, connections that are aborted, and servers that nobody listens to."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mounted.conftest import OrdinaryUser
from tests.mounted.harness import DETREMPE, PROJECT, Server, detach, environment, run, wait_for

StartServer = Callable[..., Server]

LIMIT = 30


def dies(place: Path) -> bool:
    try:
        os.statvfs(place)
    except OSError as exc:
        return exc.errno in (errno.ENOTCONN, errno.ECONNABORTED)
    return False


def test_what_a_crash_has_left_is_taken_over_on_request(start: StartServer, tmp_path: Path) -> None:
    first = start("-o", "no_auto_unmount")
    first.process.kill()
    first.wait()
    wait_for(lambda: dies(first.mnt), "the mount is dead")
    refused = subprocess.run(
        [*DETREMPE, first.mnt, "-f"], cwd=PROJECT, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert refused.returncode == 1
    assert "-o replace" in refused.stderr
    run(*DETREMPE, first.mnt, "-o", "replace")
    (first.mnt / "file").write_text("alive")
    run("umount", first.mnt)
    assert not first.is_mounted


def test_so_may_an_ordinary_user(start: StartServer, user: OrdinaryUser) -> None:
    mnt = user.directory("mnt")
    first = start("-o", "no_auto_unmount", on=mnt, prefix=user.prefix)
    first.process.kill()
    first.wait()
    ask = [*map(str, user.prefix), "stat", "-f", str(mnt)]
    wait_for(
        lambda: b"not connected" in subprocess.run(ask, capture_output=True, check=False).stderr, "it is dead"
    )
    run(*user.prefix, *DETREMPE, mnt, "-o", "replace", cwd=PROJECT)
    run(*user.prefix, "touch", mnt / "file")
    run(*user.prefix, "fusermount3", "-u", mnt)
    assert not first.is_mounted


def test_replacing_takes_no_living_mount_away(start: StartServer) -> None:
    first = start()
    (first.mnt / "file").write_text("mine")
    run(*DETREMPE, first.mnt, "-o", "replace")
    assert list(first.mnt.iterdir()) == []
    run("umount", first.mnt)
    assert (first.mnt / "file").read_text() == "mine"


def test_an_aborted_connection_ends_the_server_and_leaves_no_mount(root: None, detrempe: Server) -> None:
    """Also where the kernel has a file open, which it passes through, and never says that it is closed."""
    control = Path("/sys/fs/fuse/connections")
    if not any(control.iterdir()):
        run("mount", "-t", "fusectl", "fusectl", control)
    opened = os.open(detrempe.mnt / "file", os.O_WRONLY | os.O_CREAT)
    try:
        os.write(opened, b"pink")
        (control / str(detrempe.row.minor) / "abort").write_text("1")
        assert detrempe.wait() == 0
    finally:
        os.close(opened)
    wait_for(lambda: not detrempe.is_mounted, "nothing is mounted")


@pytest.mark.parametrize("stderr", ["full", "closed"])
def test_a_server_whose_complaints_nobody_takes_serves_on(mnt: Path, stderr: str) -> None:
    """A debugging server says something about every message, and the device is full, or not there at all."""
    with open("/dev/full", "wb") as full:
        server = subprocess.Popen(
            ["sh", "-c", 'exec "$@" 2>&-' if stderr == "closed" else 'exec "$@"', "sh", *DETREMPE, mnt, "-d"],
            cwd=PROJECT,
            env=environment(),
            stderr=full,
        )
    try:
        wait_for(lambda: os.path.ismount(mnt) or server.poll() is not None, "it is mounted")
        for number in range(50):
            (mnt / f"{number}").write_text("floyd")
        assert len(list(mnt.iterdir())) == 50
        server.send_signal(signal.SIGTERM)
        assert server.wait(LIMIT) == 0
        assert not os.path.ismount(mnt)
    finally:
        detach(mnt)
        server.kill()
        server.wait()


def test_no_child_of_a_server_is_left_a_zombie(detrempe: Server) -> None:
    listed = run("ps", "--ppid", str(detrempe.process.pid), "-o", "stat=,comm=", status=0)
    assert "Z" not in listed
    assert detrempe.end(signal.SIGTERM) == 0
