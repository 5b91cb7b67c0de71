"""Locks: kept by the server or by the kernel, waited for, interrupted, dropped."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Callable, Iterator

import pytest

import puffpy
from puffpy.types import Lock
from puffpy.userkernel import UserKernel
from puffpy.userkernel.local_locks import Held, conflict, replace
from puffpy.wire import Opcode, Reply, Request
from puffpy.wire.flags import InitFlag, LockFlag, ReleaseFlag
from tests.userkernel.conftest import ended
from tests.userkernel.patience import until
from tests.userkernel.stand_in import stand_in

SH, EX, UN, NB = fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_UN, fcntl.LOCK_NB


class Locking(puffpy.VnodeOps):
    """One file, whose locks are the file system's."""

    def __init__(self) -> None:
        self.root = puffpy.Node.directory(0o777)
        self.file = puffpy.Node.file(0o666)
        self.held: list[Held] = []

    def lookup(self, dvp: object, cn: puffpy.ComponentName, call: puffpy.Call) -> puffpy.Node:
        if cn.name == "f":
            return self.file
        raise FileNotFoundError

    def read(self, vp: object, offset: int, size: int, call: puffpy.Call) -> bytes:
        return b""

    def write(self, vp: object, offset: int, data: memoryview, call: puffpy.Call) -> None:
        return None

    def advlock(
        self, vp: object, owner: int, lock: Lock | None, test: bool, call: puffpy.Call
    ) -> Lock | None:
        if lock is None:
            self.held = [held for held in self.held if held.owner != owner]
            return None
        met = conflict(self.held, owner, lock)
        if test:
            return met
        if met is not None and lock.kind != fcntl.F_UNLCK:
            raise BlockingIOError
        self.held = replace(self.held, owner, lock)
        return None


def remote() -> UserKernel:
    """A kernel whose file system keeps locks."""
    return UserKernel.over(Locking())


def local() -> UserKernel:
    """A kernel that has to keep them itself."""
    return stand_in({Opcode.LOOKUP: _file})[0]


def _file(request: Request) -> Reply:
    return Reply(
        request.unique,
        fields={"nodeid": 2, "entry_valid": 99, "attr_valid": 99, "mode": 0o100666, "ino": 2},
    )


@pytest.fixture(params=[remote, local])
def locking(request: pytest.FixtureRequest) -> Iterator[UserKernel]:
    kernel: UserKernel = request.param()
    yield kernel
    ended(kernel)


