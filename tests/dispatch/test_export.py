"""File handles that outlive their nodes, in bytes: LOOKUP of . and .. on nodes that were forgotten."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from puffpy.errors import FsError
from puffpy.types import ComponentName, Entry, Node
from puffpy.wire import Opcode
from puffpy.wire.flags import InitFlag
from tests.dispatch.speaker import ROOT, Scribe, Speaker

FILEID, GENERATION = 500, 7


class Exported(Scribe):
    """One file in the root, found again by its number."""

    def __init__(self) -> None:
        self.file = Node.file()
        super().__init__({"f": self.file}, nodetofh=self._number, fhtonode=self._node)
        self.parent: Callable[[], Any] = lambda: self.root

    def lookup(self, dvp: Any, cn: Any, call: Any) -> Any:
        if cn == ComponentName(".."):
            return self.parent()
        return super().lookup(dvp, cn, call)

    def _number(self, vp: Any) -> tuple[int, int]:
        assert vp is self.file
        return FILEID, GENERATION

    def _node(self, fileid: int) -> Any:
        if fileid != FILEID:
            raise FsError(errno.ESTALE)
        return self.file


def test_a_mount_is_exported_only_where_handles_can_be_found_again() -> None:
    assert Speaker(Exported()).flags & InitFlag.EXPORT_SUPPORT
    assert not Speaker(Scribe()).flags & InitFlag.EXPORT_SUPPORT


def test_a_node_is_called_by_its_own_number_and_generation() -> None:
    fields = Speaker(Exported()).ask(Opcode.LOOKUP, ROOT, b"f").fields
    assert (fields["nodeid"], fields["generation"]) == (FILEID, GENERATION)


def test_a_forgotten_node_is_found_again_by_its_number() -> None:
    scribe = Exported()
    speaker = Speaker(scribe)
    assert speaker.lookup(b".", FILEID) == FILEID
    assert speaker.counts() == {FILEID: (1, 0)}
    assert scribe.calls() == ["fhtonode", "nodetofh"]
    assert speaker.lookup(b".", FILEID) == FILEID
    assert scribe.calls() == []  # it is alive
    speaker.forget(FILEID, 2)
    assert speaker.counts() == {}


def test_a_number_that_means_nothing_any_more_is_stale() -> None:
    speaker = Speaker(Exported())
    assert speaker.refused(Opcode.LOOKUP, 501, b".") == errno.ESTALE
    assert speaker.refused(Opcode.LOOKUP, FILEID, b"name") == errno.ESTALE


@pytest.mark.parametrize("around", [lambda node: node, Entry])
def test_a_parent_is_looked_up_by_its_two_dots_and_may_be_the_root(around: Any) -> None:
    scribe = Exported()
    scribe.parent = lambda: around(scribe.root)
    speaker = Speaker(scribe)
    fields = speaker.ask(Opcode.LOOKUP, FILEID, b"..").fields
    assert (fields["nodeid"], fields["generation"]) == (ROOT, 0)
    assert speaker.lookup(b".", ROOT) == ROOT
    assert speaker.counts() == {ROOT: (3, 0)}
    speaker.forget(ROOT, 2)
    assert speaker.counts() == {}


def test_a_parent_that_is_not_the_root_is_counted_like_any_node() -> None:
    scribe = Exported()
    scribe.parent = lambda: scribe.file
    speaker = Speaker(scribe)
    assert speaker.lookup(b"..", ROOT) == FILEID
    assert speaker.counts() == {FILEID: (1, 0)}


def test_dots_are_no_names_where_nothing_is_exported(caplog: pytest.LogCaptureFixture) -> None:
    speaker = Speaker(Scribe())
    assert speaker.refused(Opcode.LOOKUP, ROOT, b".") == errno.EINVAL
    assert "is not one component" in caplog.text


@pytest.mark.parametrize("number", [(0, 0), (1, 0), (1 << 64, 0), (-5, 0), None, ("2", 0)])
def test_numbers_that_cannot_be_cookies_count_nothing(number: Any, caplog: pytest.LogCaptureFixture) -> None:
    scribe = Scribe({"f": Node.file()}, nodetofh=number, fhtonode=None)
    speaker = Speaker(scribe)
    assert speaker.refused(Opcode.LOOKUP, ROOT, b"f") == errno.EIO
    assert speaker.counts() == {}
    assert len(caplog.records) == 1
