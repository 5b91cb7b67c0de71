"""The system calls that open and close files.

What is done with an open file is in data, directories, locks and devices.
"""

from __future__ import annotations

import errno
import os
import stat

import attrs

from puffpy.userkernel.attributes import AttributeCalls
from puffpy.userkernel.descriptors import OpenInode
from puffpy.userkernel.inodes import Inode
from puffpy.userkernel.machine import Path, call
from puffpy.userkernel.names import NameCalls
from puffpy.userkernel.permissions import refusal
from puffpy.userkernel.walk import Last
from puffpy.wire import Opcode
from puffpy.wire.flags import InitFlag, OpenIn, OpenOut, ReleaseFlag

O_LARGEFILE = 0o100000
"""Every open on a 64-bit Linux has it; ``os.O_LARGEFILE`` is 0 there."""

TMPFILE_NAME = b"/"
"""What TMPFILE says in the place of a name."""

NOT_SENT = os.O_CREAT | os.O_EXCL | os.O_NOCTTY | os.O_CLOEXEC
"""Flags that OPEN is not told (fs/fuse/file.c, fuse_send_open)."""

TMPFILE_BIT = os.O_TMPFILE & ~os.O_DIRECTORY


class FileCalls(NameCalls, AttributeCalls):
    """``open`` and ``close``."""

    @call(1)
    def open(self, path: Path, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        """See ``os.open``; the number is good in this kernel only.

        Fifos, sockets and devices cannot be opened (ENXIO): a kernel does that without asking the server.
        """
        if flags & os.O_CREAT and flags & os.O_DIRECTORY:
            raise refusal(errno.EINVAL)
        last = self._last(path, dir_fd)
        if flags & TMPFILE_BIT:
            return self._descriptors.add(self._open_tmpfile(last, flags, mode))
        return self._descriptors.add(self._open_last(last, flags, mode))

    @call()
    def close(self, fd: int) -> None:
        """See ``os.close``; the descriptor is free in any case, also if what it had written is lost."""
        opened = self._descriptors.take(fd)
        try:
            self._flush(opened)
        finally:
            self._release(opened)

    def _open_last(self, last: Last, flags: int, mode: int) -> OpenInode:
        exclusive = bool(flags & os.O_CREAT and flags & os.O_EXCL)
        follow = not (flags & os.O_NOFOLLOW or exclusive)
        fresh = exclusive
        while True:
            if flags & os.O_CREAT and last.slash and last.is_name:
                raise refusal(errno.EISDIR)
            inode = self._walker.at(self.process, last, fresh=fresh)
            if inode is not None and inode.is_link and (follow or last.slash):
                last = self._walker.onward(self.process, last, inode)
            elif inode is not None:
                return self._open_existing(inode, flags, slash=last.slash)
            elif not flags & os.O_CREAT:
                raise refusal(errno.ENOENT)
            else:
                try:
                    return self._create(last, flags, mode)
                except FileExistsError:
                    if exclusive or fresh:
                        raise
                    fresh = True  # somebody else has made it, or what was remembered is not true

    def _open_existing(self, inode: Inode, flags: int, *, slash: bool = False) -> OpenInode:
        writing = flags & os.O_ACCMODE != os.O_RDONLY or bool(flags & os.O_TRUNC)
        # In this order: fs/namei.c, do_open and may_open.
        if flags & os.O_CREAT and flags & os.O_EXCL:
            raise refusal(errno.EEXIST)
        if not inode.is_dir and (slash or flags & os.O_DIRECTORY):
            raise refusal(errno.ENOTDIR)
        if inode.is_link:
            raise refusal(errno.ELOOP)
        if inode.is_dir and (writing or flags & os.O_CREAT):
            raise refusal(errno.EISDIR)
        if writing:
            self._guard.writable()
        mask = {os.O_RDONLY: os.R_OK, os.O_WRONLY: os.W_OK}.get(flags & os.O_ACCMODE, os.R_OK | os.W_OK)
        self._guard.need(inode, self.process, mask | (os.W_OK if flags & os.O_TRUNC else 0))
        if flags & os.O_NOATIME:
            self._guard.owner(inode, self.process)
        if not inode.is_dir and not stat.S_ISREG(inode.attr.mode):
            raise refusal(errno.ENXIO)
        opened = self._ask_open(inode, flags)
        if flags & os.O_TRUNC:
            try:
                self._truncated(opened)
            except OSError:
                self._release(opened)
                raise
        return opened

    def _ask_open(self, inode: Inode, flags: int) -> OpenInode:
        opened = OpenInode(inode, flags, self._processes.owner())
        sent = flags & ~NOT_SENT | O_LARGEFILE
        atomic = self._connection.has(InitFlag.ATOMIC_O_TRUNC)
        if not atomic:
            sent &= ~os.O_TRUNC
        fields = {"flags": sent}
        if flags & os.O_TRUNC and atomic:
            fields["open_flags"] = self._kill_at_open()
        opcode = Opcode.OPENDIR if inode.is_dir else Opcode.OPEN
        reply = self._connection.ask(opcode, inode.check().nodeid, fields, caller=self.process)
        if reply is None:
            opened.told = False
            opened.out = OpenOut.KEEP_CACHE
        else:
            opened.fh = reply.fields["fh"]
            opened.out = OpenOut(reply.fields["open_flags"])
        return opened

    def _truncated(self, opened: OpenInode) -> None:
        if self._connection.has(InitFlag.ATOMIC_O_TRUNC) and opened.told:
            self._tree.changed(opened.inode, size=0)
        else:
            self._resize(opened.inode, 0)

    def _create(self, last: Last, flags: int, mode: int) -> OpenInode:
        directory = last.directory
        with directory.lock:
            self._guard.create(directory, self.process)
            if not self._connection.lacks(Opcode.CREATE):
                opened = self._ask_create(Opcode.CREATE, last, flags, mode)
                if opened is not None:
                    return opened
            inode = self._mknod(last, stat.S_IFREG | mode)
        return self._ask_open(inode, flags & ~os.O_TRUNC)

    def _ask_create(self, opcode: Opcode, last: Last, flags: int, mode: int) -> OpenInode | None:
        directory = last.directory
        fields = {
            "flags": flags & ~(os.O_NOCTTY | os.O_CLOEXEC) | O_LARGEFILE,
            "mode": stat.S_IFREG | self._file_mode(directory, mode & 0o7777),
            "umask": self.process.umask,
        }
        if flags & os.O_TRUNC and not flags & os.O_EXCL:
            fields["open_flags"] = self._kill_at_open()
        since = self._tree.now()
        reply = self._connection.ask(
            opcode,
            directory.check().nodeid,
            fields,
            names=(last.name,),
            caller=self.process,
            groups=self._groups(directory),
        )
        if reply is None:
            return None
        if opcode is Opcode.TMPFILE:
            inode = self._tree.adopt(reply.fields, since)
        else:
            inode = self._tree.entered(directory, last.name, reply.fields, since)
        out = OpenOut(reply.fields["open_flags"])
        return OpenInode(inode, flags, self._processes.owner(), reply.fields["fh"], out)

    def _open_tmpfile(self, last: Last, flags: int, mode: int) -> OpenInode:
        if flags & os.O_ACCMODE == os.O_RDONLY:
            raise refusal(errno.EINVAL)
        directory = self._walker.at(self.process, last)
        while directory is not None and directory.is_link and not flags & os.O_NOFOLLOW:
            last = self._walker.onward(self.process, last, directory)
            directory = self._walker.at(self.process, last)
        if directory is None:
            raise refusal(errno.ENOENT)
        if not directory.is_dir:
            raise refusal(errno.ENOTDIR)
        self._guard.create(directory, self.process)
        nameless = attrs.evolve(last, directory=directory, name=TMPFILE_NAME)
        opened = self._ask_create(Opcode.TMPFILE, nameless, flags, mode)
        if opened is None:
            raise refusal(errno.EOPNOTSUPP)
        return opened

    def _kill_at_open(self) -> int:
        """Return what OPEN and CREATE say about set-uid and set-gid where they truncate."""
        told = self._connection.has(InitFlag.HANDLE_KILLPRIV_V2) and not self.process.privileged
        return int(OpenIn.KILL_SUIDGID) if told else 0

    def _flush(self, opened: OpenInode) -> None:
        """Tell the server that a descriptor is closed; the locks of its process on the file go with it."""
        if opened.inode.is_dir:
            return
        process = self.process
        self._local_locks.drop(opened.inode, process.owner)
        if not opened.out & OpenOut.NOFLUSH:
            fields = {"fh": opened.fh, "lock_owner": process.owner}
            self._connection.ask(Opcode.FLUSH, opened.inode.nodeid, fields, caller=process)

    def _release(self, opened: OpenInode) -> None:
        """Tell the server that nobody uses *opened* any more; what it says to that interests nobody."""
        self._local_locks.drop(opened.inode, opened.owner)
        if not opened.told:
            return
        fields = {"fh": opened.fh, "flags": opened.flags & ~NOT_SENT | O_LARGEFILE}
        if opened.flocked:
            fields["release_flags"] = ReleaseFlag.FLOCK_UNLOCK
            fields["lock_owner"] = opened.owner
        opcode = Opcode.RELEASEDIR if opened.inode.is_dir else Opcode.RELEASE
        try:
            self._connection.ask(opcode, opened.inode.nodeid, fields)
        except OSError:
            pass
