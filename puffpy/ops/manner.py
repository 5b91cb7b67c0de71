"""How an operation is run: at once, in a worker thread, or as a task of an event loop.

What runs them is in ``puffpy.runners``; nothing is started here.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from puffpy.ops.table import OPERATIONS

MARK: Final = "_puffpy_blocking"
"""The attribute that :func:`blocking` leaves on a method or a class."""

Marked = TypeVar("Marked")


class Manner(enum.Enum):
    """What becomes of a request while its operation runs."""

    INLINE = "the thread that serves the mount runs it, and nothing else meanwhile"
    WORKER = "a worker thread runs it; other requests are answered meanwhile"
    TASK = "an event loop runs it; other requests are answered meanwhile"


def blocking(operation: Marked) -> Marked:
    """Mark an operation that waits for something, or a class whose operations do: a worker thread runs it.

    While it is quick time and again, the serving thread runs it; another one serves on once it is not.

    Such operations run at the same time as others, of the same node as well, so what they share needs a lock.
    What they answer must stay as it is until it has been sent: bytes, not a buffer that another one changes.
    """
    setattr(operation, MARK, True)
    return operation


def manners(written: frozenset[str], *vectors: Any, everything: bool = False) -> Mapping[str, Manner]:
    """Return how each operation in *written* that does not run inline is run.

    *everything*: all operations run in worker threads if none is marked (``-o workers=N``).
    """
    found: dict[str, Manner] = {}
    for name in sorted(written):
        vector = next(vector for vector in vectors if hasattr(vector, name))
        manner = manner_of(vector, name)
        if manner is not Manner.INLINE:
            found[name] = manner
    if everything and Manner.WORKER not in found.values():
        found = {name: Manner.WORKER for name in written if not OPERATIONS[name].inline} | found
    return found


def manner_of(vector: Any, name: str) -> Manner:
    """Return how the operation *name* of *vector* is run, by what its author wrote."""
    operation = getattr(vector, name)
    if is_async(operation):
        return Manner.TASK
    if OPERATIONS[name].inline:
        return Manner.INLINE
    marked = getattr(operation, MARK, None)
    return Manner.WORKER if (getattr(vector, MARK, False) if marked is None else marked) else Manner.INLINE


def is_async(operation: Any) -> bool:
    """Tell whether *operation* is an ``async def``, with ``yield`` or without."""
    return inspect.iscoroutinefunction(operation) or inspect.isasyncgenfunction(operation)
