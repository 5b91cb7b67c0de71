"""Locks of ranges and of whole files: who waits for whom, what ends a wait, and what lets go of a lock."""

from __future__ import annotations

import errno
import fcntl
import time
from concurrent.futures import Future
from typing import Any

import pytest

from tests.posix.asking import make, opened, refused
from tests.posix.callers import PATIENCE, Caller
from tests.posix.subjects import Place

SH, EX, UN, NB = fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_UN, fcntl.LOCK_NB
FILE = "/f"
RDWR = 2


@pytest.fixture
def one(place: Place) -> Caller:
    """A process with files of its own, in a place with a file."""
    made = place.caller(place.owner, own_files=True)
    make(made, FILE, b"data")
    return made


@pytest.fixture
def other(place: Place, one: Caller) -> Caller:
    """Another."""
    return place.caller(place.owner, own_files=True)


def is_taken(caller: Caller, fd: int, cmd: int = EX, length: int = 0, start: int = 0) -> bool:
    """Tell whether a range cannot be had now."""
    return caller.getlk(fd, cmd, length, start) is not None


def wait_until_refused(caller: Caller, waiting: Future[Any], number: int) -> None:
    """Interrupt *caller* until its wait ends, as it must, with *number*."""
    deadline = time.monotonic() + PATIENCE
    while not waiting.done():
        # A signal that comes before the wait has begun interrupts nothing.
        caller.interrupt()
        assert time.monotonic() < deadline, "the wait was not interrupted"
    exc = waiting.exception()
    assert isinstance(exc, OSError)
    assert exc.errno == number


@pytest.mark.parametrize("call", ["flock", "lockf"])
def test_many_share_and_one_excludes(one: Caller, other: Caller, call: str) -> None:
    a, b = one.open(FILE, RDWR), other.open(FILE, RDWR)
    take, also = getattr(one, call), getattr(other, call)
    take(a, SH)
    also(b, SH | NB)
    refused(errno.EAGAIN, also, b, EX | NB)
    take(a, UN)
    also(b, EX | NB)
    refused(errno.EAGAIN, take, a, SH | NB)
    refused(errno.EAGAIN, take, a, EX | NB)
    also(b, UN)
    take(a, EX | NB)
    take(a, SH | NB)
    also(b, SH | NB)


@pytest.mark.parametrize("call", ["flock", "lockf"])
def test_who_waits_gets_the_lock_when_it_is_free(one: Caller, other: Caller, call: str) -> None:
    a, b = one.open(FILE, RDWR), other.open(FILE, RDWR)
    getattr(one, call)(a, EX)
    waiting = other.start(call, b, EX)
    # Meanwhile the file system does its other work.
    make(one, "/g", b"more")
    assert one.stat("/g").st_size == 4
    assert not waiting.done()
    getattr(one, call)(a, UN)
    waiting.result(PATIENCE)
    refused(errno.EAGAIN, getattr(one, call), a, EX | NB)


@pytest.mark.parametrize("call", ["flock", "lockf"])
def test_a_signal_ends_the_wait(one: Caller, other: Caller, call: str) -> None:
    a, b = one.open(FILE, RDWR), other.open(FILE, RDWR)
    getattr(one, call)(a, EX)
    wait_until_refused(other, other.start(call, b, EX), errno.EINTR)
    getattr(one, call)(a, UN)
    # What was waited for in vain has not been taken later.
    getattr(one, call)(a, EX | NB)
    getattr(one, call)(a, UN)
    getattr(other, call)(b, EX | NB)


@pytest.mark.parametrize("call", ["flock", "lockf"])
def test_closing_the_file_lets_go(one: Caller, other: Caller, call: str) -> None:
    a, b = one.open(FILE, RDWR), other.open(FILE, RDWR)
    getattr(one, call)(a, EX)
    waiting = other.start(call, b, EX)
    one.close(a)
    waiting.result(PATIENCE)


@pytest.mark.parametrize("call", ["flock", "lockf"])
def test_the_end_of_its_owner_lets_go(place: Place, one: Caller, other: Caller, call: str) -> None:
    mortal = place.caller(place.owner, own_files=True)
    getattr(mortal, call)(mortal.open(FILE, RDWR), EX)
    b = other.open(FILE, RDWR)
    refused(errno.EAGAIN, getattr(other, call), b, EX | NB)
    waiting = other.start(call, b, EX)
    mortal.leave()
    waiting.result(PATIENCE)


