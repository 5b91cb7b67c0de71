"""Plays the corpus of a target, then new cases until the time is over; what leads somewhere new is a base.

Cases come in rounds, because hypothesis remembers all that it has tried in one.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Final, Protocol

import attrs
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.hostile import health
from tests.hostile.cases import Case, corpus, keep, written
from tests.hostile.lines import Reached, reached
from tests.hostile.mutations import cases
from tests.hostile.scale import Scale

ROUND: Final = 500
"""Cases between two looks at the memory."""

WARM: Final = 4
"""Rounds before memory counts: what is only made once has been made."""


class Target(Protocol):
    """A way in."""

    name: str

    def samples(self) -> list[Case]:
        """Return cases as they should be; with those of the corpus, all others are made from them."""

    def settle(self, message: bytes) -> bytes:
        """Return *message* with its length as it should be."""

    def serving(self, lines: health.Lines) -> AbstractContextManager[object]:
        """Be there meanwhile; *lines* is what is logged."""

    def play(self, case: Case) -> None:
        """Say *case*; AssertionError where that does what must not be."""


@attrs.define
class Campaign:
    """One target tried for a while."""

    target: Target
    scale: Scale
    played: int = 0
    messages: int = 0
    kept: int = 0
    _failed: Case | None = None
    _bases: list[Case] = attrs.field(factory=list)

    def run(self) -> None:
        """Play what is as it should be and what once found something, then new cases until time is over."""
        with self._prepared() as found:
            for case in self._bases:
                self._play(case)
            found.new()
            deadline = time.monotonic() + self.scale.seconds
            before = 0
            for number in itertools.count():
                self._round(number, found, deadline)
                now = health.resident()
                if number <= WARM:
                    before = now
                assert now - before < health.GROWTH, f"{now - before} bytes more after {self.played} cases"
                if time.monotonic() > deadline:
                    return

    @contextlib.contextmanager
    def _prepared(self) -> Iterator[Reached]:
        self._bases = [*self.target.samples(), *corpus(self.target.name)]
        with (
            health.logged() as lines,
            self.target.serving(lines),
            health.bounded_memory(),
            reached() as found,
        ):
            try:
                yield found
            except BaseException:
                if self._failed is not None:
                    keep(self.target.name, self._failed, "found a failure")
                    where = f"tests/hostile/corpus/{self.target.name}.txt"
                    print(f"\nin {where} now:\n{written(self._failed)}")  # noqa: T201  to be found again by
                raise

    def _round(self, number: int, found: Reached, deadline: float) -> None:
        bases = list(self._bases)

        @seed(self.scale.seed << 32 | number)
        @settings(
            max_examples=ROUND,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        )
        @given(said=cases(bases, self.target.settle))
        def say(said: Case) -> None:
            if self._failed is None and time.monotonic() > deadline:
                return
            self._play(said)
            if found.new() and said not in self._bases:
                self._bases.append(said)
                self.kept += 1
                if self.scale.keeps:
                    keep(self.target.name, said, "leads where no other does")

        say()

    def _play(self, case: Case) -> None:
        self.played += 1
        self.messages += len(case)
        try:
            with health.in_time():
                self.target.play(case)
        except BaseException:
            self._failed = case
            raise
