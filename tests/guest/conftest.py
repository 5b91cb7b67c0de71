"""Fixtures: a machine to boot, and file systems that are served to it by processes of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import attrs
import pytest

from tests.guest.kernel import PROJECT, Kernel, kept
from tests.guest.machine import QEMU, Outcome, run

PATIENCE = 20.0


def lacking(reason: str) -> NoReturn:
    """Skip the test with its reason; where changes are landed, fail it: there it has to run."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"not skipped, as CI=true: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def kernel() -> Kernel:
    """The guest's kernel."""
    found = kept()
    if not found.complete:
        lacking("there is no kernel for a guest: python -m tests.guest.kernel fetches Debian's")
    return found


@pytest.fixture(scope="session")
def busybox() -> Path:
    """The guest's programs, all in one."""
    found = shutil.which("busybox")
    if found is None or subprocess.run(["ldd", found], capture_output=True, check=False).returncode == 0:
        lacking("there is no static busybox (Debian: busybox-static)")
    return Path(found)


Boot = Callable[..., Outcome]


@pytest.fixture
def boot(kernel: Kernel, busybox: Path, tmp_path: Path) -> Boot:
    """Return what runs a script in a guest with the devices that it is given."""
    if shutil.which(QEMU) is None:
        lacking(f"{QEMU} is not installed (Debian: qemu-system-x86)")

    def booted(script: str, *served: Served, **machine: Any) -> Outcome:
        sockets = {each.tag: each.socket for each in served}
        place = tmp_path / f"machine-{time.monotonic_ns()}"
        place.mkdir()
        return run(kernel, busybox, script, place, sockets, **machine)

    return booted


@attrs.frozen
class Served:
    """A file system that is served to a machine, as the device *tag*."""

    tag: str
    socket: Path
    log: Path
    process: subprocess.Popen[bytes]

    def said(self) -> str:
        """Return what the server has said."""
        return self.log.read_text(errors="replace")

    def end(self) -> None:
        """End the server, which must go well."""
        self.process.terminate()
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        assert status == 0, self.said()
        assert "Traceback" not in self.said()
        assert not self.socket.exists()


Serve = Callable[..., Served]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return what serves a file system, given as the words of its command line, until the end of the test."""
    # The path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="guest-") as place, contextlib.ExitStack() as ends:

        def start(tag: str, *words: str | Path) -> Served:
            socket, log = Path(place, tag), Path(place, f"{tag}.log")
            command = [sys.executable, "-m", *map(str, words), "-f", "--vhost-user", str(socket)]
            with log.open("wb") as out:
                process = subprocess.Popen(
                    command,
                    env={**os.environ, "PYTHONPATH": str(PROJECT)},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                )
            served = Served(tag, socket, log, process)
            ends.callback(served.end)
            deadline = time.monotonic() + PATIENCE
            while not socket.exists():
                assert process.poll() is None, served.said()
                assert time.monotonic() < deadline, "there is no socket yet"
                time.sleep(0.01)
            return served

        yield start
