"""Bridges by name: the library's own, and those that other packages bring.

Nothing is attached here.

A name may be followed by a colon and a parameter, which is the bridge's own: ``libfuse:mfusepy``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from puffpy.bridges.base import Bridge
from puffpy.bridges.devfuse import DevFuse
from puffpy.errors import MountError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "puffpy.bridges"


def _found(module: str, name: str) -> Callable[..., Bridge]:
    """Return what makes the bridge that is *name* in *module*; that is loaded when it is first wanted."""

    def make_one(*parameter: str) -> Bridge:
        bridge: Bridge = getattr(importlib.import_module(module), name)(*parameter)
        return bridge

    return make_one


OWN: Mapping[str, Callable[..., Bridge]] = MappingProxyType(
    {
        "devfuse": DevFuse,
        "libfuse": _found("puffpy.libfuse", "Libfuse"),
        "vhost-user": _found("puffpy.bridges.vhostuser", "VhostUser"),
    }
)


def _brought() -> Iterable[EntryPoint]:
    """Return the bridges of other packages."""
    from importlib import metadata  # takes as long as a fifth of all imports, and most mounts need none

    return metadata.entry_points(group=ENTRY_POINTS)


def names() -> list[str]:
    """Return the names of all bridges that are installed."""
    return sorted({*OWN, *(point.name for point in _brought())})


def make(name: str) -> Bridge:
    """Return a new bridge called *name*, its parameter included.

    Raises:
        MountError: there is none of that name, or the package that brings it is broken.
    """
    kind, _, rest = name.partition(":")
    parameter = (rest,) if rest else ()
    if kind in OWN:
        return OWN[kind](*parameter)
    for point in _brought():
        if point.name == kind:
            try:
                factory: Callable[..., Bridge] = point.load()
                return factory(*parameter)
            except (Exception, SystemExit) as exc:
                raise MountError(f"bridge {kind} ({point.value}) is broken: {exc}: reinstall it") from exc
    raise MountError(f"there is no bridge called {kind}: choose one of {', '.join(names())}")
