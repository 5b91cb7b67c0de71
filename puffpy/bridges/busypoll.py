"""Looking for the next message again and again for a moment, before the thread goes to sleep.

Theory of operation.  A caller on one core and a server on another wake each other with every request, and to
wake a core that sleeps takes several times as long as to answer, in a virtual machine above all.  While the
next message comes within moments, the server therefore does not sleep: it asks a device that does not wait,
and lets whoever else is on its core go first (sched_yield).  It sleeps as soon as nothing came in time, and
looks again with the next message if that was worth it before; if not, after a number of messages that doubles
each time.  Where somebody else has taken the core for long, which yielding allows, that number is large.  A
server with a single core never tries.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from typing import Final

from typing_extensions import Buffer

FIRST: Final = 32
"""Messages received the ordinary way before it is tried."""

WORTH: Final = 4
"""Messages that make up for a look that brought none: each spares a core its wake-up, one costs a tenth of a
millisecond."""

RARELY: Final = 256
"""Messages between two tries at most, where it does not help, for it costs little."""

WORTH_A_TURN: Final = 64
"""Messages that make up for somebody else's turn on the core, which is some milliseconds."""

CROWDED: Final = 4096
"""Messages until it is tried again where others want the core."""

NOTHING: Final = -1


class BusyPoll:
    """Decides for one device, and does it, for *microseconds* at a time; 0 is never.

    *countdown* is for the device to count down with each message; what to do once it is below zero is
    :meth:`receive`.
    """

    __slots__ = ("_active", "_hits", "_hold", "_span", "countdown")

    def __init__(self, microseconds: int = 0) -> None:
        self._span = microseconds * 1000
        self._active = False
        self._hits = 0
        self._hold = self.countdown = FIRST

    def receive(self, fd: int, buffers: Sequence[Buffer]) -> int:
        """Return the size of the message that came within moments; NOTHING: receive it the ordinary way."""
        if not self._active and not self._begin(fd):
            return NOTHING
        deadline = now = 0
        crowded = False
        while now <= deadline:
            try:
                size = os.readv(fd, buffers)
            except BlockingIOError:
                pass
            except OSError:
                break  # the ordinary way meets it again, and knows what it means
            else:
                self._hits += 1
                return size
            if not deadline:
                now = time.perf_counter_ns()
                deadline = now + self._span
            os.sched_yield()
            then, now = now, time.perf_counter_ns()
            crowded = now - then > self._span // 2
        self._end(fd, crowded)
        return NOTHING

    def _begin(self, fd: int) -> bool:
        if not self._span or len(os.sched_getaffinity(0)) < 2:
            self.countdown = CROWDED
            return False
        os.set_blocking(fd, False)
        self._active, self._hits = True, 0
        return True

    def _end(self, fd: int, crowded: bool) -> None:
        self._active = False
        if self._hits >= (WORTH_A_TURN if crowded else WORTH):
            self._hold = 0
        else:
            self._hold = CROWDED if crowded else min(2 * self._hold + 1, RARELY)
        self.countdown = self._hold
        with contextlib.suppress(OSError):  # closed meanwhile
            os.set_blocking(fd, True)
