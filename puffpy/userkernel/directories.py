"""The system calls that list directories.

Listings are not kept: every one is read from the server, with READDIRPLUS where Linux would.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from typing import AnyStr, Generic, overload

from puffpy.errors import WireError
from puffpy.userkernel.descriptors import OpenInode
from puffpy.userkernel.files import FileCalls
from puffpy.userkernel.machine import Path, call
from puffpy.userkernel.permissions import refusal
from puffpy.userkernel.walk import DOT, DOTDOT
from puffpy.wire import DirentRecord, Opcode, unpack_dirents, unpack_direntsplus
from puffpy.wire.dirents import DirentPlusRecord
from puffpy.wire.flags import InitFlag

GETDENTS = 32768
"""Bytes that a listing asks for at once: glibc's buffer."""

O_LISTING = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK | os.O_CLOEXEC
"""How opendir(3) opens."""


class DirEntry(Generic[AnyStr]):
    """One entry of ``scandir``; see ``os.DirEntry``.

    The type is what the directory said; everything else is asked when it is wanted.
    """

    def __init__(self, kernel: DirectoryCalls, directory: AnyStr, name: AnyStr, record: DirentRecord) -> None:
        self.name: AnyStr = name
        self.path: AnyStr = os.path.join(directory, name) if directory else name
        self._kernel = kernel
        self._record = record

    def __repr__(self) -> str:
        return f"<DirEntry {self.name!r}>"

    def __fspath__(self) -> AnyStr:
        return self.path

    def inode(self) -> int:
        """Return what the directory says the node's number is."""
        return self._record.ino

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """See ``os.DirEntry.is_dir``."""
        return self._is(stat.S_IFDIR, follow_symlinks)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """See ``os.DirEntry.is_file``."""
        return self._is(stat.S_IFREG, follow_symlinks)

    def is_symlink(self) -> bool:
        """See ``os.DirEntry.is_symlink``."""
        return self._is(stat.S_IFLNK, False)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """See ``os.DirEntry.stat``."""
        return self._kernel.stat(self.path, follow_symlinks=follow_symlinks)

    def _is(self, kind: int, follow: bool) -> bool:
        told = self._record.kind << 12
        if told and not (follow and told == stat.S_IFLNK):
            return told == kind
        try:
            return stat.S_IFMT(self.stat(follow_symlinks=follow).st_mode) == kind
        except FileNotFoundError:
            return False


