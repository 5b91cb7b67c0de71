"""Fixtures of the mounted tests: a place to mount on, a way to start a server, and what must be there."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import attrs
import pytest

from tests.mounted.harness import DETREMPE, LIMIT, NOBODY, Server, as_user, detach, launch

StartServer = Callable[..., Server]


def lacking(reason: str) -> NoReturn:
    """Skip the test with its reason; where changes are landed, fail it: there it has to run."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"not skipped, as CI=true: {reason}")
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def fuse_device() -> None:
    """Make sure that this process can mount a FUSE file system at all."""
    if not os.path.exists("/dev/fuse"):
        lacking("there is no /dev/fuse here")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        lacking("/dev/fuse is not open to this user")
    if os.geteuid() != 0 and not shutil.which("fusermount3"):
        lacking("an ordinary user needs fusermount3 to mount")


@pytest.fixture
def program() -> Callable[[str], str]:
    """Return a function that finds a program, or skips the test."""

    def find(name: str) -> str:
        return shutil.which(name) or lacking(f"{name} is not installed")

    return find


@pytest.fixture
def root() -> None:
    """Make sure that the tests run as root."""
    if os.geteuid() != 0:
        lacking("only root can run a part of this test as another user")


@attrs.frozen
class OrdinaryUser:
    """Somebody who is not root, and a directory of theirs."""

    uid: int
    home: Path

    @property
    def prefix(self) -> tuple[str, ...]:
        """What to put before a command that this user is to run."""
        return as_user(self.uid)

    def directory(self, name: str) -> Path:
        """Make a directory of this user's."""
        made = self.home / name
        made.mkdir()
        os.chown(made, self.uid, self.uid)
        return made


@pytest.fixture
def user(root: None, program: Callable[[str], str]) -> Iterator[OrdinaryUser]:
    """Somebody who may mount through fusermount3 only."""
    for name in ("setpriv", "fusermount3"):
        program(name)
    if os.stat("/dev/fuse").st_mode & 0o006 != 0o006:
        lacking("/dev/fuse is not open to ordinary users")
    # Not below pytest's own directory, which is closed to everybody else.
    home = Path(tempfile.mkdtemp(prefix="puffpy-user-")).resolve()
    os.chown(home, NOBODY, NOBODY)
    yield OrdinaryUser(NOBODY, home)
    for child in home.iterdir():
        detach(child)
    shutil.rmtree(home)


@pytest.fixture
def mnt(tmp_path: Path) -> Path:
    """An empty directory to mount on."""
    made = tmp_path.resolve() / "mnt"
    made.mkdir()
    return made


@pytest.fixture
def start(tmp_path: Path, mnt: Path) -> Iterator[StartServer]:
    """Return a function that starts a file system and waits until it is mounted.

    Whatever it started is ended and unmounted after the test, and the test
    fails if a server had to be stopped by its time limit, or logged a traceback.
    """
    with ExitStack() as afterwards:
        numbers = itertools.count()

        def start(
            *options: str,
            command: tuple[str | Path, ...] = DETREMPE,
            on: Path = mnt,
            limit: float = LIMIT,
            prefix: tuple[str, ...] = (),
        ) -> Server:
            log = tmp_path / f"server-{next(numbers)}.log"
            server = launch(command, on, *options, log=log, limit=limit, prefix=prefix)
            # Called last in, first out: a server that will not close is judged all the same.
            afterwards.callback(judge, server)
            afterwards.callback(server.close)
            server.wait_until_mounted()
            return server

        yield start


def judge(server: Server) -> None:
    """Fail the test for what its server did, though all the test's own words were true."""
    if not server.was_mounted:  # the test has failed for that already
        return
    said = server.said()
    print(said)  # noqa: T201  (pytest shows it with a test that failed)
    assert not server.overran, f"the file system was not done after {server.limit} s"
    assert "Traceback" not in said, "the file system logged a traceback"


@pytest.fixture
def detrempe(start: StartServer) -> Server:
    """Detrempe as it comes, mounted."""
    return start()
