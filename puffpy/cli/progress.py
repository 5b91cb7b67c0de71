"""How far a long work is: one line on the terminal, gone when it is done.

Where nobody looks (no terminal) nothing is written.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO, TypeVar

T = TypeVar("T")

ERASE = "\r\x1b[K"


class Progress:
    """A line ``name 12/154 what`` on *stream* (standard error), rewritten at every step."""

    def __init__(self, name: str, total: int, stream: TextIO | None = None) -> None:
        self._name, self._total = name, total
        self._stream = sys.stderr if stream is None else stream
        self._shown = self._stream.isatty()
        self._done = 0

    def step(self, what: str) -> None:
        """*what* is done next."""
        self._done += 1
        if self._shown:
            line = f"{self._name} {self._done}/{self._total} {what}"
            self._stream.write(ERASE + line[: shutil.get_terminal_size().columns - 1])
            self._stream.flush()

    def clear(self) -> None:
        """Take the line away, for something else to be printed, or for good."""
        if self._shown:
            self._stream.write(ERASE)
            self._stream.flush()


def announced(works: Iterable[T], progress: Progress, says: Callable[[T], str]) -> Iterator[T]:
    """Yield *works*, each shown, by what it *says*, while it is worked on."""
    for work in works:
        progress.step(says(work))
        yield work
    progress.clear()
