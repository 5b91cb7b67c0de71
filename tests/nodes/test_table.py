"""The node table: counts, the race of an answer against a FORGET, and when lives end."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from puffpy.errors import FsError, ReplyError, WireError
from puffpy.nodes import ROOT_COOKIE, NodeTable


class Ledger:
    """Writes down what the table reports."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []

    def table(self, **more: Any) -> NodeTable:
        return NodeTable(
            "root",
            inactive=lambda node: self.said.append(("inactive", node)),
            reclaim=lambda node: self.said.append(("reclaim", node)),
            **more,
        )


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def test_the_same_object_keeps_its_cookie_while_it_is_alive(ledger: Ledger) -> None:
    table, node = ledger.table(), object()
    assert table.hold(node) is table.hold(node)
    assert table.hold(node).nlookup == 3


def test_equal_objects_are_different_nodes(ledger: Ledger) -> None:
    table = ledger.table()
    assert table.hold([1]).cookie != table.hold([1]).cookie


def test_the_last_forget_ends_a_life_and_a_new_one_gets_a_new_cookie(ledger: Ledger) -> None:
    table, node = ledger.table(), object()
    first = table.hold(node).cookie
    table.forget(first, 1)
    assert ledger.said == [("inactive", node), ("reclaim", node)]
    assert table.find(node) is None
    assert table.hold(node).cookie != first


def test_a_forget_that_crosses_a_lookups_answer_leaves_the_node_alive(ledger: Ledger) -> None:
    """The kernel gives back one count while the second answer is on its way to it."""
    table, node = ledger.table(), object()
    cookie = table.hold(node).cookie
    table.hold(node)
    table.forget(cookie, 1)
    assert table.cookies[cookie].node is node
    assert ledger.said == []
    table.forget(cookie, 1)
    assert ledger.said == [("inactive", node), ("reclaim", node)]


def test_an_open_node_outlives_its_forget_and_is_reclaimed_after_the_last_close(ledger: Ledger) -> None:
    table, node = ledger.table(), object()
    vnode = table.hold(node)
    table.opened(vnode)
    table.opened(vnode)
    table.forget(vnode.cookie, 1)
    table.closed(vnode)
    assert ledger.said == []
    table.closed(vnode)
    assert ledger.said == [("inactive", node), ("reclaim", node)]


def test_inactive_comes_once_after_each_last_close_and_once_before_reclaim(ledger: Ledger) -> None:
    table, node = ledger.table(), object()
    vnode = table.hold(node)
    for _ in range(2):
        table.opened(vnode)
        table.closed(vnode)
    assert ledger.said == [("inactive", node)] * 2
    table.forget(vnode.cookie, 1)
    assert ledger.said == [("inactive", node)] * 2 + [("reclaim", node)]


def test_the_root_is_never_reclaimed_before_the_end(ledger: Ledger) -> None:
    table = ledger.table()
    table.forget(ROOT_COOKIE, 1)
    assert table.cookies[ROOT_COOKIE].node == "root"
    assert ledger.said == []


def test_at_the_end_every_life_ends_and_the_roots_is_the_last(ledger: Ledger) -> None:
    table = ledger.table()
    table.hold("a")
    table.hold("b")
    table.clear()
    assert [node for what, node in ledger.said if what == "reclaim"] == ["a", "b", "root"]
    assert len(table) == 0
    table.clear()
    assert len(ledger.said) == 6


def test_a_cookie_that_is_not_alive_is_stale(ledger: Ledger) -> None:
    with pytest.raises(FsError) as refusal:
        ledger.table().cookies[99]
    assert refusal.value.errno == errno.ESTALE


def test_a_kernel_that_gives_back_too_much_is_told_and_the_node_ends(ledger: Ledger) -> None:
    table, node = ledger.table(), object()
    cookie = table.hold(node).cookie
    with pytest.raises(WireError, match="2 lookups of cookie 2, which has only 1"):
        table.forget(cookie, 2)
    assert ("reclaim", node) in ledger.said


def test_a_file_system_with_file_handles_chooses_its_cookies(ledger: Ledger) -> None:
    table = ledger.table(handle=lambda node: (node * 10, 7))
    vnode = table.hold(5)
    assert (vnode.cookie, vnode.generation) == (50, 7)
    table.forget(50, 1)
    assert table.hold(5).cookie == 50


@pytest.mark.parametrize("fileid", [0, ROOT_COOKIE, 1 << 64])
def test_a_file_id_that_cannot_be_a_cookie_is_refused(ledger: Ledger, fileid: int) -> None:
    with pytest.raises(ReplyError, match="expected 2 to"):
        ledger.table(handle=lambda node: (fileid, 0)).hold(object())


def test_one_file_id_for_two_living_nodes_is_refused(ledger: Ledger) -> None:
    table = ledger.table(handle=lambda node: (9, 0))
    table.hold("a")
    with pytest.raises(ReplyError, match="for 'b' and for 'a'"):
        table.hold("b")
