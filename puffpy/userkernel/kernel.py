"""The user kernel: every system call over one link, and the end of it.

The calls themselves are in the rooms it is put together from, one for each subject.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import IO, Any

from typing_extensions import Self

from puffpy.ops import VfsOps, VnodeOps
from puffpy.options import MountOptions
from puffpy.userkernel.devices import DeviceCalls
from puffpy.userkernel.directories import DirectoryCalls
from puffpy.userkernel.extents import ExtentCalls
from puffpy.userkernel.inprocess import serve_in_process
from puffpy.userkernel.link import Link
from puffpy.userkernel.locks import LockCalls
from puffpy.userkernel.machine import Mount, Path, call
from puffpy.userkernel.negotiate import Offer, Terms
from puffpy.userkernel.renames import RenameCalls
from puffpy.userkernel.streams import RawFile, flags_of, wrap
from puffpy.userkernel.xattrs import XattrCalls


class UserKernel(RenameCalls, DirectoryCalls, ExtentCalls, LockCalls, XattrCalls, DeviceCalls):
    """A kernel outside the kernel, with one file system mounted at ``/``.

    Its methods are those of ``os``, with the same arguments, results and errors, so that code written for
    ``os`` runs on it; ``open_file`` is ``open``.  Descriptors, the working directory and the umask are its
    own.  Requests to the server are those that Linux 6.18 sends for files opened with direct I/O: data and
    listings are not cached, names and attributes are, for as long as the server says.

    Any number of threads may use it.  End it with :meth:`unmount`, or use it as a context manager.

    Args:
        link: The way to the server; closed with the kernel.
        mount: The mount options that are the kernel's business.
        offer: What INIT offers; an older kernel, for one.
        clock: Seconds, for times to live.

    Raises:
        ECONNREFUSED: the server refuses, or speaks another protocol.
    """

    def __init__(
        self,
        link: Link,
        mount: Mount | None = None,
        *,
        offer: Offer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(link, mount, offer=offer, clock=clock)
        self.renaming = threading.Lock()

    @classmethod
    def over(
        cls,
        vnodeops: VnodeOps,
        vfsops: VfsOps | None = None,
        options: MountOptions | None = None,
        *,
        offer: Offer | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Self:
        """Return a kernel that has *vnodeops* mounted, in this process and without a mount.

        Args:
            vnodeops: The file system.
            vfsops: Its mount-wide vector; its own ``vfsops``, or the defaults, if left out.
            options: The mount options; its own ``options``, or the defaults, if left out.
            offer, clock: As for the class.
        """
        link, mount = serve_in_process(vnodeops, vfsops, options)
        return cls(link, mount, offer=offer, clock=clock)

    @property
    def terms(self) -> Terms:
        """What INIT settled."""
        return self._connection.terms

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.unmount()

    def open_file(
        self,
        file: Path | int,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """See ``open``."""
        flags = flags_of(mode)
        fd = file if isinstance(file, int) else self.open(file, flags | os.O_CLOEXEC, 0o666)
        raw = RawFile(self, fd, mode, file)
        try:
            raw.blksize = self.fstat(fd).st_blksize
            if flags & os.O_APPEND:
                self.lseek(fd, 0, os.SEEK_END)
            return wrap(raw, mode, buffering, encoding, errors, newline)
        except BaseException:
            raw.close()
            raise

    @call()
    def sync(self) -> None:
        """See ``os.sync``: on a mount of this kind Linux sends nothing."""

    def settle(self) -> None:
        """Act upon every notification that has come, and give back the lookup counts that are owed."""
        self._notices.settle()
        self._tree.counts.give_back()

    def drop_caches(self) -> None:
        """Forget every name and node that nobody uses, as ``echo 2 >/proc/sys/vm/drop_caches`` does."""
        self._tree.clear()
        self.settle()

    def abort(self) -> None:
        """Break the connection: whoever waits gets ECONNABORTED, whoever comes later ENOTCONN."""
        self._connection.close()

    def unmount(self) -> None:
        """End: close every descriptor, give back every lookup count, and let go of the server.

        Doing it twice is doing it once.  :meth:`Machine.balance` tells what could not be given back.
        """
        for fd in self._descriptors.all():
            try:
                self.close(fd)
            except OSError:
                pass  # what FLUSH says has nobody left to be told to
        self._notices.settle()
        self._tree.clear()
        self._tree.counts.give_back_all()
        self._connection.close()
        self._notices.end()
