"""The system calls for files that are more than data: ``poll`` and ``ioctl``.

select(2) and epoll(7), which watch many files of many kinds, are a real kernel's.
"""

from __future__ import annotations

import errno
import os
import select
import time

from typing_extensions import Buffer

from puffpy.userkernel.descriptors import OpenInode
from puffpy.userkernel.machine import Machine, call
from puffpy.userkernel.permissions import refusal
from puffpy.wire import Opcode
from puffpy.wire.flags import IoctlFlag, PollFlag

ALWAYS_READY = select.POLLIN | select.POLLOUT | select.POLLRDNORM | select.POLLWRNORM
"""What holds of a file whose server does not answer POLL."""

UNASKED = select.POLLERR | select.POLLHUP
"""What poll(2) tells also who did not ask for it."""

IOC_WRITE, IOC_READ = 1, 2
"""The directions in an ioctl's number, as the program sees them."""


class DeviceCalls(Machine):
    """``poll`` and ``ioctl``."""

    @call()
    def poll(self, fd: int, events: int = ALWAYS_READY, timeout: float | None = None) -> int:
        """Return which of *events* (``select.POLLIN`` ...) hold, once one does.

        Args:
            timeout: Seconds to wait at most; ``None``: for ever, 0: not at all.

        Returns: 0 if the time was up.
        """
        opened = self._open_inode(fd)
        kh = id(opened)
        deadline = None if timeout is None else time.monotonic() + timeout
        waker = self._notices.expect_poll(kh)
        try:
            while True:
                waker.clear()
                left = None if deadline is None else deadline - time.monotonic()
                ready = self._ask_poll(opened, events, kh, wait=left is None or left > 0)
                if ready or (left is not None and left <= 0):
                    return ready
                self._connection.sleeping(waker.set)
                try:
                    waker.wait(left)
                finally:
                    self._connection.sleeping(None)
        finally:
            self._notices.forget_poll(kh)

    @call()
    def ioctl(self, fd: int, request: int, arg: int | Buffer = 0) -> int | bytes:
        """See ``fcntl.ioctl``; bytes in, bytes out, as many as the number of *request* says.

        Raises:
            ENOTTY: the server knows nothing of the kind.
        """
        opened = self._open_inode(fd)
        direction, size = request >> 30 & 3, request >> 16 & 0x3FFF
        given = b"" if isinstance(arg, int) else bytes(arg)
        data = given[:size].ljust(size, b"\0") if direction & IOC_WRITE else b""
        fields = {
            "fh": opened.fh,
            "flags": int(IoctlFlag.DIR) if opened.inode.is_dir else 0,
            "cmd": request,
            "arg": (arg if isinstance(arg, int) else id(arg)) & 0xFFFFFFFFFFFFFFFF,
            "out_size": size if direction & IOC_READ else 0,
        }
        try:
            reply = self._connection.must(
                Opcode.IOCTL, opened.inode.check().nodeid, fields, data=data, caller=self.process
            )
        except OSError as exc:
            raise refusal(errno.ENOTTY if exc.errno == errno.ENOSYS else exc.errno or errno.EIO) from exc
        result = reply.fields["result"]
        if reply.fields["flags"] & IoctlFlag.RETRY or len(reply.data) > fields["out_size"]:
            raise refusal(errno.EIO)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return result if isinstance(arg, int) else bytes(reply.data) or given

    def _ask_poll(self, opened: OpenInode, events: int, kh: int, *, wait: bool) -> int:
        fields = {
            "fh": opened.fh,
            "kh": kh,
            "events": events,
            "flags": int(PollFlag.SCHEDULE_NOTIFY) if wait else 0,
        }
        reply = self._connection.ask(Opcode.POLL, opened.inode.check().nodeid, fields, caller=self.process)
        ready = ALWAYS_READY if reply is None else reply.fields["revents"]
        return ready & (events | UNASKED)
