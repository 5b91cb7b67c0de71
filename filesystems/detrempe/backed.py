"""A file whose data are in a file underneath, which the kernel may read, write and map by itself.

When that pays is decided in ``passthrough``.

Nobody says what the kernel does to the file underneath, so that file is asked: it knows the size, the blocks,
and the times of the last access and the last change of data.  What only this file system changes stays here:
the mode, the owner, the links; the time of change is the later of the two.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from typing import Any, Final

import puffpy
from filesystems.detrempe.chunk import CHUNK, ZEROS
from filesystems.detrempe.data import LARGEST, NOTHING, Data
from filesystems.detrempe.nodes import SECTOR, File
from filesystems.detrempe.room import PAGE, Room
from filesystems.detrempe.tmpfs import KEEP_SIZE, PUNCH_HOLE, Tmpfs, fallocate

_VATTR: Final[Any] = vars(puffpy.Node)["vattr"]
"""Where a node's own attributes are, which :class:`BackedFile` hides behind fresh ones."""


class Backed(Data):
    """What a file holds, in the file *fd* of *tmpfs*.

    *streamed* says that it has only ever been open for writing, so that there is no memory map of it;
    *mappable*, that there may be one that is written to, which changes it at any time.  *latest* is the
    latest time that this process gave its data: the kernel's clock for files is a few milliseconds late.
    """

    __slots__ = ("fd", "latest", "mappable", "streamed", "tmpfs")

    def __init__(self, tmpfs: Tmpfs, fd: int, *, streamed: bool = False) -> None:
        self.tmpfs = tmpfs
        self.fd = fd
        self.streamed = streamed
        self.mappable = False
        self.latest = 0

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file underneath."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            self.tmpfs.drop(fd, alone=self.streamed)

    def set_times(self, va: puffpy.Vattr) -> None:
        """Give the file underneath the times of *va*."""
        os.utime(self.fd, ns=(va.atime_ns, va.mtime_ns))
        self.latest = va.mtime_ns if va.mtime_ns <= time.time_ns() else 0

    def read(self, offset: int, size: int) -> memoryview:
        """Return *size* bytes from *offset*."""
        return memoryview(os.pread(self.fd, size, offset))

    def pieces(self, offset: int, stop: int) -> Iterator[memoryview]:
        """Yield the bytes from *offset* to *stop*, which is not beyond the end."""
        while offset < stop:
            piece = self.read(offset, min(stop - offset, CHUNK)) or ZEROS[: min(stop - offset, CHUNK)]
            yield piece
            offset += len(piece)

    def seek_data(self, offset: int) -> int | None:
        """Return where data are from *offset* on, if there are any."""
        try:
            return os.lseek(self.fd, offset, os.SEEK_DATA)
        except OSError:
            return None

    def seek_hole(self, offset: int) -> int:
        """Return where no data are from *offset* on."""
        try:
            return os.lseek(self.fd, offset, os.SEEK_HOLE)
        except OSError:
            return offset

    def write(self, offset: int, data: memoryview) -> int:
        """Store *data* at *offset*, as much as there is room for, or raise ENOSPC."""
        return os.pwrite(self.fd, data, offset)

    def _store(self, offset: int, data: memoryview) -> int:
        try:
            return self.write(offset, data)
        except OSError:
            return 0

    def reserve(self, offset: int, stop: int) -> None:
        """Take room for everything from *offset* to *stop*, or raise ENOSPC and take none."""
        fallocate(self.fd, KEEP_SIZE, offset, stop - offset)

    def zero(self, offset: int, stop: int) -> None:
        """Make the data from *offset* to *stop* zeros; they stay data."""
        # Beyond the end, all is zeros, and a write would move it.
        stop = min(stop, os.fstat(self.fd).st_size)
        while offset < stop:
            offset += os.pwrite(self.fd, ZEROS[: min(stop - offset, CHUNK)], offset)

    def punch(self, offset: int, stop: int) -> None:
        """Make a hole from *offset* to *stop*."""
        if offset < stop:
            fallocate(self.fd, PUNCH_HOLE | KEEP_SIZE, offset, min(stop, LARGEST) - offset)

    def cut(self, size: int) -> None:
        """Let go of everything from *size* on."""
        os.ftruncate(self.fd, size)


