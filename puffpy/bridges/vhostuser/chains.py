"""A chain of buffers that a guest hands over: a request to be read, and room for its answer.

What is asked is not understood here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs
from typing_extensions import Buffer


@attrs.define(eq=False)
class Chain:
    """The buffers behind the descriptor *head*: *readable* ones of *size* bytes, *writable* ones of *room*.

    *life* is that of the ring it was taken from: once a new driver has the ring, nobody waits for it.
    """

    head: int
    life: int
    readable: list[memoryview]
    size: int
    writable: list[memoryview]
    room: int


def gather(views: Iterable[memoryview], target: memoryview) -> None:
    """Copy *views*, which *target* has room for, one behind the other."""
    at = 0
    for view in views:
        end = at + len(view)
        target[at:end] = view
        at = end


def cut(views: list[memoryview], start: int, stop: int) -> list[memoryview]:
    """Return *views* from byte *start* on up to byte *stop*."""
    found = []
    at = 0
    for view in views:
        end = at + len(view)
        if end > start and at < stop:
            found.append(view if start <= at and end <= stop else view[max(start - at, 0) : stop - at])
        at = end
    return found


def scatter(pieces: tuple[Buffer, ...], views: Sequence[memoryview]) -> int:
    """Copy *pieces* into *views*, which have room for them, wherever either ends; return how many bytes."""
    first = pieces[0]
    if len(pieces) == 1 and type(first) is bytes:
        return _fill(first, views)
    done = 0
    targets = iter(views)
    target = memoryview(bytearray())
    for piece in pieces:
        left = memoryview(piece)
        if left.format != "B" or left.ndim != 1:
            left = left.cast("B")
        done += len(left)
        while left:
            if not target:
                target = next(targets)
            count = min(len(left), len(target))
            target[:count] = left[:count]
            left, target = left[count:], target[count:]
    return done


def _fill(piece: bytes, views: Iterable[memoryview]) -> int:
    at, end = 0, len(piece)
    for view in views:
        stop = at + len(view)
        if stop >= end:
            view[: end - at] = piece[at:]
            break
        view[:] = piece[at:stop]
        at = stop
    return end