class ScandirIterator(Generic[AnyStr]):
    """What ``scandir`` returns: entries, read from the server as they are asked for, until it is closed."""

    def __init__(
        self, kernel: DirectoryCalls, fd: int, directory: AnyStr, decode: Callable[[bytes], AnyStr]
    ) -> None:
        self._kernel = kernel
        self._decode: Callable[[bytes], AnyStr] = decode
        self._fd: int | None = fd
        self._directory: AnyStr = directory

    def __iter__(self) -> ScandirIterator[AnyStr]:
        return self

    def __next__(self) -> DirEntry[AnyStr]:
        while self._fd is not None:
            record = self._kernel.readdir(self._fd)
            if record is None:
                self.close()
            elif record.name not in (DOT, DOTDOT):
                return DirEntry(self._kernel, self._directory, self._decode(record.name), record)
        raise StopIteration

    def __enter__(self) -> ScandirIterator[AnyStr]:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the directory; closing twice is closing once."""
        fd, self._fd = self._fd, None
        if fd is not None:
            self._kernel.close(fd)


class DirectoryCalls(FileCalls):
    """``listdir``, ``scandir``, and readdir(3)'s family for who wants positions."""

    @overload
    def listdir(self, path: str | os.PathLike[str] | int = ...) -> list[str]: ...
    @overload
    def listdir(self, path: bytes | os.PathLike[bytes]) -> list[bytes]: ...
    def listdir(self, path: Path | int = ".") -> list[str] | list[bytes]:
        """See ``os.listdir``."""
        fd = path if isinstance(path, int) else self.open(path, O_LISTING)
        try:
            if isinstance(path, int):
                self.rewinddir(fd)
            names = [record.name for record in self._records(fd) if record.name not in (DOT, DOTDOT)]
        finally:
            if not isinstance(path, int):
                self.close(fd)
        if not isinstance(path, int) and isinstance(os.fspath(path), bytes):
            return names
        return [os.fsdecode(name) for name in names]

    @overload
    def scandir(self, path: str | os.PathLike[str] = ...) -> ScandirIterator[str]: ...
    @overload
    def scandir(self, path: bytes | os.PathLike[bytes]) -> ScandirIterator[bytes]: ...
    def scandir(self, path: Path = ".") -> ScandirIterator[str] | ScandirIterator[bytes]:
        """See ``os.scandir``."""
        directory = os.fspath(path)
        fd = self.open(path, O_LISTING)
        if isinstance(directory, bytes):
            return ScandirIterator(self, fd, directory, bytes)
        return ScandirIterator(self, fd, directory, os.fsdecode)

    @call()
    def readdir(self, fd: int) -> DirentRecord | None:
        """Return the next entry of the open directory *fd*, ``None`` at the end; see readdir(3)."""
        opened = self._directory(fd)
        with opened.lock:
            if not opened.pending:
                opened.pending = self._ask_readdir(opened)[::-1]
            if not opened.pending:
                return None
            record = opened.pending.pop()
            opened.offset = record.off
            return record

    def telldir(self, fd: int) -> int:
        """Return where the open directory *fd* stands, for :meth:`seekdir`; see telldir(3)."""
        return self._directory(fd).offset

    def seekdir(self, fd: int, position: int) -> None:
        """Go on reading the open directory *fd* from *position*; see seekdir(3)."""
        opened = self._directory(fd)
        with opened.lock:
            opened.pending = []
            opened.offset = position

    def rewinddir(self, fd: int) -> None:
        """Read the open directory *fd* from the start again; see rewinddir(3)."""
        self.seekdir(fd, 0)

    def _records(self, fd: int) -> Iterator[DirentRecord]:
        record = self.readdir(fd)
        while record is not None:
            yield record
            record = self.readdir(fd)

    def _directory(self, fd: int) -> OpenInode:
        opened = self._open_inode(fd)
        if not opened.inode.is_dir:
            raise refusal(errno.ENOTDIR)
        return opened

    def _ask_readdir(self, opened: OpenInode) -> list[DirentRecord]:
        directory = opened.inode
        plus = self._plus(opened)
        fields = {
            "fh": opened.fh,
            "offset": opened.offset,
            "size": min(GETDENTS, self._connection.terms.max_transfer),
        }
        stamp, since = directory.stamp, self._tree.now()
        opcode = Opcode.READDIRPLUS if plus else Opcode.READDIR
        with self._tree.alone(directory):
            reply = self._connection.must(opcode, directory.check().nodeid, fields, caller=self.process)
        self._tree.touched(directory)
        if len(reply.data) > fields["size"]:
            raise refusal(errno.EIO)
        try:
            if not plus:
                return unpack_dirents(reply.data)
            entries = unpack_direntsplus(reply.data)
        except WireError as exc:
            raise OSError(errno.EIO, str(exc)) from exc
        for entry in entries:
            self._take(opened, entry, stamp, since)
        return [DirentRecord(entry.ino, entry.off, entry.kind, entry.name) for entry in entries]

    def _take(self, opened: OpenInode, entry: DirentPlusRecord, stamp: int, since: int) -> None:
        nodeid = entry.entry["nodeid"]
        if not nodeid or entry.name in (DOT, DOTDOT):
            return
        try:
            self._tree.listed(opened.inode, entry.name, entry.entry, stamp, since)
        except OSError:
            self._connection.forget({nodeid: 1})  # the name is shown all the same

    def _plus(self, opened: OpenInode) -> bool:
        """Decide as Linux does (fs/fuse/readdir.c, fuse_use_readdirplus)."""
        if not self._connection.has(InitFlag.DO_READDIRPLUS):
            return False
        if not self._connection.has(InitFlag.READDIRPLUS_AUTO):
            return True
        advised, opened.inode.plus = opened.inode.plus, False
        return advised or opened.offset == 0
