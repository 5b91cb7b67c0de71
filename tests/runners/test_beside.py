"""Requests that wait for their operation: many at once, interrupted ones, and what is kept meanwhile."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

import puffpy
from puffpy.dispatch.parking import Parking
from puffpy.ops import Manner
from puffpy.userkernel import UserKernel
from tests.runners.ways import SLOW, WAYS, Slow

PATIENCE = 20.0


def until(condition: Callable[[], Any]) -> None:
    """Wait for *condition*."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@attrs.define
class Asking:
    """A thread that makes one call; what came of it is its *answer* or its *error*."""

    call: Callable[[], Any]
    answer: Any = None
    error: OSError | None = None
    thread: threading.Thread = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.answer = self.call()
        except OSError as exc:
            self.error = exc

    def end(self) -> Any:
        """Wait for the end of the call."""
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.answer

    @property
    def ident(self) -> int:
        assert self.thread.ident is not None
        return self.thread.ident


@pytest.fixture(params=WAYS)
def slow(request: pytest.FixtureRequest) -> Slow:
    return SLOW[request.param]()


@pytest.fixture
def kernel(slow: Slow) -> Iterator[UserKernel]:
    made = UserKernel.over(slow, options=puffpy.MountOptions(workers=64))
    yield made
    slow.gate.set()
    made.unmount()
    assert made.balance().zero


def test_as_many_reads_as_there_are_readers_run_at_once(slow: Slow, kernel: UserKernel) -> None:
    fd = kernel.open("/file", os.O_RDONLY)
    readers = [Asking(lambda at=at: kernel.pread(fd, 4096, at * 4096)) for at in range(64)]  # type: ignore[misc]
    for _ in readers:
        assert slow.entered.acquire(timeout=PATIENCE), "they wait for each other"
    assert kernel.stat("/file").st_size == 1 << 20, "and nobody else waits for them"
    slow.gate.set()
    assert all(reader.end() == b"x" * 4096 for reader in readers)


def test_an_interrupted_caller_is_answered_at_once(slow: Slow, kernel: UserKernel) -> None:
    fd = kernel.open("/file", os.O_RDONLY)
    reader = Asking(lambda: kernel.pread(fd, 4096, 0))
    assert slow.entered.acquire(timeout=PATIENCE)
    assert not slow.calls[0].interrupted
    until(lambda: kernel.interrupt(reader.ident))
    with pytest.raises(InterruptedError):
        reader.end()
    assert all(call.interrupted for call in slow.calls)
    slow.gate.set()
    assert kernel.pread(fd, 1, 0) == b"x"


def test_what_is_written_is_there_for_as_long_as_the_operation_runs(slow: Slow, kernel: UserKernel) -> None:
    fd = kernel.open("/file", os.O_WRONLY)
    writer = Asking(lambda: kernel.pwrite(fd, b"first" * 1000, 0))
    assert slow.entered.acquire(timeout=PATIENCE)
    kernel.stat("/")
    slow.gate.set()
    assert writer.end() == 5000
    assert slow.data == b"first" * 1000  # type: ignore[attr-defined]


@puffpy.blocking
class Openings(Slow):
    """Whatever it is asked waits, but for the first lookup."""

    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        self.enter(call)
        self.gate.wait()
        return super().lookup(dvp, cn, call)

    def open(self, vp: Any, flags: int, call: puffpy.Call) -> int:
        self.enter(call)
        self.gate.wait()
        self.opened.append(len(self.opened) + 1)
        return self.opened[-1]

    def close(self, vp: Any, flags: int, call: puffpy.Call) -> None:
        self.closed.append(call.handle)


def test_a_node_and_an_open_file_that_nobody_waits_for_are_given_back() -> None:
    fs = Openings()
    kernel = UserKernel.over(fs)
    looking = Asking(lambda: kernel.stat("/file"))
    assert fs.entered.acquire(timeout=PATIENCE)
    until(lambda: kernel.interrupt(looking.ident))
    with pytest.raises(InterruptedError):
        looking.end()
    assert not fs.reclaimed
    fs.gate.set()
    until(lambda: fs.reclaimed == [fs.file])

    assert kernel.stat("/file").st_size == 1 << 20
    fs.gate.clear()
    while fs.entered.acquire(blocking=False):
        pass
    opening = Asking(lambda: kernel.open("/file", os.O_RDONLY))
    assert fs.entered.acquire(timeout=PATIENCE)
    until(lambda: kernel.interrupt(opening.ident))
    with pytest.raises(InterruptedError):
        opening.end()
    fs.gate.set()
    until(lambda: fs.opened and fs.closed == fs.opened)
    kernel.unmount()
    assert kernel.balance().zero


