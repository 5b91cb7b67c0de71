"""Operations that wait, on a real mount: Ctrl-C is obeyed at once, and nobody waits for anybody else."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.mounted.harness import Server, wait_for
from tests.mounted.waiting import SHORT, SIZE, SLOWNESS
from tests.serve.program import Program

StartServer = Callable[..., Server]

NOTICED = 0.6
"""Seconds after which a person might lose patience, and an inline operation has been noticed."""

AT_ONCE = 0.1
"""Seconds within which a signalled caller must have its answer."""


def started(start: StartServer, way: str) -> Server:
    return start(command=(sys.executable, "-m", "tests.mounted.waiting", way))


def waits(pid: int) -> bool:
    """Tell whether *pid* sleeps until a request to a file system has been answered."""
    return "request_wait" in Path(f"/proc/{pid}/wchan").read_text()


@pytest.mark.parametrize("way", ["inline", "workers", "tasks"])
def test_ctrl_c_on_a_reader_of_a_slow_file_returns_at_once(
    start: StartServer, way: str, record_property: Callable[[str, object], None]
) -> None:
    server = started(start, way)
    took = []
    for _ in range(5):
        # Inline, the next reader would have to wait for an operation that does not look at its call.
        name = "slow.patient" if way == "inline" else "slow"
        reader = subprocess.Popen(["cat", server.mnt / name], stdout=subprocess.DEVNULL)
        wait_for(lambda: waits(reader.pid), "it waits for its read")  # noqa: B023
        asked = time.monotonic()
        wait_for(lambda: time.monotonic() > asked + NOTICED, "an inline operation is watched")  # noqa: B023
        began = time.monotonic()
        reader.send_signal(signal.SIGINT)
        assert reader.wait(SLOWNESS) == -signal.SIGINT
        took.append(time.monotonic() - began)
    record_property("ctrl_c_seconds", max(took))
    assert min(took) < AT_ONCE, took


def test_an_inline_operation_learns_that_its_caller_has_gone(start: StartServer) -> None:
    server = started(start, "inline")
    for _ in range(3):
        began = time.monotonic()
        reader = subprocess.Popen(["cat", server.mnt / "slow.patient"], stdout=subprocess.DEVNULL)
        wait_for(lambda: waits(reader.pid), "it waits for its read")  # noqa: B023
        reader.send_signal(signal.SIGINT)
        assert reader.wait(SLOWNESS) == -signal.SIGINT
        assert (server.mnt / "quick").read_bytes() == b"x" * SIZE
        assert time.monotonic() - began < SLOWNESS


def test_the_serving_thread_runs_what_is_quick_and_another_one_serves_on_when_it_is_not(
    start: StartServer,
) -> None:
    server = started(start, "workers")

    def who() -> bytes:
        return (server.mnt / "who").read_bytes().strip()

    wait_for(lambda: who() == b"MainThread", "reads have been quick often enough")
    slow = [subprocess.Popen(["cat", server.mnt / "slow"], stdout=subprocess.DEVNULL) for _ in range(3)]
    try:
        for reader in slow:
            wait_for(lambda: waits(reader.pid), "it waits for its read")  # noqa: B023
        began = time.monotonic()
        assert who().startswith(b"puffpy-worker")
        for reader in slow:
            reader.send_signal(signal.SIGINT)
            assert reader.wait(SLOWNESS) == -signal.SIGINT
        assert time.monotonic() - began < SLOWNESS / 2
        # It takes longer from now on, but the thread that serves is trusted with it again.
        wait_for(lambda: who() == b"puffpy-standby", "reads have been quick often enough")
        assert (server.mnt / "quick").read_bytes() == b"x" * SIZE
    finally:
        for reader in slow:
            reader.kill()
            reader.wait()
    assert server.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("way", ["workers", "tasks"])
def test_64_slow_reads_at_once_take_as_long_as_one(start: StartServer, way: str) -> None:
    server = started(start, way)

    def read(number: int) -> int:
        return len((server.mnt / f"slow.{number}").read_bytes())

    began = time.monotonic()
    with ThreadPoolExecutor(64) as readers:
        assert list(readers.map(read, range(64))) == [SIZE] * 64
    took = time.monotonic() - began
    assert SHORT <= took < 16 * SHORT


@pytest.mark.parametrize("way", ["workers", "tasks"])
def test_who_waits_holds_up_nobody(start: StartServer, way: str) -> None:
    server = started(start, way)
    with subprocess.Popen(["cat", server.mnt / "slow"], stdout=subprocess.DEVNULL) as reader:
        wait_for(lambda: waits(reader.pid), "it waits for its read")
        assert (server.mnt / "quick").read_bytes() == b"x" * SIZE
        assert (server.mnt / "quick.too").stat().st_size == SIZE
        assert reader.poll() is None
        reader.kill()


def test_large_writes_side_by_side_keep_their_bytes(start: StartServer) -> None:
    """Each waits in a receive buffer of its own, and the buffers are used again."""
    server = started(start, "workers")
    piece = 1 << 20
    expected = b"".join(bytes([number]) * piece for number in range(1, 25))
    (server.mnt / "quick").touch()

    def write(number: int) -> None:
        fd = os.open(server.mnt / "quick", os.O_WRONLY)
        assert os.pwrite(fd, bytes([number]) * piece, (number - 1) * piece) == piece
        os.close(fd)

    for _ in range(2):
        with ThreadPoolExecutor(8) as writers:
            list(writers.map(write, range(1, 25)))
    assert (server.mnt / "digest").read_text() == hashlib.sha256(expected).hexdigest()


PROGRAM = """
import asyncio
from puffpy.aio import AsyncMount
from tests.mounted.waiting import SIZE, Tasks

