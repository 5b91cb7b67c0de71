"""Every shipped file system over every bridge: the same steps, and one table of how they went.

The table is shown at the end of every run.  To add a file system or a bridge, add a row.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import attrs
import pytest

from filesystems.detrempe import Detrempe
from filesystems.hardcodefs import HardcodeFS
from filesystems.tunnel import TunnelFS
from puffpy import VnodeOps
from puffpy.userkernel import UserKernel
from tests.mounted.clients import steps
from tests.mounted.conftest import OrdinaryUser, StartServer
from tests.mounted.harness import run


@attrs.frozen
class FileSystem:
    """One that is shipped: its module, which set of steps it takes, how it is made over a directory."""

    name: str
    kind: str
    make: Callable[[Path], VnodeOps]
    needs_directory: bool = False

    def command(self, directory: Path) -> tuple[str | Path, ...]:
        """Return the command that mounts it."""
        own = [directory] if self.needs_directory else []
        return (sys.executable, "-m", f"filesystems.{self.name}", *own)


FILE_SYSTEMS: Final = (
    FileSystem("detrempe", "everything", lambda _: Detrempe()),
    FileSystem("hardcodefs", "fixed", lambda _: HardcodeFS()),
    FileSystem("tunnel", "everything", lambda directory: TunnelFS(str(directory)), needs_directory=True),
)

PATHS_ONLY: Final = MappingProxyType(
    {
        "nameless_files": "libfuse has no operation that makes a file without a name",
        "removed_directory_in_use": "libfuse knows a directory by its path, and this one has none",
    }
)
"""What libfuse's high-level interface leaves out."""


@attrs.frozen
class Way:
    """A bridge, or the way without one: *lacks* gives the reasons of the steps that it refuses.

    *by_user*: an ordinary user mounts.  *library*: what mfusepy is told to load.
    """

    name: str
    bridge: str | None = None
    by_user: bool = False
    library: str = ""
    lacks: Mapping[str, str] = MappingProxyType({})


WAYS: Final = (
    Way("userkernel"),
    Way("devfuse", "devfuse"),
    Way("fusermount3", "devfuse", by_user=True),
    Way("libfuse 2, fusepy", "libfuse:fusepy", lacks=PATHS_ONLY),
    Way("libfuse 2, mfusepy", "libfuse:mfusepy", library="fuse", lacks=PATHS_ONLY),
    Way("libfuse 3, mfusepy", "libfuse:mfusepy", library="fuse3", lacks=PATHS_ONLY),
)


class Table:
    """What has been seen so far; pytest shows it at the end of the run."""

    def __init__(self) -> None:
        self.cells: dict[tuple[str, str], str] = {}
        self.reasons: dict[str, str] = {}

    def enter(self, system: FileSystem, way: Way, went: Mapping[str, str]) -> None:
        """Enter how the steps went."""
        passed = sum(told == "passed" for told in went.values())
        left = len(went) - passed
        self.cells[system.name, way.name] = f"{passed} passed" + (f", {left} n/a" if left else "")
        self.reasons |= {step: way.lacks[step] for step in went if step in way.lacks}

    def lines(self) -> list[str]:
        """Return the table as text."""
        names = [system.name for system in FILE_SYSTEMS]
        head = ["bridge", *names]
        rows = [[way.name, *(self.cells.get((name, way.name), "-") for name in names)] for way in WAYS]
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        shown = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (head, *rows)]
        return [*shown, *(f"n/a: {step.replace('_', ' ')}: {why}" for step, why in self.reasons.items())]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show it; see pytest's hook of that name."""
        terminalreporter.section("shipped file systems x bridges")
        for line in self.lines():
            terminalreporter.write_line(line)


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Table:
    """The table, shown at the end."""
    made = Table()
    request.config.pluginmanager.register(made)
    return made


@pytest.fixture
def below(tmp_path: Path) -> Path:
    """A directory for a file system that needs one."""
    made = tmp_path / "below"
    made.mkdir()
    return made


def under_a_user_kernel(system: FileSystem, below: Path) -> dict[str, str]:
    with UserKernel.over(system.make(below)) as kernel:
        went = steps.play(kernel, "/.", system.kind)
    assert kernel.balance().zero
    return went


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.parametrize("system", FILE_SYSTEMS, ids=lambda system: system.name)
def test_every_step_passes_or_is_refused_for_the_reason_given(
    system: FileSystem,
    way: Way,
    table: Table,
    start: StartServer,
    mnt: Path,
    below: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setenv("FUSE_LIBRARY_NAME", way.library or "fuse")
    if way.bridge is None:
        went = under_a_user_kernel(system, below)
    else:
        prefix: tuple[str, ...] = ()
        if way.by_user:
            user: OrdinaryUser = request.getfixturevalue("user")
            prefix, mnt, below = user.prefix, user.directory("mnt"), user.directory("below")
        server = start("--bridge", way.bridge, command=system.command(below), on=mnt, prefix=prefix)
        told = run(*prefix, sys.executable, steps.__file__, server.mnt, system.kind)
        went = json.loads(told)
        assert server.unmount() == 0
        assert server.said() == ""
    assert {step for step, how in went.items() if how != "passed"} == went.keys() & way.lacks.keys(), went
    table.enter(system, way, went)
