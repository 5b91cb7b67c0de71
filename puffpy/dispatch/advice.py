"""Whether names that are listed are looked up next, as far as what followed earlier listings can tell.

Theory of operation.  A kernel lists with attributes (READDIRPLUS) where it hopes that they spare it a LOOKUP
of each name.  Where only the names are wanted (``find``, ``ls``) that is a waste, and no kernel knows who is
asking.  So one listing in SAMPLE is told without nodes though they could be looked up, and the LOOKUPs that
follow are counted: while less than half as many come as names were told, no name is looked up with its
listing.  Names that the kernel still remembers bring no LOOKUPs either, and are not worth one.
"""

from __future__ import annotations

from typing import Final

SAMPLE: Final = 16
"""Parts of listings with nodes between two without."""

ENOUGH: Final = 32
"""Names told without nodes, until something is concluded from them."""


class Advice:
    """What one kernel has done after its listings; *asked* counts the LOOKUPs that have found something."""

    __slots__ = ("_before", "_left", "_told", "_worth", "asked")

    def __init__(self) -> None:
        self.asked = 0
        self._before = 0
        self._told = 0
        self._worth = True
        self._left = SAMPLE

    def look_up(self, names: int) -> bool:
        """Tell whether *names*, which are about to be listed, are worth being looked up with that."""
        if self._told >= ENOUGH:
            self._worth = 2 * (self.asked - self._before) >= self._told
            self._told, self._left = 0, SAMPLE
        if self._worth and self._left:
            self._left -= 1
            return True
        if not self._told:
            self._before = self.asked
        self._told += names
        return False
