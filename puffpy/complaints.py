"""What the log says of somebody who does the same thing wrong again and again: it once, and then how often.

Whoever can send messages (a guest, a peer on a socket, a program by way of the kernel) can send wrong ones
without end; a log that has a line for each fills the disk, and hides the others.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Hashable
from typing import Final

log = logging.getLogger("puffpy")

TENFOLD: Final = 10
"""How many times as often something has to happen before it is told again."""


class Complaints:
    """The complaints of one device, connection or listener, by kind.

    The first of a kind is told, then the tenth, the hundredth and so on; at the end, how many there were.
    """

    def __init__(self) -> None:
        self._counts: Counter[Hashable] = Counter()
        self._due: dict[Hashable, int] = {}
        self._last: dict[Hashable, tuple[int, str]] = {}

    def error(self, kind: Hashable, message: str, *args: object) -> None:
        """Say *message* as an error, if it is time for one of this *kind*."""
        self.say(logging.ERROR, kind, message, *args)

    def say(self, level: int, kind: Hashable, message: str, *args: object) -> None:
        """Say *message*, if it is time for one of this *kind*; the kinds must be few."""
        self._counts[kind] += 1
        count = self._counts[kind]
        if count < self._due.get(kind, 1):
            return
        self._due[kind] = count * TENFOLD
        told = message % args
        self._last[kind] = level, told
        log.log(level, "%s", told if count == 1 else f"{told} ({count} of this kind so far)")

    def sum_up(self) -> None:
        """Say how many there were of each kind of which there were more than was told."""
        for kind, count in list(self._counts.items()):  # others may still complain
            if self._due.get(kind, count * TENFOLD) != count * TENFOLD:
                level, told = self._last[kind]
                log.log(level, "%d times in all: %s", count, told)
        for each in (self._counts, self._due, self._last):
            each.clear()


def place_of(exc: BaseException) -> Hashable:
    """Return the kind of *exc*: its class and the line that raised it, whatever numbers its text has."""
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return type(exc), None if trace is None else (trace.tb_frame.f_code, trace.tb_lineno)
