"""What is stressed, by whom, and for how long."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from tests.mounted.conftest import OrdinaryUser, StartServer, fuse_device, mnt, program, root, start, user
from tests.mounted.harness import DETREMPE, Server, run
from tests.mounted.tunnelled import through
from tests.stress.scale import LONG, SHORT, Scale

__all__ = ["fuse_device", "mnt", "program", "root", "start", "user"]

SUBJECTS = ("detrempe", "tunnel", "detrempe-user", "tunnel-user")
"""Mounted by root, for everybody; and by an ordinary user through fusermount3."""


@pytest.fixture
def scale() -> Scale:
    """How much of everything: a little, or what ``PUFFPY_STRESS=long`` asks for."""
    return LONG if os.environ.get("PUFFPY_STRESS") == "long" else SHORT


@attrs.frozen
class Ground:
    """A place on a mount, and its owner, who runs the programs."""

    server: Server
    place: Path
    scale: Scale
    prefix: tuple[str, ...]
    find: Callable[[str], str]

    @property
    def is_roots(self) -> bool:
        """Whether it is root who runs the programs."""
        return not self.prefix

    def run(self, *command: str, status: int = 0) -> str:
        """Run a program in the place; check how it ends, and that the file system is there afterwards."""
        name, *words = command
        said = run(*self._inside, self.find(name), *words, status=status, seconds=self.scale.limit)
        assert self.server.process.poll() is None, f"the server is gone:\n{self.server.said()}"
        run(*self._inside, "ls", "-A")
        return said

    def empty(self) -> None:
        """Remove what a program has left in the place, and see that nothing stays."""
        run(*self._inside, "find", "-mindepth", "1", "-delete")
        assert run(*self._inside, "ls", "-A") == ""

    @property
    def _inside(self) -> tuple[str, ...]:
        # An ordinary user's mount is closed to root, who could not even go there to become that user.
        return (*self.prefix, "env", "-C", str(self.place))


@pytest.fixture(params=SUBJECTS)
def ground(
    request: pytest.FixtureRequest,
    scale: Scale,
    start: StartServer,
    user: OrdinaryUser,
    mnt: Path,
    program: Callable[[str], str],
) -> Iterator[Ground]:
    """An empty directory on a mount; where it is a tunnel, it leads to the disk that the tests are on."""
    name, _, whose = request.param.partition("-")
    if whose == "user":
        mnt, below, prefix = user.directory("mnt"), user.directory("below"), user.prefix
        options: tuple[str, ...] = ()
    else:
        below, prefix, options = mnt.parent / "below", (), ("-o", "allow_other")
        below.mkdir()
    command = DETREMPE if name == "detrempe" else through(below)
    server = start(*options, command=command, on=mnt, prefix=prefix, limit=scale.limit + 60)
    place = mnt / "place"
    run(*prefix, "mkdir", place)
    yield Ground(server, place, scale, prefix, program)
    shutil.rmtree(below)
