"""``python -m tests.hostile.distil``: keeps of the corpus what leads as far as all of it, each case cut down.

What once found a failure is kept as it is.  For Python 3.12 and later, after a long run.
"""

from __future__ import annotations

import sys
from typing import Final

from tests.hostile import health
from tests.hostile.campaign import Target
from tests.hostile.cases import Case, Kept, kept, rewrite, written
from tests.hostile.lines import Line, Reached, reached
from tests.hostile.ways import WAYS

FAILURE: Final = "found"
"""How the reason begins of what is not to be touched."""


class Distillery:
    """Plays the cases of one target, and knows the lines that its samples lead to."""

    def __init__(self, target: Target, found: Reached) -> None:
        self._target, self._found = target, found
        self._known: set[Line] = set()
        for case in target.samples():
            self._known |= self._lines(case)

    def distilled(self, cases: list[Kept]) -> list[Kept]:
        """Return as few of *cases* as lead to as many lines."""
        chosen = []
        # Short ones first; what failed comes before all.
        for case, why in sorted(
            cases, key=lambda each: (not each[1].startswith(FAILURE), len(written(each[0])))
        ):
            fresh = self._lines(case) - self._known
            if why.startswith(FAILURE):
                chosen.append((case, why))
            elif fresh:
                chosen.append((self._cut_down(case, fresh), why))
            self._known |= fresh
        return chosen

    def _cut_down(self, case: Case, lines: set[Line]) -> Case:
        """Return *case* without the messages that it does not need to lead to *lines*."""
        for at in reversed(range(len(case))):
            shorter = case[:at] + case[at + 1 :]
            if lines <= self._lines(shorter):
                case = shorter
        return case

    def _lines(self, case: Case) -> set[Line]:
        self._found.again()
        self._target.play(case)
        return self._found.new()


def main(names: list[str]) -> None:
    """Distil the corpora called *names*, or all."""
    for name in names or WAYS:
        target, before = WAYS[name](), kept(name)
        with health.logged() as lines, target.serving(lines), reached() as found:
            chosen = Distillery(target, found).distilled(before)
        rewrite(name, chosen)
        print(f"{name}: {len(chosen)} of {len(before)} cases")  # noqa: T201  it is a program


if __name__ == "__main__":
    main(sys.argv[1:])
