"""How long the ways in are tried, and where the choice of cases begins."""

from __future__ import annotations

import os
import secrets
from typing import Final

import attrs


@attrs.frozen
class Scale:
    """*seconds* for each target, *seed* of all choices; *keeps* what leads where no case did before."""

    seconds: float
    seed: int
    keeps: bool


SHORT, LONG = 5.0, 360.0
"""Seconds for each of ten targets: a minute, and an hour."""


def chosen() -> Scale:
    """Return what the environment asks for; the short form is the same each time."""
    long = os.environ.get("PUFFPY_FUZZ") == "long"
    seed: Final = os.environ.get("PUFFPY_FUZZ_SEED")
    return Scale(
        float(os.environ.get("PUFFPY_FUZZ_SECONDS") or (LONG if long else SHORT)),
        int(seed) if seed else secrets.randbits(32) if long else 0,
        long,
    )
