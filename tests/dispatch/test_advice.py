"""Names that are listed are looked up with their listing, as long as somebody looks them up next."""

from __future__ import annotations

from typing import Any

import pytest

import puffpy
from puffpy.dispatch.advice import ENOUGH, SAMPLE, Advice
from puffpy.types import Dirent
from puffpy.wire import Opcode
from tests.dispatch.folder import Folder, counted, names_of, opened
from tests.dispatch.speaker import ROOT, Speaker


def ratio(advice: Advice, listings: int, looked_up: float) -> float:
    """Have so many listings of ENOUGH names, and that part of what was not told with them looked up."""
    told = 0
    for _ in range(listings):
        if advice.look_up(ENOUGH):
            told += 1
        else:
            advice.asked += int(ENOUGH * looked_up)
    return told / listings


@pytest.mark.parametrize(("looked_up", "least", "most"), [(1.0, 0.9, 0.95), (0.5, 0.9, 0.95), (0.4, 0, 0.01)])
def test_what_is_looked_up_next_is_looked_up_at_once(looked_up: float, least: float, most: float) -> None:
    advice = Advice()
    ratio(advice, 2 * SAMPLE, looked_up)
    assert least <= ratio(advice, 100 * (SAMPLE + 1), looked_up) <= most


def test_habits_may_change() -> None:
    advice = Advice()
    assert ratio(advice, 10 * SAMPLE, 0) < 0.2
    assert ratio(advice, 10 * SAMPLE, 1) > 0.9
    assert ratio(advice, 10 * SAMPLE, 0) < 0.2


def test_small_directories_are_taken_together() -> None:
    advice = Advice()
    for _ in range(SAMPLE):
        assert advice.look_up(1)
    for _ in range(ENOUGH):
        assert not advice.look_up(1)
        advice.asked += 1
    assert advice.look_up(1)


def quick(*names: str) -> Folder:
    """A directory of *names* that may be looked up with their listing."""
    folder = Folder(*names)
    folder.readdir = lambda dvp, call: [  # type: ignore[method-assign]
        Dirent(".", 5, 4),
        *(Dirent(name, 9, 8, lookup=True) for name in [*names, "gone"]),
    ]
    return folder


def test_a_name_that_may_be_looked_up_is_told_with_its_node_and_counted() -> None:
    speaker, fh = opened(quick("a", "b"))
    records = speaker.readdirplus(fh)
    assert names_of(records) == [".", "a", "b", "gone"]
    assert counted(records) == ["a", "b"]
    assert speaker.counts() == {ROOT: (1, 1), 2: (1, 0), 3: (1, 0)}
    assert speaker.lookup(b"a") == 2
    assert [record.ino for record in speaker.readdir(fh)] == [5, 9, 9, 9], "nothing is looked up for names"


def test_once_a_name_has_changed_nothing_is_looked_up() -> None:
    speaker, fh = opened(quick("a", "b"))
    begun = speaker.readdirplus(fh, 0, 200)
    assert names_of(begun) == ["."]
    speaker.ask(Opcode.UNLINK, ROOT, b"b")
    assert counted(speaker.readdirplus(fh, begun[-1].off)) == []


def test_names_that_nobody_asks_for_are_looked_up_no_more() -> None:
    speaker, fh = opened(quick(*"abcdefgh"))
    told = [len(counted(speaker.readdirplus(fh))) for _ in range(4 * SAMPLE)]
    assert set(told) == {8, 0}
    assert sum(told) == 8 * SAMPLE
    for _ in range(ENOUGH):
        speaker.lookup(b"a")
    assert counted(speaker.readdirplus(fh)) == list("abcdefgh")


class Waiting(puffpy.VnodeOps):
    """Looks names up in worker threads."""

    def __init__(self) -> None:
        self.root = puffpy.Node.directory()

    @puffpy.blocking
    def lookup(self, dvp: Any, cn: Any, call: Any) -> Any:
        raise AssertionError(cn)

    def readdir(self, dvp: Any, call: Any) -> list[Dirent]:
        return [Dirent("name", 9, 8, lookup=True)]


def test_a_lookup_that_waits_is_left_to_the_kernel() -> None:
    speaker = Speaker(Waiting())
    fh = speaker.open(ROOT, opcode=Opcode.OPENDIR)
    records = speaker.readdirplus(fh)
    assert names_of(records) == [".", "..", "name"]
    assert counted(records) == []
    speaker.session.close()
