"""A file system that counts how often it is asked, and says nothing that may be believed for long."""

from __future__ import annotations

from collections import Counter
from typing import Any

import attrs

import puffpy
from filesystems.detrempe import Detrempe
from puffpy.layers import Hooks


class Trusting(Detrempe):
    """Detrempe, of which the kernel remembers nothing, and which has to be asked for attributes."""

    options = attrs.evolve(Detrempe.options, attr_timeout=0.0, entry_timeout=0.0, negative_timeout=0.0)

    def getattr(self, vp: Any, call: puffpy.Call) -> puffpy.Vattr:
        """A copy, as from somewhere else."""
        va: puffpy.Vattr = vp.vattr
        return attrs.evolve(va)


class Slow(Hooks):
    """Counts in *asked* what comes by."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

        def count(asked: Any) -> None:
            if asked.op != "inactive":  # which it is told
                self.asked[asked.op] += 1

        super().__init__(Trusting(), pre={"*": count})

    def forget(self) -> None:
        """Count from nothing."""
        self.asked.clear()
