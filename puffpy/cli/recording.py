"""A recording read for looking at: one that is being written still, or was cut off, shows what it has.

What stands in it is ``puffpy.record``'s.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import puffpy
from puffpy.cli.colour import RED, painted
from puffpy.record import Record, read
from puffpy.tracing import Trace, traced


def trace_of(path: str) -> Trace:
    """Return what the recording at *path* tells.

    Raises:
        OSError: it cannot be read.
        PuffpyError: it is no recording.
    """
    return traced(_whole_records(path))


def _whole_records(path: str) -> Iterator[Record]:
    """Yield the records up to where the recording ends, and say so if that is in the middle of one."""
    with open(path, "rb") as file:
        begun = False
        try:
            for record in read(file):
                begun = True
                yield record
        except puffpy.PuffpyError as exc:
            if not begun:
                raise
            print(
                painted(f"puffpy: {path}: {exc}; shown is what came before", RED, sys.stderr), file=sys.stderr
            )
