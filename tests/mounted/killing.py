"""Kills the servers of a supervised mount, again and again, while a test uses it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from tests.mounted.harness import Server, wait_for


def children(pid: int) -> list[int]:
    """Return the processes that *pid* has forked and that are the same program."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                same = (entry / "cmdline").read_bytes() == Path(f"/proc/{pid}/cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == pid and same:
                found.append(int(entry.name))
    return found


def serving(server: Server) -> int:
    """Return the process that serves at the moment; waits for one."""
    found: list[int] = []

    def is_there() -> bool:
        found[:] = children(server.process.pid)
        return bool(found)

    wait_for(is_there, "a server is there")
    return found[0]


def kill(server: Server) -> int:
    """Kill the process that serves, and return its number."""
    victim = serving(server)
    os.kill(victim, signal.SIGKILL)
    return victim


@attrs.define
class Toll:
    """How many have been killed."""

    killed: int = 0


@contextmanager
def killing(server: Server, every: float) -> Iterator[Toll]:
    """Kill the server *every* so many seconds meanwhile."""
    toll = Toll()
    over = threading.Event()

    def reap() -> None:
        while not over.wait(every):
            kill(server)
            toll.killed += 1

    reaper = threading.Thread(target=reap)
    reaper.start()
    try:
        yield toll
    finally:
        over.set()
        reaper.join()
