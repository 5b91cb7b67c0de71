"""Steps that make files, change what they hold, or look at it, by name or through what stays open."""

from __future__ import annotations

import mmap
import os
import random
from collections.abc import Callable
from pathlib import Path

from tests.soak.model import Directory, File, Tree
from tests.soak.step import (
    HELD,
    LARGEST,
    Place,
    Step,
    a_file,
    expect,
    new_path,
    put,
    shut,
    some_data,
    write_all,
)

# files


def create(chance: random.Random, tree: Tree) -> Step | None:
    """An empty file that must not have been there."""
    path = new_path(chance, tree)
    if path is None:
        return None
    mode = chance.choice((0o644, 0o600, 0o755))

    def do(place: Place) -> None:
        shut(os.open(place.root / path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))

    return Step(f"create {path}", do, lambda tree: tree.names.update({path: File(mode)}))


def write(chance: random.Random, tree: Tree) -> Step | None:
    """Anywhere in the file, or behind its end, or at it."""
    chosen = a_file(chance, tree)
    if chosen is None:
        return None
    path, node = chosen
    data = some_data(chance)
    appending = chance.random() < 0.3
    offset = len(node.data) if appending else chance.randrange(len(node.data) + 5000)
    if offset + len(data) > LARGEST:
        return None

    def do(place: Place) -> None:
        # Somebody whose last attempt has failed may have appended a part.
        append = appending and os.stat(place.root / path).st_size == offset
        fd = os.open(place.root / path, os.O_WRONLY | (os.O_APPEND if append else 0))
        try:
            write_all(fd, data, offset)
        finally:
            shut(fd)

    return Step(
        f"write {path} {offset}+{len(data)}", do, lambda tree: put(tree.names[path], offset, data), torn=True
    )


def map_and_write(chance: random.Random, tree: Tree) -> Step | None:
    """Through a memory map."""
    chosen = a_file(chance, tree)
    if chosen is None or not chosen[1].data:
        return None
    path, node = chosen
    offset = chance.randrange(len(node.data))
    data = some_data(chance)[: len(node.data) - offset]

    def do(place: Place) -> None:
        with open(place.root / path, "r+b", buffering=0) as file, mmap.mmap(file.fileno(), 0) as memory:
            memory[offset : offset + len(data)] = data
            _patiently(memory.flush)

    return Step(
        f"map {path} {offset}+{len(data)}", do, lambda tree: put(tree.names[path], offset, data), torn=True
    )


def _patiently(do: Callable[[], object]) -> None:
    while True:
        try:
            do()
        except InterruptedError:
            continue
        return


def truncate(chance: random.Random, tree: Tree) -> Step | None:
    """Shorter or longer."""
    chosen = a_file(chance, tree)
    if chosen is None:
        return None
    path, node = chosen
    size = chance.randrange(min(2 * len(node.data) + 10, LARGEST))

    def apply(tree: Tree) -> None:
        node = tree.names[path]
        assert isinstance(node, File)
        del node.data[size:]
        node.data.extend(bytes(size - len(node.data)))

    return Step(f"truncate {path} {size}", lambda place: os.truncate(place.root / path, size), apply)


def change_mode(chance: random.Random, tree: Tree) -> Step | None:
    """Of a file."""
    chosen = a_file(chance, tree)
    if chosen is None:
        return None
    path, mode = chosen[0], chance.choice((0o600, 0o640, 0o755))

    def apply(tree: Tree) -> None:
        node = tree.names[path]
        assert isinstance(node, File)
        node.mode = mode

    return Step(f"chmod {path} {mode:o}", lambda place: os.chmod(place.root / path, mode), apply)


