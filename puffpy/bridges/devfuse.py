"""The kernel itself: ``/dev/fuse``, mounted by mount(2) as root and by ``fusermount3`` for everybody else.

Messages are carried and not looked into.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import stat
import struct
import threading
from collections.abc import Sequence

from typing_extensions import Buffer

from puffpy.bridges import fusermount, mounting
from puffpy.bridges.busypoll import BusyPoll
from puffpy.bridges.watcher import Watcher
from puffpy.errors import MountError
from puffpy.options import MountOptions

DEVICE = "/dev/fuse"
AGAIN = (errno.ENOENT, errno.EAGAIN, errno.EINTR)
"""Reading: the request was withdrawn while being copied, or there is none; read on (fuse_dev_do_read)."""

PERIOD_MS = 100
"""Milliseconds after which the device is looked at again: another may have taken its place (``cut``)."""

BACKING_OPEN, BACKING_CLOSE = 0x4010E501, 0x4004E502

GONE = (errno.ENODEV, errno.ECONNABORTED, errno.ENOTCONN, errno.EBADF)


class DevFuse:
    """One mount of ``/dev/fuse``."""

    name = "devfuse"

    def __init__(self) -> None:
        self.fd = -1
        self.mountpoint = ""
        self._helped = False
        self._minor: int | None = None
        self._watcher: Watcher | None = None
        self._busy = BusyPoll()
        # Threads that are no operation's use the device as well, and its number may be another file's soon.
        self._closing = threading.Lock()

    def attach(self, mountpoint: str, options: MountOptions) -> None:
        """Mount at *mountpoint*."""
        self._busy = BusyPoll(options.busy_poll)
        self._helped = os.geteuid() != 0
        if options.replace and mounting.is_dead(mountpoint):
            self._remove_dead(mountpoint)
        self.mountpoint = mounting.check_mountpoint(mountpoint)
        try:
            if options.auto_unmount:
                # Before there is a mount: a server killed in between would leave one behind.
                self._watch()
            if self._helped:
                self.fd = fusermount.mount(self.mountpoint, options)
            else:
                self.fd = open_device()
                mount_device(self.fd, self.mountpoint, options)
            self._minor = mounting.minor_of(self.mountpoint)
        except BaseException:
            self.close()
            raise

    def receive(self, buffer: bytearray) -> int:
        """Read the next message."""
        return self._receive_into((buffer,))

    def _receive_into(self, buffers: Sequence[Buffer]) -> int:
        busy = self._busy
        busy.countdown -= 1
        if busy.countdown < 0:
            size = busy.receive(self.fd, buffers)
            if size >= 0:
                return size
        while True:
            try:
                return os.readv(self.fd, buffers)
            except OSError as exc:
                if exc.errno in GONE:
                    return 0
                if exc.errno not in AGAIN:
                    raise
                if exc.errno == errno.EAGAIN:
                    self._await_message()

    def receive_now(self, buffer: bytearray) -> int:
        """Read the next message if there is one, also while another thread waits for one; 0 if not."""
        with self._closing:
            if self.fd < 0:
                return 0
            waits = os.get_blocking(self.fd)
            os.set_blocking(self.fd, False)
            try:
                return os.readv(self.fd, (buffer,))
            except OSError:
                return 0  # whoever receives the ordinary way will find out
            finally:
                os.set_blocking(self.fd, waits)

    def send(self, message: bytes | tuple[Buffer, ...]) -> bool:
        """Write one message."""
        try:
            if type(message) is tuple:
                os.writev(self.fd, message)
            else:
                os.write(self.fd, message)  # type: ignore[arg-type]  # bytes, the only other form
        except OSError as exc:
            if exc.errno == errno.ENOENT or exc.errno in GONE:
                return False
            raise
        return True

    def backing_open(self, fd: int) -> int:
        """Register *fd* for passthrough (FUSE_DEV_IOC_BACKING_OPEN)."""
        # A mutable argument makes fcntl.ioctl return the number that ioctl(2) does, which is the id.
        backing_id: int = fcntl.ioctl(self.fd, BACKING_OPEN, bytearray(struct.pack("=iIQ", fd, 0, 0)))
        return backing_id

    def backing_close(self, backing_id: int) -> None:
        """Give a backing id back (FUSE_DEV_IOC_BACKING_CLOSE); with the connection, all have gone already."""
        with self._closing:
            if self.fd >= 0:
                fcntl.ioctl(self.fd, BACKING_CLOSE, struct.pack("=I", backing_id))

    def detach(self) -> bool:
        """Unmount what is mounted there, if it is ours and nobody uses it."""
        if not (self.connected() and self._mounted()):
            return True
        if self._helped:
            return fusermount.unmount(self.mountpoint)
        try:
            mounting.unmount(self.mountpoint, mounting.UMOUNT_NOFOLLOW)
        except OSError as exc:
            return exc.errno != errno.EBUSY
        return True

    def cut(self, receiver: int) -> None:
        """Put the null device, which ends at once, in the place of the kernel's, and have *receiver* look.

        This asks nothing of the mount, which may be busy, covered, or out of reach of any path.
        """
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.dup2(null, self.fd, inheritable=False)
        os.close(null)
        mounting.stir(receiver)

    def close(self) -> None:
        """Close the device, which aborts what is in flight, and unmount what is still there."""
        connected = self.connected()
        with self._closing:
            fd, self.fd = self.fd, -1
            if fd >= 0:
                os.close(fd)
        if self._mounted() and (connected or mounting.is_dead(self.mountpoint)):
            self._unmount_by_force()
        self._minor = None
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.dismiss()

    def connected(self) -> bool:
        """Tell whether the kernel still holds the other end.

        Once it has let go, the minor number is free for the next mount, perhaps of somebody else at the same
        place.
        """
        if self.fd < 0:
            return False
        poll = select.poll()
        poll.register(self.fd, 0)
        return not poll.poll(0)

    def _poll_as(self, options: MountOptions) -> None:
        """Poll as *options* say, whatever another server of the same device has left it as."""
        if self.fd >= 0:
            os.set_blocking(self.fd, True)
        self._busy = BusyPoll(options.busy_poll)

    def _await_message(self) -> None:
        """Wait a while for a message: somebody has made the device one that does not wait.

        That was ``receive_now``, and is over; or whoever handed the device over, who shares it.
        """
        poll = select.poll()
        with contextlib.suppress(OSError, ValueError):  # closed meanwhile
            poll.register(self.fd, select.POLLIN)
            poll.poll(PERIOD_MS)

    def _mounted(self) -> bool:
        return self._minor is not None and mounting.minor_of(self.mountpoint) == self._minor

    def _unmount_by_force(self) -> None:
        """Unmount, and abort the connection: a notification on its way would keep it beyond the close."""
        if self._helped:
            if self._minor is not None:
                mounting.abort(self._minor)
            fusermount.unmount(self.mountpoint, lazy=True)
        else:
            with contextlib.suppress(OSError):
                mounting.unmount(
                    self.mountpoint, mounting.MNT_FORCE | mounting.MNT_DETACH | mounting.UMOUNT_NOFOLLOW
                )

    def _remove_dead(self, mountpoint: str) -> None:
        """Take away what somebody's crash has left; whoever still has a file open there keeps an error."""
        if self._helped:
            fusermount.unmount(mountpoint, lazy=True)
        else:
            with contextlib.suppress(OSError):
                mounting.unmount(mountpoint)

    def _watch(self) -> None:
        command = fusermount.unmount_command(self.mountpoint) if self._helped else None
        try:
            self._watcher = Watcher(self.mountpoint, command)
        except OSError as exc:
            raise MountError(
                f"nobody can watch over {self.mountpoint}: {exc}: try again with -o no_auto_unmount",
                exc.errno,
            ) from None


