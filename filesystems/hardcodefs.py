"""Hardcodefs: three files in one directory, fixed in the code; the tutorial's first chapter.

Files can be read and written, and that is all: none can be made, removed or renamed.

    python -m filesystems.hardcodefs MNT
    python -m filesystems.hardcodefs -o store=FILE MNT

Read it from top to bottom: the files, where their data are, and the operations.  What is not written here
(open, close, mkdir, rename ...) the library answers.
"""

from __future__ import annotations

import errno
import mmap
import os
import stat
import struct
import time
from collections.abc import Iterator
from typing import Final

import attrs

import puffpy

# The files.  Each has a slot of fixed length in the storage: 8 bytes that say how much of the slot is in use,
# and the data.


@attrs.frozen
class Row:
    """A file that there is: its *name*, its *mode*, *room* for so many bytes, and what it *says* at first."""

    name: str
    mode: int
    room: int
    says: bytes


FILES: Final = (
    Row("readme", 0o444, 512, b"Three files, fixed in the code. Write to notes, or to counter.\n"),
    Row("notes", 0o666, 4096, b""),
    Row("counter", 0o644, 16, b"0\n"),
)

LENGTH: Final = struct.Struct("<Q")
TOTAL: Final = sum(LENGTH.size + row.room for row in FILES)


# The nodes.  The library does not mind what they are, as long as the same file is always the same object.


class File:
    """One file: a window into the *storage*, from *start* on."""

    def __init__(self, row: Row, storage: mmap.mmap, start: int) -> None:
        self.row = row
        self.storage = storage
        self.start = start
        self.data = memoryview(storage)[start + LENGTH.size : start + LENGTH.size + row.room]
        self.mtime_ns = time.time_ns()

    @property
    def size(self) -> int:
        """How many bytes are in use; what the storage says may have been written by anybody."""
        size: int = LENGTH.unpack_from(self.storage, self.start)[0]
        return min(size, self.row.room)

    def resize(self, size: int) -> None:
        """Use *size* bytes from now on; those that come into use are zeros.

        Raises:
            EFBIG: there is not so much room.
        """
        before = self.size
        if size > self.row.room:
            raise puffpy.FsError(errno.EFBIG)
        if size > before:
            self.data[before:size] = bytes(size - before)
        LENGTH.pack_into(self.storage, self.start, size)


class Root:
    """The directory; it has nothing to remember."""


# The file system: five operations, and a sixth that ``echo pink > notes`` needs.


class HardcodeFS(puffpy.VnodeOps):
    """Three files in one directory, fixed in the code.

    Args:
        store: A file to keep the data in; without one they are gone with the mount.
    """

    options = puffpy.MountOptions(fsname="puffs:hardcodefs", subtype="hardcodefs", default_permissions=True)

    def __init__(self, *, store: str = "") -> None:
        self.unveiled = (os.path.dirname(os.path.abspath(store)),) if store else ()
        self.storage, is_new = open_storage(store)
        self.root = Root()
        self.born_ns = time.time_ns()
        self.files: dict[str, File] = {}
        start = 0
        for row in FILES:
            file = self.files[row.name] = File(row, self.storage, start)
            if is_new:
                self.write(file, 0, memoryview(row.says), puffpy.Call(0, 0, 0))
            start += LENGTH.size + row.room

    def lookup(self, dvp: Root, cn: puffpy.ComponentName, call: puffpy.Call) -> File:
        """A name to its node."""
        if cn.name in self.files:
            return self.files[cn.name]
        raise FileNotFoundError

    def readdir(self, dvp: Root, call: puffpy.Call) -> Iterator[tuple[str, File]]:
        """All names with their nodes."""
        yield from self.files.items()

    def getattr(self, vp: Root | File, call: puffpy.Call) -> puffpy.Vattr:
        """What ``ls -l`` shows of a node."""
        ids = {"uid": os.getuid(), "gid": os.getgid()}
        if isinstance(vp, Root):
            at = self.born_ns
            return puffpy.Vattr(stat.S_IFDIR | 0o755, 2, **ids, atime_ns=at, mtime_ns=at, ctime_ns=at)
        at = vp.mtime_ns
        mode = stat.S_IFREG | vp.row.mode
        return puffpy.Vattr(mode, **ids, size=vp.size, atime_ns=at, mtime_ns=at, ctime_ns=at)

    def read(self, vp: File, offset: int, size: int, call: puffpy.Call) -> memoryview:
        """A piece of the storage itself, uncopied; an empty one past the end."""
        return vp.data[: vp.size][offset : offset + size]

    def write(self, vp: File, offset: int, data: memoryview, call: puffpy.Call) -> int:
        """As much as there is room for."""
        end = min(offset + len(data), vp.row.room)
        if end <= offset < offset + len(data):
            raise puffpy.FsError(errno.ENOSPC)
        if end > vp.size:
            vp.resize(end)
        vp.data[offset:end] = data[: end - offset]
        vp.mtime_ns = time.time_ns()
        return end - offset

    def setattr(self, vp: Root | File, change: puffpy.SetAttr, call: puffpy.Call) -> None:
        """The size, which the shell's ``>`` sets to 0, and the time; all else is fixed in the code."""
        if (
            isinstance(vp, Root)
            or change.mode is not None
            or change.uid is not None
            or change.gid is not None
        ):
            raise puffpy.FsError(errno.EPERM)
        if change.size is not None:
            vp.resize(change.size)
            vp.mtime_ns = change.ctime_ns
        if change.mtime_ns is not None:
            vp.mtime_ns = change.mtime_ns


# Where the data are kept: memory, which may be that of a file.


def open_storage(path: str) -> tuple[mmap.mmap, bool]:
    """Return memory for all slots, and whether it is new; with a *path*, that of the file there."""
    if not path:
        return mmap.mmap(-1, TOTAL), True
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        before = os.fstat(fd).st_size
        if before not in (0, TOTAL):
            raise ValueError(
                f"store={path} has {before} bytes, not {TOTAL}: it is the store of something else"
            )
        os.ftruncate(fd, TOTAL)
        return mmap.mmap(fd, TOTAL), not before
    finally:
        os.close(fd)


if __name__ == "__main__":
    puffpy.main(HardcodeFS)
