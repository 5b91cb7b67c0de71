"""How the table finds a node's cookie: by a note in the node, or by a list where there can be none."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import attrs
import pytest

from puffpy.errors import FsError
from puffpy.nodes import ROOT_COOKIE, Commons, NodeTable
from puffpy.types import Node, Vattr


class Bare(Node):
    """Has an ``__init__`` of its own, which leaves out Node's."""

    __slots__ = ()

    def __init__(self) -> None:
        self.vattr = Vattr(0o100644)


@attrs.frozen(eq=False)
class Frozen(Node):
    """Cannot be changed."""

    name: str


@attrs.frozen
class Stranger:
    """No Node at all, and equal to others."""

    name: str


KINDS: dict[str, Any] = {
    "node": Node.file,
    "bare": Bare,
    "frozen": lambda: Frozen("a"),
    "stranger": lambda: Stranger("a"),
    "word": lambda: "word",
}


@pytest.fixture
def root() -> Node:
    return Node.directory()


def ended(table: NodeTable, node: Any) -> bool:
    vnode = table.find(node)
    assert vnode is not None
    table.forget(vnode.cookie, vnode.nlookup)
    return table.find(node) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("root_kind", ["node", "stranger"])
def test_any_object_is_found_while_it_is_alive(kind: str, root_kind: str) -> None:
    table, node = NodeTable(KINDS[root_kind]()), KINDS[kind]()
    assert table.find(node) is None
    vnode = table.hold(node)
    assert table.find(node) is vnode
    assert table.hold(node) is vnode
    assert ended(table, node)
    assert table.hold(node).cookie != vnode.cookie
    table.clear()
    assert table.find(node) is None


@pytest.mark.parametrize("kind", KINDS)
def test_two_tables_over_one_root_have_cookies_of_their_own(root: Node, kind: str) -> None:
    one, two, node = NodeTable(root), NodeTable(root), KINDS[kind]()
    one.hold(Node.file())
    first, second = one.hold(node), two.hold(node)
    assert first.cookie != second.cookie
    assert (one.find(node), two.find(node)) == (first, second)
    assert ended(one, node)
    assert two.find(node) is second
    assert one.hold(node).nlookup == 1
    assert ended(two, node)
    assert one.find(node) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_two_tables_with_roots_of_their_own_may_have_a_node_in_common(kind: str) -> None:
    one, two, node = NodeTable(Node.directory()), NodeTable(Node.directory()), KINDS[kind]()
    first, second = one.hold(node), two.hold(node)
    assert (one.find(node), two.find(node)) == (first, second)
    assert one.cookies_of([node], 0) == [first.cookie]
    assert ended(one, node)
    assert two.find(node) is second
    assert two.hold(node) is second
    assert two.cookies_of([node], 0) == [second.cookie]
    assert one.find(node) is None
    assert ended(two, node)


def test_two_tables_whose_nodes_choose_their_cookies_may_have_a_node_in_common() -> None:
    one, two = (NodeTable(Node.directory(), handle=lambda node: (50, 0)) for _ in range(2))
    node = Node.file()
    first, second = one.hold(node), two.hold(node)
    assert ended(one, node)
    assert two.find(node) is second
    assert one.hold(node) is not first
    assert ended(two, node)
    assert one.find(node) is not None


def test_the_next_table_over_a_root_finds_nothing_of_the_last(root: Node) -> None:
    node = Node.file()
    one = NodeTable(root)
    cookie = one.hold(node).cookie
    one.clear()
    two = NodeTable(root)
    assert two.find(node) is None
    assert two.hold(node).cookie == cookie  # both began with the same number


def test_a_table_that_was_dropped_without_an_end_is_in_nobodys_way(root: Node) -> None:
    node = Node.file()
    NodeTable(root).hold(node)
    table = NodeTable(root)
    assert table.find(node) is None
    assert table.find(root) is table.root
    assert table.hold(node) is table.find(node)
    assert ended(table, node)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda node: pickle.loads(pickle.dumps(node))])
@pytest.mark.parametrize("kind", ["node", "bare", "frozen"])
def test_a_copy_is_another_node(root: Node, copied: Any, kind: str) -> None:
    table, node = NodeTable(root), KINDS[kind]()
    vnode = table.hold(node)
    other = copied(node)
    assert table.find(other) is None
    assert table.cookies_of([node, other], 0) == [vnode.cookie, 0]
    assert table.hold(other) is not vnode
    assert table.cookies_of([node, other], 0) == [vnode.cookie, table.hold(other).cookie]
    assert ended(table, node)
    assert table.find(other) is not None


def test_a_node_made_from_another_by_hand_is_found_as_itself(root: Node) -> None:
    """By whatever means the note came into it, it does not count."""
    table, node, other = NodeTable(root), Node.file(), Node.file()
    vnode = table.hold(node)
    other._known_as = vnode.cookie
    assert table.find(other) is None
    assert table.hold(other) is not vnode
    assert ended(table, other)
    assert table.find(node) is vnode


def test_tables_that_share_their_nodes_leave_no_notes(root: Node) -> None:
    commons, node = Commons(), Node.file()
    one, two = NodeTable(root, entered=commons.entered), NodeTable(root, entered=commons.entered)
    one.hold(Node.file())
    assert one.hold(node).cookie != two.hold(node).cookie
    assert (root._known_as, node._known_as) == (0, 0)


def test_the_cookies_of_many_nodes_are_told_at_once(root: Node) -> None:
    table = NodeTable(root)
    nodes = [make() for make in KINDS.values()]
    assert table.cookies_of(nodes, 99) == [99] * len(nodes)
    alive = table.hold(nodes[0]).cookie
    assert table.cookies_of([root, *nodes[:2]], 99) == [ROOT_COOKIE, alive, 99]
    assert table.cookies_of([root, *nodes], 99) == [ROOT_COOKIE, alive, *[99] * (len(nodes) - 1)]


def test_a_node_found_again_has_the_cookie_that_it_had(root: Node) -> None:
    table, node = NodeTable(root), Node.file()
    table.resume(lambda cookie: (node, 3, 8), 100)
    vnode = table.cookies[42]
    assert table.find(node) is vnode
    with pytest.raises(FsError, match="cookie 43 leads to"):
        table.cookies[43]
