"""What a step is, what it is done in, and what all of them need.

Which steps there are is in ``on_data`` and ``on_names``, which comes next in ``steps``.  A step is done with
one system call that changes something, or with several of which only the last is seen by others: so it has
been done, or it has not.  What writes data may have been done in part.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import attrs

from tests.soak.model import Directory, File, Node, Tree

LARGEST: Final = 192 * 1024
MOST: Final = 60
"""How large a file may be, and how many names there may be."""

HELD: Final = 6
EXCHANGE: Final = 2
AT_FDCWD: Final = -100


@attrs.frozen
class Place:
    """Where a client works: its own directory, the directory of all, the file in which all count.

    *open* are the descriptors of what the tree holds, in its order.
    """

    root: Path
    everybody: Path
    counter: Path
    prefix: str
    open: list[int] = attrs.field(factory=list)


@attrs.frozen
class Step:
    """One thing to be done: *do* does it, *apply* does it to the tree.

    *torn*: it may have been done in part, as far as the data of files go, and may be done again.
    """

    name: str
    do: Callable[[Place], None]
    apply: Callable[[Tree], None] = lambda tree: None
    torn: bool = False


def shut(fd: int) -> None:
    """Close *fd*, which is closed also where a signal came meanwhile."""
    with suppress(InterruptedError):
        os.close(fd)


class Wrong(AssertionError):
    """What is there is not what should be."""


def expect(name: str, seen: object, should: object) -> None:
    """Complain if what is *seen* is not what it should be."""
    if seen == should:
        return
    if isinstance(seen, bytes) and isinstance(should, bytes):
        at = next((at for at, (a, b) in enumerate(zip(seen, should, strict=False)) if a != b), -1)
        ends = f"{len(seen)} bytes, not {len(should)}, others from {at} on"
        raise Wrong(f"{name}: {ends}: {seen[at : at + 16]!r}, not {should[at : at + 16]!r}")
    raise Wrong(f"{name}: {seen!r:.300}, not {should!r:.300}")


Maker = Callable[[random.Random, Tree], "Step | None"]
"""Makes a step, if there can be one of its kind at the moment."""


def a_file(chance: random.Random, tree: Tree) -> tuple[str, File] | None:
    """Return a file, if there is one, and its path."""
    paths = tree.paths(File)
    if not paths:
        return None
    path = chance.choice(paths)
    node = tree.names[path]
    assert isinstance(node, File)
    return path, node


def new_path(chance: random.Random, tree: Tree) -> str | None:
    """Return a path that nothing has had, if there may be more of them."""
    if len(tree.names) >= MOST:
        return None
    above = chance.choice(["", "", *tree.paths(Directory)])
    return f"{above}/{tree.fresh()}".lstrip("/")


def some_data(chance: random.Random) -> bytes:
    """Return something to be written."""
    size = chance.choice((1, 100, 4096, 5000, 70_000))
    return chance.randbytes(min(16, size)) * (size // min(16, size))


def write_all(fd: int, data: bytes, offset: int) -> None:
    """Write all of *data*, whatever comes between."""
    done = 0
    while done < len(data):
        done += os.pwrite(fd, data[done:], offset + done)


def put(node: Node, offset: int, data: bytes) -> None:
    """Do to a file what a write does."""
    assert isinstance(node, File)
    node.data.extend(bytes(max(offset - len(node.data), 0)))
    node.data[offset : offset + len(data)] = data