def open_device() -> int:
    """Return ``/dev/fuse``, open."""
    try:
        return os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise MountError(
            f"there is no {DEVICE}: load the kernel's fuse module (modprobe fuse), or give the container the "
            f"device (docker run --device {DEVICE} --cap-add SYS_ADMIN)",
            errno.ENOENT,
        ) from None
    except OSError as exc:
        raise MountError(
            f"{DEVICE}: {exc.strerror}: it must be readable and writable for you", exc.errno
        ) from None


def mount_device(fd: int, mountpoint: str, options: MountOptions) -> None:
    """Mount the open device *fd* at *mountpoint* with mount(2)."""
    data = [f"fd={fd}", f"rootmode={stat.S_IFDIR:o}", f"user_id={os.getuid()}", f"group_id={os.getgid()}"]
    data += [word for word in ("allow_other", "default_permissions") if getattr(options, word)]
    if options.max_read:
        data.append(f"max_read={options.max_read}")
    kind = f"fuse.{options.subtype}" if options.subtype else "fuse"
    try:
        mounting.mount(
            options.fsname or "puffs", mountpoint, kind, mounting.generic_flags(options), ",".join(data)
        )
    except OSError as exc:
        remedy = {
            errno.EPERM: "a container needs the right to mount (docker run --cap-add SYS_ADMIN)",
            errno.ENODEV: "the kernel has no FUSE: load its module (modprobe fuse)",
        }.get(exc.errno or 0, "see the kernel's log (dmesg)")
        raise MountError(f"cannot mount at {mountpoint}: {exc.strerror}: {remedy}", exc.errno) from None
