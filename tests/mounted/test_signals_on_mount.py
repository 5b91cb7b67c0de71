"""How a served mount ends while somebody is in it, while an operation hangs, or when nobody reads stderr."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from tests.mounted.conftest import StartServer
from tests.mounted.harness import PROJECT, Server, environment, mount_table, processes_naming, run, wait_for

SUBJECT = (sys.executable, "-m", "tests.serve.subject")


@attrs.frozen
class Stuck:
    """A server whose one reader waits for a fifo to be opened."""

    server: Server
    gate: Path
    reader: subprocess.Popen[bytes]

    def open(self) -> None:
        """Let the reader have its answer."""
        self.gate.write_bytes(b"x")


@pytest.fixture
def stuck(start: StartServer, tmp_path: Path) -> Iterator[Stuck]:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    server = start("-o", f"gate={gate},direct_io", command=SUBJECT)
    reader = subprocess.Popen(
        ["cat", server.mnt / "slow"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/"
    )
    wait_for(lambda: waits_in_open(server.process.pid), "the operation waits for the fifo")
    yield Stuck(server, gate, reader)
    reader.kill()
    reader.communicate()


def waits_in_open(pid: int) -> bool:
    """Whether the process waits in open(2) of a fifo."""
    return "fifo" in Path(f"/proc/{pid}/wchan").read_text() or Path(f"/proc/{pid}/syscall").read_text()[
        :4
    ] in ("257 ", "56 0")


@pytest.fixture
def inside(start: StartServer) -> Iterator[tuple[Server, subprocess.Popen[bytes]]]:
    """A server, and a process whose working directory is in its mount."""
    server = start(command=SUBJECT)
    client = subprocess.Popen(
        ["sh", "-c", "cd directory && echo in && read _", "sh"],
        cwd=server.mnt,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert client.stdout is not None
    client.stdout.readline()
    yield server, client
    client.communicate()


@pytest.fixture
def fusectl(root: None) -> Iterator[Path]:
    """The directory where the kernel lists its FUSE connections, mounted if it was not."""
    place = Path("/sys/fs/fuse/connections")
    mounted = str(place) in mount_table()
    if not mounted:
        run("mount", "-t", "fusectl", "none", place)
    yield place
    if not mounted:
        run("umount", place)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_somebody_inside(
    inside: tuple[Server, subprocess.Popen[bytes]], number: signal.Signals
) -> None:
    assert inside[0].end(number) == 0
    assert not inside[0].is_mounted


def test_a_lazy_umount_lets_whoever_is_inside_finish(inside: tuple[Server, subprocess.Popen[bytes]]) -> None:
    server, client = inside
    run("umount", "-l", server.mnt)
    assert server.process.poll() is None
    client.communicate()
    assert server.wait() == 0


def test_a_signal_after_a_lazy_umount_ends_it(
    fusectl: Path, inside: tuple[Server, subprocess.Popen[bytes]]
) -> None:
    server, _ = inside
    run("umount", "-l", server.mnt)
    assert server.end(signal.SIGTERM) == 0


def test_an_abort_ends_it_and_its_mount(
    fusectl: Path, inside: tuple[Server, subprocess.Popen[bytes]]
) -> None:
    server, _ = inside
    (fusectl / str(server.row.minor) / "abort").write_text("1")
    assert server.wait() == 0
    assert not server.is_mounted


def test_a_forced_umount_that_fails_ends_it_and_its_mount(
    root: None, inside: tuple[Server, subprocess.Popen[bytes]]
) -> None:
    server, _ = inside
    run("umount", "-f", server.mnt, status=32)  # busy; the connection is aborted all the same
    assert server.wait() == 0
    assert not server.is_mounted


def test_a_signal_while_an_operation_is_slow_waits_for_it(stuck: Stuck) -> None:
    stuck.server.process.send_signal(signal.SIGTERM)
    stuck.open()
    assert stuck.server.wait() == 0
    assert not stuck.server.is_mounted
    assert stuck.reader.communicate(timeout=20)[0] == b"slow"


def test_a_second_signal_ends_an_operation_that_hangs(stuck: Stuck) -> None:
    stuck.server.process.send_signal(signal.SIGINT)
    stuck.server.process.send_signal(signal.SIGTERM)
    assert stuck.server.wait() == 1
    assert not stuck.server.is_mounted
    assert "does not return" in stuck.server.said()
    assert b"connection" in stuck.reader.communicate(timeout=20)[1].lower()


def test_a_kill_while_an_operation_hangs_leaves_no_mount(stuck: Stuck) -> None:
    stuck.server.process.kill()
    stuck.server.wait()
    wait_for(lambda: not stuck.server.is_mounted, "the watcher has unmounted it")


def test_ten_signals_are_as_good_as_one(start: StartServer) -> None:
    server = start(command=SUBJECT)
    while server.process.poll() is None:
        server.process.send_signal(signal.SIGINT)
    assert server.wait() == 0
    assert server.said() == ""


def test_nohup_keeps_it_from_hanging_up(start: StartServer) -> None:
    server = start(command=SUBJECT, prefix=("sh", "-c", 'trap "" HUP; exec "$@"', "sh"))
    server.process.send_signal(signal.SIGHUP)
    assert len(list(server.mnt.iterdir())) == 4
    assert server.end(signal.SIGTERM) == 0


def test_the_mount_of_a_successor_is_left_alone(stuck: Stuck, start: StartServer) -> None:
    run("umount", "-l", stuck.server.mnt)
    successor = start(on=stuck.server.mnt)
    (successor.mnt / "pink").write_text("floyd")
    stuck.open()
    assert stuck.server.wait() == 0
    assert (successor.mnt / "pink").read_text() == "floyd"
    assert successor.is_mounted


@pytest.mark.parametrize("redirection", ["2>&-", "<&- >&- 2>&-", "2>/dev/full", ">/dev/full 2>/dev/full"])
@pytest.mark.parametrize("mode", ["-f", "-d", ""])
def test_it_serves_and_ends_whatever_its_streams_are(
    mnt: Path, redirection: str, mode: str, program: Callable[[str], str]
) -> None:
    command = f"exec {sys.executable} -m tests.serve.subject {mnt} {mode} {redirection}"
    process = subprocess.Popen(["sh", "-c", command], cwd=PROJECT, env=environment())
    try:
        wait_for(lambda: str(mnt) in mount_table(), "it is mounted")
        assert len(os.listdir(mnt)) == 4
        if mode:
            process.send_signal(signal.SIGTERM)
        else:
            assert process.wait(20) == 0
            run("umount", mnt)
        assert process.wait(20) == 0
        wait_for(lambda: not processes_naming(mnt), "nobody serves it")
        assert str(mnt) not in mount_table()
    finally:
        process.kill()
        run("sh", "-c", f"umount -l {mnt} 2>/dev/null; true")


def test_a_pipeline_ends_when_it_has_gone_to_the_background(mnt: Path) -> None:
    command = f"{sys.executable} -m tests.serve.subject {mnt} 2>&1 | cat; echo done"
    try:
        assert run("sh", "-c", command, cwd=PROJECT, seconds=20) == "done\n"
        assert str(mnt) in mount_table()
    finally:
        run("umount", mnt)
    wait_for(lambda: not processes_naming(mnt), "nobody serves it")
