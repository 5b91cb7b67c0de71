"""A tmpfs that is mounted nowhere: where data are that the kernel reads and writes by itself.

Whose data a file in it has, and when it gets one, is not known here.

A memfd would do for the data, but nothing would keep it from growing: it is in no file system with a limit.
This one has one, and the kernel itself says ENOSPC; it notes times of access as a mount does (``relatime``,
O_NOATIME); and it is in no mount table, so that it goes with its last descriptor, however this process ends.
"""

from __future__ import annotations

import ctypes
import os
import resource
from typing import Final

from filesystems.detrempe.room import PAGE, Room

FSOPEN, FSCONFIG, FSMOUNT, FSPICK = 430, 431, 432, 433
"""System calls that Python has no function for; their numbers are the same on all machines but Alpha."""

CLOEXEC: Final = 1
SET_STRING, CREATE, RECONFIGURE = 1, 6, 7
NOSUID, NODEV = 2, 4

KEEP_SIZE: Final = 0x01
PUNCH_HOLE: Final = 0x02

NEW: Final = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC

SPARE: Final = 128
"""How many descriptors are left for everything else that this process does."""

IDLE: Final = 16
"""How many empty files are kept for the next ones."""

STEPS: Final = 1024
"""Into how many steps the room is cut: data in this process may keep one from the kernel's, unused."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _call(number: int, *args: int | bytes | None) -> int:
    longs = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    return _checked(_libc.syscall(ctypes.c_long(number), *longs))


def fallocate(fd: int, mode: int, offset: int, length: int) -> None:
    """Reserve or give back, as fallocate(2) does."""
    _checked(_libc.fallocate(fd, mode, offset, length))


class Tmpfs:
    """A tmpfs of at most *pages* pages, with as many files as there are descriptors to spare.

    With *huge* it takes large pages wherever they fit into a file, as with ``mount -o huge=within_size``.

    Raises:
        OSError: it cannot be had: CAP_SYS_ADMIN is missing, or the kernel has no fsopen(2) (Linux 5.2).
    """

    def __init__(self, pages: int, *, huge: bool = False) -> None:
        self.files = 0
        self._idle: list[int] = []
        self.most = max(resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE, 0)
        self._context = _call(FSOPEN, b"tmpfs", CLOEXEC)
        try:
            self._say("size", str(pages * PAGE))
            self._say("nr_inodes", "0")
            if huge:
                self._say("huge", "within_size")
            _call(FSCONFIG, self._context, CREATE, None, None, 0)
            self._top = _call(FSMOUNT, self._context, CLOEXEC, NOSUID | NODEV)
        except OSError:
            os.close(self._context)
            raise

    def _say(self, name: str, value: str) -> None:
        _call(FSCONFIG, self._context, SET_STRING, name.encode(), value.encode(), 0)

    @property
    def pages(self) -> int:
        """How many pages its files have."""
        st = os.fstatvfs(self._top)
        return (st.f_blocks - st.f_bfree) * st.f_frsize // PAGE

    def limit(self, pages: int) -> None:
        """Let it have at most *pages* pages, one or more; OSError if it has more already."""
        try:
            # 0 would be no limit at all.
            self._say("size", str(max(pages, 1) * PAGE))
            _call(FSCONFIG, self._context, RECONFIGURE, None, None, 0)
        except OSError:
            # A context that was refused something is of no more use (fs/fsopen.c).
            os.close(self._context)
            self._context = _call(FSPICK, self._top, b".", CLOEXEC)
            raise

    def new(self) -> int | None:
        """Return a new file, open, to be given to :meth:`drop`; None where there is no descriptor left."""
        if self._idle:
            return self._idle.pop()
        if self.files >= self.most:
            return None
        try:
            fd = os.open(".", NEW, 0o600, dir_fd=self._top)
        except OSError:
            return None
        self.files += 1
        return fd

    def drop(self, fd: int, *, alone: bool) -> None:
        """Let go of a file, which lives on while the kernel has it open or mapped.

        *alone* says that it has neither: so it may be another file's, once it is empty.
        """
        if alone and len(self._idle) < IDLE and self._context >= 0:
            os.ftruncate(fd, 0)
            self._idle.append(fd)
        else:
            os.close(fd)
            self.files -= 1

    def close(self) -> None:
        """Let go of the whole; files that are open live on."""
        context, self._context = self._context, -1
        if context >= 0:
            for fd in (*self._idle, self._top, context):
                os.close(fd)
            self._idle.clear()


class SharedRoom(Room):
    """Room for *limit* pages, in this process and in *tmpfs* together.

    What this process takes must be taken from the other, which fills without asking: so it is taken in steps,
    and what is *granted* is not the tmpfs's any more.
    """

    __slots__ = ("granted", "step", "tmpfs")

    def __init__(self, limit: int, tmpfs: Tmpfs) -> None:
        super().__init__(limit)
        self.tmpfs = tmpfs
        self.step = max(limit // STEPS, 1)
        self.granted = 0

    @property
    def free(self) -> int:
        """How many pages can still be taken."""
        return max(self.limit - self.taken - self.tmpfs.pages, 0)

    def fits(self, count: int) -> bool:
        """Tell whether *count* pages can be taken, and if so, have them granted."""
        taken = self.taken + count
        return taken <= self.granted or self._grant(taken)

    def take(self, count: int) -> None:
        """Take *count* pages (negative: give back), or raise ENOSPC and take none."""
        super().take(count)
        if self.taken < self.granted - 2 * self.step:
            self._grant(self.taken)

    def _grant(self, taken: int) -> bool:
        """Have *taken* pages granted and a bit more, or just these; tell whether the tmpfs can spare them."""
        for granted in (-(-taken // self.step) * self.step, taken):
            if granted <= self.limit:
                try:
                    self.tmpfs.limit(self.limit - granted)
                except OSError:
                    continue
                self.granted = granted
                return True
        return False
