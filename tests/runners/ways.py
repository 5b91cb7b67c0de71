"""The ways in which an operation can be run, and how to have a file system run in each."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import attrs

import puffpy
from puffpy.ops import OPERATIONS, VnodeOps, written

WAYS = ("workers", "tasks")


def run_by_tasks(make: Callable[[], VnodeOps]) -> Callable[[], VnodeOps]:
    """Return what makes the same file system, with every operation that may wait as an ``async def``."""

    def made() -> VnodeOps:
        vector = make()
        one_at_a_time = threading.Lock()  # its own loop's thread is not the only one: inline ones are others
        for name in written(vector):
            if not OPERATIONS[name].inline:
                setattr(vector, name, _awaitable(getattr(vector, name), one_at_a_time))
        return vector

    return made


def _awaitable(operation: Callable[..., Any], lock: threading.Lock) -> Callable[..., Any]:
    async def later(*args: Any) -> Any:
        await asyncio.sleep(0)
        with lock:
            return operation(*args)

    return later


def in_this_way(way: str, make: Callable[[], VnodeOps]) -> Callable[[], VnodeOps]:
    """Return what makes a file system whose operations are all run in the way called *way*."""
    if way == "tasks":
        return run_by_tasks(make)

    def made() -> VnodeOps:
        vector = make()
        vector.options = attrs.evolve(vector.options, workers=3)
        return vector

    return made


class Slow(puffpy.VnodeOps):
    """One file, whose reads and opens wait until they are let through; subclasses say how.

    *entered* counts reads that have begun, *calls* keeps what they were called with, *closed* the handles.
    """

    def __init__(self) -> None:
        self.root = puffpy.Node.directory()
        self.file = puffpy.Node.file(0o666, size=1 << 20)
        self.entered = threading.Semaphore(0)
        self.gate = threading.Event()
        self.calls: list[puffpy.Call] = []
        self.opened: list[int] = []
        self.closed: list[int] = []
        self.reclaimed: list[Any] = []

    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        if cn.name != "file":
            raise FileNotFoundError
        return self.file

    def reclaim(self, vp: Any) -> None:
        self.reclaimed.append(vp)

    def enter(self, call: puffpy.Call) -> None:
        """A read has begun."""
        self.calls.append(call)
        self.entered.release()


class SlowWorkers(Slow):
    """In worker threads."""

    @puffpy.blocking
    def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> bytes:
        self.enter(call)
        while not self.gate.wait(0.002):
            call.check()
        return b"x" * size

    @puffpy.blocking
    def write(self, vp: Any, offset: int, data: memoryview, call: puffpy.Call) -> int:
        self.enter(call)
        self.gate.wait()
        self.data = bytes(data)
        return len(data)


class SlowTasks(Slow):
    """As tasks of an event loop."""

    async def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> bytes:
        self.enter(call)
        while not self.gate.is_set():
            await asyncio.sleep(0.002)
        return b"x" * size

    async def write(self, vp: Any, offset: int, data: memoryview, call: puffpy.Call) -> int:
        self.enter(call)
        while not self.gate.is_set():
            await asyncio.sleep(0.002)
        self.data = bytes(data)
        return len(data)


SLOW: dict[str, type[Slow]] = {"workers": SlowWorkers, "tasks": SlowTasks}
