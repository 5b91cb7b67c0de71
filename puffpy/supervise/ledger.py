"""Memory that outlives a server: numbered records in tables, of which every change is whole or not there.

What the records mean is in ``records``.

Theory of operation.  It is a log in shared memory that both processes have mapped: a change is appended, and
counts once the word that says where the log ends has been moved behind it.  A process is killed between two
instructions, and the word is stored by one: so there is no moment at which the ledger is not what it was
before a request or what it is after.  Nothing here is a system call.  When it
holds much more of the past than of what is alive, that is written into the other half of the memory, and the
same word says which half counts: so the next server never has much to read.
"""

from __future__ import annotations

import logging
import mmap
import threading
from collections import defaultdict
from collections.abc import Iterator
from struct import Struct
from typing import Final

log = logging.getLogger("puffpy")

SIZE: Final = 1 << 30
"""Bytes of address space for both halves; memory is taken as it is used."""

MAP_NORESERVE: Final = 0x4000

END, AT_HAND, ANSWERED, UP = range(4)
"""The words: where the log ends, which request is at hand, how many were answered, and whether one serves."""

NOTHING_AT_HAND: Final = 0
"""In AT_HAND: no request has this number."""

WORDS: Final = 4096
LANDING: Final = 1 << 16
"""How much of the latest message is kept as it came: the longer ones bring data, which are sent again."""

HALF: Final = 1 << 63
"""Set in END while the second half counts."""

RECORD: Final = Struct("=BBxxIQ")
"""Table, whether it is there, how many bytes follow, and the number."""

ROUND: Final = 8

SHORTEST: Final = 1 << 20
"""Bytes that a log may always have."""

PAST: Final = 4
"""So many times as long as what is alive may it be beyond that."""

NOTHING: Final = b""


class Ledger:
    """Tables of records, each record some bytes under a number.

    Every method may be called from any thread.  A process that dies leaves what it had committed; whoever
    goes on from there calls :meth:`read` first.
    """

    def __init__(self, size: int = SIZE) -> None:
        whole = size + WORDS + LANDING
        self._memory = mmap.mmap(-1, whole, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | MAP_NORESERVE)
        self._room = size // 2
        self.words = memoryview(self._memory)[:WORDS].cast("Q")
        self.landing = memoryview(self._memory)[size + WORDS :]
        self._tables: defaultdict[int, dict[int, bytes]] = defaultdict(dict)
        self._highest: defaultdict[int, int] = defaultdict(int)
        self._lock = threading.RLock()
        self._start, self._end = WORDS, WORDS
        self._full = self._turned = False
        self._limit = min(SHORTEST, self._room)
        self.words[END] = WORDS

    def table(self, table: int) -> dict[int, bytes]:
        """Return the records of *table*, to be looked at."""
        return self._tables[table]

    def highest(self, table: int) -> int:
        """Return the highest number that was ever used in *table*, 0 if none was."""
        return self._highest[table]

    def put(self, table: int, number: int, value: bytes = NOTHING) -> None:
        """Have *value* under *number*, once it is committed."""
        with self._lock:
            self._tables[table][number] = value
            if number > self._highest[table]:
                self._highest[table] = number
            self._append(table, 1, number, value)

    def drop(self, table: int, number: int) -> None:
        """Have nothing under *number*, once it is committed."""
        with self._lock:
            if self._tables[table].pop(number, None) is not None:
                self._append(table, 0, number, NOTHING)

    def commit(self) -> None:
        """From here on, all that was put and dropped counts."""
        self._turned = False
        self.words[END] = self._end | (HALF if self._start > WORDS else 0)

    def read(self) -> None:
        """Take up what was committed, and forget what was not."""
        self._turned = False
        end = self.words[END]
        self._start = WORDS + self._room if end & HALF else WORDS
        self._end = end & ~HALF
        self._tables.clear()
        for table, there, number, value in self._records():
            self._highest[table] = max(self._highest[table], number)
            if there:
                self._tables[table][number] = value
            else:
                self._tables[table].pop(number, None)

    def _records(self) -> Iterator[tuple[int, int, int, bytes]]:
        at = self._start
        while at < self._end:
            table, there, size, number = RECORD.unpack_from(self._memory, at)
            at += RECORD.size
            yield table, there, number, self._memory[at : at + size]
            at += size + -size % ROUND

    def _append(self, table: int, there: int, number: int, value: bytes) -> None:
        size = len(value)
        need = RECORD.size + size + -size % ROUND
        if self._end + need > self._start + self._limit and not self._turned:
            self._compact()  # which writes this change as well: it is in the table already
            return
        if self._end + need > self._start + self._room:
            self._overflow()
            return
        at = self._end
        RECORD.pack_into(self._memory, at, table, there, size, number)
        if size:
            self._memory[at + RECORD.size : at + RECORD.size + size] = value
        self._end = at + need

    def _compact(self) -> None:
        """Write what is alive, uncommitted changes included, into the other half."""
        alive = sum(
            RECORD.size + len(value) + ROUND
            for table in self._tables.values()
            for value in (*table.values(), NOTHING)
        )
        if alive > self._room:
            self._overflow()
            return
        # Not once more before a commit: the other half is what counts until then.
        self._turned = True
        self._limit = min(max(SHORTEST, PAST * alive), self._room)
        self._start = WORDS if self._start > WORDS else WORDS + self._room
        self._end = self._start
        for table, highest in self._highest.items():
            if highest not in self._tables[table]:
                self._append(table, 0, highest, NOTHING)
        for table, records in self._tables.items():
            for number, value in records.items():
                self._append(table, 1, number, value)

    def _overflow(self) -> None:
        if not self._full:
            log.error("the ledger is full: what is done from here on does not survive the server")
        self._full = True
