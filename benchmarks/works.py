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
    """What is there before any work starts.

    In the tree: ``data`` of *data_bytes*, ``many`` with *entries* files, ``crowd`` with *crowd* of them, and
    ``walked`` with *walked*.  Beside it, for the chores: *files* files in an archive and a repository;
    *share* is what is copied.
    """

    data_bytes: int = 16 * MIB
    entries: int = 1000
    crowd: int = 10_000
    walked: int = 0
    files: int = 0
    share: str = "/usr/share"


@attrs.frozen
class Work:
    """One row of the result.

    *argv* is the program with its arguments, in which ``{client}``, ``{python}``, ``{cpu}``, ``{seconds}``,
    ``{tree}`` and ``{stock}`` are filled in.  *unit* is what COUNT counts; more of it per second is better.
    *limit* is how many seconds it may take at most, beyond those it was asked to.
    """

    name: str
    title: str
    unit: str
    argv: tuple[str, ...]
    limit: float = 30.0

    def command(self, client: Path, python: str, tree: Path, cpu: int, seconds: float) -> list[str]:
        """Return what to execute; *cpu* -1 leaves the core to the scheduler."""
        facts = {"client": client, "python": python, "tree": tree, "cpu": cpu, "seconds": seconds}
        return [part.format(**facts, stock=client.parent / "stock") for part in self.argv]


def by_client(name: str, *numbers: int) -> tuple[str, ...]:
    """Return the command line of our own client's work *name*: with the size of a block, and of clients."""
    return ("{client}", "{cpu}", "{seconds}", name, "{tree}", *map(str, numbers))


def by_fio(kind: str, block: int) -> tuple[str, ...]:
    """Return the command line of a work done by fio."""
    return ("{python}", "-m", "benchmarks.fio", "{cpu}", "{seconds}", kind, "{tree}", str(block))


def _walk(name: str, title: str) -> Work:
    return Work(name, title, "names", ("{python}", "-m", "benchmarks.walks", name, "{tree}"), 300.0)


def _chore(name: str, title: str) -> Work:
    argv = ("{python}", "-m", "benchmarks.chores", name, "{tree}", "{stock}")
    return Work(name, title, "times", argv, 600.0)


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
    Work("readdir-10k", "readdir of 10,000 entries", "entries", by_client("readdir-crowd")),
    Work("readdir-stat", "readdir, and stat of each", "entries", by_client("readdir-stat")),
)

#: One client, and four at once: nothing should be lost in total.
AT_ONCE = tuple(
    Work(f"{name}-by-{clients}", f"{title}, {count}", "calls", by_client(name, 4 * KIB, clients))
    for name, title in (("stat", "stat"), ("create", "create and unlink"), ("read-random", "random read"))
    for clients, count in ((1, "one client"), (4, "four clients"))
)

PASSED = (
    Work("fio-read-4k", "random read, 4 KiB", "bytes", by_fio("randread", 4 * KIB)),
    Work("fio-write-4k", "random write, 4 KiB", "bytes", by_fio("randwrite", 4 * KIB)),
    Work("fio-read-1m", "sequential read, 1 MiB", "bytes", by_fio("read", MIB)),
    Work("fio-write-1m", "sequential write, 1 MiB", "bytes", by_fio("write", MIB)),
    Work("fio-mmap-read", "mapped, random read, 4 KiB", "bytes", by_fio("mmap-randread", 4 * KIB)),
    Work("fio-mmap-write", "mapped, random write, 4 KiB", "bytes", by_fio("mmap-randwrite", 4 * KIB)),
)

WALKS = (
    _walk("find", "find, the second time"),
    _walk("ls", "ls -lR, the second time"),
    _walk("stat", "find -newer (a stat of each), the second time"),
)

CHORES = (
    _chore("untar", "untar and rm -rf"),
    _chore("copy", "cp -a of /usr/share"),
    _chore("git", "git clone and git status"),
    _chore("compileall", "python -m compileall"),
    _chore("sqlite", "an SQLite load"),
)


def plant_commands(client: Path, python: str, tree: Path, planted: Planted) -> list[list[str]]:
    """Return the commands that make the tree ready, through the file system that is measured."""
    sizes = map(str, (planted.data_bytes, planted.entries, planted.crowd))
    commands = [[str(client), "-1", "0", "plant", str(tree), *sizes]]
    if planted.walked:
        commands.append([python, "-m", "benchmarks.walks", "plant", str(tree), str(planted.walked)])
    return commands


def stock_command(python: str, stock: Path, planted: Planted) -> list[str]:
    """Return the command that makes in *stock* what the chores start from."""
    return [python, "-m", "benchmarks.chores", "stock", str(stock), str(planted.files), planted.share]
