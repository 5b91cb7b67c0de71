"""Which lines of the package have been reached: a line reports once, so that looking costs next to nothing.

Only Python 3.12 and later can do that (PEP 669); elsewhere every case seems to lead nowhere new.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any, Final, TypeAlias

import puffpy

Line: TypeAlias = tuple[str, int]
"""A file, and a number."""

PACKAGE: Final = str(Path(puffpy.__file__).parent)
MONITORING: Final[Any] = getattr(sys, "monitoring", None)
TOOL: Final = 4
"""A number that neither debuggers, profilers nor coverage have (sys.monitoring)."""


class Reached:
    """The lines that were reached since :meth:`new` was asked last."""

    def __init__(self) -> None:
        self._fresh: set[Line] = set()

    def new(self) -> set[Line]:
        """Return the lines that were reached for the first time."""
        fresh, self._fresh = self._fresh, set()
        return fresh

    def again(self) -> None:
        """Have every line count as not reached."""
        if MONITORING is not None:
            MONITORING.restart_events()
        self._fresh = set()

    def line(self, code: CodeType, number: int) -> Any:
        """A line was reached."""
        if code.co_filename.startswith(PACKAGE):
            self._fresh.add((code.co_filename, number))
        return MONITORING.DISABLE


@contextlib.contextmanager
def reached() -> Iterator[Reached]:
    """Yield what hears of lines meanwhile."""
    found = Reached()
    monitoring = MONITORING
    if monitoring is None:
        yield found
        return
    monitoring.use_tool_id(TOOL, "puffpy fuzz")
    monitoring.register_callback(TOOL, monitoring.events.LINE, found.line)
    monitoring.set_events(TOOL, monitoring.events.LINE)
    monitoring.restart_events()
    try:
        yield found
    finally:
        monitoring.set_events(TOOL, 0)
        monitoring.register_callback(TOOL, monitoring.events.LINE, None)
        monitoring.free_tool_id(TOOL)
