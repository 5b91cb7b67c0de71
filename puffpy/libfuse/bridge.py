"""The bridge ``libfuse``: mounts through libfuse, in a thread of its own, and unmounts.

What libfuse calls meanwhile is in ``callbacks``, the way of messages in ``link``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading

from typing_extensions import Buffer

from puffpy.bridges import fusermount, mounting
from puffpy.bridges.devfuse import open_device
from puffpy.bridges.watcher import Watcher
from puffpy.errors import MountError
from puffpy.libfuse import signals
from puffpy.libfuse.binding import Binding, find
from puffpy.libfuse.callbacks import Callbacks, NamedCallbacks
from puffpy.libfuse.kernel import CallbackKernel
from puffpy.libfuse.link import QueueLink
from puffpy.libfuse.words import words
from puffpy.options import MountOptions

PATIENCE = 5.0
"""Seconds to wait for libfuse's threads once the mount is gone."""


class Libfuse:
    """One mount through libfuse.

    Args:
        package: The binding, ``fusepy`` or ``mfusepy``; whichever is installed if left out.
    """

    name = "libfuse"

    def __init__(self, package: str = "") -> None:
        self.package = package
        self.mountpoint = ""
        self._link = QueueLink()
        self._callbacks: Callbacks | None = None
        self._thread: threading.Thread | None = None
        self._started = threading.Event()
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._minor: int | None = None
        self._watcher: Watcher | None = None

    def attach(self, mountpoint: str, options: MountOptions) -> None:
        """Mount at *mountpoint*; see :meth:`Bridge.attach`."""
        binding = find(self.package)
        self.mountpoint = mounting.check_mountpoint(mountpoint)
        os.close(open_device())
        try:
            if options.auto_unmount:
                self._watch()
            self._start(binding, options)
            self._minor = mounting.minor_of(self.mountpoint)
        except BaseException:
            self.close()
            raise

    def receive(self, buffer: bytearray) -> int:
        """Return the next message that the user kernel sends; see :meth:`Bridge.receive`."""
        return self._link.receive(buffer)

    def send(self, message: bytes | tuple[Buffer, ...]) -> bool:
        """Hand a reply or a notification to the user kernel; see :meth:`Bridge.send`."""
        return self._link.send(message)

    def detach(self) -> bool:
        """Unmount what is mounted there, if it is ours and nobody uses it."""
        if not self._mounted():
            return True
        if os.geteuid() != 0:
            return fusermount.unmount(self.mountpoint)
        try:
            mounting.unmount(self.mountpoint, mounting.UMOUNT_NOFOLLOW)
        except OSError as exc:
            return exc.errno != errno.EBUSY
        return True

    def cut(self, receiver: int) -> None:
        """See :meth:`Bridge.cut`; whoever *receiver* is, it waits for the link."""
        del receiver
        self._cut()

    def close(self) -> None:
        """Unmount what is still there, and wait for libfuse to end."""
        self._cut()
        if self._mounted():
            self._unmount_by_force()
        if self._thread is not None:
            self._thread.join(PATIENCE)
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.dismiss()

    def _cut(self) -> None:
        self._link.cut()
        if self._callbacks is not None:
            self._callbacks.give_up()

    def _start(self, binding: Binding, options: MountOptions) -> None:
        """Have libfuse mount, and return when it has."""
        kind = Callbacks if hasattr(binding.module, "fuse_version_major") else NamedCallbacks
        self._callbacks = callbacks = kind(binding, self._begin, options.max_read)
        self._thread = threading.Thread(
            target=self._run, args=(binding, callbacks, options), name="puffpy libfuse", daemon=True
        )
        here = os.open(".", os.O_PATH | os.O_CLOEXEC)
        try:
            self._thread.start()
            self._started.wait()
            with contextlib.suppress(OSError):
                os.fchdir(here)  # libfuse has gone to the root directory, and the whole process with it
        finally:
            os.close(here)
        if self._failure is not None:
            raise MountError(
                f"libfuse ({binding.package}) cannot mount at {self.mountpoint} ({self._failure}): its own "
                "message on standard error says why"
            ) from self._failure

    def _run(self, binding: Binding, callbacks: Callbacks, options: MountOptions) -> None:
        try:
            binding.run(callbacks, self.mountpoint, words(options, binding.version))
        except Exception as exc:  # noqa: BLE001  told by whoever waits for the start
            self._failure = exc
        finally:
            self._ended.set()
            self._started.set()
            callbacks.end()
            self._link.close()

    def _begin(self) -> CallbackKernel:
        signals.give_back()
        self._started.set()
        return CallbackKernel(self._link)

    def _mounted(self) -> bool:
        """Tell whether it is ours that is mounted there; once libfuse has ended, it is not."""
        if self._ended.is_set() or self._minor is None:
            return False
        return mounting.minor_of(self.mountpoint) == self._minor

    def _unmount_by_force(self) -> None:
        if os.geteuid() != 0:
            if self._minor is not None:
                mounting.abort(self._minor)
            fusermount.unmount(self.mountpoint, lazy=True)
            return
        flags = mounting.MNT_FORCE | mounting.MNT_DETACH | mounting.UMOUNT_NOFOLLOW
        with contextlib.suppress(OSError):
            mounting.unmount(self.mountpoint, flags)

    def _watch(self) -> None:
        command = fusermount.unmount_command(self.mountpoint) if os.geteuid() != 0 else None
        try:
            self._watcher = Watcher(self.mountpoint, command)
        except OSError as exc:
            raise MountError(
                f"nobody can watch over {self.mountpoint}: {exc}: try again with -o no_auto_unmount",
                exc.errno,
            ) from None
