"""The serving thread, lent to operations that may wait and mostly do not.

What becomes of an operation that a worker runs from the start is in ``parking``.

Theory of operation.  A worker costs a request two changes of thread, several times what a quick operation
takes.  So one that was quick in the worker a few times in a row is run in the serving thread, as if it were
never to wait: the handler goes on with its answer.  Meanwhile the lock is free.  Whoever takes it (a thread
that stands by, once the operation has taken too long; a worker that has a request to finish) first *takes
back* what was lent: the request is parked as if a worker ran its operation from the start, and when that ends
its handler is left by :class:`Taken` and run again.  An operation that kept the thread for too long has to be
quick more often before it is lent to again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from puffpy.types import Call

QUICK: Final = 0.001
"""Seconds that an operation may take in a worker to count as quick."""

FEW, MANY = 8, 4096
"""How often in a row it has to be quick to be trusted: at first, and at most."""

LOOK: Final = 0.002
"""Seconds between two looks at an operation that has the thread: within two it is taken back."""

IDLE: Final = 100
"""Looks in vain after which nobody looks any more, until something is lent again."""


class Lending:
    """What the serving thread is lent to, and which operations it may be lent to.

    *current* is what the operation that has it was called with, *name* says which it is.  Those that are
    *trusted* may have it.
    """

    def __init__(self) -> None:
        self.current: Call | None = None
        self.name = ""
        self.trusted: set[str] = set()
        self._quick: dict[str, int] = {}
        self._needed: dict[str, int] = {}
        self._watched = False
        self._wanted = threading.Event()
        self._over = False

    def begin(self, name: str, call: Call) -> None:
        """The operation *name*, which sees *call*, has the thread from now on."""
        self.name, self.current = name, call
        if not self._watched:
            self._wanted.set()

    def end(self, call: Call) -> bool:
        """The operation that sees *call* has ended; tell whether it still had the thread."""
        had = self.current is call
        if had:
            self.current = None
        return had

    def distrust(self) -> None:
        """The operation that had the thread last had it for too long."""
        name = self.name
        self.trusted.discard(name)
        self._quick[name] = 0
        self._needed[name] = min(2 * self._needed.get(name, FEW), MANY)

    def timed(self, name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        """Return *operation*, which a worker runs, with a look at how long it takes."""

        def run(*args: Any) -> Any:
            began = time.monotonic()
            try:
                return operation(*args)
            finally:
                quick = self._quick.get(name, 0) + 1 if time.monotonic() - began < QUICK else 0
                self._quick[name] = quick
                if quick >= self._needed.get(name, FEW):
                    self.trusted.add(name)

        return run

    def overdue(self) -> Call | None:
        """Wait until an operation has had the thread for too long; return what it sees, None at the end."""
        seen, vain = None, IDLE
        while not self._over:
            if vain >= IDLE:
                self._wait_until_lent()
                vain = 0
            time.sleep(LOOK)
            call = self.current
            if call is not None and call is seen:
                return call
            vain = vain + 1 if call is None else 0
            seen = call
        return None

    def _wait_until_lent(self) -> None:
        self._wanted.clear()
        self._watched = False
        # What was lent before anybody could see that nobody looks is seen here.
        if self.current is None and not self._over:
            self._wanted.wait()
        self._watched = True

    def close(self) -> None:
        """Nothing is lent any more."""
        self._over = True
        self._wanted.set()
