"""Plays QEMU: memory that is shared, and the control connection.

What the guest's driver does with them is in ``driver``.
"""

from __future__ import annotations

import array
import mmap
import os
import socket
from pathlib import Path
from typing import Final

from puffpy.bridges.vhostuser.messages import (
    ADDRESSES,
    HEADER,
    REGION,
    STATE,
    TABLE,
    U64,
    Feature,
    ProtocolFeature,
    Request,
)

MIB: Final = 1 << 20
USER: Final = 0x7F00_0000_0000
"""Where the front end sees what the guest sees at 0."""

BORDER: Final = 6 * MIB + MIB // 2
REGIONS: Final = ((0, BORDER), (BORDER, 32 * MIB - BORDER))
"""Two that adjoin, so that a buffer may lie in both."""

PATIENCE: Final = 20.0


class FrontEnd:
    """One machine: its memory, connected to the server at *path*."""

    def __init__(self, path: Path | str) -> None:
        self.files = [os.memfd_create(f"region-{start:#x}") for start, _ in REGIONS]
        self._maps = []
        for fd, (_, size) in zip(self.files, REGIONS, strict=True):
            os.ftruncate(fd, size)
            self._maps.append(memoryview(mmap.mmap(fd, size)))
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(path))
        self.sock.settimeout(PATIENCE)

    def close(self) -> None:
        """The machine ends."""
        self.sock.close()
        for fd in self.files:
            os.close(fd)
        self.files, self._maps = [], []

    # memory

    def read(self, address: int, size: int) -> bytes:
        """Return what the guest has at *address*."""
        return b"".join(bytes(view) for view in self.views(address, size))

    def write(self, address: int, data: bytes) -> None:
        """Put *data* at *address*."""
        at = 0
        for view in self.views(address, len(data)):
            view[:] = data[at : at + len(view)]
            at += len(view)

    def views(self, address: int, size: int) -> list[memoryview]:
        """Return the memory from *address* on."""
        found = []
        for (start, length), view in zip(REGIONS, self._maps, strict=True):
            first, last = max(address, start), min(address + size, start + length)
            if first < last:
                found.append(view[first - start : last - start])
        assert sum(map(len, found)) == size
        return found

    # control

    def send(
        self, request: int, payload: bytes = b"", fds: tuple[int, ...] = (), *, flags: int = 1, size: int = -1
    ) -> None:
        """Send one message; *size* is what it says of its payload, if that is not true."""
        message = HEADER.pack(request, flags, len(payload) if size < 0 else size) + payload
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sent = self.sock.sendmsg([message], rights)
        assert sent == len(message)

    def ask(self, request: int, payload: bytes = b"", fds: tuple[int, ...] = (), *, flags: int = 1) -> bytes:
        """Send one message and return what is answered."""
        self.send(request, payload, fds, flags=flags)
        head = self._exactly(HEADER.size)
        number, answered, size = HEADER.unpack(head)
        assert (number, answered) == (request, 5)
        return self._exactly(size)

    def number(self, request: int, payload: bytes = b"") -> int:
        """Send one message and return the number that is answered."""
        return int(U64.unpack(self.ask(request, payload))[0])

    def acknowledged(self, request: int, payload: bytes = b"", fds: tuple[int, ...] = ()) -> int:
        """Send one message that wants to be acknowledged; return how it was."""
        return int(U64.unpack(self.ask(request, payload, fds, flags=1 | 8))[0])

    @property
    def left(self) -> bool:
        """Whether the server has closed the connection; waits for that."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def introduce(self) -> None:
        """Say what a front end says when it starts."""
        assert self.number(Request.GET_FEATURES) & Feature.PROTOCOL_FEATURES
        wanted = self.number(Request.GET_PROTOCOL_FEATURES) & (ProtocolFeature.MQ | ProtocolFeature.REPLY_ACK)
        self.send(Request.SET_PROTOCOL_FEATURES, U64.pack(wanted))
        assert self.number(Request.GET_QUEUE_NUM) >= 3
        self.send(Request.SET_OWNER)

    def share(self, *, indirect: bool = True) -> None:
        """Say what a front end says when the guest's driver is ready."""
        features = Feature.VERSION_1 | Feature.PROTOCOL_FEATURES
        self.send(Request.SET_FEATURES, U64.pack(features | (Feature.INDIRECT if indirect else 0)))
        table = TABLE.pack(len(REGIONS)) + b"".join(
            REGION.pack(start, size, USER + start, 0) for start, size in REGIONS
        )
        assert self.acknowledged(Request.SET_MEM_TABLE, table, tuple(self.files)) == 0

    def place(
        self, index: int, size: int, addresses: tuple[int, int, int], kick: int, call: int, base: int = 0
    ) -> None:
        """Say where a queue is (descriptors, avail and used, as the guest has them), and start it."""
        self.send(Request.SET_VRING_CALL, U64.pack(index), (call,))
        self.send(Request.SET_VRING_NUM, STATE.pack(index, size))
        self.send(Request.SET_VRING_BASE, STATE.pack(index, base))
        descriptors, avail, used = (USER + address for address in addresses)
        self.send(Request.SET_VRING_ADDR, ADDRESSES.pack(index, 0, descriptors, used, avail, 0))
        self.send(Request.SET_VRING_KICK, U64.pack(index), (kick,))
        self.send(Request.SET_VRING_ENABLE, STATE.pack(index, 1))

    def stop(self, index: int) -> int:
        """Stop a queue; return where it stood."""
        self.send(Request.SET_VRING_ENABLE, STATE.pack(index, 0))
        number, base = STATE.unpack(self.ask(Request.GET_VRING_BASE, STATE.pack(index, 0)))
        assert number == index
        return int(base)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.sock.recv(size - len(data))
            if not piece:
                raise ConnectionError("the server has left")
            data += piece
        return data
