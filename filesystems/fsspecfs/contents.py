"""A file's data: blocks that are read from the backend, and the spool that is written to.

Names and attributes are in ``nodes``; when data are handed over is decided in ``data``.

Theory of operation.  A backend takes whole objects.  So the first write fetches the object into a spool, an
unnamed temporary file, and from then on everything is read from there and written there; ``push`` makes the
object anew from it.  Until then, and where nothing is ever written, reads come in blocks from a reader that
all who have the file open share.
"""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from typing import IO, Final

import attrs

import puffpy
from filesystems.fsspecfs.backend import Backend
from filesystems.fsspecfs.blocks import Blocks
from filesystems.fsspecfs.refusals import OnlyForwards, asking

MARGIN: Final = 64 << 20
"""Bytes that are left free where the spools are."""

AHEAD: Final = 8
"""The most blocks that are read at once."""


@attrs.define(eq=False)
class Contents:
    """The data of the object at *path*; whoever writes may have *largest* bytes (0: what there is room for).

    *lock* is held by every method, and may be held around several of them.  *pending* are data that the
    backend has not got yet.  *owner* is what the blocks go by, while there are any.
    """

    backend: Backend
    blocks: Blocks
    largest: int
    path: str
    lock: threading.RLock = attrs.field(factory=threading.RLock)
    pending: bool = False
    owner: int = 0
    _spool: IO[bytes] | None = None
    _reader: IO[bytes] | None = None
    _run: int = 1
    _next: int = 0

    @property
    def size(self) -> int | None:
        """How many bytes there are, if that is known here: while there is a spool.

        The one thing that is asked without the lock: a stat need not wait for an upload.
        """
        spool = self._spool
        try:
            return None if spool is None else os.fstat(spool.fileno()).st_size
        except ValueError:  # closed meanwhile
            return None

    # reading

    def read(self, offset: int, size: int) -> bytes | tuple[bytes, ...]:
        """Return up to *size* bytes from *offset*."""
        with self.lock:
            if self._spool is None:
                try:
                    return self._from_blocks(offset, size)
                except OnlyForwards:
                    self.stale()  # where the reader stands, nobody knows
                    self.fetch()
            assert self._spool is not None
            return os.pread(self._spool.fileno(), size, offset)

    def _from_blocks(self, offset: int, size: int) -> bytes | tuple[bytes, ...]:
        length, pieces = self.blocks.size, []
        while size > 0:
            index, start = divmod(offset, length)
            block = self._block(index)
            piece = block if not start and len(block) <= size else block[start : start + size]
            pieces.append(piece)
            if len(block) < length:
                break  # the end
            offset += len(piece)
            size -= len(piece)
        return pieces[0] if len(pieces) == 1 else tuple(pieces)

    def _block(self, index: int) -> bytes:
        self.owner = self.owner or self.blocks.owner()
        block = self.blocks.get(self.owner, index)
        if block is None:
            if self._reader is None:
                self._reader = self.backend.reader(self.path, self.blocks.size)
            length = self.blocks.size
            # Whoever reads on is given more at a time: each request may be a journey round the world.
            self._run = min(2 * self._run, AHEAD, self.blocks.most) if index == self._next else 1
            self._next = index + self._run
            with asking(f"reading {self.path}"):
                data = read_at(self._reader, index * length, length * self._run)
            block = data[:length]
            for number, start in enumerate(range(0, len(data), length), index):
                self.blocks.put(self.owner, number, data[start : start + length])
        return block

    def fetch(self) -> None:
        """Have all of the data in the spool."""
        with self.lock:
            if self._spool is not None:
                return
            spool = _new_spool()
            try:
                self.backend.get(self.path, spool)
            except BaseException:
                spool.close()
                raise
            self._spool = spool
            self.stale()

    # writing

    def write(self, offset: int, data: memoryview) -> None:
        """Store *data* at *offset*.

        Raises:
            EFBIG: that would be larger than may be.
            ENOSPC: there is no room for the spool.
        """
        with self.lock:
            self._fits(offset + len(data))
            self.fetch()
            self.pending = True
            assert self._spool is not None
            while data:
                done = os.pwrite(self._spool.fileno(), data, offset)
                data, offset = data[done:], offset + done

    def truncate(self, size: int) -> None:
        """Cut the data to *size* bytes, or have zeros follow them up to there."""
        with self.lock:
            self._fits(size)
            if not size and self._spool is None:
                self._spool = _new_spool()  # nothing of what there was is needed
                self.stale()
            self.fetch()
            self.pending = True
            assert self._spool is not None
            os.ftruncate(self._spool.fileno(), size)

    def push(self) -> bool:
        """Give the backend what it has not got yet; return whether there was any.

        Raises:
            EROFS: it cannot be written to.
            EIO: it would not take it; all is kept, and can be tried again.
        """
        with self.lock:
            if not self.pending or self._spool is None:
                return False
            self._spool.seek(0)
            self.backend.put(self.path, self._spool)
            self.pending = False
            return True

    def _fits(self, end: int) -> None:
        most = self.largest
        if not most:
            room = os.statvfs(tempfile.gettempdir())
            most = max(room.f_bavail * room.f_frsize - MARGIN + (self.size or 0), 0)
        if end > most:
            raise puffpy.FsError(errno.EFBIG, f"{self.path}: {end} bytes, and {most} is the most (largest=)")

    # the end

    def stale(self) -> None:
        """The data at the backend are others by now, or elsewhere: nothing of what was read is right."""
        with self.lock:
            if self._reader is not None:
                reader, self._reader = self._reader, None
                with asking(f"closing {self.path}"):
                    reader.close()
            if self.owner:
                self.blocks.drop(self.owner)
                self.owner = 0

    def close(self) -> None:
        """Nobody has the file open; what is pending is lost.  Blocks stay, for whoever opens it next."""
        with self.lock:
            if self._spool is not None:
                self._spool.close()
                self._spool = None
            self.pending = False
            if self._reader is not None:
                reader, self._reader = self._reader, None
                with asking(f"closing {self.path}"):
                    reader.close()


def _new_spool() -> IO[bytes]:
    return tempfile.TemporaryFile(buffering=0, prefix="puffpy-spool-")


def read_at(reader: IO[bytes], offset: int, size: int) -> bytes:
    """Return *size* bytes from *offset* on, fewer only at the end; OnlyForwards if it cannot go there."""
    pieces, left = [], size
    while left:
        try:
            if reader.tell() != offset:
                reader.seek(offset)
            piece = reader.read(left)
        except (ValueError, NotImplementedError) as exc:
            raise OnlyForwards from exc
        if not piece:
            break
        pieces.append(piece)
        left, offset = left - len(piece), offset + len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
