"""Locks through libfuse, and those who wait for them."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.mounted.harness import Server, environment, run

LOCKER = """
import fcntl, os, signal, sys
signal.signal(signal.SIGUSR1, lambda *_: (_ for _ in ()).throw(InterruptedError()))
file = open(sys.argv[1], "r+b")
take = {"lockf": fcntl.lockf, "flock": fcntl.flock}[sys.argv[2]]
print("waiting", flush=True)
try:
    take(file, fcntl.LOCK_EX)
    print("taken", flush=True)
    sys.stdin.read()
except InterruptedError:
    print("interrupted", flush=True)
"""


@contextmanager
def locker(file: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    """A process that waits for a lock, and has it until it is told to end."""
    command = [sys.executable, "-c", LOCKER, str(file), how]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=environment()
    ) as begun:
        try:
            yield begun
        finally:
            begun.kill()


def says(process: subprocess.Popen[str], *lines: str) -> None:
    assert process.stdout is not None
    assert tuple(process.stdout.readline().rstrip("\n") for _ in lines) == lines


@pytest.mark.parametrize("how", ["lockf", "flock"])
def test_a_lock_is_waited_for_by_as_many_as_like_and_given_up_to_them(place: Path, how: str) -> None:
    file = place / "f"
    file.touch()
    with ExitStack() as ends:
        holder = ends.enter_context(locker(file, how))
        says(holder, "waiting", "taken")
        # More than the threads that libfuse 3 has by itself.
        waiting = [ends.enter_context(locker(file, how)) for _ in range(12)]
        for each in waiting:
            says(each, "waiting")
        with open(file, "r+b") as mine, pytest.raises(BlockingIOError):
            (fcntl.lockf if how == "lockf" else fcntl.flock)(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
        waiting[0].send_signal(signal.SIGUSR1)
        says(waiting[0], "interrupted")
        for each in (holder, *waiting[1:]):
            assert each.stdin is not None
            each.stdin.close()
        for each in waiting[1:]:
            says(each, "taken")


def test_who_has_a_lock_is_told(place: Path) -> None:
    file = place / "f"
    file.write_bytes(b"0123456789")
    asker = (
        "import fcntl, os, struct, sys; fd = os.open(sys.argv[1], os.O_RDWR); "
        "told = fcntl.fcntl(fd, fcntl.F_GETLK, struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0)); "
        "print(*struct.unpack('hhqqi4x', told))"
    )
    with open(file, "r+b") as mine:
        fcntl.lockf(mine, fcntl.LOCK_EX, 3, 4)
        told = run(sys.executable, "-c", asker, file)
    assert told.split() == [str(fcntl.F_WRLCK), "0", "4", "3", str(os.getpid())]


def test_who_waits_for_a_lock_does_not_keep_it_from_ending(server: Server) -> None:
    file = server.mnt / "f"
    file.touch()
    with locker(file, "lockf") as holder, locker(file, "lockf") as waiter:
        says(holder, "waiting")
        says(waiter, "waiting")
        assert server.end(signal.SIGTERM) == 0
        assert not server.is_mounted
