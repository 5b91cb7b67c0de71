"""What a tree of files should be: kept by a client beside what it does, and compared to what is there.

Nothing here touches the mount but :func:`found`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import TypeAlias

import attrs

State: TypeAlias = "dict[str, Item]"


@attrs.frozen
class Item:
    """What is seen at one path: what kind of thing, its mode and links, and what it holds."""

    kind: str
    mode: int
    links: int
    data: bytes
    attributes: tuple[tuple[str, bytes], ...] = ()


@attrs.define(eq=False)
class File:
    """A regular file, under as many names as it has."""

    mode: int
    data: bytearray = attrs.field(factory=bytearray)
    attributes: dict[str, bytes] = attrs.field(factory=dict)


@attrs.define(eq=False)
class Directory:
    """A directory."""

    mode: int = 0o755


@attrs.frozen(eq=False)
class Symlink:
    """A symbolic link."""

    target: str


Node: TypeAlias = "File | Directory | Symlink"


@attrs.define
class Tree:
    """What has which name; paths are relative.  *own* are the client's names in the directory of all.

    *held* are files that stay open, with or without a name; *counted* is how often the client has counted in
    the file that all count in.
    """

    names: dict[str, Node] = attrs.field(factory=dict)
    own: set[str] = attrs.field(factory=set)
    held: list[File] = attrs.field(factory=list)
    counted: int = 0
    serial: int = 0

    def copy(self) -> Tree:
        """Return another tree, the same now, that goes its own way."""
        return deepcopy(self)

    def fresh(self) -> str:
        """Return a name that nothing has had."""
        self.serial += 1
        return f"n{self.serial}"

    def paths(self, kind: type[Node]) -> list[str]:
        """Return all paths of one kind of node, in the order in which they came."""
        return [path for path, node in self.names.items() if isinstance(node, kind)]

    def below(self, path: str) -> list[str]:
        """Return what is in the directory *path*, however deep."""
        return [each for each in self.names if each.startswith(f"{path}/")]

    def move(self, old: str, new: str) -> None:
        """Give what is at *old*, and below, the path *new*."""
        for path in [old, *self.below(old)]:
            self.names[new + path[len(old) :]] = self.names.pop(path)

    def state(self) -> State:
        """Return what should be seen."""
        links: dict[int, int] = {}
        for node in self.names.values():
            links[id(node)] = links.get(id(node), 0) + 1
        state = {f"all:{name}": Item("name", 0, 0, b"") for name in self.own}
        for path, node in self.names.items():
            if isinstance(node, Symlink):
                state[path] = Item("link", 0, 1, os.fsencode(node.target))
            elif isinstance(node, Directory):
                inner = sum("/" not in each[len(path) + 1 :] for each in self._directories(path))
                state[path] = Item("directory", node.mode, 2 + inner, b"")
            else:
                attributes = tuple(sorted(node.attributes.items()))
                state[path] = Item("file", node.mode, links[id(node)], bytes(node.data), attributes)
        return state

    def _directories(self, path: str) -> Iterator[str]:
        return (each for each in self.below(path) if isinstance(self.names[each], Directory))


def found(root: Path, everybody: Path, prefix: str) -> State:
    """Return what is seen in *root*, and of the names with *prefix* in the directory *everybody*."""
    mine = [name[len(prefix) :] for name in os.listdir(everybody) if name.startswith(prefix)]
    state = {f"all:{name}": Item("name", 0, 0, b"") for name in mine}
    for directory, _, _ in os.walk(root):
        with os.scandir(directory) as entries:
            for entry in entries:
                state[os.path.relpath(entry.path, root)] = _seen(entry.path)
    return state


def _seen(path: str) -> Item:
    status = os.lstat(path)
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return Item("link", 0, 1, os.fsencode(os.readlink(path)))
    if stat.S_ISDIR(status.st_mode):
        return Item("directory", mode, status.st_nlink, b"")
    data = Path(path).read_bytes()
    assert len(data) == status.st_size, f"{path}: {status.st_size} bytes, {len(data)} read"
    names = [name for name in os.listxattr(path) if name.startswith("user.")]
    attributes = tuple(sorted((name, os.getxattr(path, name)) for name in names))
    return Item("file", mode, status.st_nlink, data, attributes)


def differences(seen: State, *possible: State, torn: bool = False) -> list[str]:
    """Return how *seen* differs from each of what it may be; nothing if it is one of these.

    *torn*: the data of a file may also be in part the one and in part the other.
    """
    said = []
    for state in possible:
        wrong = [
            f"{path}: {_told(seen.get(path))}, not {_told(state.get(path))}"
            for path in sorted({*seen, *state})
            if seen.get(path) != state.get(path) and not (torn and _mixed(path, seen, possible))
        ]
        if not wrong:
            return []
        said += wrong
    return said


def _mixed(path: str, seen: State, possible: tuple[State, ...]) -> bool:
    item, others = seen.get(path), [state[path] for state in possible if path in state]
    if item is None or len(others) < len(possible):
        return False
    if any(attrs.evolve(item, data=b"") != attrs.evolve(other, data=b"") for other in others):
        return False
    sizes = [len(other.data) for other in others]
    if not min(sizes) <= len(item.data) <= max(sizes):
        return False
    return all(
        byte in (0, *(other.data[at] for other in others if at < len(other.data)))
        for at, byte in enumerate(item.data)
    )


def _told(item: Item | None) -> str:
    if item is None:
        return "nothing"
    return f"{item.kind} {item.mode:o} {item.links} {len(item.data)} {item.data[:32]!r} {item.attributes}"
