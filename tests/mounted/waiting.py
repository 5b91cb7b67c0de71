"""File systems that wait, for the tests of running: ``python -m tests.mounted.waiting WAY MNT``.

Reading ``slow`` takes SLOWNESS seconds, reading ``slow.0``, ``slow.1`` and so on SHORT ones; ``digest`` is
that of all that has been written, ``who`` the thread that reads.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from typing import Any

import puffpy

SLOWNESS = 6.0
SHORT = 0.25
"""Seconds that a read of one of the numbered files takes."""

SIZE = 4096


class Waiting(puffpy.VnodeOps):
    """As many files as anybody asks for; none is kept in the page cache."""

    options = puffpy.MountOptions(direct_io=True, workers=64)

    def __init__(self) -> None:
        self.root = puffpy.Node.directory()
        self.files: dict[str, puffpy.Node] = {}
        self.written = bytearray()

    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        if not cn.name.startswith(("slow", "quick", "digest", "who")):
            raise FileNotFoundError
        return self.files.setdefault(cn.name, puffpy.Node.file(0o666, size=SIZE))

    def setattr(self, vp: Any, change: puffpy.SetAttr, call: puffpy.Call) -> None:
        vp.vattr.apply(change)

    def wait_for(self, vp: Any) -> float:
        """How many seconds a read of *vp* takes."""
        name = next(name for name, node in self.files.items() if node is vp)
        return SLOWNESS if name == "slow" else SHORT if name.startswith("slow.") else 0.0


class Inline(Waiting):
    """Nothing but plain methods: what all other libraries have."""

    options = puffpy.MountOptions(direct_io=True)

    def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> bytes:
        if vp is self.files.get("slow.patient"):
            deadline = time.monotonic() + SLOWNESS
            while time.monotonic() < deadline:
                call.check()
                time.sleep(0.01)
        time.sleep(self.wait_for(vp))
        return b"x" * min(size, SIZE - offset)


class Workers(Waiting):
    """In worker threads, of which one looks whether its caller still waits."""

    @puffpy.blocking
    def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> bytes:
        ready = threading.Event()
        deadline = time.monotonic() + self.wait_for(vp)
        while (left := deadline - time.monotonic()) > 0:
            call.check()
            ready.wait(min(left, 0.01))
        if vp is self.files.get("who"):
            return threading.current_thread().name.encode().ljust(SIZE)[offset : offset + size]
        if vp is self.files.get("digest"):
            return hashlib.sha256(self.written).hexdigest().encode()[offset : offset + size]
        return b"x" * min(size, SIZE - offset)

    @puffpy.blocking
    def write(self, vp: Any, offset: int, data: memoryview, call: puffpy.Call) -> int:
        time.sleep(0.001)
        if len(self.written) < offset + len(data):
            self.written.extend(bytes(offset + len(data) - len(self.written)))
        self.written[offset : offset + len(data)] = data
        return len(data)


class Tasks(Waiting):
    """As tasks of an event loop."""

    sleep = staticmethod(asyncio.sleep)

    async def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> bytes:
        await self.sleep(self.wait_for(vp))
        return b"x" * min(size, SIZE - offset)

    async def write(self, vp: Any, offset: int, data: memoryview, call: puffpy.Call) -> int:
        await self.sleep(0.001)
        return len(data)


WAYS: dict[str, type[Waiting]] = {"inline": Inline, "workers": Workers, "tasks": Tasks}


def chosen(way: str) -> Waiting:
    """Return the file system that runs its operations in the way called *way*."""
    return WAYS[way]()


if __name__ == "__main__":
    puffpy.main(chosen)
