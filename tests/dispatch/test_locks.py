"""Advisory locks in bytes: asked, taken, waited for, granted later, interrupted."""

from __future__ import annotations

import errno
import fcntl
import logging
from collections.abc import Callable
from typing import Any

import pytest

from puffpy.errors import FsError
from puffpy.types import Lock
from puffpy.wire import Opcode
from puffpy.wire.flags import InitFlag, LockFlag, ReleaseFlag
from tests.dispatch.samples import FILE, Conversation
from tests.dispatch.speaker import GID, PID, UID

ANN, BOB, EVE = 11, 22, 33
"""Owners of locks."""


class Keeper:
    """Whole-file write locks: one owner at a time."""

    def __init__(self, refusal: Callable[[], OSError] = lambda: FsError(errno.EAGAIN)) -> None:
        self.owner = 0
        self.refusal = refusal
        self.broken: BaseException | None = None

    def advlock(self, vp: Any, owner: int, lock: Lock | None, test: bool, call: Any) -> Lock | None:
        held = self.owner not in (0, owner)
        if lock is None or lock.kind == fcntl.F_UNLCK:
            self.owner = self.owner if held else 0
        elif test:
            return Lock(fcntl.F_WRLCK, 5, 9, PID) if held else None
        elif self.broken:
            raise self.broken
        elif held:
            raise self.refusal()
        else:
            self.owner = owner
        return None


def talk(keeper: Keeper, *ops: str) -> Conversation:
    return Conversation(*ops, advlock=keeper.advlock)


def lock(speaker: Conversation, owner: int, kind: int = fcntl.F_WRLCK, opcode: Opcode = Opcode.SETLK) -> int:
    return speaker.say(opcode, owner=owner, type=kind).error


def wait(speaker: Conversation, owner: int) -> int:
    """Ask for a lock that cannot be had now; return the unique of who waits."""
    assert speaker.tell(speaker.sample(Opcode.SETLKW, owner=owner)) is None
    return speaker.unique


def test_locks_are_the_file_systems_only_where_advlock_is_written() -> None:
    both = InitFlag.POSIX_LOCKS | InitFlag.FLOCK_LOCKS
    assert talk(Keeper()).flags & both == both
    assert not Conversation().flags & both


def test_a_lock_comes_with_its_range_its_owner_and_the_open_file() -> None:
    speaker = Conversation("advlock", "open")
    flock = int(LockFlag.FLOCK)
    assert not speaker.say(Opcode.SETLK, start=3, end=7, owner=ANN, pid=5, type=fcntl.F_RDLCK).error
    vp, owner, asked, test, call = speaker.scribe.last("advlock")
    assert (vp, owner, test) == (speaker.scribe.names["f"], ANN, False)
    assert asked == Lock(fcntl.F_RDLCK, 3, 7, 5, flock=False)
    assert (call.uid, call.gid, call.pid, call.handle) == (UID, GID, PID, "handle")
    assert not speaker.say(Opcode.SETLK, lk_flags=flock, type=fcntl.F_UNLCK).error
    assert speaker.scribe.last("advlock")[2].flock


def test_getlk_names_the_lock_in_the_way_or_says_that_there_is_none() -> None:
    keeper = Keeper()
    speaker = talk(keeper)
    free = speaker.say(Opcode.GETLK, owner=ANN, start=1, end=2).fields
    assert free == {"start": 1, "end": 2, "type": fcntl.F_UNLCK, "pid": 0}
    keeper.owner = BOB
    held = speaker.say(Opcode.GETLK, owner=ANN).fields
    assert held == {"start": 5, "end": 9, "type": fcntl.F_WRLCK, "pid": PID}
    assert speaker.scribe.last("advlock")[3] is True


def test_setlk_never_waits() -> None:
    speaker = talk(Keeper())
    assert lock(speaker, ANN) == 0
    assert lock(speaker, BOB) == errno.EAGAIN
    assert lock(speaker, ANN, fcntl.F_UNLCK) == 0
    assert lock(speaker, BOB) == 0
    assert speaker.later == []


@pytest.mark.parametrize("refusal", [lambda: FsError(errno.EAGAIN), BlockingIOError, PermissionError])
def test_setlkw_waits_however_the_file_system_says_not_now(refusal: Callable[[], OSError]) -> None:
    speaker = talk(Keeper(refusal))
    assert lock(speaker, ANN, opcode=Opcode.SETLKW) == 0
    waiting = wait(speaker, BOB)
    assert lock(speaker, ANN, fcntl.F_UNLCK) == 0
    assert speaker.late() == (waiting, 0)
    assert speaker.later == []


def test_setlkw_is_refused_at_once_where_waiting_would_never_end() -> None:
    speaker = talk(Keeper(lambda: FsError(errno.EDEADLK)))
    lock(speaker, ANN)
    assert lock(speaker, BOB, opcode=Opcode.SETLKW) == errno.EDEADLK


