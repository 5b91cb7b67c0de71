"""The ledger: what was committed is there, what was not is not, and it does not fill up with the past."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puffpy.supervise import Ledger
from puffpy.supervise.ledger import END, WORDS

SMALL = 1 << 13

CHANGES = st.lists(
    st.tuples(st.sampled_from(["put", "drop", "commit", "die"]), st.integers(0, 5), st.binary(max_size=40)),
    max_size=120,
)


def contents(ledger: Ledger) -> Mapping[int, bytes]:
    """What the table of the tests holds."""
    return dict(ledger.table(7))


@given(CHANGES)
def test_whoever_comes_after_finds_what_was_committed(changes: list[tuple[str, int, bytes]]) -> None:
    ledger = Ledger(SMALL)
    now: dict[int, bytes] = {}
    certain: dict[int, bytes] = {}
    for what, number, value in changes:
        if what == "put":
            ledger.put(7, number, value)
            now[number] = value
        elif what == "drop":
            ledger.drop(7, number)
            now.pop(number, None)
        elif what == "commit":
            ledger.commit()
            certain = dict(now)
        else:
            ledger.read()
            now = dict(certain)
        assert contents(ledger) == now
    ledger.read()
    assert contents(ledger) == certain


def test_the_past_is_forgotten_when_there_is_no_room_for_it() -> None:
    ledger = Ledger(SMALL)
    halves = set()
    for turn in range(1000):
        ledger.put(7, turn % 3, b"%d" % turn)
        ledger.commit()
        halves.add(ledger.words[END] >> 63)
    ledger.read()
    assert contents(ledger) == {0: b"999", 1: b"997", 2: b"998"}
    assert halves == {0, 1}


def test_a_number_is_not_forgotten_to_have_been_used() -> None:
    ledger = Ledger(SMALL)
    ledger.put(3, 4711)
    ledger.drop(3, 4711)
    for turn in range(1000):
        ledger.put(7, 1, b"%d" % turn)
    ledger.commit()
    ledger.read()
    assert ledger.highest(3) == 4711
    assert not ledger.table(3)


def test_a_full_ledger_says_so_once_and_keeps_what_it_had(caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger(SMALL)
    ledger.put(7, 1, b"kept")
    ledger.commit()
    with caplog.at_level(logging.ERROR):
        for number in range(2, 400):
            ledger.put(7, number, bytes(40))
    assert len(caplog.records) == 1
    assert "full" in caplog.text
    ledger.commit()
    ledger.read()
    assert contents(ledger)[1] == b"kept"


def test_an_empty_ledger_is_empty() -> None:
    ledger = Ledger(SMALL)
    ledger.read()
    assert not contents(ledger)
    assert ledger.words[END] == WORDS