async def main(run):
    fs = Tasks()
    async with AsyncMount(fs, MNT) as mount:
        size = await run(lambda: len(open(MNT + "/slow.1", "rb").read()))
        print(size == SIZE, is_mounted())
    print(is_mounted())
    mount = AsyncMount(fs, MNT)
    async def later():
        while not is_mounted():
            await sleep(0.01)
        print(await run(lambda: len(open(MNT + "/quick", "rb").read())) == SIZE)
        await run(lambda: subprocess.run(["umount", MNT], check=True))
    await together(mount.serve, later)
    print(is_mounted())
    await cancelled(mount.serve)
    print(is_mounted())
"""

ASYNCIO = (
    PROGRAM
    + """
sleep = asyncio.sleep
async def together(*functions):
    await asyncio.gather(*(function() for function in functions))
async def cancelled(function):
    task = asyncio.create_task(function())
    while not is_mounted():
        await sleep(0.01)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled")
asyncio.run(main(asyncio.to_thread))
"""
)

TRIO = (
    PROGRAM
    + """
import trio
sleep = trio.sleep
Tasks.sleep = staticmethod(trio.sleep)
async def together(*functions):
    async with trio.open_nursery() as nursery:
        for function in functions:
            nursery.start_soon(function)
async def cancelled(function):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(function)
        while not is_mounted():
            await sleep(0.01)
        nursery.cancel_scope.cancel()
    print("cancelled")
trio.run(main, trio.to_thread.run_sync)
"""
)


@pytest.mark.parametrize("text", [ASYNCIO, TRIO], ids=["asyncio", "trio"])
def test_a_program_with_an_event_loop_serves_in_it(mnt: Path, text: str) -> None:
    assert Program(mnt).run(text).split() == ["True", "True", "False", "True", "False", "cancelled", "False"]


def test_a_plain_program_may_mount_with_trio_s_operations(mnt: Path) -> None:
    text = """
    import trio
    from puffpy.runners.portal import Portal
    from tests.mounted.waiting import SIZE, Tasks
    Tasks.sleep = staticmethod(trio.sleep)
    with puffpy.mount(Tasks(), MNT, loop=Portal(backend="trio")):
        print(len(open(MNT + "/slow.1", "rb").read()) == SIZE)
    print(is_mounted())
    """
    assert Program(mnt).run(text).split() == ["True", "False"]


def test_only_those_that_need_an_event_loop_import_one(mnt: Path) -> None:
    text = "import puffpy, sys; print([m for m in ('asyncio', 'anyio', 'trio') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
