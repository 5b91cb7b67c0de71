"""Tasks of an asyncio event loop, for operations that are ``async def``.

The loop is the program's own or, where it gives none, one in a thread made for it.
"""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import Callable
from typing import Any

from puffpy.runners.base import Cancel, Done


class Tasks:
    """A task on *loop* for each operation."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._own = loop is None
        self._loop = loop
        self._lock = threading.Lock()
        self._open = True
        self._native_id = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, operation: Callable[..., Any], args: tuple[Any, ...], done: Done) -> Cancel:
        """See :meth:`Runner.start`."""
        loop = self._awake()
        tasks: list[asyncio.Task[None]] = []

        def begin() -> None:
            self._native_id = threading.get_native_id()
            task = loop.create_task(_do(operation, args, done))
            tasks.append(task)
            self._tasks.add(task)
            task.add_done_callback(lambda task: self._over(task, done))

        def end() -> None:
            tasks[0].cancel()  # begin() was handed over first

        def cancel() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(end)

        loop.call_soon_threadsafe(begin)
        return cancel

    def depends_on(self, native_id: int) -> bool:
        """See :meth:`Runner.depends_on`: the loop's own thread asks, and does nothing else meanwhile."""
        return native_id == self._native_id

    def close(self) -> None:
        """See :meth:`Runner.close`; tasks are cancelled, and a loop of our own ends after them."""
        with self._lock:
            self._open = False
            loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._end)

    def _awake(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if not self._open or (self._loop is not None and self._loop.is_closed()):
                raise RuntimeError("the event loop of the async operations has ended")
            if self._loop is None:
                loop = self._loop = asyncio.new_event_loop()
                threading.Thread(target=_run, args=(loop,), name="puffpy-loop", daemon=True).start()
            return self._loop

    # in the loop's own thread

    def _over(self, task: asyncio.Task[None], done: Done) -> None:
        self._tasks.discard(task)
        if task.cancelled():  # before its first step: nothing of it has run that could say so
            done(None, InterruptedError(errno.EINTR, "cancelled"))
        if not self._open:
            self._end()

    def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._own and not self._tasks:
            asyncio.get_running_loop().stop()


async def _do(operation: Callable[..., Any], args: tuple[Any, ...], done: Done) -> None:
    try:
        answer = await operation(*args)
    except asyncio.CancelledError:
        done(None, InterruptedError(errno.EINTR, "cancelled"))
    except BaseException as exc:  # noqa: BLE001  it is the answer
        done(None, exc)
    else:
        done(answer, None)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()
