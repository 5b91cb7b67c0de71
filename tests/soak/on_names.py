"""Steps that make, move and remove names, and those that clients do in common."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import random

from tests.soak.model import Directory, Symlink, Tree
from tests.soak.step import (
    AT_FDCWD,
    EXCHANGE,
    MOST,
    Place,
    Step,
    Wrong,
    a_file,
    expect,
    new_path,
    shut,
    write_all,
)

_libc = ctypes.CDLL(None, use_errno=True)


# names


def make_directory(chance: random.Random, tree: Tree) -> Step | None:
    """Not too deep."""
    path = new_path(chance, tree)
    if path is None or path.count("/") > 2 or len(tree.paths(Directory)) > 12:
        return None
    return Step(
        f"mkdir {path}",
        lambda place: os.mkdir(place.root / path),
        lambda tree: tree.names.update({path: Directory()}),
    )


def remove_directory(chance: random.Random, tree: Tree) -> Step | None:
    """An empty one; of one that is not, the refusal is wanted."""
    paths = tree.paths(Directory)
    if not paths:
        return None
    path = chance.choice(paths)
    if not tree.below(path):
        return Step(
            f"rmdir {path}", lambda place: os.rmdir(place.root / path), lambda tree: _drop(tree, path)
        )

    def refused(place: Place) -> None:
        try:
            os.rmdir(place.root / path)
        except OSError as exc:
            if exc.errno == errno.ENOTEMPTY:
                return
            raise
        raise Wrong(f"rmdir {path}: it is not empty")

    return Step(f"rmdir {path}, not empty", refused)


def _drop(tree: Tree, path: str) -> None:
    del tree.names[path]


def make_symlink(chance: random.Random, tree: Tree) -> Step | None:
    """Leading nowhere."""
    path = new_path(chance, tree)
    if path is None:
        return None
    target = "/nowhere/" + "x" * chance.randrange(200)
    return Step(
        f"symlink {path}",
        lambda place: os.symlink(target, place.root / path),
        lambda tree: tree.names.update({path: Symlink(target)}),
    )


def link(chance: random.Random, tree: Tree) -> Step | None:
    """One more name for a file."""
    chosen, path = a_file(chance, tree), new_path(chance, tree)
    if chosen is None or path is None:
        return None
    old = chosen[0]
    return Step(
        f"link {old} {path}",
        lambda place: os.link(place.root / old, place.root / path),
        lambda tree: tree.names.update({path: tree.names[old]}),
    )


def remove(chance: random.Random, tree: Tree) -> Step | None:
    """Anything that is no directory."""
    paths = [path for path, node in tree.names.items() if not isinstance(node, Directory)]
    if len(paths) < MOST // 4:
        return None
    path = chance.choice(paths)
    return Step(f"unlink {path}", lambda place: os.unlink(place.root / path), lambda tree: _drop(tree, path))


def rename(chance: random.Random, tree: Tree) -> Step | None:
    """Anything, to a new name."""
    path = new_path(chance, tree)
    if path is None:
        return None
    old = chance.choice(["", *tree.names])
    if not old or path.startswith(f"{old}/"):
        return None
    return Step(
        f"rename {old} {path}",
        lambda place: os.rename(place.root / old, place.root / path),
        lambda tree: tree.move(old, path),
    )


def replace(chance: random.Random, tree: Tree) -> Step | None:
    """One file by another, which may be the same."""
    first, second = a_file(chance, tree), a_file(chance, tree)
    if first is None or second is None or first[1] is second[1]:
        return None
    old, path = first[0], second[0]

    def apply(tree: Tree) -> None:
        tree.names[path] = tree.names.pop(old)

    return Step(
        f"rename {old} over {path}", lambda place: os.rename(place.root / old, place.root / path), apply
    )


def exchange(chance: random.Random, tree: Tree) -> Step | None:
    """Two files, at once."""
    first, second = a_file(chance, tree), a_file(chance, tree)
    if first is None or second is None or first[1] is second[1]:
        return None
    one, other = first[0], second[0]

    def do(place: Place) -> None:
        ends = [os.fsencode(place.root / path) for path in (one, other)]
        if _libc.renameat2(AT_FDCWD, ends[0], AT_FDCWD, ends[1], EXCHANGE):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

    def apply(tree: Tree) -> None:
        tree.names[one], tree.names[other] = tree.names[other], tree.names[one]

    return Step(f"exchange {one} {other}", do, apply)


# together


def show_up(chance: random.Random, tree: Tree) -> Step | None:
    """A name in the directory of all comes or goes."""
    if tree.own and chance.random() < 0.5:
        name = chance.choice(sorted(tree.own))
        return Step(
            f"leave {name}",
            lambda place: os.unlink(place.everybody / (place.prefix + name)),
            lambda tree: tree.own.discard(name),
        )
    name = tree.fresh()
    return Step(
        f"join {name}",
        lambda place: os.mknod(place.everybody / (place.prefix + name)),
        lambda tree: tree.own.add(name),
    )


def look_around(chance: random.Random, tree: Tree) -> Step | None:
    """The directory of all, in which others come and go: each of one's own names is there once."""
    own = sorted(tree.own)

    def do(place: Place) -> None:
        with os.scandir(place.everybody) as entries:
            seen = sorted(each.name for each in entries if each.name.startswith(place.prefix))
        expect("own names among all", seen, sorted(place.prefix + name for name in own))

    return Step("list all", do)


def count(chance: random.Random, tree: Tree) -> Step | None:
    """One more, in the file that all count in, under a lock."""

    def do(place: Place) -> None:
        fd = os.open(place.counter, os.O_RDWR)
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX)
            number = int(os.pread(fd, 20, 0))
            write_all(fd, b"%020d" % (number + 1), 0)
        finally:
            shut(fd)

    def apply(tree: Tree) -> None:
        tree.counted += 1

    return Step("count", do, apply)
