"""Fixtures of the tests that mount: a place, a server on it, and published packages to serve."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.mounted.conftest import fuse_device
from tests.mounted.harness import PROJECT, Server, environment

__all__ = ["fuse_device"]

Serve = Callable[..., Server]

LIMIT: Final = 60
"""Seconds that a program may stay mounted."""

PUBLISHED: Final = ("ratarmount==1.3.0", "fsspec==2026.9.0", "globaleaks-eph-fs==0.0.3")
"""Programs that nobody here wrote: by mfusepy, by fusepy, by fusepy and in a thread."""


@pytest.fixture
def mnt(tmp_path: Path) -> Path:
    """Return an empty directory to mount on."""
    path = tmp_path.resolve() / "mnt"
    path.mkdir()
    return path


@pytest.fixture
def serve(tmp_path: Path, mnt: Path) -> Iterator[Serve]:
    """Return a function that starts a command which mounts on ``mnt``, and waits until it has."""
    with ExitStack() as afterwards:

        def start(*command: str | Path, env: Mapping[str, str] | None = None) -> Server:
            words = [str(word) for word in command]
            if shutil.which("setpriv"):
                words = ["setpriv", "--pdeathsig", "KILL", *words]
            log = tmp_path / "log"
            with open(log, "wb") as output:
                process = subprocess.Popen(
                    words,
                    cwd=PROJECT,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    env=env or environment(),
                )
            server = Server(mnt=mnt, process=process, log=log, limit=LIMIT)
            afterwards.callback(server.close)
            server.wait_until_mounted()
            return server

        yield start


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with :data:`PUBLISHED` installed in it, for the interpreter of the tests."""
    target = tmp_path_factory.mktemp("packages")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "--target", str(target), *PUBLISHED],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def published(packages: Path) -> dict[str, str]:
    """Return the environment in which the published packages can be imported, behind the project."""
    return environment(PYTHONPATH=f"{PROJECT}:{packages}", PYTHONUNBUFFERED="1")
