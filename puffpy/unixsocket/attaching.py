"""The side that has the mount: mounts, hands the device over or relays, and unmounts in the end.

Theory of operation.  The mount is made here, with this process's rights, and the open device goes to the
serving side with the descriptors of a message (SCM_RIGHTS): from then on the kernel and the serving side talk
without us.  What is left to do is to unmount when we are told to, or when the other side is gone, which its
end of the socket tells.  With ``relay`` the device stays here and two threads carry messages; the serving
side then never holds it.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time

import attrs

from puffpy.bridges.devfuse import DevFuse
from puffpy.bridges.stream import REPLY, Stream
from puffpy.errors import MountError
from puffpy.options import MountOptions
from puffpy.session.negotiate import buffer_size
from puffpy.unixsocket.greeting import DEVICE, MOUNTERS, OK, RELAY, Greeting, read_line, shown

GRACE = 1.0
"""Seconds that a mount still in use is kept after it was asked to end."""

RETRY = 0.05
"""Seconds between two attempts to unmount what is in use."""

POLL_MS = 500
"""Milliseconds after which whoever waits for the end looks whether a signal came."""


def connect(path: str) -> socket.socket:
    """Return a socket connected to the server that listens at *path*.

    Raises:
        MountError: there is none, or it is not for us.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(path)
    except OSError as exc:
        sock.close()
        raise MountError(
            f"nobody serves at {path}: {exc.strerror}: start one with puffpy serve ... --listen {path}",
            exc.errno,
        ) from None
    return sock


class Attachment:
    """A mount at *mountpoint* of the file system behind *sock*.

    *mine* are the options that are ours to choose; *text* are more, as after ``-o``, over the server's.
    """

    def __init__(
        self,
        sock: socket.socket,
        mountpoint: str,
        *,
        mine: MountOptions | None = None,
        text: str = "",
        relay: bool = False,
    ) -> None:
        self._sock, self._relay = sock, relay
        self._mine = mine or MountOptions()
        self._text = text
        self._device = DevFuse()
        self._lost = False
        self._bell = _Bell()
        self.mountpoint = os.path.abspath(mountpoint)

    def mount(self) -> None:
        """Mount; when this returns, the mount works.

        Raises:
            MountError: it could not be mounted, or the server will not serve it.
        """
        greeting = Greeting.decode(self._heard())
        ours = {name: getattr(self._mine, name) for name in MOUNTERS}
        options = attrs.evolve(greeting.options, **ours)
        if self._text:
            options, strange = MountOptions.parse(self._text, options)
            if strange:
                raise MountError(f"there is no mount option {', '.join(strange)}")
        self._device.attach(self.mountpoint, options)
        try:
            if self._relay:
                self._sock.sendall(RELAY + b"\n")
                self._start_relay(buffer_size(options))
            else:
                socket.send_fds(self._sock, [DEVICE + b"\n"], [self._device.fd])
                said = self._heard()
                if said != OK:
                    raise MountError(f"the server will not serve it: {shown(said.decode(errors='replace'))}")
        except OSError as exc:
            self._device.close()
            raise MountError(f"the server has gone: {exc}") from None
        except BaseException:
            self._device.close()
            raise

    def run(self) -> str:
        """Wait for the end, and unmount; return what went wrong, or nothing."""
        poll = select.poll()
        poll.register(self._bell.fd, select.POLLIN)
        poll.register(self._sock, select.POLLRDHUP if self._relay else select.POLLIN | select.POLLRDHUP)
        # With an end, since a signal between two instructions and the call finds nobody to wake.
        while not (told := dict(poll.poll(POLL_MS))):
            pass
        lost = self._lost or self._sock.fileno() in told
        try:
            if lost and self._device.connected():
                return "the server has gone; unmounted"
            self._unmount()
            return ""
        finally:
            self._device.close()
            self._sock.close()

    def stop(self) -> None:
        """Have :meth:`run` unmount and return.  From any thread, and from a signal's handler."""
        self._bell.ring()

    def _heard(self) -> bytes:
        """Return the next line; a descriptor that comes with it is none that was asked for."""
        line, stray = read_line(self._sock)
        if stray >= 0:
            os.close(stray)
        return line

    def _unmount(self) -> None:
        deadline = time.monotonic() + GRACE
        while not self._device.detach() and time.monotonic() < deadline:
            time.sleep(RETRY)

    def _start_relay(self, size: int) -> None:
        for work in (self._to_server, self._to_kernel):
            threading.Thread(target=work, args=(size,), name="puffpy-relay", daemon=True).start()

    def _to_server(self, size: int) -> None:
        buffer = bytearray(size)
        with contextlib.suppress(OSError):
            while came := self._device.receive(buffer):
                self._sock.sendall(memoryview(buffer)[:came])
        self.stop()

    def _to_kernel(self, size: int) -> None:
        stream, buffer = Stream(self._sock, REPLY), bytearray(size)
        while came := stream.receive(buffer):
            with contextlib.suppress(OSError):  # what the kernel finds impossible harms nobody else
                self._device.send((memoryview(buffer)[:came],))
        self._lost = True
        self.stop()


class _Bell:
    """Wakes whoever polls *fd*, once and for all; closed when nobody is left who may ring it."""

    def __init__(self) -> None:
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def __del__(self) -> None:
        os.close(self.fd)

    def ring(self) -> None:
        """From any thread, and from a signal's handler."""
        os.eventfd_write(self.fd, 1)
