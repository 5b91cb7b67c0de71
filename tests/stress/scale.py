"""How much of everything a run asks for.  Nothing here knows which program, or which file system."""

from __future__ import annotations

from typing import Final

import attrs


@attrs.frozen
class Scale:
    """How long, how many and how large.

    *seconds* is for each run of a program that has no end of its own, *limit* what ends it with an error,
    *mebibytes* the data of one job, *files* how many thousands of them.
    """

    seconds: int
    clients: int
    mebibytes: int
    files: int
    limit: float


SHORT: Final = Scale(seconds=2, clients=2, mebibytes=4, files=1, limit=60)
LONG: Final = Scale(seconds=10, clients=4, mebibytes=64, files=16, limit=1200)
