"""File systems that break promises, each a few and on purpose: they show that every check can fail.

Nothing here is of use to anybody else.
"""

from __future__ import annotations

from typing import Final

from puffpy import VnodeOps
from tests.testing.broken import attributes, data, links, locks, looking, names

CLASSES: Final = tuple(
    each
    for module in (looking, names, attributes, links, data, locks)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, VnodeOps) and "breaks" in vars(each)
)

BREAKERS: Final[tuple[tuple[str, type[VnodeOps]], ...]] = tuple(
    (name, each) for each in CLASSES for name in vars(each)["breaks"]
)
"""Every promise that is broken, with the file system that breaks it."""
