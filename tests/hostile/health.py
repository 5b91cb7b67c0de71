"""What no case may do, whichever way in it takes: tracebacks, floods, leaks, hangs, memory without end."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final

SECONDS: Final = 40.0
"""How long one case may take, on a machine that is busy."""

LONGEST: Final = 1000
"""Characters of a line in the log."""

PATIENCE: Final = 10.0

ADDRESSES: Final = 1 << 30
"""Bytes that the process may map beyond what it has."""

GROWTH: Final = 64 << 20
"""Bytes of memory that a campaign may keep; a leak of a hundred bytes a case is more in an hour."""

log = logging.getLogger("puffpy")


class Lines(logging.Handler):
    """What the library has logged, as lines; threads that end with a traceback count as well."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.said.append(self.format(record))

    def check(self, most: int) -> None:
        """See that there is no traceback, that each is one line, and that there are *most* of them."""
        said, self.said = self.said, []
        for line in said:
            assert "Traceback" not in line, line
            assert "\n" not in line, line
            assert len(line) < LONGEST, line
        assert len(said) <= most, "\n".join(said)


@contextlib.contextmanager
def logged() -> Iterator[Lines]:
    """Yield what is logged meanwhile; nobody else hears of it."""
    lines, before, hook = Lines(), (log.propagate, log.level), threading.excepthook

    def ended(args: threading.ExceptHookArgs) -> None:
        lines.said.append(f"Traceback: thread {args.thread} ended with {args.exc_value!r}")

    log.propagate = False
    log.setLevel(logging.WARNING)
    log.addHandler(lines)
    threading.excepthook = ended
    try:
        yield lines
    finally:
        threading.excepthook = hook
        log.removeHandler(lines)
        log.propagate = before[0]
        log.setLevel(before[1])


def descriptors() -> dict[str, str]:
    """Return what this process has open."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found[name] = os.readlink(f"/proc/self/fd/{name}")
    return found


def count_of_descriptors() -> int:
    """Return how many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


def resident() -> int:
    """Return how many bytes of memory this process has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


@contextlib.contextmanager
def nothing_left() -> Iterator[None]:
    """See that as many descriptors and threads are there afterwards as before."""
    fds, threads = count_of_descriptors(), threading.active_count()
    yield
    wait_for(lambda: threading.active_count() <= threads, lambda: f"threads: {threading.enumerate()}")
    wait_for(lambda: count_of_descriptors() <= fds, lambda: f"open: {descriptors()}")


@contextlib.contextmanager
def in_time(seconds: float = SECONDS) -> Iterator[None]:
    """See that it is over within *seconds*; whatever loops is left by an exception.  Main thread only."""
    late: list[str] = []

    def ring(_number: int, frame: FrameType | None) -> None:
        late.append(f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "?")
        raise TimeoutError("this takes too long")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        assert not late, f"no end within {seconds:g} s, at {late[0]}"


@contextlib.contextmanager
def bounded_memory() -> Iterator[None]:
    """Have whatever wants memory without end get a MemoryError."""
    with open("/proc/self/statm", encoding="ascii") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (mapped + ADDRESSES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def wait_for(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    """Return as soon as *condition* holds; AssertionError saying *what* if it does not in time."""
    deadline = time.monotonic() + PATIENCE
    pause = 0.0001
    while not condition():
        assert time.monotonic() < deadline, f"still not so: {what()}"
        time.sleep(pause)
        pause = min(pause * 2, 0.01)
