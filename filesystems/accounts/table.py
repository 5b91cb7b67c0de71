"""One file: its records in their order, and every line that is not one, kept as it is.

What a change of one file entails in the others is the business of ``database``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from filesystems.accounts.records import Record

R = TypeVar("R", bound=Record)

ELSEWHERE = ("+", "-")
"""How a line begins that brings in, or leaves out, accounts from elsewhere (nsswitch.conf(5), compat)."""


class Table(Generic[R]):
    """The file that holds *text*, of lines that are records of the class *kind*.

    Comments, lines that are not understood and those that lead elsewhere stay where they are.
    """

    def __init__(self, kind: type[R], text: str) -> None:
        self._kind = kind
        self._lines: list[R | str] = [self._read(line) for line in text.splitlines()]

    def _read(self, line: str) -> R | str:
        # A record that would be written in another way is better left alone.
        record = None if line.startswith(("#", *ELSEWHERE)) else self._kind.parse(line)
        return record if record is not None and str(record) == line else line

    def __str__(self) -> str:
        return "".join(f"{line}\n" for line in self._lines)

    def __iter__(self) -> Iterator[R]:
        return iter([line for line in self._lines if not isinstance(line, str)])

    def find(self, name: str) -> R | None:
        """Return the record of *name*: the first, as for everybody who reads the file."""
        return next((record for record in self if record.name == name), None)

    def add(self, record: R) -> None:
        """Put *record* after all others, and before the lines that lead elsewhere."""
        at = len(self._lines)
        while at and isinstance(line := self._lines[at - 1], str) and line.startswith(ELSEWHERE):
            at -= 1
        self._lines.insert(at, record)

    def replace(self, old: R, new: R) -> None:
        """Put *new* where *old* is."""
        self._lines[self._at(old)] = new

    def remove(self, record: R) -> None:
        """Take *record* out."""
        del self._lines[self._at(record)]

    def _at(self, record: R) -> int:
        return next(at for at, line in enumerate(self._lines) if line is record)
