"""One stretch of a file's data in memory, with a map of its pages.

A chunk knows neither its place in the file nor how much room there is; see ``data``.

The map is one integer, bit *n* for page *n*: set where the page holds data, clear where it is a hole.  Two
rules make everything else simple:

* the bytes of a hole are zero in the store, or beyond its end;
* what is beyond the end of the store reads as zeros.

Most files are written from front to back, so the store is a bytearray that ends where the data end: small
files are small, and memory that one file frees serves the next without a page fault.  A chunk that is written
with a gap, or gets a hole punched, moves to anonymous memory of its full size, where untouched pages cost
nothing and the pages of a hole go back to the machine.  A store of full size is kept as a memoryview, made
once and not with every read.
"""

from __future__ import annotations

import mmap
from typing import Final

from filesystems.detrempe.room import PAGE

CHUNK: Final = 256 * 1024
"""Bytes in a chunk: smaller ones make large reads slower, larger ones make nothing faster."""

UP_TO: Final = tuple((1 << page) - 1 for page in range(CHUNK // PAGE + 1))
"""The map of all pages before a page, by its number."""

WHOLE: Final = UP_TO[-1]
"""The map of a chunk without a hole."""

ZEROS: Final = memoryview(bytes(CHUNK))
"""What a hole reads as; nobody writes it, so it takes next to no memory."""


def touched(start: int, stop: int) -> int:
    """Return the map of the pages that hold any byte from *start* up to *stop*."""
    return UP_TO[(stop + PAGE - 1) // PAGE] ^ UP_TO[start // PAGE]


def covered(start: int, stop: int) -> int:
    """Return the map of the pages that lie wholly between *start* and *stop*."""
    return UP_TO[stop // PAGE] & ~UP_TO[(start + PAGE - 1) // PAGE]


def lowest(bits: int) -> int:
    """Return the number of the lowest bit set in *bits*, which is not 0."""
    return (bits & -bits).bit_length() - 1


class Chunk:
    """Up to :data:`CHUNK` bytes of a file: their store, and *held*, the map of the pages that are data."""

    __slots__ = ("held", "store")

    def __init__(self) -> None:
        self.store: bytearray | memoryview = bytearray()
        self.held = 0

    def put(self, start: int, data: memoryview) -> None:
        """Copy *data* to *start*, once.

        Raises:
            MemoryError: the machine has no more; what was here is unchanged.
        """
        store = self.store
        size = len(store)
        stop = start + len(data)
        if stop <= size:
            memoryview(store)[start:stop] = data
        elif start == size:
            self._append(data)
        elif start < size:
            # The end first: it is what can fail.
            self._append(data[size - start :])
            memoryview(self.store)[start:size] = data[: size - start]
        elif start - size < PAGE:
            self._append(ZEROS[: start - size])
            self._append(data)
        else:
            self._spread()[start:stop] = data

    def clear(self, start: int, stop: int) -> None:
        """Make the bytes from *start* to *stop* zero, and let whole pages go back to the machine.

        Raises:
            MemoryError: the machine has no more; nothing has changed.
        """
        store = self.store
        if start >= len(store):
            return
        if stop >= len(store) and self._anonymous() is None:
            self.store = bytearray(memoryview(store)[:start])
            return
        first, last = -(-start // PAGE) * PAGE, stop // PAGE * PAGE
        if first >= last:
            memoryview(store)[start:stop] = ZEROS[: stop - start]
            return
        store = self._spread()
        store[start:first] = ZEROS[: first - start]
        store[last:stop] = ZEROS[: stop - last]
        anonymous = self._anonymous()
        if anonymous is not None:
            anonymous.madvise(mmap.MADV_DONTNEED, first, last - first)
        else:
            store[first:last] = ZEROS[: last - first]

    def _append(self, data: memoryview) -> None:
        """Let the store grow by *data*; only a bytearray ever ends before the chunk does."""
        store = self.store
        assert isinstance(store, bytearray)
        try:
            store += data
        except BufferError:
            # A reply that shows this store is still on its way out; let it keep the old one.
            store = store + data
        self.store = memoryview(store) if len(store) == CHUNK else store

    def _anonymous(self) -> mmap.mmap | None:
        """Return the anonymous memory that the store is a view of, if it is."""
        memory = self.store.obj if isinstance(self.store, memoryview) else None
        return memory if isinstance(memory, mmap.mmap) else None

    def _spread(self) -> memoryview:
        """Return the store at its full size, in pages that come and go one by one."""
        store = self.store
        if isinstance(store, memoryview) and self._anonymous() is not None:
            return store
        whole: bytearray | mmap.mmap
        try:
            whole = mmap.mmap(-1, CHUNK, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        except OSError:
            # Too many mappings, perhaps: then without the gain.
            whole = bytearray(CHUNK)
        view = memoryview(whole)
        view[: len(store)] = store
        self.store = view
        return view
