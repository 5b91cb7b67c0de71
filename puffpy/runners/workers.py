"""Worker threads, for operations that block.

A thread cannot be made to end: what is to be interrupted has to look at its ``call`` now and then.
"""

from __future__ import annotations

import errno
import queue
import threading
from collections.abc import Callable
from typing import Any

import attrs

from puffpy.runners.base import Cancel, Done


@attrs.define(eq=False)
class _Job:
    """One operation to be run; once it is not *wanted* it is not begun."""

    operation: Callable[..., Any]
    args: tuple[Any, ...]
    done: Done
    wanted: bool = True

    def cancel(self) -> None:
        self.wanted = False

    def run(self) -> None:
        try:
            if not self.wanted:
                raise InterruptedError(errno.EINTR, "nobody waits for it any more")
            answer = self.operation(*self.args)
        except BaseException as exc:  # noqa: BLE001  it is the answer
            self.done(None, exc)
        else:
            self.done(answer, None)


class Workers:
    """At most *most* threads, started when they are first needed; the rest waits for its turn.

    The threads are daemons, because one that is stuck in an operation must not keep the process from ending.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._threads = 0
        self._native_ids: set[int] = set()
        self._open = True

    def start(self, operation: Callable[..., Any], args: tuple[Any, ...], done: Done) -> Cancel:
        """See :meth:`Runner.start`."""
        job = _Job(operation, args, done)
        with self._lock:
            if not self._open:
                raise RuntimeError("the workers have been sent home: the mount has ended")
            self._idle -= 1
            if self._idle < 0 and self._threads < self._most:
                self._idle += 1
                self._threads += 1
                name = f"puffpy-worker-{self._threads}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
            self._jobs.put(job)
        return job.cancel

    def depends_on(self, native_id: int) -> bool:
        """See :meth:`Runner.depends_on`: one of ours asks, and all the others are busy."""
        with self._lock:
            return native_id in self._native_ids and self._idle <= 0 and self._threads >= self._most

    def close(self) -> None:
        """See :meth:`Runner.close`."""
        with self._lock:
            self._open = False
            for _ in range(self._threads):
                self._jobs.put(None)

    def _work(self) -> None:
        self._native_ids.add(threading.get_native_id())
        while (job := self._jobs.get()) is not None:
            job.run()
            del job
            with self._lock:
                self._idle += 1