def test_no_node_is_reclaimed_that_an_operation_may_be_about_to_answer_with() -> None:
    parking = Parking({"lookup": Manner.WORKER})
    done: list[str] = []
    assert not parking.postpone(lambda: done.append("never"))
    with parking.lock:
        first = parking.park(b"", 0, 1, puffpy.Call(0, 0, 0, unique=1))
        assert parking.postpone(lambda: done.append("after the first"))
        second = parking.park(b"", 0, 2, puffpy.Call(0, 0, 0, unique=2))
        assert parking.postpone(lambda: done.append("after both"))
        parking.leave(first)
        assert done == ["after the first"]
        parking.leave(second)
    assert done == ["after the first", "after both"]


class Beginnings(puffpy.VnodeOps, puffpy.VfsOps):
    """Begins, closes and ends as coroutines."""

    def __init__(self) -> None:
        self.root = puffpy.Node.directory()
        self.file = puffpy.Node.file()
        self.said: list[str] = []

    async def start(self, kernel: puffpy.Kernel) -> None:
        await asyncio.sleep(0)
        self.said.append("start")

    async def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        await asyncio.sleep(0)
        if cn.name == "broken":
            raise KeyError(cn.name)
        return self.file

    async def readdir(self, dvp: Any, call: puffpy.Call) -> Any:
        yield "file", self.file
        await asyncio.sleep(0)
        yield "other", self.file

    async def close(self, vp: Any, flags: int, call: puffpy.Call) -> None:
        await asyncio.sleep(0)
        self.said.append("close")

    async def unmount(self) -> None:
        await asyncio.sleep(0)
        self.said.append("unmount")


def test_a_mount_begins_lists_and_ends_by_coroutines() -> None:
    fs = Beginnings()
    kernel = UserKernel.over(fs)
    assert fs.said == ["start"]
    assert sorted(kernel.listdir("/")) == ["file", "other"]
    kernel.open("/file", os.O_RDONLY)
    kernel.abort()
    assert fs.said == ["start", "close", "unmount"]


def test_a_bug_in_a_coroutine_is_an_error_of_its_caller(caplog: pytest.LogCaptureFixture) -> None:
    with UserKernel.over(Beginnings()) as kernel:
        with pytest.raises(OSError, match="error") as refusal:
            kernel.stat("/broken")
        assert refusal.value.errno == errno.EIO
        assert kernel.stat("/file").st_size == 0
    assert "KeyError: 'broken'" in caplog.text


def test_the_end_does_not_wait_for_an_operation_that_does_not(slow: Slow) -> None:
    kernel = UserKernel.over(slow)
    fd = kernel.open("/file", os.O_RDONLY)
    reader = Asking(lambda: kernel.pread(fd, 4096, 0))
    assert slow.entered.acquire(timeout=PATIENCE)
    kernel.abort()
    with pytest.raises(ConnectionAbortedError):
        reader.end()
    assert slow.calls[0].interrupted
    slow.gate.set()


class MadeInline(puffpy.VnodeOps):
    """Makes files inline, and opens them as a coroutine."""

    def __init__(self) -> None:
        self.root = puffpy.Node.directory()
        self.made: list[str] = []

    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        raise FileNotFoundError

    def create(self, dvp: Any, cn: puffpy.ComponentName, va: puffpy.Vattr, call: puffpy.Call) -> Any:
        self.made.append(cn.name)
        return puffpy.Node(va)

    def write(self, vp: Any, offset: int, data: memoryview, call: puffpy.Call) -> int:
        return len(data)

    async def open(self, vp: Any, flags: int, call: puffpy.Call) -> None:
        await asyncio.sleep(0)


def test_what_ran_inline_and_changed_something_is_not_run_again() -> None:
    fs = MadeInline()
    with UserKernel.over(fs) as kernel:
        for name in ("one", "two"):
            kernel.close(kernel.open(f"/{name}", os.O_CREAT | os.O_WRONLY))
    assert fs.made == ["one", "two"]
    assert kernel.balance().zero
