"""Many threads on one kernel: nothing is raised that should not be, and the counts balance."""

from __future__ import annotations

import errno
import os
import random
import threading
import time

import pytest

from filesystems.detrempe import Detrempe
from puffpy.userkernel import UserKernel
from tests.userkernel.conftest import ended

THREADS = 8
SECONDS = 2.0

EXPECTED = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError)
"""What others, who work on the same names, may do to one."""

EXPECTED_NUMBERS = {errno.EPERM, errno.EINVAL, errno.ENOTEMPTY}
"""A directory has no second name, does not move below itself, and is not replaced with something in it."""


def work(kernel: UserKernel, seed: int, deadline: float, done: list[int]) -> None:
    chance = random.Random(seed)
    names = [f"/{top}/{below}" for top in "ab" for below in "cdef"]
    steps = 0
    while time.monotonic() < deadline:
        one, other = chance.choice(names), chance.choice(names)
        try:
            step(kernel, chance, one, other, seed)
        except EXPECTED:
            pass
        except OSError as exc:
            if exc.errno not in EXPECTED_NUMBERS:
                raise
        steps += 1
    done.append(steps)


def step(kernel: UserKernel, chance: random.Random, one: str, other: str, seed: int) -> None:
    match chance.randrange(10):
        case 0:
            fd = kernel.open(one, os.O_CREAT | os.O_RDWR)
            try:
                kernel.pwrite(fd, bytes([seed]) * 100, 0)
                assert len(set(kernel.pread(fd, 100, 0))) == 1, "a write is seen whole or not at all"
            finally:
                kernel.close(fd)
        case 1:
            kernel.rename(one, other)
        case 2:
            kernel.unlink(one)
        case 3:
            kernel.link(one, other)
        case 4:
            kernel.stat(one)
        case 5:
            kernel.listdir(os.path.dirname(one))
        case 6:
            kernel.mkdir(one)
        case 7:
            kernel.rmdir(one)
        case 8:
            for entry in kernel.scandir("/"):
                entry.stat()
        case _:
            kernel.rename(one, other, flags=2)


def storm(kernel: UserKernel, seconds: float) -> None:
    kernel.mkdir("/a")
    kernel.mkdir("/b")
    done: list[int] = []
    failures: list[BaseException] = []

    def run(seed: int) -> None:
        try:
            work(kernel, seed, time.monotonic() + seconds, done)
        except BaseException as exc:
            failures.append(exc)
            raise

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 30)
        assert not thread.is_alive(), "deadlock"
    assert not failures, failures
    assert len(done) == THREADS
    assert min(done) > 0


@pytest.mark.parametrize("capacity", [100_000, 4])
def test_eight_threads_on_one_kernel(capacity: int) -> None:
    kernel = UserKernel.over(Detrempe())
    kernel._tree.capacity = capacity
    storm(kernel, SECONDS)
    assert kernel.balance().handles == 0
    names = {name for top in "ab" for name in kernel.listdir(f"/{top}")}
    kernel.drop_caches()
    assert {name for top in "ab" for name in kernel.listdir(f"/{top}")} == names
    ended(kernel)
