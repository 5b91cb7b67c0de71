"""``--vhost-user PATH`` on the command line of any file system, in place of a mount point."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mounted.harness import PROJECT, environment
from tests.vhostuser.conftest import wait_for
from tests.vhostuser.driver import Guest
from tests.vhostuser.front_end import PATIENCE, FrontEnd

TUNNEL = (sys.executable, "-m", "filesystems.tunnel")


def said(*words: str | Path, status: int = 0) -> str:
    """Return what tunnel says to *words*."""
    done = subprocess.run(
        [*TUNNEL, *map(str, words)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env=environment(),
    )
    assert done.returncode == status, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory that holds a file."""
    made = tmp_path / "underneath"
    made.mkdir()
    (made / "file").touch()
    return made


def test_tunnel_serves_machines_and_says_what_to_tell_qemu(place: Path, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    server = subprocess.Popen(
        [*TUNNEL, "--vhost-user", str(path), str(place), "-f"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        wait_for(path.exists, "the socket is there")
        assert server.stdout is not None
        told = [server.stdout.readline() for _ in range(8)]
        assert f"  -chardev socket,id=puffpy,path={path} \\\n" in told
        assert told[-1] == "and in the guest:  mount -t virtiofs puffpy /mnt\n"
        for _ in range(2):
            kernel = Guest(FrontEnd(path)).mount()
            assert [os.fsdecode(name) for name in kernel.listdir("/")] == ["file"]
            kernel.unmount()
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0
    finally:
        server.kill()
        server.communicate()
    assert not path.exists()


def test_nobody_has_to_come(place: Path, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    told = said("--vhost-user", path, place)
    assert "mount -t virtiofs puffpy /mnt" in told, "and it is in the background"
    machine = FrontEnd(path)
    (pid,) = [
        int(entry)
        for entry in os.listdir("/proc")
        if entry.isdigit() and str(path).encode() in _command(int(entry))
    ]
    machine.close()
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not path.exists(), "the server has ended")


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_socket_that_cannot_be_is_told_of(place: Path, tmp_path: Path) -> None:
    told = said("--vhost-user", tmp_path / "absent" / "socket", place, "-f", status=1)
    assert "cannot listen at" in told
    assert "No such file or directory" in told


def test_there_is_no_mount_point_beside_it(place: Path, tmp_path: Path) -> None:
    assert "unrecognized arguments" in said("--vhost-user", tmp_path / "s", place, tmp_path, "-f", status=2)
