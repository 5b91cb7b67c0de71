"""A server whose kernel is a queue, and file systems that take their time."""

from __future__ import annotations

import asyncio
import itertools
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from typing_extensions import Buffer

import puffpy
from puffpy.options import MountOptions
from puffpy.record import Observer
from puffpy.serve import Server
from puffpy.wire import OUT_HEADER, Opcode, Reply, Request, decode_reply, encode_request

PATIENCE = 20.0


class Channel:
    """A bridge to a kernel that asks what a test has it ask."""

    name = "channel"

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._answered: dict[int, queue.SimpleQueue[bytes]] = {}
        self._numbers = itertools.count(2, 2)

    def begin(self, opcode: Opcode, nodeid: int = 1, **more: Any) -> int:
        """Ask, and return the number to :meth:`end` with."""
        unique = next(self._numbers)
        self._answered[unique] = queue.SimpleQueue()
        self._asked.put(encode_request(Request(opcode, unique=unique, nodeid=nodeid, pid=1, **more)))
        return unique

    def end(self, opcode: Opcode, unique: int) -> Reply:
        """Wait for the answer."""
        return decode_reply(opcode, self._answered[unique].get(timeout=PATIENCE))

    def ask(self, opcode: Opcode, nodeid: int = 1, **more: Any) -> Reply:
        """Ask, and wait for the answer."""
        return self.end(opcode, self.begin(opcode, nodeid, **more))

    # what a bridge does

    def attach(self, mountpoint: str, options: MountOptions) -> None:
        self.begin(Opcode.INIT, 0, fields={"major": 7, "minor": 45})

    def receive(self, buffer: bytearray) -> int:
        message = self._asked.get()
        buffer[: len(message)] = message
        return len(message)

    def send(self, message: bytes | tuple[Buffer, ...]) -> bool:
        whole = b"".join(message) if isinstance(message, tuple) else message
        self._answered[OUT_HEADER.unpack_from(whole)[2]].put(whole)
        return True

    def detach(self) -> bool:
        self._asked.put(b"")
        return True

    def cut(self, receiver: int) -> None:
        self._asked.put(b"")

    def close(self) -> None:
        pass


class Looked(Server):
    """A server that keeps a list of who was let in, each time that changed."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.changes: queue.SimpleQueue[int] = queue.SimpleQueue()

    def observe(self, observers: Sequence[Observer]) -> None:
        super().observe(observers)
        self.changes.put(len(observers))


class Slow(puffpy.VnodeOps):
    """One file; reading it waits until *go* is set."""

    def __init__(self) -> None:
        self.root = puffpy.Node.directory()
        self.file = puffpy.Node.file(0o644, size=1 << 20)
        self.go = threading.Event()
        self.reading = threading.Event()

    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        if cn.name != "file":
            raise FileNotFoundError
        return self.file

    def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> Any:
        self.nap()
        return bytes(size)

    def write(self, vp: Any, offset: int, data: memoryview, call: puffpy.Call) -> int:
        return len(data)

    def nap(self) -> None:
        self.reading.set()
        assert self.go.wait(PATIENCE)


class InAThread(Slow):
    """As Slow, with a worker thread that waits."""

    @puffpy.blocking
    def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> Any:
        self.nap()
        return bytes(size)


class InALoop(Slow):
    """As Slow, with a task that waits."""

    async def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> Any:
        await self.doze()
        return bytes(size)

    async def doze(self) -> None:
        self.reading.set()
        while not self.go.is_set():
            await asyncio.sleep(0.01)


@contextmanager
def serving(vnodeops: puffpy.VnodeOps) -> Iterator[tuple[Looked, Channel]]:
    """Serve *vnodeops* meanwhile; the kernel is the channel."""
    channel = Channel()
    server = Looked(vnodeops, puffpy.VfsOps(), MountOptions(), channel)
    server.attach("/mnt", MountOptions())
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server, channel
    finally:
        if isinstance(vnodeops, Slow):
            vnodeops.go.set()
        server.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()
