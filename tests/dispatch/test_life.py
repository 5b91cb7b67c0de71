"""When a node's use and its life end: inactive and reclaim, each when it should come and not before."""

from __future__ import annotations

import errno
import logging
from typing import Any

import pytest

from puffpy.types import Node
from puffpy.wire import Opcode
from tests.dispatch.samples import DIRECTORY, FILE
from tests.dispatch.speaker import ROOT, Scribe, Speaker


@pytest.fixture
def scribe() -> Scribe:
    names = {"f": Node.file(), "d": Node.directory()}
    return Scribe(names, inactive=None, reclaim=None, remove=None, link=None, close=None)


@pytest.fixture
def speaker(scribe: Scribe) -> Speaker:
    speaker = Speaker(scribe)
    assert (speaker.lookup(b"f"), speaker.lookup(b"d")) == (FILE, DIRECTORY)
    return speaker


def test_an_unlinked_open_file_lives_until_its_close(speaker: Speaker, scribe: Scribe) -> None:
    fh = speaker.open(FILE)
    assert not speaker.ask(Opcode.UNLINK, ROOT, b"f").error
    speaker.forget(FILE)
    assert not speaker.ask(Opcode.GETATTR, FILE).error
    assert scribe.calls() == ["remove"]
    speaker.release(FILE, fh)
    assert scribe.heard[1:] == [("inactive", (scribe.names["f"],)), ("reclaim", (scribe.names["f"],))]
    assert scribe.calls() == ["close", "inactive", "reclaim"]
    assert speaker.refused(Opcode.GETATTR, FILE) == errno.ESTALE


def test_a_release_before_the_forget_is_inactive_first_and_reclaim_with_the_forget(
    speaker: Speaker, scribe: Scribe
) -> None:
    fh = speaker.open(FILE)
    speaker.release(FILE, fh)
    assert scribe.calls() == ["close", "inactive"]
    speaker.forget(FILE)
    assert scribe.calls() == ["reclaim"]


def test_only_the_last_of_several_closes_counts(speaker: Speaker, scribe: Scribe) -> None:
    one, two = speaker.open(FILE), speaker.open(FILE)
    speaker.release(FILE, one)
    assert scribe.calls() == ["close"]
    speaker.release(FILE, two)
    assert scribe.calls() == ["close", "inactive"]
    speaker.release(FILE, speaker.open(FILE))
    assert scribe.calls() == ["close", "inactive"]


def test_a_hard_link_is_one_more_lookup_of_the_same_life(speaker: Speaker, scribe: Scribe) -> None:
    assert speaker.ask(Opcode.LINK, ROOT, b"other", oldnodeid=FILE).fields["nodeid"] == FILE
    assert not speaker.ask(Opcode.UNLINK, ROOT, b"f").error
    speaker.forget(FILE)
    assert scribe.calls() == ["link", "remove"]
    speaker.forget(FILE)
    assert scribe.calls() == ["inactive", "reclaim"]


def test_a_forgotten_node_that_is_looked_up_again_starts_another_life(
    speaker: Speaker, scribe: Scribe
) -> None:
    speaker.forget(FILE)
    assert scribe.calls() == ["inactive", "reclaim"]
    again = speaker.lookup(b"f")
    assert again not in (FILE, DIRECTORY, ROOT)
    speaker.forget(again)
    assert scribe.calls() == ["inactive", "reclaim"]


def test_many_are_forgotten_in_one_message_and_a_wrong_one_keeps_no_other_alive(
    speaker: Speaker, scribe: Scribe, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(4):
        speaker.lookup(b"f")
    speaker.forget_many((999, 1), (FILE, 5), (DIRECTORY, 1))
    assert scribe.calls() == ["inactive", "reclaim"] * 2
    assert speaker.counts() == {}
    assert caplog.records == []


def test_a_batch_that_counts_wrong_is_dropped_whole(
    speaker: Speaker, scribe: Scribe, caplog: pytest.LogCaptureFixture
) -> None:
    message = bytearray(speaker.request(Opcode.BATCH_FORGET, 0, data=bytes(16)))
    message[40] = 200
    assert speaker.tell(bytes(message)) is None
    assert "BATCH_FORGET of 200 nodes holds 1" in caplog.text
    assert scribe.calls() == []


def test_a_kernel_that_gives_back_too_much_is_written_down(
    speaker: Speaker, scribe: Scribe, caplog: pytest.LogCaptureFixture
) -> None:
    speaker.forget(FILE, 2)
    assert "gives back 2 lookups" in caplog.text
    assert scribe.calls() == ["inactive", "reclaim"]
    assert speaker.counts() == {DIRECTORY: (1, 0)}


def test_an_open_directory_is_in_use_too(speaker: Speaker, scribe: Scribe) -> None:
    fh = speaker.open(DIRECTORY, opcode=Opcode.OPENDIR)
    speaker.forget(DIRECTORY)
    assert scribe.calls() == []
    speaker.release(DIRECTORY, fh, opcode=Opcode.RELEASEDIR)
    assert scribe.calls() == ["inactive", "reclaim"]


def test_the_root_is_inactive_but_never_reclaimed(speaker: Speaker, scribe: Scribe) -> None:
    speaker.release(ROOT, speaker.open(ROOT, opcode=Opcode.OPENDIR), opcode=Opcode.RELEASEDIR)
    assert scribe.calls() == ["inactive"]
    speaker.forget(ROOT, 1)
    assert scribe.calls() == []
    assert not speaker.ask(Opcode.GETATTR, ROOT).error


@pytest.mark.parametrize("op", ["inactive", "reclaim"])
def test_what_goes_wrong_at_the_end_of_a_life_is_logged_and_holds_up_nothing(
    op: str, caplog: pytest.LogCaptureFixture
) -> None:
    answers: dict[str, Any] = {"inactive": None, "reclaim": None, op: ZeroDivisionError("oops")}
    scribe = Scribe({"f": Node.file()}, **answers)
    speaker = Speaker(scribe)
    nodeid = speaker.lookup(b"f")
    with caplog.at_level(logging.ERROR):
        speaker.release(nodeid, speaker.open(nodeid))
        speaker.forget(nodeid)
    assert scribe.calls() == ["inactive", "reclaim"]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "oops" in caplog.text
    assert speaker.counts() == {}


def test_syncfs_reaches_sync() -> None:
    scribe = Scribe(sync=None)
    speaker = Speaker(scribe)
    assert not speaker.ask(Opcode.SYNCFS).error
    assert scribe.calls() == ["sync"]
    assert Speaker(Scribe(sync=OSError(errno.EIO, "lost"))).refused(Opcode.SYNCFS) == errno.EIO
