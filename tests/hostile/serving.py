"""Who connects to a file system's socket and says anything: the greeting, a device that is none, a relay."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Final

from puffpy.complaints import Complaints
from puffpy.mount import prepared
from puffpy.unixsocket.greeting import DEVICE, RELAY
from puffpy.unixsocket.serving import serve_connection
from puffpy.unixsocket.sharing import Shared
from tests.hostile import health, said
from tests.hostile.cases import Case
from tests.hostile.health import Lines
from tests.hostile.session import in_memory

STREAM, WITH_DEVICE, WITH_MANY, TO_DEVICE, WITH_NULL, WITH_FILE, WITH_BUSY = range(7)
"""What the first byte of a message says: bytes for the stream, some with descriptors, or for the device."""

FEW: Final = 3


class Serving:
    """One connection to the serving side."""

    name = "serving"
    _lines: Lines

    def samples(self) -> list[Case]:
        """See :class:`Target`."""
        relayed = [
            (_item(STREAM, RELAY + b"\n"), *(_item(STREAM, message) for message in case))
            for case in said.conversations()
        ]
        handed = [
            (
                *(_item(TO_DEVICE, message) for message in case),
                _item(WITH_DEVICE, DEVICE + b"\n"),
            )
            for case in said.conversations()[::5]
        ]
        odd = [(_item(kind, DEVICE + b"\n"),) for kind in (WITH_MANY, WITH_NULL, WITH_FILE, WITH_BUSY)]
        return [*relayed, *handed, *odd]

    def settle(self, message: bytes) -> bytes:
        """See :class:`Target`."""
        return message[:1] + said.settle(message[1:])

    @contextlib.contextmanager
    def serving(self, lines: Lines) -> Iterator[None]:
        """See :class:`Target`."""
        self._lines = lines
        yield

    def play(self, case: Case) -> None:
        """See :class:`Target`."""
        with health.nothing_left():
            self._play(case)
        self._lines.check(len(case) + 1)

    def _play(self, case: Case) -> None:
        vector = in_memory()
        vfsops, options = prepared(vector, None, None)
        shared = Shared(vector, vfsops)
        ours, theirs = socket.socketpair()
        device, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for sock in (ours, kernel):
            sock.settimeout(health.PATIENCE)
        thread = threading.Thread(
            target=serve_connection,
            args=(theirs, shared, "fuzz", options, set(), threading.Lock(), Complaints()),
            daemon=True,
        )
        thread.start()
        with ours, device, kernel:
            for item in case:
                _say(item, ours, device, kernel)
            with contextlib.suppress(OSError):
                kernel.shutdown(socket.SHUT_WR)
            with contextlib.suppress(OSError):
                ours.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while ours.recv(1 << 16):
                    pass
            kernel.close()
            thread.join(health.PATIENCE)
            assert not thread.is_alive(), "the connection does not end"
        assert shared.kernels.all == ()
        shared.end()


def _item(kind: int, data: bytes) -> bytes:
    return bytes([kind]) + data


def _say(item: bytes, ours: socket.socket, device: socket.socket, kernel: socket.socket) -> None:
    kind, data = item[0] if item else 0, item[1:] or b"\n"
    null = os.open(os.devnull, os.O_RDWR)
    file = os.memfd_create("file")
    os.write(file, struct.pack("=I", 104) + bytes(100))
    os.lseek(file, 0, os.SEEK_SET)
    try:
        with contextlib.suppress(OSError):
            if kind == TO_DEVICE:
                kernel.setblocking(False)
                kernel.send(data)
                return
            fds = {
                WITH_DEVICE: [device.fileno()],
                WITH_MANY: [null] * FEW,
                WITH_NULL: [null],
                WITH_FILE: [file],
            }
            if kind == WITH_BUSY:
                device.setblocking(False)
                fds[kind] = [device.fileno()]
            if fds.get(kind):
                socket.send_fds(ours, [data], fds[kind])
            else:
                ours.sendall(data)
    finally:
        os.close(null)
        os.close(file)
