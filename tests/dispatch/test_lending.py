"""Which operations may have the serving thread, and how it is noticed that one has it for too long."""

from __future__ import annotations

import threading

import pytest

import puffpy
from puffpy.dispatch.lending import FEW, MANY, QUICK, Lending

PATIENCE = 20.0
CALL = puffpy.Call(0, 0, 0)


def ask(lending: Lending, clock: list[float], seconds: float) -> None:
    """Have a worker run an operation called "read" that takes *seconds*."""
    clock[0] += 1.0
    lending.timed("read", lambda: clock.__setitem__(0, clock[0] + seconds))()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr("puffpy.dispatch.lending.time.monotonic", lambda: now[0])
    return now


def test_an_operation_is_trusted_that_was_quick_a_few_times_in_a_row(clock: list[float]) -> None:
    lending = Lending()
    for seconds in [0.0] * (FEW - 1) + [2 * QUICK] + [QUICK / 2] * (FEW - 1):
        ask(lending, clock, seconds)
        assert not lending.trusted
    ask(lending, clock, QUICK / 2)
    assert lending.trusted == {"read"}


def test_an_operation_that_kept_the_thread_has_to_be_quick_twice_as_often(clock: list[float]) -> None:
    lending = Lending()
    needed = FEW
    while needed < 2 * MANY:
        for _ in range(min(needed, MANY)):
            assert not lending.trusted
            ask(lending, clock, 0.0)
        assert lending.trusted == {"read"}
        lending.begin("read", CALL)
        lending.distrust()
        needed *= 2


def test_an_operation_is_overdue_that_is_seen_twice() -> None:
    lending = Lending()
    seen: list[puffpy.Call | None] = []
    looking = threading.Thread(target=lambda: seen.append(lending.overdue()), daemon=True)
    looking.start()
    quick, slow = puffpy.Call(0, 0, 1), puffpy.Call(0, 0, 2)
    for _ in range(100):
        lending.begin("read", quick)
        assert lending.end(quick)
    assert not seen
    lending.begin("read", slow)
    looking.join(PATIENCE)
    assert seen == [slow]
    assert not lending.end(quick)
    assert lending.end(slow)


def test_who_looks_is_told_of_the_end() -> None:
    lending = Lending()
    lending.close()
    assert lending.overdue() is None
