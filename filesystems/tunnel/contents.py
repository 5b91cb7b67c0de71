"""The operations on data: through the file that its user has open, which the kernel may also read by itself.

One third of the node vector; ``names`` and ``attributes`` are the others.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import AbstractContextManager
from typing import Final

import puffpy
from filesystems.tunnel.credentials import Callers
from filesystems.tunnel.nodes import Nodes
from filesystems.tunnel.syscalls import fallocate
from filesystems.tunnel.volumes import Node

PASSED: Final = os.O_ACCMODE | os.O_NOATIME | os.O_SYNC | os.O_DSYNC
"""What an open file underneath is opened with, of what its user said.

The rest is the kernel's own business: it knows where the end of the file is, for O_APPEND, and brings no
buffers aligned for O_DIRECT.
"""

REGULAR: Final = stat.S_IFREG >> 12

FMODE_EXEC: Final = 0x20
"""Linux's own mark of a file that is opened to be run, which needs no right to read it."""

PUNCH_HOLE: Final = 0x03
"""FALLOC_FL_PUNCH_HOLE, with FALLOC_FL_KEEP_SIZE that must go with it."""

COPY_AT_ONCE: Final = 64 * 1024 * 1024
"""How much one ``copy_file_range`` copies, so that nobody waits long; its caller comes back for the rest."""


class Contents(puffpy.VnodeOps):
    """Open files; a handle is a descriptor."""

    nodes: Nodes
    callers: Callers
    buffer: memoryview

    def changing(self, call: puffpy.Call) -> AbstractContextManager[None]:
        """Return the context in which something is changed; EROFS where nothing may be."""
        raise NotImplementedError

    def open(self, vp: Node, flags: int, call: puffpy.Call) -> puffpy.OpenFile:
        """The file underneath, opened with its user's rights, and named as what the kernel may use itself."""
        if vp.kind != REGULAR:
            raise puffpy.FsError(errno.EINVAL)  # no kernel asks; a fifo would keep us waiting
        path = self.nodes.path(vp)
        wanted = flags & PASSED | os.O_CLOEXEC
        with self.nodes.lent:
            with self.callers.being(call) if wanted & os.O_ACCMODE == os.O_RDONLY else self.changing(call):
                if flags & FMODE_EXEC and not os.access(path, os.X_OK, effective_ids=True):
                    raise puffpy.FsError(errno.EACCES)
                if not flags & FMODE_EXEC:
                    return self._opened(vp, os.open(path, wanted))
            return self._opened(vp, os.open(path, wanted))

    def _opened(self, vp: Node, fd: int) -> puffpy.OpenFile:
        vp.file = fd
        return puffpy.OpenFile(fd, backing=fd)

    def close(self, vp: Node, flags: int, call: puffpy.Call) -> None:
        """Nobody uses the open file any more."""
        self.nodes.take_back(vp, call.handle)
        os.close(call.handle)

    def read(self, vp: Node, offset: int, size: int, call: puffpy.Call) -> memoryview:
        """Into one buffer for all, which is sent before the next request comes."""
        if size > len(self.buffer):
            self.buffer = memoryview(bytearray(size))
        target = self.buffer[:size]
        done = os.preadv(call.handle, [target], offset)
        while 0 < done < size:
            # A short answer would say that the file ends here.
            more = os.preadv(call.handle, [target[done:]], offset + done)
            if not more:
                break
            done += more
        return target[:done]

    def write(self, vp: Node, offset: int, data: memoryview, call: puffpy.Call) -> int:
        """As much as there is room for."""
        return os.pwrite(call.handle, data, offset)

    def fsync(self, vp: Node, dataonly: bool, call: puffpy.Call) -> None:
        """A directory is opened for it; a file is."""
        if call.handle is not None:
            (os.fdatasync if dataonly else os.fsync)(call.handle)
            return
        fd = os.open(self.nodes.path(vp), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def seek(self, vp: Node, offset: int, whence: int, call: puffpy.Call) -> int:
        """Data and holes as they are underneath."""
        return os.lseek(call.handle, offset, whence)

    def fallocate(self, vp: Node, offset: int, length: int, mode: int, call: puffpy.Call) -> None:
        """With all the modes that there are underneath."""
        fallocate(call.handle, mode, offset, length)

    def fdiscard(self, vp: Node, offset: int, length: int, call: puffpy.Call) -> None:
        """A hole underneath."""
        fallocate(call.handle, PUNCH_HOLE, offset, length)

    def copy_file_range(
        self, vp: Node, offset: int, tvp: Node, toffset: int, length: int, call: puffpy.Call
    ) -> int:
        """Underneath, where blocks may be shared instead of copied."""
        length = min(length, COPY_AT_ONCE)
        return os.copy_file_range(call.handle, call.tohandle, length, offset, toffset)
