"""Listings that cannot be true: EIO to the caller, one line with the operation, no count moved."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from typing import Any

import pytest

from puffpy.types import Dirent, Node, Vattr
from puffpy.wire import Opcode
from tests.dispatch.samples import Conversation
from tests.dispatch.speaker import ROOT, Scribe, Speaker
from tests.dispatch.untrue import node, refused

GOOD = ("good", Node.file())
WRONG_LISTINGS = {
    "none": None,
    "number": 7,
    "bare names": ["a", "b"],
    "three": [GOOD, ("a", Node.file(), 3)],
    "one": [("a",)],
    "empty tuple": [GOOD, ()],
    "name that is none": [GOOD, (b"bytes", Node.file())],
    "empty name": [GOOD, ("", Node.file())],
    "slash": [GOOD, ("a/b", Node.file())],
    "nul": [GOOD, ("a\0b", Node.file())],
    "too long": [GOOD, ("x" * 1025, Node.file())],
    "something with a name": [GOOD, type("Thing", (), {"name": "x", "ino": 1})()],
    "no node": [GOOD, ("a", None)],
    "negative ino": [GOOD, Dirent("a", -1)],
    "ino that is none": [GOOD, Dirent("a", "7")],  # type: ignore[arg-type]
    "a mode for a type": [GOOD, Dirent("a", 7, stat.S_IFDIR)],
    "type that nothing has": [GOOD, Dirent("a", 7, 3)],
    "type beside a node": [Dirent("a", 7, 0o10), GOOD, Dirent("b", 8, 99)],
    "type that is none": [GOOD, Dirent("a", 7, [8])],  # type: ignore[arg-type]
    "empty dirent": [GOOD, Dirent("", 7)],
    "slash in a dirent": [GOOD, Dirent("a/b", 7)],
}


@pytest.mark.parametrize("answer", WRONG_LISTINGS.values(), ids=WRONG_LISTINGS)
@pytest.mark.parametrize("opcode", [Opcode.READDIR, Opcode.READDIRPLUS])
def test_a_listing_has_names_and_counts_nothing_if_one_is_wrong(
    opcode: Opcode, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    speaker = Speaker(Scribe(readdir=answer))
    fh = speaker.open(ROOT, opcode=Opcode.OPENDIR)
    refused(speaker, caplog, "Scribe.readdir", opcode, fh=fh, size=4096)


@pytest.mark.parametrize("wrong", [{"mode": 0o644}, {"uid": -1}, {"rdev": os.makedev(5000, 1)}, {"ttl": -1}])
def test_a_wrong_node_in_a_listing_takes_back_those_before_it(
    wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    scribe = Scribe(
        readdir=[GOOD, ("also", Node.file()), ("bad", node(**wrong)), ("last", Node.file())], reclaim=None
    )
    speaker = Speaker(scribe)
    fh = speaker.open(ROOT, opcode=Opcode.OPENDIR)
    refused(speaker, caplog, "Scribe.readdir", Opcode.READDIRPLUS, fh=fh, size=4096)
    assert speaker.counts() == {ROOT: (1, 1)}


def test_a_bug_in_getattr_of_one_node_takes_back_those_before_it() -> None:
    bad = Node.file()

    def attributes(vp: Any, call: Any) -> Vattr:
        calls.append(vp)
        if calls.count(bad) > 1:  # the listing is taken first, then its nodes are told
            raise ZeroDivisionError
        assert isinstance(vp.vattr, Vattr)
        return vp.vattr

    calls: list[Any] = []
    speaker = Speaker(Scribe(getattr=attributes, readdir=[GOOD, ("bad", bad)]))
    fh = speaker.open(ROOT, opcode=Opcode.OPENDIR)
    assert speaker.refused(Opcode.READDIRPLUS, fh=fh, size=4096) == errno.EIO
    assert speaker.counts() == {ROOT: (1, 1)}


@pytest.mark.parametrize("op", ["readdir", "listextattr"])
def test_a_bug_inside_a_generator_is_not_taken_for_a_wrong_answer(
    op: str, caplog: pytest.LogCaptureFixture
) -> None:
    def generator(vp: Any, call: Any) -> Iterator[Any]:
        yield from ()
        raise TypeError("the author's own")

    answers: dict[str, Any] = {"readdir": [], op: generator}
    speaker = Conversation(**answers)
    opcode = Opcode.READDIR if op == "readdir" else Opcode.LISTXATTR
    assert speaker.say(opcode).error == errno.EIO
    assert "TypeError: the author's own" in caplog.text
