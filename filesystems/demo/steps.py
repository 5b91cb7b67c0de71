"""The session: what is typed, and what each command has to show.

No process is started here and nothing is mounted; see ``play``.

To add a step, add a row to :data:`STEPS`: a title, the command (``{mnt}``,
``{tree}`` and ``{bin}`` are filled in), and a function that looks at the outcome
and returns what it saw in words, or raises :class:`Surprise`.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import attrs


class Surprise(Exception):
    """A step did not show what it should have; the message says what it showed instead."""


@attrs.frozen
class Stage:
    """The directories that a session plays on."""

    mnt: Path
    tree: Path
    bin: Path

    def fill(self, command: str) -> str:
        """Return *command* with the stage's directories in it, quoted for the shell."""
        return command.format(**{name: shlex.quote(str(path)) for name, path in attrs.asdict(self).items()})


@attrs.frozen
class Outcome:
    """What a command left behind: its exit status and what it wrote."""

    status: int
    out: str
    err: str


Check = Callable[[Stage, Outcome], str]


@attrs.frozen
class Step:
    """One command of the session, and what it has to show."""

    title: str
    command: str
    check: Check
    status: int = 0


# ---------------------------------------------------------------------------
# What the commands have to show
# ---------------------------------------------------------------------------


def expect(true: bool, message: str) -> None:
    """Raise :class:`Surprise` with *message* unless *true*."""
    if not true:
        raise Surprise(message)


def silence(stage: Stage, outcome: Outcome) -> str:
    """Look for no output at all."""
    expect(
        not outcome.out and not outcome.err, f"it should say nothing, it says {outcome.out + outcome.err!r}"
    )
    return "says nothing"


def figures(outcome: Outcome) -> tuple[str, int, int]:
    """Return the source, the use and the total of the one line that ``df`` printed below its heading."""
    lines = outcome.out.splitlines()
    expect(len(lines) == 2, f"df prints {len(lines)} lines, not a heading and one file system")
    source, total, used = lines[1].split()[:3]
    expect(source == "puffs:detrempe", f"df calls it {source!r}, not 'puffs:detrempe'")
    return source, int(used), int(total)


def empty_blocks(stage: Stage, outcome: Outcome) -> str:
    """Look for ``df`` at zero."""
    source, used, total = figures(outcome)
    expect(used == 0, f"an empty {source} uses {used} KiB, not 0")
    return f"{source}: 0 of {total} KiB"


def empty_nodes(stage: Stage, outcome: Outcome) -> str:
    """Look for ``df -i`` with nothing but the root."""
    source, used, _ = figures(outcome)
    expect(used <= 1, f"an empty {source} holds {used} nodes, not the root alone")
    return f"{source}: {used} in use"


def inodes(top: Path) -> dict[int, os.stat_result]:
    """Return what is below *top* and *top* itself, by inode number."""
    found = {os.lstat(top).st_ino: os.lstat(top)}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            status = os.lstat(os.path.join(folder, name))
            found[status.st_ino] = status
    return found


def real_use(stage: Stage, outcome: Outcome) -> str:
    """Look for a ``df`` that has counted the tree's data."""
    source, used, total = figures(outcome)
    data = sum(s.st_size for s in inodes(stage.tree).values() if stat.S_ISREG(s.st_mode)) // 1024
    expect(data <= used <= total, f"the files hold {data} KiB of data, {source} says {used} KiB of {total}")
    return f"{source}: {used} KiB in use for {data} KiB of data"


def real_nodes(stage: Stage, outcome: Outcome) -> str:
    """Look for a ``df -i`` that counts each node once."""
    source, used, _ = figures(outcome)
    nodes = len(inodes(stage.tree))
    expect(
        nodes <= used <= nodes + 1, f"{nodes} nodes were copied, {source} says {used} (one more is the root)"
    )
    return f"{source}: {used} in use"


