"""Waiting for something to become true, with an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LONGEST = 10.0
"""Seconds."""


def until(condition: Callable[[], object]) -> None:
    """Return as soon as *condition* holds; AssertionError if that takes too long."""
    deadline = time.monotonic() + LONGEST
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.001)
