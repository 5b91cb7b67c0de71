"""Bridges by name: the library's own, and those that other packages bring.

Nothing is attached here.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from types import MappingProxyType

from puffpy.bridges.base import Bridge
from puffpy.bridges.devfuse import DevFuse
from puffpy.errors import MountError

ENTRY_POINTS = "puffpy.bridges"

OWN: Mapping[str, Callable[[], Bridge]] = MappingProxyType({"devfuse": DevFuse})


def names() -> list[str]:
    """Return the names of all bridges that are installed."""
    return sorted({*OWN, *(point.name for point in importlib.metadata.entry_points(group=ENTRY_POINTS))})


def make(name: str) -> Bridge:
    """Return a new bridge called *name*.

    Raises:
        MountError: there is none of that name, or the package that brings it is broken.
    """
    if name in OWN:
        return OWN[name]()
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        if point.name == name:
            try:
                factory: Callable[[], Bridge] = point.load()
                return factory()
            except Exception as exc:
                raise MountError(f"bridge {name} ({point.value}) is broken: {exc}: reinstall it") from exc
    raise MountError(f"there is no bridge called {name}: choose one of {', '.join(names())}")
