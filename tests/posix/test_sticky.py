"""Sticky directories: whose files of every kind can be removed, moved and replaced by whom."""

from __future__ import annotations

import errno

import pytest

from tests.posix.asking import exists, refused
from tests.posix.callers import Caller
from tests.posix.kinds import KINDS, Kind, kept

ROOT, ALICE, BOB = 0, 1001, 1002

OWNERS = [(directory, node) for directory in (ALICE, ROOT, BOB) for node in (ALICE, ROOT, BOB)]
"""Of the sticky directory, and of what is in it; alice acts."""


@pytest.fixture
def both(fs: Caller, alice: Caller) -> Caller:
    """A sticky directory, and one of alice's."""
    fs.mkdir("/sticky")
    fs.chmod("/sticky", 0o1777)
    alice.mkdir("/mine")
    return alice


def put(fs: Caller, kind: Kind, directory: int, node: int) -> tuple[int, ...]:
    """Put a node of *node*'s into the sticky directory, of *directory*'s; return what is to be kept of it."""
    fs.chown("/sticky", directory, directory)
    kind.make(fs, "/sticky/f")
    fs.lchown("/sticky/f", node, node)
    return kept(fs.lstat("/sticky/f"))


def test_a_node_is_removed_by_its_owner_and_the_directorys(fs: Caller, both: Caller, kind: Kind) -> None:
    for directory, node in OWNERS:
        before = put(fs, kind, directory, node)
        if ALICE in (directory, node):
            kind.remove(both, "/sticky/f")
            assert not exists(fs, "/sticky/f")
        else:
            refused(errno.EPERM, kind.remove, both, "/sticky/f")
            assert kept(fs.lstat("/sticky/f")) == before
            kind.remove(fs, "/sticky/f")


def test_a_node_is_moved_by_its_owner_and_the_directorys(fs: Caller, both: Caller, kind: Kind) -> None:
    for directory, node in OWNERS:
        before = put(fs, kind, directory, node)
        if ALICE not in (directory, node):
            refused(errno.EPERM, both.rename, "/sticky/f", "/mine/f")
            refused(errno.EPERM, both.rename, "/sticky/f", "/sticky/g")
        else:
            both.rename("/sticky/f", "/sticky/g")
            if kind.is_directory and node != ALICE:
                # Its ".." would be written, which takes the right to write the directory itself.
                refused(errno.EACCES, both.rename, "/sticky/g", "/mine/f")
                both.rename("/sticky/g", "/sticky/f")
            else:
                both.rename("/sticky/g", "/mine/f")
                assert kept(fs.lstat("/mine/f")) == before
                both.rename("/mine/f", "/sticky/f")
        assert kept(fs.lstat("/sticky/f")) == before
        kind.remove(fs, "/sticky/f")


def test_a_node_is_replaced_by_its_owner_and_the_directorys(fs: Caller, both: Caller, kind: Kind) -> None:
    for directory, node in OWNERS:
        for other in KINDS.values():
            if other.is_directory != kind.is_directory:
                continue
            before = put(fs, other, directory, node)
            kind.make(fs, "/mine/f")
            fs.lchown("/mine/f", ALICE, ALICE)
            came = kept(fs.lstat("/mine/f"))
            if ALICE in (directory, node):
                both.rename("/mine/f", "/sticky/f")
                assert kept(fs.lstat("/sticky/f")) == came
                kind.remove(fs, "/sticky/f")
            else:
                refused(errno.EPERM, both.rename, "/mine/f", "/sticky/f")
                assert kept(fs.lstat("/sticky/f")) == before
                kind.remove(fs, "/mine/f")
                other.remove(fs, "/sticky/f")
