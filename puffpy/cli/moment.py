"""What a mount did between two looks at it, in the words that ``puffpy top`` shows.

How they are laid out is the screen's business.
"""

from __future__ import annotations

from typing import Final

import attrs
from typing_extensions import Self

from puffpy.live import Operation, Pending, Snapshot
from puffpy.tracing import amount, duration, rate

HEAD: Final = ("operation", "/s", "median", "99 %", "longest", "errors/s", "data/s", "count")
PENDING_HEAD: Final = ("since", "operation", "node", "process", "at")

PASSING: Final = 20_000_000
"""A request younger than this (nanoseconds) just passes by; it is not shown as pending."""

ORDERS: Final = ("time", "rate", "longest", "name")


@attrs.frozen
class Moment:
    """The operations of the last interval with those that were never asked for in it, and what is pending."""

    seconds: float
    recent: list[Operation]
    counts: dict[str, int]
    pending: list[Pending]

    @classmethod
    def between(cls, earlier: Snapshot | None, later: Snapshot | None) -> Self | None:
        """Return what happened between two snapshots; None if one is missing."""
        if earlier is None or later is None:
            return None
        return cls(
            seconds=max(1, later.elapsed - earlier.elapsed) / 10**9,
            recent=[each.since(earlier.operations.get(name)) for name, each in later.operations.items()],
            counts={name: each.number for name, each in later.operations.items()},
            pending=[each for each in later.pending if each.age is None or each.age >= PASSING],
        )

    @property
    def rate(self) -> float:
        """Requests a second."""
        return sum(each.number for each in self.recent) / self.seconds

    def by(self, order: str) -> list[tuple[Operation, int]]:
        """Return the operations in some order of ORDERS, each with how often it was asked for in all."""

        def key(each: Operation) -> tuple[float, str]:
            value = {
                "time": each.latencies.total,
                "rate": each.number,
                "longest": each.latencies.longest,
                "name": 0,
            }[order]
            return -value, each.name

        return [(each, self.counts[each.name]) for each in sorted(self.recent, key=key)]


def cells(row: tuple[Operation, int], seconds: float) -> tuple[str, ...]:
    """Return what stands in a row of HEAD."""
    each, count = row
    latencies = each.latencies
    times = (latencies.percentile(50), latencies.percentile(99), latencies.longest)
    return (
        each.name,
        rate(each.number / seconds) if each.number else "",
        *(duration(ns) if latencies.number else "" for ns in times),
        rate(each.errors / seconds) if each.errors else "",
        f"{amount(each.size / seconds)}" if each.size else "",
        str(count),
    )


def pending_cells(each: Pending) -> tuple[str, ...]:
    """Return what stands in a row of PENDING_HEAD."""
    process = f"{each.program or 'process'} {each.pid} (uid {each.uid})" if each.pid else "the kernel"
    return (
        "*" if each.age is None else duration(each.age),
        each.name,
        f"#{each.nodeid}",
        process,
        each.line or "answered later",
    )
