"""Lookup counts: what the server counts for each node on the kernel's behalf, and what it gets back.

Which inode a count is for, and when it dies, is in inodes.
"""

from __future__ import annotations

import threading
from collections import Counter, deque

from puffpy.userkernel.connection import Connection


class Counts:
    """The counts that the server has given, by nodeid.

    *owed* takes ``(nodeid, nlookup)`` from inodes as they die, which may be anywhere: appending to it needs
    no lock.  The lock guards the counts, and is taken after every other but the connection's.
    """

    def __init__(self, connection: Connection) -> None:
        self.owed: deque[tuple[int, int]] = deque()
        self._connection = connection
        self._lock = threading.Lock()
        self._given: Counter[int] = Counter()

    def given(self, nodeid: int) -> None:
        """Note that the server counts one more for *nodeid*."""
        with self._lock:
            self._given[nodeid] += 1

    def outstanding(self) -> dict[int, int]:
        """Return what has not been given back."""
        with self._lock:
            return dict(self._given)

    def give_back(self) -> None:
        """Send the FORGETs that are owed."""
        if not self.owed:
            return
        back: Counter[int] = Counter()
        with self._lock:
            while self.owed:
                nodeid, nlookup = self.owed.popleft()
                # At the end everything has been given back already, and inodes that die later owe nothing.
                nlookup = min(nlookup, self._given[nodeid])
                back[nodeid] += nlookup
                self._given[nodeid] -= nlookup
                if not self._given[nodeid]:
                    del self._given[nodeid]
        back = +back
        if back:
            self._connection.forget(back)

    def give_back_all(self) -> None:
        """Send a FORGET for every count there is, as if nobody held anything any more."""
        with self._lock:
            self.owed.extend(self._given.items())
        self.give_back()
