"""``puffpy top`` and ``puffpy trace`` of a real mount, also of one that does not answer."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from puffpy.live import watch
from tests.mounted.conftest import OrdinaryUser, StartServer
from tests.mounted.harness import PATIENCE, PROJECT, Server, environment, run

PUFFPY = (sys.executable, "-m", "puffpy")
SUBJECT = (sys.executable, "-m", "tests.serve.subject")


@contextmanager
def stuck(server: Server, gate: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have somebody wait for a read meanwhile, and the whole mount with them."""
    reader = subprocess.Popen(["cat", server.mnt / "slow"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    # Opening waits until the operation has opened the other end.
    with open(gate, "wb", buffering=0) as opened:
        try:
            yield reader
        finally:
            opened.write(b"!")
    assert reader.communicate(timeout=PATIENCE)[0] == b"slow"


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "gate")
    return tmp_path / "gate"


def test_top_shows_where_a_stuck_mount_is_stuck(start: StartServer, gate: Path) -> None:
    server = start("-o", f"gate={gate}", command=SUBJECT)
    with stuck(server, gate) as reader:
        shown = run(*PUFFPY, "top", server.mnt / "slow", "--once", "--stack", "-i", "0.1", cwd=PROJECT)
    head, *rest = shown.splitlines()
    assert head == f"{server.mnt}: Subject, process {server.process.pid}"
    (row,) = (line for line in rest if line.lstrip().startswith("* "))
    assert row.split()[:2] == ["*", "READ"]
    assert f" cat {reader.pid} (uid {os.geteuid()}) " in row
    assert "tests/serve/subject.py:" in row
    assert row.endswith(" in read")
    assert f"READ of process {reader.pid}" in rest
    assert server.unmount() == 0


def test_trace_counts_what_is_done_meanwhile_and_keeps_it(start: StartServer, tmp_path: Path) -> None:
    server = start(command=SUBJECT)
    enough = threading.Event()

    def work() -> None:
        while not enough.is_set():
            (server.mnt / "file").read_bytes()
            (server.mnt / "nothing").exists()

    worker = threading.Thread(target=work)
    worker.start()
    kept, page = tmp_path / "kept.puffs", tmp_path / "page.html"
    try:
        shown = run(*PUFFPY, "trace", server.mnt, "--for", "0.5", "-n", "100000", "--save", kept, cwd=PROJECT)
    finally:
        enough.set()
        worker.join(PATIENCE)
    rows = {line.split()[0]: line.split() for line in shown.splitlines() if line[:1].isupper()}
    assert int(rows["LOOKUP"][1]) > 1
    assert " ENOENT  /nothing\n" in shown
    assert f" {worker.native_id} (uid {os.geteuid()})" in shown  # the kernel says which thread asked
    again = run(*PUFFPY, "trace", "--record", kept, "-n", "0", cwd=PROJECT)
    assert again.splitlines()[0] == shown.splitlines()[0]
    run(*PUFFPY, "report", kept, "-o", page, cwd=PROJECT)
    assert "LOOKUP" in page.read_text(encoding="utf-8")
    assert server.unmount() == 0


def test_a_mount_that_has_ended_leaves_nobody_to_look_at(start: StartServer) -> None:
    server = start(command=SUBJECT)
    assert (server.mnt / "file").exists()  # answered, so it listens
    with watch(str(server.mnt)) as watching:
        snapshots = watching.snapshots(0.05)
        assert next(snapshots) is not None
        assert server.unmount() == 0
        assert None not in list(snapshots)
    said = subprocess.run(
        [*PUFFPY, "top", server.mnt],
        check=False,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert said.returncode == 1
    assert "is not on a FUSE file system" in said.stderr


def test_root_may_look_at_everybodys_mount_and_others_at_their_own(
    start: StartServer, user: OrdinaryUser, mnt: Path
) -> None:
    theirs = start(command=SUBJECT, on=user.directory("mnt"), prefix=user.prefix)
    shown = run(*PUFFPY, "top", theirs.mnt, "--once", "-i", "0.1", cwd=PROJECT)
    assert f"{theirs.mnt}: Subject, process " in shown
    ours = start(command=SUBJECT, on=mnt)
    said = subprocess.run(
        [*user.prefix, *PUFFPY, "top", ours.mnt, "--once"],
        check=False,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=environment(),
    )
    assert said.returncode == 1
    assert "cannot be looked at" in said.stderr
    assert "(uid 0) can, and root" in said.stderr
    assert theirs.end(signal.SIGTERM) == 0


def test_the_live_screen_counts_obeys_keys_and_gives_the_terminal_back(start: StartServer) -> None:
    server = start(command=SUBJECT)
    parent, child = pty.openpty()
    top = subprocess.Popen(
        [*PUFFPY, "top", server.mnt, "-i", "0.1"],
        cwd=PROJECT,
        stdin=child,
        stdout=child,
        stderr=subprocess.STDOUT,
        env=environment(TERM="xterm", COLUMNS="100", LINES="30"),
    )
    os.close(child)
    with os.fdopen(parent, "r+b", buffering=0) as terminal:
        shown = b""
        try:
            for wanted, key in ((b"by time", b"s"), (b"by rate", b" "), (b"held", b"q")):
                shown += heard(terminal.fileno(), wanted)
                terminal.write(key)
            shown += heard(terminal.fileno(), b"\x1b[?1049l")  # out of the alternate screen
            assert top.wait(PATIENCE) == 0
        finally:
            top.kill()
            top.wait()
    assert b"Subject" in shown
    assert b"nothing waits" in shown
    assert server.unmount() == 0


def heard(terminal: int, wanted: bytes) -> bytes:
    """Return what comes until *wanted* has."""
    deadline = time.monotonic() + PATIENCE
    shown = b""
    while wanted not in shown:
        assert select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0], shown
        shown += os.read(terminal, 65536)
    return shown