def test_whoever_waits_is_served_in_the_order_they_came() -> None:
    speaker = talk(Keeper())
    lock(speaker, ANN)
    bob, eve = wait(speaker, BOB), wait(speaker, EVE)
    lock(speaker, ANN, fcntl.F_UNLCK)
    assert speaker.late() == (bob, 0)
    assert speaker.later == []
    lock(speaker, BOB, fcntl.F_UNLCK)
    assert speaker.late() == (eve, 0)


def test_a_lock_of_another_file_wakes_nobody() -> None:
    keeper = Keeper()
    speaker = talk(keeper)
    lock(speaker, ANN)
    wait(speaker, BOB)
    keeper.owner = 0
    speaker.scribe.calls()
    assert not speaker.ask(Opcode.SETLK, 3, fh=0, owner=EVE, type=fcntl.F_UNLCK).error
    assert speaker.later == []
    assert speaker.scribe.calls() == ["advlock"]


def test_closing_a_descriptor_gives_its_owners_locks_up() -> None:
    speaker = talk(Keeper())
    lock(speaker, ANN)
    waiting = wait(speaker, BOB)
    assert not speaker.say(Opcode.FLUSH, lock_owner=ANN).error
    vp, owner, dropped, test, _ = speaker.scribe.heard[-2][1]
    assert (vp, owner, dropped, test) == (speaker.scribe.names["f"], ANN, None, False)
    assert speaker.late() == (waiting, 0)


def test_a_flush_that_fails_gives_the_locks_up_all_the_same() -> None:
    speaker = Conversation(flush=FsError(errno.ENOSPC), advlock=Keeper().advlock)
    lock(speaker, ANN)
    waiting = wait(speaker, BOB)
    assert speaker.say(Opcode.FLUSH, lock_owner=ANN).error == errno.ENOSPC
    assert speaker.late() == (waiting, 0)


def test_the_last_close_gives_flocks_up_and_only_where_the_kernel_says_so() -> None:
    speaker = talk(Keeper(), "close")
    lock(speaker, ANN)
    waiting = wait(speaker, BOB)
    speaker.scribe.calls()
    plain = speaker.open(FILE)
    speaker.release(FILE, plain, lock_owner=0)
    assert speaker.scribe.calls() == ["close"]
    speaker.release(FILE, speaker.handles[FILE], release_flags=int(ReleaseFlag.FLOCK_UNLOCK), lock_owner=ANN)
    assert speaker.scribe.calls() == ["advlock", "advlock", "close"]
    assert speaker.late() == (waiting, 0)


def test_a_close_comes_even_where_giving_the_locks_up_failed() -> None:
    speaker = Conversation("close", advlock=FsError(errno.ENOLCK))
    flags = int(ReleaseFlag.FLOCK_UNLOCK)
    assert speaker.say(Opcode.RELEASE, release_flags=flags).error == errno.ENOLCK
    assert speaker.scribe.calls() == ["advlock", "close"]
    assert speaker.counts()[FILE] == (1, 0)


def test_who_is_interrupted_waits_no_longer_and_gets_no_lock() -> None:
    keeper = Keeper()
    speaker = talk(keeper)
    lock(speaker, ANN)
    waiting = wait(speaker, BOB)
    assert speaker.tell(speaker.request(Opcode.INTERRUPT, 0)) is None  # of a request nobody made
    assert speaker.later == []
    message = bytearray(speaker.request(Opcode.INTERRUPT, 0))
    message[40:48] = waiting.to_bytes(8, "little")
    for _ in range(2):
        assert speaker.tell(bytes(message)) is None
    assert speaker.late() == (waiting, errno.EINTR)
    assert speaker.later == []
    lock(speaker, ANN, fcntl.F_UNLCK)
    assert speaker.later == []
    assert keeper.owner == 0


def test_a_refusal_while_waiting_is_told_to_who_waited() -> None:
    keeper = Keeper()
    speaker = talk(keeper)
    lock(speaker, ANN)
    waiting = wait(speaker, BOB)
    keeper.broken = FsError(errno.ENOLCK)
    assert lock(speaker, ANN, fcntl.F_UNLCK) == 0
    assert speaker.late() == (waiting, errno.ENOLCK)


def test_a_bug_while_waiting_is_told_to_who_waited_and_not_to_who_unlocked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    keeper = Keeper()
    speaker = talk(keeper)
    lock(speaker, ANN)
    bob, eve = wait(speaker, BOB), wait(speaker, EVE)
    keeper.broken = ZeroDivisionError("oops")
    with caplog.at_level(logging.ERROR):
        assert lock(speaker, ANN, fcntl.F_UNLCK) == 0
    assert (speaker.late(), speaker.late()) == ((bob, errno.EIO), (eve, errno.EIO))
    assert "advlock" in caplog.text
    assert "oops" in caplog.text


def test_a_downgraded_lock_lets_others_try_again() -> None:
    speaker = talk(Keeper())
    lock(speaker, ANN)
    wait(speaker, BOB)
    speaker.scribe.calls()
    assert lock(speaker, ANN, fcntl.F_RDLCK) == 0
    assert speaker.scribe.calls() == ["advlock", "advlock"]