def attributes(path: Path) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield, for everything below *path*, its name and what a faithful copy keeps of it."""
    # Only root may give files away, and only an owner keeps set-id bits.
    bits = 0o7777 if os.geteuid() == 0 else 0o777
    for folder, folders, files in os.walk(path):
        for name in sorted(folders + files):
            full = os.path.join(folder, name)
            status = os.lstat(full)
            kept: tuple[object, ...] = (
                stat.S_IFMT(status.st_mode),
                status.st_mode & bits,
                status.st_mtime_ns,
            )
            if os.geteuid() == 0:
                kept += (status.st_uid, status.st_gid)
            if not stat.S_ISDIR(status.st_mode):
                kept += (status.st_size,)
            yield os.path.relpath(full, path), kept


def copied(source: Path, copy: Path) -> str:
    """Compare the attributes of two trees, name by name."""
    mine, theirs = dict(attributes(copy)), dict(attributes(source))
    for name, kept in theirs.items():
        expect(name in mine, f"{name} has not arrived")
        expect(mine[name] == kept, f"{name} had (type, mode, mtime, ...) {kept}, its copy has {mine[name]}")
    expect(len(mine) == len(theirs), f"{sorted(mine.keys() - theirs.keys())} came from nowhere")
    return f"{len(mine)} names, with their modes and times to the nanosecond"


def tree_copied(stage: Stage, outcome: Outcome) -> str:
    """Look for the whole tree, attributes and all."""
    silence(stage, outcome)
    return copied(stage.tree, stage.mnt / "tree")


def bin_copied(stage: Stage, outcome: Outcome) -> str:
    """Look for the whole directory of programs, attributes and all."""
    silence(stage, outcome)
    return copied(stage.bin, stage.mnt / "bin")


def linked_names(top: Path) -> set[frozenset[str]]:
    """Return the groups of names below *top* that are one file."""
    groups: dict[int, set[str]] = {}
    for folder, _, files in os.walk(top):
        for name in files:
            full = os.path.join(folder, name)
            groups.setdefault(os.lstat(full).st_ino, set()).add(os.path.relpath(full, top))
    return {frozenset(names) for names in groups.values() if len(names) > 1}


def still_linked(stage: Stage, outcome: Outcome) -> str:
    """Look for the same groups of hard links in the copy, and for its symbolic links."""
    theirs, mine = linked_names(stage.bin), linked_names(stage.mnt / "bin")
    expect(mine == theirs, f"linked there and not here: {[sorted(g) for g in theirs ^ mine]}")
    symlinks = outcome.out.split()
    expect(
        len(symlinks) == 2 and symlinks[0] == symlinks[1],
        f"{symlinks} symbolic links: not as many in the copy",
    )
    return f"{len(mine)} files of several names, {symlinks[0]} symbolic links"


def says(text: str) -> Check:
    """Return a check for exactly *text* and a newline."""

    def check(stage: Stage, outcome: Outcome) -> str:
        expect(outcome.out == text + "\n", f"it should say {text!r}, it says {outcome.out!r}")
        return text

    return check


def complains(text: str) -> Check:
    """Return a check for a message that holds *text*."""

    def check(stage: Stage, outcome: Outcome) -> str:
        expect(text in outcome.err, f"it should complain {text!r}, it says {outcome.err!r}")
        return outcome.err.strip()

    return check


STEPS: Final = (
    Step("It is there, and empty", "df -k {mnt}", empty_blocks),
    Step("... and so are its nodes", "df -i {mnt}", empty_nodes),
    Step("Copy a tree", "cp -a {tree}/. {mnt}/tree", tree_copied),
    Step("Compare it", "diff -r --no-dereference {tree} {mnt}/tree", silence),
    Step("df has real figures", "df -k {mnt}", real_use),
    Step("... and counts nodes", "df -i {mnt}", real_nodes),
    Step("Copy programs, with their links", "cp -a {bin}/. {mnt}/bin", bin_copied),
    Step("Compare them", "diff -r --no-dereference {bin} {mnt}/bin", silence),
    Step(
        "Links are still linked",
        "find {bin}/ -type l | wc -l; find {mnt}/bin/ -type l | wc -l",
        still_linked,
    ),
    Step("One file, two names", "touch pink; ln pink floyd", silence),
    Step("Write it by one", "echo 'the lunatic is on the grass' > pink; rm pink", silence),
    Step("... read it by the other", "cat floyd", says("the lunatic is on the grass")),
    Step(
        "A symbolic link",
        "echo sultans of swing > straits; ln -s straits dire; cat dire",
        says("sultans of swing"),
    ),
    Step(
        "... and one that dangles",
        "rm straits; LC_ALL=C cat dire",
        complains("dire: No such file or directory"),
        status=1,
    ),
    Step("Remove everything", "rm -rf *", silence),
    Step("It is back at zero", "df -k {mnt}", empty_blocks),
    Step("... and so are its nodes", "df -i {mnt}", empty_nodes),
)
