"""Paths stay right whatever is renamed, removed, linked and forgotten."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puffpy.compat.fusepy.tree import DIRECTORY, PathNode, Tree

NAMES = ("a", "b", "c")
SEATS = st.tuples(st.integers(0, 5), st.sampled_from(NAMES))
STEPS = st.lists(
    st.tuples(st.sampled_from(["enter", "remove", "move", "swap", "forget"]), SEATS, SEATS), max_size=40
)


class Twin:
    """The same names in the simplest way: every node's whole path, and a rename that touches them all."""

    def __init__(self) -> None:
        self.tree = Tree()
        self.paths = {self.tree.root: "/"}

    def directory(self, number: int) -> PathNode:
        """Return one of the directories that are there."""
        return list(self.paths)[number % len(self.paths)]

    def at(self, parent: PathNode, name: str) -> str:
        """Return where a name is."""
        return self.paths[parent].rstrip("/") + "/" + name

    def below(self, path: str) -> list[PathNode]:
        """Return what is at *path* and below it."""
        return [node for node, at in self.paths.items() if (at + "/").startswith(path + "/")]

    def do(self, step: str, one: tuple[int, str], two: tuple[int, str]) -> None:
        """Do one step to both, if the kernel would."""
        parent, name = self.directory(one[0]), one[1]
        newparent, newname = self.directory(two[0]), two[1]
        old, new = self.at(parent, name), self.at(newparent, newname)
        moved, replaced = self.below(old), self.below(new)
        inside = (new + "/").startswith(old + "/") or (old + "/").startswith(new + "/")
        if step == "enter":
            self.paths[self.tree.enter(parent, name, DIRECTORY)] = old
        elif step == "remove" and len(moved) == 1:
            self.tree.remove(parent, name)
            del self.paths[moved[0]]
        elif step == "forget" and len(moved) == 1:
            self.tree.forget(moved[0])
            del self.paths[moved[0]]
        elif step == "move" and moved and not inside and len(replaced) < 2:
            self.tree.move(parent, name, newparent, newname)
            for node in replaced:
                del self.paths[node]
            self._rename(moved, old, new)
        elif step == "swap" and moved and replaced and not inside:
            self.tree.swap(parent, name, newparent, newname)
            self._rename(moved, old, new)
            self._rename(replaced, new, old)

    def _rename(self, nodes: list[PathNode], old: str, new: str) -> None:
        self.paths.update({node: new + self.paths[node][len(old) :] for node in nodes})


@given(STEPS)
def test_every_node_has_the_path_that_it_would_have_if_all_were_written_down(
    steps: list[tuple[str, tuple[int, str], tuple[int, str]]],
) -> None:
    twin = Twin()
    for step in steps:
        twin.do(*step)
        assert {node: twin.tree.path(node) for node in twin.paths} == twin.paths


def test_a_removed_node_has_no_path_and_neither_has_what_was_below_it() -> None:
    tree = Tree()
    directory = tree.enter(tree.root, "d", DIRECTORY)
    file = tree.enter(directory, "f", 8)
    assert tree.path(file) == "/d/f"
    tree.remove(tree.root, "d")
    for node in (directory, file):
        with pytest.raises(FileNotFoundError):
            tree.path(node)


def test_a_directory_stays_for_what_is_below_it_and_goes_with_it() -> None:
    tree = Tree()
    directory = tree.enter(tree.root, "d", DIRECTORY)
    file = tree.enter(directory, "f", 8)
    tree.forget(directory)
    assert tree.enter(tree.root, "d", DIRECTORY) is directory
    tree.forget(directory)
    tree.forget(file)
    assert tree.root.children == {}


def test_a_file_of_several_names_keeps_one_until_the_last_is_gone() -> None:
    tree = Tree()
    one, other = tree.enter(tree.root, "one", DIRECTORY), tree.enter(tree.root, "other", DIRECTORY)
    file = tree.enter(one, "f", 8)
    tree.link(file, other, "g")
    tree.remove(one, "f")
    assert tree.path(file) == "/other/g"
    tree.link(file, one, "h")
    tree.move(one, "h", one, "i")
    tree.remove(other, "g")
    assert tree.path(file) == "/one/i"
    tree.link(file, other, "j")
    tree.forget(one)
    tree.forget(other)
    tree.forget(file)
    assert tree.root.children == {}
