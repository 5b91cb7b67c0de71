"""What other packages bring: file systems, layers and bridges, found by their entry points.

What is done with one is the business of whoever asked for it.  A package that is broken harms no other: it is
named, with its reason, and passed over.
"""

from __future__ import annotations

import importlib.metadata
from typing import Any, Final

import attrs

FILE_SYSTEMS: Final = "puffpy.filesystems"
LAYERS: Final = "puffpy.layers"
BRIDGES: Final = "puffpy.bridges"


class PluginError(Exception):
    """What a package brings cannot be loaded; the message names it, with the reason and the remedy."""


@attrs.frozen
class Plugin:
    """One entry point: its *name*, the *package* that brings it, and where in that it is."""

    name: str
    package: str
    version: str
    point: importlib.metadata.EntryPoint = attrs.field(repr=False)

    @property
    def origin(self) -> str:
        """The package with its version."""
        return f"{self.package} {self.version}".strip()

    def load(self) -> Any:
        """Return what the entry point names.

        Raises:
            PluginError: it cannot be imported, or is not there.
        """
        try:
            return self.point.load()
        except (Exception, SystemExit) as exc:  # whatever somebody's module does when it is imported
            raise PluginError(
                f"{self.name}, of {self.origin}, cannot be loaded from {self.point.value}: "
                f"{type(exc).__name__}: {exc}: reinstall {self.package} with all that it needs"
            ) from exc

    def reason(self) -> str:
        """Return why it cannot be loaded, in a line; nothing if it can."""
        try:
            self.load()
        except PluginError as exc:
            cause = exc.__cause__
            return f"{type(cause).__name__}: {cause}".partition("\n")[0]
        return ""


def plugins(group: str) -> list[Plugin]:
    """Return what there is in the entry point *group*, by name; of two with one name, the first is meant."""
    found = []
    for point in importlib.metadata.entry_points(group=group):
        dist = point.dist
        package, version = (dist.name, dist.version) if dist is not None else ("another package", "")
        found.append(Plugin(point.name, package, version, point))
    return sorted(found, key=lambda plugin: plugin.name)
