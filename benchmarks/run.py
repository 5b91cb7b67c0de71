"""The measurement: all subjects mounted at once, each given the same work in turn, round after round.

What disturbs a machine for a while disturbs all subjects alike that way, and the ratios are taken within a
round.  Each round is measured in two modes: *pinned*, client and server share one core, so that a request
costs what the two compute and nothing for waking another core; and *free*, where the scheduler decides.

Nothing here prints a result.
"""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

import attrs

from benchmarks import build
from benchmarks.mounted import ROOM, Server, private_directory, serve
from benchmarks.subjects import REFERENCE, Missing, Subject
from benchmarks.works import Planted, Work, plant_commands, stock_command

PINNED = "pinned"
FREE = "free"
MODES = (PINNED, FREE)

#: How long planting may take before a server is given up, and making what the chores start from.
GRACE_SECONDS = 30.0
STOCK_SECONDS = 300.0


class WorkError(Exception):
    """A work could not be done on a subject; the message is what its program said."""


@attrs.frozen
class Settings:
    """How much is measured: *rounds* samples of *seconds* each, for every mode, work and subject.

    With *afresh* the tree is planted again before each round: where data lie in memory, which is another
    place each time, may decide more than who reads them.  *references* names what a subject is compared with
    where that is not C libfuse; *place* is where the subjects live, by default the directory for temporary
    files.
    """

    rounds: int = 9
    seconds: float = 0.25
    planted: Planted = attrs.field(factory=Planted)
    modes: Sequence[str] = MODES
    references: Mapping[str, str] = attrs.field(factory=dict)
    place: str | None = None
    afresh: bool = False

    def reference_of(self, subject: str) -> str:
        """Return the name of the subject that *subject* is compared with."""
        return self.references.get(subject, REFERENCE)


@attrs.define
class Series:
    """The samples of one subject at one work in one mode, in units per second, one for each round.

    It ends early, with *error*, where the work could not be done.
    """

    mode: str
    work: str
    subject: str
    samples: list[float] = attrs.field(factory=list)
    error: str | None = None

    @property
    def best(self) -> float | None:
        return max(self.samples, default=None)

    @property
    def median(self) -> float | None:
        return median(self.samples) if self.samples else None

    def ratios(self, reference: Series) -> list[float]:
        """Return how much of *reference*'s speed it had in each round that both have."""
        return [mine / theirs for mine, theirs in zip(self.samples, reference.samples, strict=False)]


@attrs.frozen
class Machine:
    """Where it was measured, as far as it matters to the numbers."""

    kernel: str
    python: str
    cpus: int
    core: int
    load_before: float
    load_after: float


@attrs.frozen
class Result:
    """Everything one run found out."""

    settings: Settings
    machine: Machine
    works: Sequence[Work]
    subjects: Sequence[Subject]
    absent: dict[str, str]
    series: Sequence[Series]

    def find(self, mode: str, work: str, subject: str) -> Series | None:
        """Return one series, or ``None`` if that subject was absent."""
        key = (mode, work, subject)
        return next((s for s in self.series if (s.mode, s.work, s.subject) == key), None)

    def ratio(self, series: Series) -> float | None:
        """Return the median of a series' ratios to the reference, or ``None`` where there is none."""
        reference = self.find(series.mode, series.work, self.settings.reference_of(series.subject))
        ratios = series.ratios(reference) if reference is not None else []
        return median(ratios) if ratios else None


def measure(
    subjects: Sequence[Subject], works: Sequence[Work], settings: Settings, say: Callable[[str], None]
) -> Result:
    """Measure *works* on *subjects* and return what came out; *say* is told how far it is.

    Raises :class:`benchmarks.build.BuildError` if there is no client, without which nothing can be measured.
    A subject that is missing, or fails, is part of the result.
    """
    cpus = os.sched_getaffinity(0)
    core = max(cpus)
    before = os.getloadavg()[0]
    absent: dict[str, str] = {}
    series: list[Series] = []
    with private_directory(settings.place) as directory, contextlib.ExitStack() as mounts:
        client = build.client(directory)
        if settings.planted.files:
            (directory / "stock").mkdir()
            _done(stock_command(sys.executable, directory / "stock", settings.planted), STOCK_SECONDS)
        crew = list(_crew(subjects, settings, client, directory, mounts, absent, say))
        table = {
            (mode, work.name, server.subject.name): Series(mode, work.name, server.subject.name)
            for mode in settings.modes
            for work in works
            for server in crew
        }
        series.extend(table.values())
        for number in range(settings.rounds):
            say(f"round {number + 1} of {settings.rounds}")
            # Nobody is always first, nor always after the same neighbour's noise.
            turn = number % len(crew) if crew else 0
            in_turn = crew[turn:] + crew[:turn]
            if settings.afresh:
                for server in in_turn:
                    _plant(server, client, settings)
            for mode in settings.modes:
                for server in crew:
                    server.stay_on({core} if mode == PINNED else cpus)
                for work in works:
                    for server in in_turn:
                        cpu = core if mode == PINNED else -1
                        _sample(
                            table[mode, work.name, server.subject.name], work, server, client, cpu, settings
                        )
    machine = Machine(
        platform.release(), platform.python_version(), len(cpus), core, before, os.getloadavg()[0]
    )
    return Result(settings, machine, works, subjects, absent, series)


def _crew(
    subjects: Sequence[Subject],
    settings: Settings,
    client: Path,
    directory: Path,
    mounts: contextlib.ExitStack,
    absent: dict[str, str],
    say: Callable[[str], None],
) -> Iterator[Server]:
    for subject in subjects:
        say(f"mounting {subject.title}")
        try:
            server = mounts.enter_context(serve(subject, directory))
            _plant(server, client, settings)
        except (Missing, WorkError) as error:
            absent[subject.name] = str(error)
            say(f"  absent: {error}")
        else:
            yield server


def _plant(server: Server, client: Path, settings: Settings) -> None:
    for command in plant_commands(client, sys.executable, server.tree, settings.planted):
        _run(command, server, GRACE_SECONDS + settings.planted.walked / 100)


def _sample(series: Series, work: Work, server: Server, client: Path, cpu: int, settings: Settings) -> None:
    if series.error is not None:
        return
    command = work.command(client, sys.executable, server.tree, cpu, settings.seconds)
    try:
        count, elapsed = _run(command, server, settings.seconds + work.limit).split()
        series.samples.append(int(count) / float(elapsed))
    except WorkError as error:
        series.error = str(error)
    except (ValueError, ZeroDivisionError):
        series.error = f"{work.argv[0]} did not print a count and the seconds"


def _run(command: list[str], server: Server, limit: float) -> str:
    """Run a program on the server's tree and return what it printed.

    A caller whose request the server has taken cannot be killed before the server has answered or died; so
    whatever ends this early ends the server first.
    """
    return _done(command, limit, server)


def _done(command: list[str], limit: float, server: Server | None = None) -> str:
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOM,
    )
    try:
        out, err = process.communicate(timeout=limit)
    except BaseException as error:
        if server is not None:
            server.kill()
        process.kill()
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise WorkError(f"no answer within {limit:.0f} s; its server was ended") from None
        raise
    if process.returncode != 0:
        raise WorkError(err.strip() or f"it ended with {process.returncode}")
    return out
