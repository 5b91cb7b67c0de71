"""What tests of this room ask again and again.  Nothing here knows which file system answers."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.posix.callers import PATIENCE, Caller

TICK = "/.tick"


def refused(number: int, call: Callable[..., object], *args: object, **kwargs: object) -> None:
    """Check that *call* fails with the errno *number*."""
    said = answer(call, *args, **kwargs)
    assert said == errno.errorcode[number], f"{args}: {said}, not {errno.errorcode[number]}"


def answer(call: Callable[..., object], *args: object, **kwargs: object) -> object:
    """Return what *call* returns, or the name of the errno that it fails with."""
    try:
        return call(*args, **kwargs)
    except OSError as exc:
        return errno.errorcode[exc.errno or 0]


@contextmanager
def opened(fs: Caller, path: str, flags: int = os.O_RDWR, mode: int = 0o644) -> Iterator[int]:
    """An open file."""
    fd = fs.open(path, flags, mode)
    try:
        yield fd
    finally:
        fs.close(fd)


def make(fs: Caller, path: str, data: bytes = b"", mode: int = 0o644) -> str:
    """Make a file with exactly these permissions, and return its path."""
    with opened(fs, path, os.O_CREAT | os.O_EXCL | os.O_WRONLY) as fd:
        if data:
            assert fs.write(fd, data) == len(data)
    fs.chmod(path, mode)
    return path


def content(fs: Caller, path: str) -> bytes:
    """Return all that is in a file."""
    with opened(fs, path, os.O_RDONLY) as fd:
        return bytes(fs.pread(fd, 1 << 20, 0))


def permissions(fs: Caller, path: str) -> int:
    """Return the permission bits, set-uid and its like among them."""
    return int(fs.stat(path).st_mode) & 0o7777


def exists(fs: Caller, path: str) -> bool:
    """Tell whether there is such a name."""
    return answer(fs.lstat, path) != "ENOENT"


def changed(fs: Caller, act: Callable[[], object], *paths: str) -> dict[str, str]:
    """Return, for each path, which of its times *act* has changed: letters of ``amc``.

    A path that leads nowhere afterwards is left out.
    """
    if not exists(fs, TICK):
        make(fs, TICK)
    before = {path: times(fs, path) for path in paths}
    past = max(when for each in before.values() for when in each)
    deadline = time.monotonic() + PATIENCE
    # Time stamps are as coarse as the machine's ticks: go on once the clock has.
    while fs.stat(TICK).st_ctime_ns <= past:
        fs.utime(TICK)
        assert time.monotonic() < deadline, "the file system's clock stands still"
    act()
    return {
        path: "".join(
            letter
            for letter, was, now in zip("amc", before[path], times(fs, path), strict=True)
            if was != now
        )
        for path in paths
        if exists(fs, path)
    }


def times(fs: Caller, path: str) -> tuple[int, int, int]:
    """Return the times of access, of modification and of change."""
    status = fs.lstat(path)
    return status.st_atime_ns, status.st_mtime_ns, status.st_ctime_ns
