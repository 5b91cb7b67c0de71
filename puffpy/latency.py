"""Durations counted: in classes, where there are too many to keep, and exactly, where each is known.

Whose durations they are is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs
from typing_extensions import Self

CLASSES: Final = 252
"""Up to 2**63 ns."""


def class_of(ns: int) -> int:
    """Return the class that *ns* is in; there are four to each power of two."""
    shift = max(0, ns.bit_length() - 3)
    return shift * 4 + (ns >> shift)


def lower_edge(number: int) -> int:
    """Return the shortest duration of class *number*, in nanoseconds."""
    return number if number < 8 else (4 + number % 4) << (number // 4 - 1)


@attrs.define
class Histogram:
    """Durations in nanoseconds, counted; a percentile is right to a quarter, sum and maximum exactly."""

    counts: list[int] = attrs.field(factory=lambda: [0] * CLASSES)
    number: int = 0
    total: int = 0
    longest: int = 0

    @classmethod
    def of(cls, durations: Iterable[int]) -> Self:
        """Return a histogram of *durations*."""
        made = cls()
        for each in durations:
            made.add(each)
        return made

    @classmethod
    def restored(cls, classes: Mapping[int, int], total: int, longest: int) -> Self:
        """Return the histogram that :meth:`classes` was taken from."""
        made = cls(number=sum(classes.values()), total=total, longest=longest)
        for number, count in classes.items():
            made.counts[number] = count
        return made

    def add(self, ns: int) -> None:
        """Count one duration; a clock that went back makes it 0."""
        ns = max(ns, 0)
        self.counts[class_of(ns)] += 1
        self.number += 1
        self.total += ns
        self.longest = max(self.longest, ns)

    def since(self, earlier: Histogram) -> Histogram:
        """Return what was counted after *earlier* was; its maximum is an upper bound."""
        counts = [now - then for now, then in zip(self.counts, earlier.counts, strict=True)]
        last = max((number for number, count in enumerate(counts) if count), default=-1)
        longest = min(self.longest, lower_edge(last + 1) - 1) if last >= 0 else 0
        return Histogram(counts, self.number - earlier.number, self.total - earlier.total, longest)

    def follows(self, earlier: Histogram) -> bool:
        """Tell whether nothing that was counted in *earlier* is missing."""
        return self.total >= earlier.total and all(
            now >= then for now, then in zip(self.counts, earlier.counts, strict=True)
        )

    def percentile(self, percent: float) -> int:
        """Return a duration that *percent* of all do not exceed; 0 if there are none."""
        left = math.ceil(self.number * percent / 100)
        for number, count in enumerate(self.counts):
            left -= count
            if left <= 0 and count:
                return min(lower_edge(number + 1) - 1, self.longest)
        return 0

    def classes(self) -> Iterator[tuple[int, int]]:
        """Yield the classes that are not empty, each with how many it counted."""
        return ((number, count) for number, count in enumerate(self.counts) if count)


def percentile(ordered: Sequence[int], percent: float) -> int:
    """Return the smallest of *ordered* that *percent* of them do not exceed; 0 if there are none."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else 0