class BackedFile(File):
    """A regular file with its data underneath.

    A file becomes one, and one becomes a plain file again, while it is used: see :func:`move_below` and
    :func:`bring_back`.
    """

    __slots__ = ()

    data: Backed

    @property
    def vattr(self) -> puffpy.Vattr:  # type: ignore[override]  # a slot of the base, to be read through
        """The attributes, as they are at this moment."""
        va: puffpy.Vattr = _VATTR.__get__(self)
        data = self.data
        st = os.fstat(data.fd)
        va.size, va.blocks = st.st_size, st.st_blocks
        # Equal times stay one object: in a small file brought back they would be a third of its attributes.
        if va.atime_ns != st.st_atime_ns:
            va.atime_ns = st.st_atime_ns
        if st.st_mtime_ns > data.latest:
            # The kernel has changed the data; otherwise the time of change underneath is of the move there.
            va.mtime_ns, va.ctime_ns = st.st_mtime_ns, max(st.st_ctime_ns, va.ctime_ns)
        else:
            va.mtime_ns = data.latest
        return va

    def changed(self, size: int, now: int) -> None:
        """Note that the data have changed, and that the file is *size* bytes long now."""
        data = self.data
        if size != os.fstat(data.fd).st_size:
            os.ftruncate(data.fd, size)
        self.vattr.ctime_ns = data.latest = now
        _VATTR.__get__(self).mtime_ns = now

    def timed(self) -> None:
        """Note that somebody has set the time of last access or of data."""
        self.data.set_times(_VATTR.__get__(self))

    def suspect(self) -> None:
        """Have the kernel ask each time also while a memory map may change the times."""
        super().suspect()
        if self.data.mappable:
            _VATTR.__get__(self).ttl = 0.0

    def release(self) -> None:
        """Give back all room that the node has taken."""
        # Closed and not cut: somebody may have it mapped still.
        self.data.close()
        plain: File = self
        plain.__class__ = File
        plain.data = NOTHING
        plain.release()


def move_below(file: File, tmpfs: Tmpfs, *, streamed: bool = False) -> bool:
    """Move the data of *file* underneath; tell whether there was a descriptor, and room."""
    fd = tmpfs.new()
    if fd is None:
        return False
    data, va = Backed(tmpfs, fd, streamed=streamed), file.vattr
    held = file.data
    try:
        if held.pages:
            _copy(data, held, va.size)
        if va.size:
            os.ftruncate(fd, va.size)
        data.set_times(va)
    except OSError:
        data.close()
        return False
    if held.pages:
        held.cut(0)
    file.data = data
    file.__class__ = BackedFile
    return True


def _copy(data: Backed, held: Data, size: int) -> None:
    """Copy all of *held*, and reserve what it has reserved beyond *size*; OSError if there is no room."""
    if data.copy(0, held, 0, size) < size:
        raise puffpy.FsError(errno.ENOSPC)
    start = held.seek_data(size)
    while start is not None:
        stop = held.seek_hole(start)
        data.reserve(start, stop)
        start = held.seek_data(stop)


def bring_back(file: BackedFile, room: Room) -> bool:
    """Make *file*, whose attributes are fresh, a plain one; tell whether there was *room* for its data."""
    below: Backed = file.data
    va: puffpy.Vattr = _VATTR.__get__(file)
    data = NOTHING
    if va.blocks:
        data = Data(room)
        try:
            stored = data.copy(0, below, 0, va.size)
        except OSError:
            stored = -1
        if stored < va.size:
            data.cut(0)
            return False
    plain: File = file
    plain.__class__ = File
    plain.data = data
    va.blocks = data.pages * (PAGE // SECTOR)
    below.close()
    return True