def attribute(chance: random.Random, tree: Tree) -> Step | None:
    """Set, replaced or removed."""
    chosen = a_file(chance, tree)
    if chosen is None:
        return None
    path, node = chosen
    name, value = f"user.{chance.randrange(4)}", chance.randbytes(chance.choice((0, 10, 300)))
    if name in node.attributes and chance.random() < 0.5:

        def remove(tree: Tree) -> None:
            node = tree.names[path]
            assert isinstance(node, File)
            del node.attributes[name]

        return Step(
            f"removexattr {path} {name}", lambda place: os.removexattr(place.root / path, name), remove
        )
    flags = os.XATTR_REPLACE if name in node.attributes else os.XATTR_CREATE

    def apply(tree: Tree) -> None:
        node = tree.names[path]
        assert isinstance(node, File)
        node.attributes[name] = value

    return Step(
        f"setxattr {path} {name}", lambda place: os.setxattr(place.root / path, name, value, flags), apply
    )


def appear(chance: random.Random, tree: Tree) -> Step | None:
    """A file that is written before it has a name (O_TMPFILE)."""
    path = new_path(chance, tree)
    if path is None:
        return None
    data = some_data(chance)

    def do(place: Place) -> None:
        above = os.open((place.root / path).parent, os.O_PATH | os.O_DIRECTORY)
        try:
            fd = os.open(f"/proc/self/fd/{above}", os.O_TMPFILE | os.O_RDWR, 0o644)
            try:
                write_all(fd, data, 0)
                os.link(f"/proc/self/fd/{fd}", Path(path).name, dst_dir_fd=above)  # linkat, with a directory
            finally:
                shut(fd)
        finally:
            shut(above)

    return Step(f"tmpfile {path}", do, lambda tree: tree.names.update({path: File(0o644, bytearray(data))}))


# files that stay open


def hold(chance: random.Random, tree: Tree) -> Step | None:
    """Open a file, and keep it open."""
    chosen = a_file(chance, tree)
    if chosen is None or len(tree.held) >= HELD:
        return None
    path = chosen[0]

    def apply(tree: Tree) -> None:
        node = tree.names[path]
        assert isinstance(node, File)
        tree.held.append(node)

    return Step(f"hold {path}", lambda place: place.open.append(os.open(place.root / path, os.O_RDWR)), apply)


def write_held(chance: random.Random, tree: Tree) -> Step | None:
    """Write to a file that has been open for long, and may have no name any more."""
    if not tree.held:
        return None
    at = chance.randrange(len(tree.held))
    node, data = tree.held[at], some_data(chance)
    offset = chance.randrange(len(node.data) + 1)
    if offset + len(data) > LARGEST:
        return None
    return Step(
        f"write held {at} {offset}+{len(data)}",
        lambda place: write_all(place.open[at], data, offset),
        lambda tree: put(tree.held[at], offset, data),
        torn=True,
    )


def read_held(chance: random.Random, tree: Tree) -> Step | None:
    """Read one, and let it go."""
    if not tree.held:
        return None
    at, close = chance.randrange(len(tree.held)), chance.random() < 0.4
    data = bytes(tree.held[at].data)

    def do(place: Place) -> None:
        expect(f"held {at}", os.pread(place.open[at], LARGEST + 1, 0), data)
        expect(f"size of held {at}", os.fstat(place.open[at]).st_size, len(data))
        if close:
            shut(place.open.pop(at))

    def apply(tree: Tree) -> None:
        if close:
            del tree.held[at]

    return Step(f"read held {at}", do, apply)


# looking


def read(chance: random.Random, tree: Tree) -> Step | None:
    """A whole file, as it should be."""
    chosen = a_file(chance, tree)
    if chosen is None:
        return None
    path, data = chosen[0], bytes(chosen[1].data)

    def do(place: Place) -> None:
        with open(place.root / path, "rb", buffering=0) as file:
            seen = file.readall()
        expect(path, seen, data)

    return Step(f"read {path}", do)


def listing(chance: random.Random, tree: Tree) -> Step | None:
    """A directory of its own, as it should be."""
    path = chance.choice(["", *tree.paths(Directory)])
    prefix = f"{path}/" if path else ""
    names = sorted(each[len(prefix) :] for each in tree.names if each.startswith(prefix))
    names = [name for name in names if "/" not in name]
    return Step(
        f"list {path}", lambda place: expect(f"list {path}", sorted(os.listdir(place.root / path)), names)
    )
