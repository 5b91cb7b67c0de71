"""Durations and amounts as people write them.

What is measured is not known here.
"""

from __future__ import annotations

from typing import Final

_DURATIONS: Final = ((10**9, "s"), (10**6, "ms"), (10**3, "us"))
_AMOUNTS: Final = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def duration(ns: float) -> str:
    """Return *ns* nanoseconds with three figures or so: ``850 ns``, ``12.3 us``, ``1.20 ms``, ``95.0 s``."""
    for unit, name in _DURATIONS:
        # What would round up to a thousand of the smaller unit is one of the larger.
        if ns >= unit * 0.9995:
            return f"{_figures(ns / unit)} {name}"
    return f"{ns:.0f} ns"


def amount(size: float) -> str:
    """Return *size* bytes: ``512 B``, ``1.50 KiB``."""
    for unit, name in _AMOUNTS:
        if size >= unit:
            return f"{_figures(size / unit)} {name}"
    return f"{size:.0f} B"


def rate(per_second: float) -> str:
    """Return a number of things a second: ``0.25``, ``12.5``, ``12345``."""
    return "0" if not per_second else _figures(per_second)


def _figures(number: float) -> str:
    return f"{number:.2f}" if number < 9.995 else f"{number:.1f}" if number < 99.95 else f"{number:.0f}"
