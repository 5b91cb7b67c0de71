"""What a file costs when there are very many: ``python -m benchmarks.growth [detrempe|tunnel] [FILES ...]``.

For each number of files, all in one directory and then in many: microseconds for each to be made, looked up,
listed and removed, with every call reaching the server, and the memory that the server takes for each.  The
cost should stay the same from a thousand files to a million.

Everything happens in memory.  ``--forget`` has the kernel drop all names that it has cached, of every file
system, to see what the server keeps of files that nobody knows; that takes root.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from benchmarks import build
from benchmarks.mounted import Server, private_directory, serve
from benchmarks.subjects import AS_USED, Subject
from benchmarks.suites import MEMORY

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
PER_DIRECTORY: Final = 500
WHAT: Final = ("create", "lookup", "list", "remove")
#: Nothing may be answered from what the kernel remembers.
FORGETFUL: Final = ("-o", "attr_timeout=0,entry_timeout=0,negative_timeout=0")
LIMIT: Final = 900.0
PAUSE: Final = 1.0
DROP: Final = Path("/proc/sys/vm/drop_caches")


@attrs.frozen
class Growth:
    """One line: microseconds for each file by what was done, and bytes of memory for each.

    *held* while all files are there; *forgotten* once the kernel knows none of them, though they still are.
    """

    files: int
    per_directory: int
    costs: dict[str, float]
    held: float
    forgotten: float | None


def memory(server: Server) -> int:
    """Return the bytes that nobody but the server has."""
    lines = Path(f"/proc/{server.process.pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Private_"))


def settle(server: Server) -> None:
    """Return when the server has nothing left to do: nobody waits until it has forgotten something."""
    before, used = [""], _processor_time(server)
    while used != before:
        time.sleep(PAUSE)
        before, used = used, _processor_time(server)


def _processor_time(server: Server) -> list[str]:
    """Return the server's utime and stime, as proc_pid_stat(5) has them."""
    return Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]


def grown(subject: Subject, files: int, per_directory: int, *, forget: bool) -> Growth:
    """Measure one size on a fresh server."""
    with private_directory(MEMORY) as directory:
        program = build.grow(directory)

        def prepare(place: Path) -> list[str]:
            return [*subject.prepare(place), *FORGETFUL]

        with serve(attrs.evolve(subject, prepare=prepare), directory) as server:
            before = memory(server)
            costs: dict[str, float] = {}
            held, forgotten = 0.0, None
            for what in WHAT:
                line = [str(program), what, str(server.tree), str(files), str(per_directory)]
                done = subprocess.run(line, capture_output=True, text=True, timeout=LIMIT, check=True)
                count, seconds = done.stdout.split()
                costs[what] = float(seconds) / int(count) * 1e6
                if what == "create":
                    held = (memory(server) - before) / files
                if what == "list" and forget:
                    DROP.write_text("2")
                    settle(server)
                    forgotten = (memory(server) - before) / files
    return Growth(files, per_directory, costs, held, forgotten)


def lines(subject: Subject, sizes: list[int], *, forget: bool) -> Iterator[str]:
    """Yield the table, a line as soon as it is there."""
    yield f"{subject.title}: microseconds for each file, bytes for each in the server"
    heads = "".join(f"{what:>10}" for what in WHAT)
    yield f"{'files':>10} {'in each':>10}{heads}{'bytes':>10}{'forgotten':>10}"
    for files in sizes:
        for per_directory in dict.fromkeys((files, PER_DIRECTORY)):
            growth = grown(subject, files, per_directory, forget=forget)
            left = "-" if growth.forgotten is None else f"{growth.forgotten:.0f}"
            costs = "".join(f"{growth.costs[what]:10.2f}" for what in WHAT)
            yield f"{files:>10} {per_directory:>10}{costs}{growth.held:10.0f}{left:>10}"


def main() -> None:
    """Measure and print."""
    shipped = {subject.name: subject for subject in AS_USED if subject.name in ("detrempe", "tunnel")}
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description="How costs grow.")
    parser.add_argument("subject", nargs="?", default="detrempe", choices=sorted(shipped))
    parser.add_argument("files", nargs="*", type=int, help="how many files")
    parser.add_argument("--forget", action="store_true", help="drop the kernel's caches of names")
    options = parser.parse_args()
    for line in lines(shipped[options.subject], options.files or list(SIZES), forget=options.forget):
        print(line, flush=True)


if __name__ == "__main__":
    main()
