"""The figures of each operation: how often, how many refused, how long, how much data.

Where the exchanges come from is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from puffpy.latency import percentile
from puffpy.tracing.exchange import Exchange


@attrs.frozen(kw_only=True)
class Figures:
    """The figures of one operation; durations in nanoseconds, *size* in bytes of data moved.

    *unanswered* counts requests that wait for an answer still.
    """

    name: str
    count: int
    errors: int
    unanswered: int
    size: int
    total: int
    median: int
    p90: int
    p99: int
    longest: int


def figures(exchanges: Iterable[Exchange]) -> list[Figures]:
    """Return the figures of each operation, the one that took most time first."""
    by_name: dict[str, list[Exchange]] = {}
    for exchange in exchanges:
        by_name.setdefault(exchange.name, []).append(exchange)
    rows = [_figures(name, members) for name, members in by_name.items()]
    return sorted(rows, key=lambda row: (-row.total, -row.count, row.name))


def _figures(name: str, members: list[Exchange]) -> Figures:
    durations = sorted(each.duration for each in members if each.duration is not None)
    return Figures(
        name=name,
        count=len(members),
        errors=sum(each.error != 0 for each in members),
        unanswered=sum(each.waits for each in members),
        size=sum(each.size for each in members),
        total=sum(durations),
        median=percentile(durations, 50),
        p90=percentile(durations, 90),
        p99=percentile(durations, 99),
        longest=durations[-1] if durations else 0,
    )
