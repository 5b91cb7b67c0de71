"""Colour, where a person looks: on a terminal, unless NO_COLOR says otherwise.

What is coloured is decided by who prints.
"""

from __future__ import annotations

import os
import sys
from typing import Final, TextIO

GREEN: Final = "32"
RED: Final = "31"
DIM: Final = "2"
YELLOW: Final = "33"
BOLD: Final = "1"


def painted(text: str, colour: str, on: TextIO | None = None) -> str:
    """Return *text* in *colour* if *on* (standard output) shows colours."""
    stream = sys.stdout if on is None else on
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"