def test_a_posix_lock_keeps_other_processes_out(locking: UserKernel) -> None:
    mine = locking.open("/f", os.O_RDWR)
    locking.lockf(mine, EX | NB, 10, 5)
    locking.lockf(mine, EX | NB, 3, 5)
    with locking.as_user(0, 0):
        theirs = locking.open("/f", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            locking.lockf(theirs, SH | NB, 1, 14)
        met = locking.getlk(theirs, EX)
        assert met is not None
        assert met.kind == fcntl.F_WRLCK
        locking.lockf(theirs, EX | NB, 5, 15)
        assert locking.getlk(theirs, EX, 5, 0) is None
    locking.lockf(mine, UN, 10, 5)


def test_readers_share(locking: UserKernel) -> None:
    mine = locking.open("/f", os.O_RDWR)
    locking.lockf(mine, SH | NB)
    with locking.as_user(0, 0):
        theirs = locking.open("/f", os.O_RDWR)
        locking.lockf(theirs, SH | NB)
        with pytest.raises(BlockingIOError):
            locking.lockf(theirs, EX | NB)


def test_closing_any_descriptor_drops_the_locks_of_the_process(locking: UserKernel) -> None:
    mine, again = locking.open("/f", os.O_RDWR), locking.open("/f", os.O_RDWR)
    locking.lockf(mine, EX | NB)
    locking.close(again)
    with locking.as_user(0, 0):
        theirs = locking.open("/f", os.O_RDWR)
        locking.lockf(theirs, EX | NB)


def test_flock_belongs_to_the_open_file(locking: UserKernel) -> None:
    first, second = locking.open("/f", os.O_RDWR), locking.open("/f", os.O_RDONLY)
    locking.flock(first, EX | NB)
    with pytest.raises(BlockingIOError):
        locking.flock(second, SH | NB)
    locking.flock(first, SH | NB)
    locking.flock(second, SH | NB)
    locking.close(first)
    locking.flock(second, EX | NB)


def test_who_waits_gets_the_lock_when_it_is_free(locking: UserKernel) -> None:
    mine = locking.open("/f", os.O_RDWR)
    locking.lockf(mine, EX)
    other = locking.fork()
    got = threading.Event()

    def wait() -> None:
        with locking.acting(other):
            theirs = locking.open("/f", os.O_RDWR)
            locking.lockf(theirs, EX)
            got.set()

    thread = threading.Thread(target=wait)
    thread.start()
    until(lambda: thread.ident in locking._connection._asleep and locking.balance().handles == 2)
    assert not got.is_set()
    locking.lockf(mine, UN)
    thread.join(10)
    assert got.is_set()


def test_who_waits_can_be_interrupted(locking: UserKernel) -> None:
    mine = locking.open("/f", os.O_RDWR)
    locking.flock(mine, EX)
    errors: list[int | None] = []

    def wait() -> None:
        theirs = locking.open("/f", os.O_RDWR)
        try:
            locking.flock(theirs, EX)
        except OSError as exc:
            errors.append(exc.errno)

    thread = threading.Thread(target=wait)
    thread.start()
    until(lambda: thread.ident is not None and _waits(locking, thread.ident))
    thread.join(10)
    assert errors == [errno.EINTR]


def _waits(kernel: UserKernel, thread: int) -> bool:
    """Interrupt *thread* once it waits for the lock, which is when two files are open."""
    return kernel.balance().handles == 2 and kernel.interrupt(thread)


def test_what_makes_no_sense_is_refused(locking: UserKernel) -> None:
    reader, writer = locking.open("/f", os.O_RDONLY), locking.open("/f", os.O_WRONLY)
    attempts: list[tuple[Callable[[], object], int]] = [
        (lambda: locking.lockf(reader, EX | NB), errno.EBADF),
        (lambda: locking.lockf(writer, SH | NB), errno.EBADF),
        (lambda: locking.lockf(reader, 0), errno.EINVAL),
        (lambda: locking.lockf(reader, SH, 1, -1), errno.EINVAL),
        (lambda: locking.lockf(reader, SH, 1, 0, 9), errno.EINVAL),
    ]
    for attempt, code in attempts:
        with pytest.raises(OSError, match=".") as caught:
            attempt()
        assert caught.value.errno == code


def test_locks_that_are_the_servers_say_whose_they_are() -> None:
    kernel, server = stand_in(
        {
            Opcode.SETLK: lambda request: Reply(request.unique),
            Opcode.SETLKW: lambda request: Reply(request.unique),
        },
        init={"flags": InitFlag.POSIX_LOCKS | InitFlag.FLOCK_LOCKS},
    )
    fd = kernel.open("/file", os.O_RDWR)
    kernel.lseek(fd, 4)
    kernel.lockf(fd, EX | NB, 0, 1, os.SEEK_CUR)
    kernel.lockf(fd, EX, -2, 10)
    kernel.flock(fd, SH)
    kernel.close(fd)
    (posix,) = server.seen(Opcode.SETLK)
    backwards, whole = server.seen(Opcode.SETLKW)
    (flush,) = server.seen(Opcode.FLUSH)
    (release,) = server.seen(Opcode.RELEASE)
    assert (posix.fields["start"], posix.fields["end"], posix.fields["lk_flags"]) == (5, 2**63 - 1, 0)
    assert (backwards.fields["start"], backwards.fields["end"]) == (8, 9)
    assert whole.fields["lk_flags"] == LockFlag.FLOCK
    assert flush.fields["lock_owner"] == posix.fields["owner"] != whole.fields["owner"]
    assert release.fields["release_flags"] == ReleaseFlag.FLOCK_UNLOCK
    assert release.fields["lock_owner"] == whole.fields["owner"]
    kernel.unmount()


def test_a_lock_in_the_middle_leaves_the_ends() -> None:
    held = [Held(1, Lock(fcntl.F_WRLCK, 0, 99))]
    held = replace(held, 1, Lock(fcntl.F_UNLCK, 40, 59))
    assert [(each.lock.start, each.lock.end) for each in held] == [(0, 39), (60, 99)]
    assert conflict(held, 2, Lock(fcntl.F_RDLCK, 40, 59)) is None
    assert conflict(held, 2, Lock(fcntl.F_RDLCK, 59, 60)) is not None
    assert conflict(held, 1, Lock(fcntl.F_RDLCK, 0, 99)) is None
