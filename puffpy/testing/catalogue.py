"""The catalogue: every promise there is, in the order in which a report shows them.

Nothing is promised here; see ``checks``.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

from puffpy.testing.checks import (
    attributes,
    data,
    directories,
    extents,
    identity,
    kinds,
    life,
    links,
    locks,
    looking,
    names,
    permissions,
    refusals,
    rename,
    times,
    xattrs,
)
from puffpy.testing.promise import Promise

SUBJECTS: Final[tuple[ModuleType, ...]] = (
    looking,
    refusals,
    names,
    kinds,
    attributes,
    times,
    links,
    rename,
    identity,
    data,
    extents,
    directories,
    xattrs,
    permissions,
    locks,
    life,
)

PROMISES: Final[tuple[Promise, ...]] = tuple(
    each for subject in SUBJECTS for each in vars(subject).values() if isinstance(each, Promise)
)
"""Every promise."""