def test_ranges_lock_apart_split_and_join(one: Caller, other: Caller) -> None:
    a, b = one.open(FILE, RDWR), other.open(FILE, RDWR)
    one.lockf(a, EX, 100, 0)
    one.lockf(a, UN, 20, 40)
    other.lockf(b, EX | NB, 20, 40)
    refused(errno.EAGAIN, other.lockf, b, SH | NB, 1, 39)
    refused(errno.EAGAIN, other.lockf, b, SH | NB, 1, 60)
    other.lockf(b, EX | NB, 0, 100)
    lock = other.getlk(b, EX, 0, 0)
    assert (lock.kind, lock.start, lock.end) == (fcntl.F_WRLCK, 0, 39)
    lock = other.getlk(b, EX, 10, 50)
    assert lock is None
    other.lockf(b, UN)
    one.lockf(a, EX, 20, 40)
    lock = other.getlk(b, SH, 0, 10)
    assert (lock.start, lock.end) == (0, 99)
    one.lockf(a, SH, 10, 10)
    other.lockf(b, SH | NB, 10, 10)
    assert is_taken(other, b, SH, 1, 9)
    assert is_taken(other, b, EX, 1, 15)
    one.lockf(a, UN, 0, 0)
    assert not is_taken(other, b)


def test_a_range_reaches_to_the_end_wherever_that_will_be(one: Caller, other: Caller) -> None:
    a, b = one.open(FILE, RDWR), other.open(FILE, RDWR)
    one.lockf(a, EX, 0, 1 << 40)
    lock = other.getlk(b, EX)
    assert (lock.start, lock.end) == (1 << 40, 2**63 - 1)
    other.lockf(b, EX | NB, 1 << 40, 0)
    refused(errno.EAGAIN, other.lockf, b, EX | NB, 1, 2**63 - 2)


def test_two_who_wait_for_each_other_are_told(one: Caller, other: Caller) -> None:
    a, b = one.open(FILE, RDWR), other.open(FILE, RDWR)
    one.lockf(a, EX, 1, 0)
    other.lockf(b, EX, 1, 1)
    first = one.start("lockf", a, EX, 1, 1)
    second = other.start("lockf", b, EX, 1, 0)
    told = [future for future in (first, second) if settled(future, (first, second))]
    assert len(told) == 1
    exc = told[0].exception(PATIENCE)
    assert isinstance(exc, OSError)
    assert exc.errno == errno.EDEADLK
    (a_waits, loser) = (first is not told[0], one if told[0] is first else other)
    loser.lockf(a if loser is one else b, UN)
    (first if a_waits else second).result(PATIENCE)


def settled(future: Future[Any], both: tuple[Future[Any], ...]) -> bool:
    """Tell whether *future* is the one of *both* that is done, once one is."""
    deadline = time.monotonic() + PATIENCE
    while not any(each.done() for each in both):
        assert time.monotonic() < deadline, "both wait for ever"
        time.sleep(0.001)
    return future.done()


def test_closing_any_descriptor_of_the_file_lets_go_of_its_process_ranges(one: Caller, other: Caller) -> None:
    a, b = one.open(FILE, RDWR), other.open(FILE, RDWR)
    one.lockf(a, EX)
    one.close(one.open(FILE, RDWR))
    other.lockf(b, EX | NB)


def test_whole_file_locks_are_the_open_files_not_the_process(one: Caller) -> None:
    a, b = one.open(FILE, RDWR), one.open(FILE, RDWR)
    one.flock(a, EX)
    refused(errno.EAGAIN, one.flock, b, EX | NB)
    one.close(one.open(FILE, RDWR))
    refused(errno.EAGAIN, one.flock, b, EX | NB)
    one.lockf(b, EX | NB)
    one.close(a)
    one.flock(b, EX | NB)


def test_locking_takes_a_file_that_is_open_for_it(one: Caller) -> None:
    with opened(one, FILE, 0) as fd:
        refused(errno.EBADF, one.lockf, fd, EX)
        one.lockf(fd, SH)
        one.flock(fd, EX)
    with opened(one, FILE, 1) as fd:
        refused(errno.EBADF, one.lockf, fd, SH)
        one.lockf(fd, EX)
    refused(errno.EBADF, one.flock, 9999, EX)
