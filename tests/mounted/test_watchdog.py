"""Operations that touch their own mount or never return: nobody hangs, and the mount lives."""

from __future__ import annotations

import errno
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mounted.harness import Server
from tests.mounted.misbehaving import SLEEP

StartServer = Callable[..., Server]


@pytest.fixture
def started(start: StartServer, mnt: Path) -> Callable[..., Server]:
    """Return a function that starts the file system that misbehaves."""

    def started(way: str, *options: str) -> Server:
        return start(*options, command=(sys.executable, "-m", "tests.mounted.misbehaving", way, mnt))

    return started


def refusal(server: Server, name: str) -> int:
    """Ask for *name* from another process; return the errno, 0 if there was none."""
    look = "import os, sys\ntry: os.stat(sys.argv[1])\nexcept OSError as e: sys.exit(e.errno)"
    return subprocess.run([sys.executable, "-c", look, server.mnt / name], timeout=60, check=False).returncode


@pytest.mark.parametrize(
    ("way", "options"), [("inline", ()), ("workers", ("-o", "workers=1")), ("tasks", ())]
)
def test_an_operation_that_touches_its_own_mount_gets_edeadlk(
    started: StartServer, way: str, options: tuple[str, ...]
) -> None:
    server = started(way, *options)
    began = time.monotonic()
    assert refusal(server, "own") == errno.EDEADLK
    assert time.monotonic() - began < 5
    assert refusal(server, "fine") == 0
    assert "touches its own mount" in server.said()
    assert "in found" in server.said(), "the log says where"


def test_with_workers_to_spare_it_is_served_by_another(started: StartServer) -> None:
    server = started("workers")
    assert refusal(server, "own") == 0


@pytest.mark.parametrize("way", ["inline", "workers", "tasks"])
@pytest.mark.parametrize("name", ["loop", "sleep"])
def test_an_operation_that_does_not_return_times_out_and_the_mount_lives(
    started: StartServer, way: str, name: str
) -> None:
    if way == "tasks":
        name = "nap"
    server = started(way, "-o", "timeout=1")
    began = time.monotonic()
    assert refusal(server, name) == errno.ETIMEDOUT
    if way != "tasks":
        assert refusal(server, "fine") == 0
        assert time.monotonic() - began < SLEEP
    assert "ETIMEDOUT" in server.said()
