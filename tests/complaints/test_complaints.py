"""What happens again and again is said once, then at each tenfold, and counted at the end."""

from __future__ import annotations

import logging

import pytest

from puffpy.complaints import Complaints, place_of
from puffpy.errors import WireError


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged, and forget it."""
    lines = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return lines


def test_each_kind_is_told_once_and_then_at_each_tenfold(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints()
    for number in range(1, 251):
        complaints.error("odd" if number % 2 else "even", "number %d is wrong", number)
    assert said(caplog) == [
        "number 1 is wrong",
        "number 2 is wrong",
        "number 19 is wrong (10 of this kind so far)",
        "number 20 is wrong (10 of this kind so far)",
        "number 199 is wrong (100 of this kind so far)",
        "number 200 is wrong (100 of this kind so far)",
    ]
    complaints.sum_up()
    assert said(caplog) == ["125 times in all: number 199 is wrong", "125 times in all: number 200 is wrong"]


def test_the_end_says_nothing_that_was_said(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints()
    complaints.error("once", "once")
    for _ in range(10):
        complaints.error("ten", "ten times")
    caplog.clear()
    complaints.sum_up()
    complaints.sum_up()
    assert said(caplog) == []


def test_a_new_beginning_is_told_again(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints()
    for _ in range(2):
        complaints.error("kind", "wrong")
    complaints.sum_up()
    caplog.clear()
    complaints.error("kind", "wrong")
    assert said(caplog) == ["wrong"]


def test_what_may_be_said_more_softly_is(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "puffpy"):
        Complaints().say(logging.INFO, "kind", "by the way")
    assert caplog.records[0].levelno == logging.INFO


def test_a_kind_of_error_is_where_it_is_raised_and_not_what_it_says() -> None:
    def refuse(number: int) -> None:
        if number % 2:
            raise WireError(f"{number} is odd")
        raise WireError(f"{number} is even")

    kinds = []
    for number in range(4):
        with pytest.raises(WireError) as caught:
            refuse(number)
        kinds.append(place_of(caught.value))
    assert kinds[0] == kinds[2]
    assert kinds[1] == kinds[3]
    assert kinds[0] != kinds[1]
