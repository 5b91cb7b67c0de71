"""The system call that moves names: ``rename``, with renameat2(2)'s flags.

Everything else that has to do with names is in names.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from puffpy.userkernel.inodes import Inode
from puffpy.userkernel.machine import Path, call
from puffpy.userkernel.names import NameCalls
from puffpy.userkernel.permissions import refusal
from puffpy.userkernel.walk import Last
from puffpy.wire import Opcode
from puffpy.wire.flags import RenameFlag

# A plain number: the complement of an IntFlag knows only the flags that have names.
KNOWN = int(RenameFlag.NOREPLACE | RenameFlag.EXCHANGE | RenameFlag.WHITEOUT)


def below(inode: Inode, above: Inode) -> bool:
    """Tell whether *inode* is *above*, or somewhere under it."""
    here: Inode | None = inode
    while here is not None:
        if here is above:
            return True
        here = here.parent
    return False


class RenameCalls(NameCalls):
    """``rename`` and ``replace``."""

    renaming: threading.Lock
    """Held while a name moves between two directories: only then can the shape of the tree change."""

    @call(2)
    def rename(
        self,
        src: Path,
        dst: Path,
        *,
        src_dir_fd: int | None = None,
        dst_dir_fd: int | None = None,
        flags: int = 0,
    ) -> None:
        """See ``os.rename``; *flags* are renameat2(2)'s: 1 NOREPLACE, 2 EXCHANGE, 4 WHITEOUT."""
        exchange = bool(flags & RenameFlag.EXCHANGE)
        if flags & ~KNOWN or (exchange and flags != RenameFlag.EXCHANGE):
            raise refusal(errno.EINVAL)
        if flags & RenameFlag.WHITEOUT and not self.process.privileged:
            raise refusal(errno.EPERM)
        source, target = self._last(src, src_dir_fd), self._last(dst, dst_dir_fd)
        if not source.is_name:
            raise refusal(errno.EBUSY)
        if not target.is_name:
            raise refusal(errno.EEXIST if flags & RenameFlag.NOREPLACE else errno.EBUSY)
        with self._both(source.directory, target.directory):
            self._rename(source, target, flags)

    def replace(
        self, src: Path, dst: Path, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
    ) -> None:
        """See ``os.replace``."""
        self.rename(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    @contextmanager
    def _both(self, one: Inode, other: Inode) -> Iterator[None]:
        with ExitStack() as held:
            if one is not other:
                held.enter_context(self.renaming)
            for directory in sorted({one, other}, key=lambda inode: inode.nodeid):
                held.enter_context(directory.lock)
            yield

    def _rename(self, source: Last, target: Last, flags: int) -> None:
        exchange = bool(flags & RenameFlag.EXCHANGE)
        moved = self._there(source)
        met = self._walker.at(self.process, target, fresh=True)
        self._check_places(moved, source, met, target, flags)
        if moved is met:
            return  # two names of one file: rename(2) does nothing
        self._check_rights(moved, source, met, target, exchange)
        fields = {"newdir": target.directory.check().nodeid}
        self._connection.must(
            Opcode.RENAME2 if flags else Opcode.RENAME,
            source.directory.check().nodeid,
            fields | {"flags": flags} if flags else fields,
            names=(source.name, target.name),
            caller=self.process,
        )
        self._tree.changed(moved)
        if met is not None:
            self._tree.changed(met)
        self._tree.move((source.directory, source.name), (target.directory, target.name), exchange=exchange)

    @staticmethod
    def _check_places(moved: Inode, source: Last, met: Inode | None, target: Last, flags: int) -> None:
        """Refuse what has no place to go to (fs/namei.c, do_renameat2)."""
        exchange = bool(flags & RenameFlag.EXCHANGE)
        if met is not None and flags & RenameFlag.NOREPLACE:
            raise refusal(errno.EEXIST)
        if met is None and exchange:
            raise refusal(errno.ENOENT)
        if exchange and met is not None and not met.is_dir and target.slash:
            raise refusal(errno.ENOTDIR)
        if not moved.is_dir and (source.slash or (not exchange and target.slash)):
            raise refusal(errno.ENOTDIR)
        if moved.is_dir and below(target.directory, moved):
            raise refusal(errno.EINVAL)
        if met is not None and met.is_dir and below(source.directory, met):
            raise refusal(errno.EINVAL if exchange else errno.ENOTEMPTY)

    def _check_rights(
        self, moved: Inode, source: Last, met: Inode | None, target: Last, exchange: bool
    ) -> None:
        """Refuse what this process may not do (fs/namei.c, vfs_rename)."""
        process = self.process
        self._guard.delete(source.directory, moved, process, is_dir=moved.is_dir)
        if met is None:
            self._guard.create(target.directory, process)
        else:
            is_dir = met.is_dir if exchange else moved.is_dir
            self._guard.delete(target.directory, met, process, is_dir=is_dir)
        if source.directory is not target.directory:
            # ".." changes, so the directory itself is written.
            if moved.is_dir:
                self._guard.need(moved, process, os.W_OK)
            if exchange and met is not None and met.is_dir:
                self._guard.need(met, process, os.W_OK)
