"""Locks, where the file system keeps them: what excludes what, and what ends one.

Where ``advlock`` is left out the kernel keeps locks itself, and the file system promises nothing.
"""

from __future__ import annotations

import errno
import fcntl
import os

from puffpy.testing.promise import expect, expect_refused, expect_that, promise
from puffpy.testing.trial import Trial

TAKEN = (errno.EAGAIN, errno.EACCES)
SHARED, EXCLUSIVE = fcntl.LOCK_SH | fcntl.LOCK_NB, fcntl.LOCK_EX | fcntl.LOCK_NB


@promise({"create", "advlock"})
def an_exclusive_lock_excludes(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        k.lockf(fd, EXCLUSIVE)
        with k.acting(k.fork()) as other:
            expect_refused(TAKEN, k.lockf, fd, EXCLUSIVE)
            expect_refused(TAKEN, k.lockf, fd, SHARED)
        k.lockf(fd, fcntl.LOCK_UN)
        with k.acting(other):
            k.lockf(fd, EXCLUSIVE)


@promise({"create", "advlock"})
def shared_locks_are_shared(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        k.lockf(fd, SHARED)
        with k.acting(k.fork()):
            k.lockf(fd, SHARED)
            expect_refused(TAKEN, k.lockf, fd, EXCLUSIVE)


@promise({"create", "advlock"})
def locks_of_ranges_exclude_where_they_overlap(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        k.lockf(fd, EXCLUSIVE, 10, 10)
        with k.acting(k.fork()):
            for start, length in ((0, 10), (20, 5), (20, 0)):
                k.lockf(fd, EXCLUSIVE, length, start)
                k.lockf(fd, fcntl.LOCK_UN, length, start)
            for start, length in ((0, 11), (19, 1), (5, 0)):
                expect_refused(TAKEN, k.lockf, fd, EXCLUSIVE, length, start)


@promise({"create", "advlock"})
def unlocking_a_part_leaves_the_rest(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        k.lockf(fd, EXCLUSIVE, 30, 0)
        k.lockf(fd, fcntl.LOCK_UN, 10, 10)
        with k.acting(k.fork()):
            k.lockf(fd, EXCLUSIVE, 10, 10)
            expect_refused(TAKEN, k.lockf, fd, EXCLUSIVE, 1, 9)
            expect_refused(TAKEN, k.lockf, fd, EXCLUSIVE, 1, 20)


@promise({"create", "advlock"})
def the_lock_in_the_way_is_told(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        k.lockf(fd, EXCLUSIVE, 10, 10)
        with k.acting(k.fork()):
            expect(k.getlk(fd, fcntl.LOCK_EX, 10, 0), None, "what is in the way of a lock beside it")
            lock = k.getlk(fd, fcntl.LOCK_EX, 10, 5)
        expect_that(lock is not None, "what is in the way of a lock across it", expected="a lock", got=lock)
        if lock is not None:
            got = lock.kind, lock.start, lock.end
            expect(got, (fcntl.F_WRLCK, 10, 19), "kind, start and end of what is in the way")


@promise({"create", "advlock"})
def closing_a_file_drops_its_locks(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as fd:
        with k.acting(k.fork()), k.opened("file", os.O_RDWR) as other:
            k.lockf(other, EXCLUSIVE)
        k.lockf(fd, EXCLUSIVE)


@promise({"create", "advlock"})
def whole_file_locks_belong_to_the_open_file(k: Trial) -> None:
    with k.opened("file", os.O_CREAT | os.O_RDWR) as one, k.opened("file", os.O_RDWR) as two:
        k.flock(one, EXCLUSIVE)
        expect_refused(TAKEN, k.flock, two, EXCLUSIVE)
        k.flock(one, fcntl.LOCK_UN)
        k.flock(two, EXCLUSIVE)
