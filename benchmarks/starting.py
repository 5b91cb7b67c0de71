"""From a command line to the first answer: ``python -m benchmarks.starting [ROUNDS]``.

Each server is started in the foreground, and its mount point asked for its attributes until it is the server
who answers.  Reported are the milliseconds until then, the best and the median, and the processor time that
the server has used by its end.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

import attrs

from benchmarks.mounted import ROOM, private_directory
from benchmarks.subjects import AS_USED, SUBJECTS, Missing, Subject

ROUNDS: Final = 10
LIMIT: Final = 20.0
NAMES: Final = ("detrempe", "tunnel", "puffpy", "libfuse", "mfusepy", "fusepy", "pyfuse3")


@attrs.define
class Start:
    """What starting one subject took, in seconds, one for each round."""

    title: str
    waits: list[float] = attrs.field(factory=list)
    spent: list[float] = attrs.field(factory=list)


def started(command: Sequence[str], tree: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Start *command* on *tree*; return the seconds to its first answer and its processor time."""
    before = os.stat(tree).st_dev
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    process = subprocess.Popen(
        [*command, str(tree)],
        cwd=ROOM,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while os.stat(tree).st_dev == before:
            if process.poll() is not None or time.monotonic() - begin > LIMIT:
                raise Missing("it does not start")
            time.sleep(0.0005)
        wait = time.monotonic() - begin
    finally:
        subprocess.run(["umount", str(tree)], capture_output=True, check=False)
        process.wait(LIMIT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wait, after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime


def measure(subjects: Sequence[Subject], rounds: int) -> list[Start]:
    """Start all of them in turn, *rounds* times."""
    starts: dict[str, tuple[list[str], Path, dict[str, str], Start]] = {}
    with private_directory() as directory:
        for subject in subjects:
            try:
                command = subject.prepare(directory)
            except Missing as missing:
                print(f"absent: {subject.title}: {missing}")
                continue
            tree = directory / f"{subject.name}-tree"
            tree.mkdir()
            environment = {**os.environ, **subject.environment, "PYTHONPATH": str(ROOM)}
            starts[subject.name] = (command, tree, environment, Start(subject.title))
        for _ in range(rounds):
            for command, tree, environment, start in starts.values():
                wait, spent = started(command, tree, environment)
                start.waits.append(wait)
                start.spent.append(spent)
    return [start for *_, start in starts.values()]


def main() -> None:
    """Measure and print."""
    everybody = {subject.name: subject for subject in (*SUBJECTS, *AS_USED)}
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    print("milliseconds from start to first answer; of processor time until the end")
    print(f"{'':28}{'best':>8}{'median':>8}{'processor':>11}")
    for start in measure([everybody[name] for name in NAMES], rounds):
        figures = (min(start.waits) * 1e3, median(start.waits) * 1e3, min(start.spent) * 1e3)
        print("{:28}{:8.0f}{:8.0f}{:11.0f}".format(start.title, *figures))


if __name__ == "__main__":
    main()
