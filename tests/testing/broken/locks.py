"""File systems that get locks wrong, and such as do not end well.

Each breaks the promises that its ``breaks`` names.
"""

from __future__ import annotations

from typing import Any

import attrs

import puffpy
from filesystems.detrempe import Detrempe, DetrempeVfs
from puffpy import Call
from tests.testing.broken.bases import UNLOCK, WRITE, Held, Locking

END = 2**63 - 1


class LocksNothing(Locking):
    breaks = ("an_exclusive_lock_excludes", "the_lock_in_the_way_is_told")

    def _excludes(self, held: puffpy.Lock, lock: puffpy.Lock) -> bool:
        return False


class EveryLockIsExclusive(Locking):
    breaks = ("shared_locks_are_shared",)

    def _excludes(self, held: puffpy.Lock, lock: puffpy.Lock) -> bool:
        return lock.kind != UNLOCK and super()._excludes(held, attrs.evolve(lock, kind=WRITE))


class LocksWholeFiles(Locking):
    breaks = ("locks_of_ranges_exclude_where_they_overlap",)

    def _excludes(self, held: puffpy.Lock, lock: puffpy.Lock) -> bool:
        return super()._excludes(held, attrs.evolve(lock, start=0, end=END))


class UnlocksEverything(Locking):
    breaks = ("unlocking_a_part_leaves_the_rest",)

    def _cut(self, held: list[Held], owner: int, lock: puffpy.Lock) -> None:
        super()._cut(held, owner, attrs.evolve(lock, start=0, end=END))


class LocksOutliveTheirFile(Locking):
    breaks = ("closing_a_file_drops_its_locks",)

    def advlock(self, vp: Any, owner: int, lock: puffpy.Lock | None, test: bool, call: Call) -> Any:
        return None if lock is None else super().advlock(vp, owner, lock, test, call)


class KnowsRangesOnly(Locking):
    breaks = ("whole_file_locks_belong_to_the_open_file",)

    def advlock(self, vp: Any, owner: int, lock: puffpy.Lock | None, test: bool, call: Call) -> Any:
        if lock is not None and lock.flock:
            return None
        return super().advlock(vp, owner, lock, test, call)


# the end


class Reaching(DetrempeVfs):
    """Reaches behind the door, for no file system that stays in front of it can leak a lookup count."""

    def start(self, kernel: Any) -> None:
        kernel._nodes.hold(puffpy.Node.file())

    def nodetofh(self, vp: Any) -> tuple[int, int]:
        return vp.vattr.ino or 1 << 40, 0


class CountsWhatNobodyLookedUp(Detrempe):
    breaks = ("everything_is_given_back_at_the_end",)

    def __init__(self) -> None:
        super().__init__()
        self.vfsops = Reaching(self.volume)

    def reclaim(self, vp: Any) -> None:
        if vp.vattr.ino:
            super().reclaim(vp)


class ForgettingIsABug(Detrempe):
    breaks = ("forgetting_what_was_removed_is_no_bug",)
    logs = True

    def reclaim(self, vp: Any) -> None:
        if not vp.vattr.nlink:
            raise KeyError(vp)


class ListingAttributesIsABug(Detrempe):
    breaks = ("no_operation_raises_what_is_no_oserror",)
    logs = True

    def listextattr(self, vp: Any, call: Call) -> list[str]:
        raise KeyError(vp)
