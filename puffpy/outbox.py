"""What is to be sent beside the reply to the message at hand, until a thread takes it and sends it.

Whoever puts something in never waits, for it may be the very thread that has to answer before the other end
takes anything.  So an other end that takes nothing could fill the memory: once there is too much, and what is
being sent has not been taken for long, it is given up.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable
from typing import Final

MOST: Final = 1 << 17
"""Messages that may wait, however long: some twenty megabytes.  A burst may be larger, if it is taken."""

PATIENCE: Final = 10.0
"""Seconds that one message may take where more than MOST wait."""


class Outbox:
    """Messages in the order in which they came.  Once, in a thread of its own, *given_up* may be called."""

    def __init__(self, given_up: Callable[[], object]) -> None:
        self._messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._given_up = given_up
        self._taken = math.inf  # nobody is there yet
        self._lost = threading.Lock()  # held for ever by the one who found out

    def put(self, message: bytes) -> None:
        """Have *message* sent after all that came before.  From any thread."""
        if self._messages.qsize() >= MOST and time.monotonic() - self._taken > PATIENCE:
            if self._lost.acquire(blocking=False):
                threading.Thread(target=self._given_up, name="puffpy-given-up", daemon=True).start()
            return
        self._messages.put(message)

    def end(self) -> None:
        """Nothing is to be sent after what is there already."""
        self._messages.put(None)

    def take(self) -> bytes | None:
        """Return the next message, for which the calling thread waits; None at the end."""
        message = self._messages.get()
        self._taken = time.monotonic()
        return message

    def __len__(self) -> int:
        return self._messages.qsize()
