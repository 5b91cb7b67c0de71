"""The data of one file: chunks by number, and holes where there is none.

Sizes and times are not known here; reading ends where the caller says.
"""

from __future__ import annotations

import errno
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

import puffpy
from filesystems.detrempe.chunk import CHUNK, WHOLE, ZEROS, Chunk, covered, lowest, touched
from filesystems.detrempe.room import PAGE, Room

LARGEST: Final = 2**63 - 1
"""The size beyond which no file goes: offsets are signed 64-bit numbers."""


def split(start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Yield the number of each chunk from *start* to *stop*, and where in it the range starts and stops."""
    while start < stop:
        number, first = divmod(start, CHUNK)
        last = min(CHUNK, first + stop - start)
        yield number, first, last
        start += last - first


def _some(done: int) -> int:
    """Return *done*, or raise ENOSPC if that is nothing."""
    if not done:
        raise puffpy.FsError(errno.ENOSPC)
    return done


class Data:
    """What a file holds, in pages taken from *room*."""

    __slots__ = ("chunks", "order", "pages", "room")

    def __init__(self, room: Room) -> None:
        self.room = room
        self.chunks: dict[int, Chunk] = {}
        self.pages = 0
        # The numbers of the chunks in order, once somebody has asked for holes.
        self.order: list[int] | None = None

    # reading

    def read(self, offset: int, size: int) -> memoryview | tuple[memoryview, ...]:
        """Return *size* bytes from *offset*, uncopied, in as many pieces as there are."""
        number, start = divmod(offset, CHUNK)
        chunk = self.chunks.get(number)
        if chunk is not None:
            store = chunk.store
            if start + size <= len(store):
                return (store if type(store) is memoryview else memoryview(store))[start : start + size]
        return tuple(self.pieces(offset, offset + size))

    def pieces(self, offset: int, stop: int) -> Iterator[memoryview]:
        """Yield the bytes from *offset* to *stop*, uncopied; holes are zeros."""
        for number, first, last in split(offset, stop):
            chunk = self.chunks.get(number)
            if chunk is not None and first < len(chunk.store):
                piece = memoryview(chunk.store)[first:last]
                yield piece
                first += len(piece)
            if first < last:
                yield ZEROS[: last - first]

    def seek_data(self, offset: int) -> int | None:
        """Return *offset* if it is in a page of data, else where the next such page starts, if any does."""
        number, start = divmod(offset, CHUNK)
        if self.order is None:
            self.order = sorted(self.chunks)
        for position in range(bisect_left(self.order, number), len(self.order)):
            found = self.order[position]
            held = self.chunks[found].held
            if found == number:
                held &= -1 << start // PAGE
            if held:
                return max(offset, found * CHUNK + lowest(held) * PAGE)
        return None

    def seek_hole(self, offset: int) -> int:
        """Return *offset* if it is in a page without data, else where the next such page starts."""
        number, start = divmod(offset, CHUNK)
        page = start // PAGE
        while number in self.chunks:
            holes = ~self.chunks[number].held & (-1 << page) & WHOLE
            if holes:
                return max(offset, number * CHUNK + lowest(holes) * PAGE)
            number, page = number + 1, 0
        return max(offset, number * CHUNK)

    # writing

    def write(self, offset: int, data: memoryview) -> int:
        """Store *data*, which is not empty, at *offset* and return how many bytes there was room for.

        Raises:
            ENOSPC: there was room for none, and nothing has changed.
        """
        number, start = divmod(offset, CHUNK)
        stop = start + len(data)
        chunk = self.chunks.get(number)
        if chunk is not None:
            store = chunk.store
            if stop <= len(store) and not touched(start, stop) & ~chunk.held:
                # Nothing new, as most writes to large files are: no room is taken, nothing grows.
                (store if type(store) is memoryview else memoryview(store))[start:stop] = data
                return stop - start
        return _some(self._store(offset, data))

    def _store(self, offset: int, data: memoryview) -> int:
        """Store *data* at *offset*, as much as there is room for, and return how much that was."""
        number, start = divmod(offset, CHUNK)
        if start + len(data) <= CHUNK:
            return self._put(number, start, data)
        done = 0
        for number, first, last in split(offset, offset + len(data)):
            stored = self._put(number, first, data[done : done + last - first])
            done += stored
            if stored < last - first:
                break
        return done

    def _put(self, number: int, start: int, data: memoryview) -> int:
        """Store *data* in one chunk, as much as there is room for, and return how much that was."""
        chunk = self.chunks.get(number)
        missing = touched(start, start + len(data))
        if chunk is not None:
            missing &= ~chunk.held
        if not self.room.fits(missing.bit_count()):
            data = data[: self._fitting(missing) - start]
            missing &= touched(start, start + len(data)) if data else 0
        if not data:
            return 0
        if chunk is None:
            chunk = Chunk()
        try:
            chunk.put(start, data)
        except MemoryError:
            return 0
        if missing:
            self._hold(number, chunk, missing)
        return len(data)

    def _fitting(self, missing: int) -> int:
        """Return where the first of the *missing* pages starts that there is no more room for."""
        for _ in range(self.room.free):
            missing &= missing - 1
        return lowest(missing) * PAGE

    def _hold(self, number: int, chunk: Chunk, missing: int) -> None:
        """Count the pages *missing* from *chunk* as data from now on."""
        count = missing.bit_count()
        self.room.take(count)
        self.pages += count
        chunk.held |= missing
        if number not in self.chunks:
            self.chunks[number] = chunk
            self.order = None

    def reserve(self, offset: int, stop: int) -> None:
        """Take room for everything from *offset* to *stop*; what was a hole are zeros now.

        Raises:
            ENOSPC: there is not enough room, and nothing has changed.
        """
        # Hundreds of gigabytes are refused before anything is counted page by page.
        if (stop - offset) // PAGE - self.pages > self.room.free:
            raise puffpy.FsError(errno.ENOSPC)
        wanted = [(number, touched(first, last)) for number, first, last in split(offset, stop)]
        fresh = Chunk()
        need = sum((mask & ~self.chunks.get(number, fresh).held).bit_count() for number, mask in wanted)
        if need > self.room.free:
            raise puffpy.FsError(errno.ENOSPC)
        for number, mask in wanted:
            # No store is made: what is beyond its end reads as zeros already.
            chunk = self.chunks.get(number) or Chunk()
            self._hold(number, chunk, mask & ~chunk.held)

    def copy(self, offset: int, source: Data, start: int, length: int) -> int:
        """Store *length* bytes of *source*, from *start* on, at *offset*, holes as holes.

        Returns: how many bytes there was room for.

        Raises:
            ENOSPC: there was room for none.
        """
        done = 0
        while done < length:
            data = source.seek_data(start + done)
            ahead = length if data is None else min(data - start, length)
            self.punch(offset + done, offset + ahead)
            done = ahead
            stop = min(source.seek_hole(start + done), start + length)
            for piece in source.pieces(start + done, stop):
                stored = self._store(offset + done, piece)
                done += stored
                if stored < len(piece):
                    return _some(done)
        return done

    # giving back

    def zero(self, offset: int, stop: int) -> None:
        """Make the data from *offset* to *stop* zeros; they stay data."""
        for number, first, last in self._known(offset, stop):
            self.chunks[number].clear(first, last)

    def punch(self, offset: int, stop: int) -> None:
        """Make a hole from *offset* to *stop*: whole pages are given back, parts of one become zeros."""
        for number, first, last in self._known(offset, stop):
            chunk = self.chunks[number]
            freed = chunk.held & covered(first, last)
            if freed == chunk.held:
                del self.chunks[number]
                self.order = None
            else:
                chunk.clear(first, last)
                chunk.held &= ~freed
            self._give(freed.bit_count())

    def cut(self, size: int) -> None:
        """Let go of everything from *size* on, so that the file reads as zeros there if it grows again."""
        if size:
            self.punch(size, -(-LARGEST // CHUNK) * CHUNK)
        else:
            self.chunks.clear()
            self.order = None
            self._give(self.pages)

    def _known(self, offset: int, stop: int) -> list[tuple[int, int, int]]:
        """Return what :func:`split` says of the chunks that exist, in time that the smaller number sets."""
        first, last = offset // CHUNK, -(-stop // CHUNK)
        if last - first < len(self.chunks):
            known = [number for number in range(first, last) if number in self.chunks]
        else:
            known = [number for number in self.chunks if first <= number < last]
        return [(n, max(offset - n * CHUNK, 0), min(stop - n * CHUNK, CHUNK)) for n in known]

    def _give(self, count: int) -> None:
        self.pages -= count
        self.room.take(-count)


NOTHING: Final = Data(Room(0))
"""The data of every file that has none: it can be read, and there is no room to write."""
