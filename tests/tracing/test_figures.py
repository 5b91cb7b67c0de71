"""Durations counted, and the figures made of them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puffpy.latency import CLASSES, Histogram, class_of, lower_edge, percentile
from puffpy.tracing import amount, duration, figures, rate, traced
from tests.tracing.sessions import recording, records, work

LENGTHS = st.integers(min_value=0, max_value=2**63 - 1)


@given(LENGTHS)
def test_every_duration_is_in_the_class_between_whose_edges_it_lies(ns: int) -> None:
    number = class_of(ns)
    assert 0 <= number < CLASSES
    assert lower_edge(number) <= ns < lower_edge(number + 1)


@given(st.lists(LENGTHS, min_size=1), st.floats(min_value=0.1, max_value=100))
def test_a_percentile_of_classes_is_right_to_a_quarter(lengths: list[int], percent: float) -> None:
    exact = percentile(sorted(lengths), percent)
    assert exact <= Histogram.of(lengths).percentile(percent) <= max(exact * 5 // 4, exact + 1)


def test_percentiles_are_of_the_durations_that_were_there() -> None:
    lengths = list(range(1, 101))
    random.Random(7).shuffle(lengths)
    assert [percentile(sorted(lengths), p) for p in (50, 90, 99, 100)] == [50, 90, 99, 100]
    assert percentile([], 50) == 0
    assert Histogram().percentile(50) == 0


def test_a_histogram_is_the_sum_of_what_was_before_and_since() -> None:
    early, whole = Histogram.of([10, 20, 3000]), Histogram.of([10, 20, 3000, 500, 700])
    since = whole.since(early)
    assert (since.number, since.total) == (2, 1200)
    assert 700 <= since.longest < 900
    assert whole.since(whole).longest == 0


def test_a_histogram_survives_its_journey() -> None:
    whole = Histogram.of([1, 5, 5, 70_000])
    assert Histogram.restored(dict(whole.classes()), whole.total, whole.longest) == whole


def test_the_figures_are_of_each_operation_and_the_costliest_is_first() -> None:
    trace = traced(records(recording(work)))
    rows = figures(trace.exchanges)
    assert sum(row.count for row in rows) == len(trace.exchanges)
    assert [row.total for row in rows] == sorted((row.total for row in rows), reverse=True)
    for row in rows:
        assert row.median <= row.p90 <= row.p99 <= row.longest <= row.total
    (xattr,) = (row for row in rows if row.name == "GETXATTR")
    assert (xattr.count, xattr.errors, xattr.unanswered) == (1, 1, 0)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1000, "1.00 us"),
        (12_345, "12.3 us"),
        (999_900, "1.00 ms"),
        (95 * 10**9, "95.0 s"),
    ],
)
def test_a_duration_reads_as_people_write_it(ns: int, text: str) -> None:
    assert duration(ns) == text


def test_amounts_and_rates_have_three_figures() -> None:
    assert [amount(size) for size in (0, 512, 1536, 5 << 20)] == ["0 B", "512 B", "1.50 KiB", "5.00 MiB"]
    assert [rate(number) for number in (0, 0.25, 12.34, 12345.6)] == ["0", "0.25", "12.3", "12346"]
