"""What is measured: one row for each kind of work.

A work is a program that is given a core, a time and a planted tree, and prints "COUNT SECONDS".  Nothing
here runs it.  To add one (fio, unpacking an archive, a clone), write such a program and add its row; whatever
prints that line will do.
"""

from __future__ import annotations

from pathlib import Path

import attrs

KIB = 1 << 10
MIB = 1 << 20


@attrs.frozen
class Planted:
    """What the tree holds before any work starts: ``data`` of *data_bytes*, ``many`` with *entries* files."""

    data_bytes: int = 16 * MIB
    entries: int = 1000


@attrs.frozen
class Work:
    """One row of the result.

    *argv* is the program with its arguments, in which ``{client}``, ``{python}``, ``{cpu}``, ``{seconds}``
    and ``{tree}`` are filled in.  *unit* is what COUNT counts; more of it per second is better.
    """

    name: str
    title: str
    unit: str
    argv: tuple[str, ...]

    def command(self, client: Path, python: str, tree: Path, cpu: int, seconds: float) -> list[str]:
        """Return what to execute; *cpu* -1 leaves the core to the scheduler."""
        facts = {"client": client, "python": python, "tree": tree, "cpu": cpu, "seconds": seconds}
        return [part.format(**facts) for part in self.argv]


def by_client(name: str, *block: int) -> tuple[str, ...]:
    """Return the command line of our own client's work *name*, with the size of a block if it takes one."""
    return ("{client}", "{cpu}", "{seconds}", name, "{tree}", *map(str, block))


WORKS = (
    Work("stat", "stat", "calls", by_client("stat")),
    Work("open", "open and close", "calls", by_client("open")),
    Work("create", "create and unlink", "pairs", by_client("create")),
    Work("read-4k", "random read, 4 KiB", "calls", by_client("read-random", 4 * KIB)),
    Work("write-4k", "random write, 4 KiB", "calls", by_client("write-random", 4 * KIB)),
    Work("read-128k", "sequential read, 128 KiB", "bytes", by_client("read", 128 * KIB)),
    Work("read-1m", "sequential read, 1 MiB", "bytes", by_client("read", MIB)),
    Work("write-128k", "sequential write, 128 KiB", "bytes", by_client("write", 128 * KIB)),
    Work("write-1m", "sequential write, 1 MiB", "bytes", by_client("write", MIB)),
    Work("readdir", "readdir of 1000 entries", "entries", by_client("readdir")),
    Work("readdir-stat", "readdir, and stat of each", "entries", by_client("readdir-stat")),
)


def plant_command(client: Path, tree: Path, planted: Planted) -> list[str]:
    """Return the command that makes the tree ready, through the file system that is measured."""
    return [str(client), "-1", "0", "plant", str(tree), str(planted.data_bytes), str(planted.entries)]
