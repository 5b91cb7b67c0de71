"""File systems that get attributes, times or permissions wrong.

Each breaks the promises that its ``breaks`` names.
"""

from __future__ import annotations

import errno
import stat
import time
from typing import Any

import attrs

import puffpy
from filesystems.detrempe import Detrempe, DetrempeVfs
from puffpy import Call, ComponentName
from tests.testing.broken.bases import Lying, still

SECOND = 10**9


class OpenToEverybody(Detrempe):
    breaks = ("a_new_file_has_the_mode_asked_for", "a_new_directory_has_the_mode_asked_for")

    def create(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        va.mode |= 0o666
        return super().create(dvp, cn, va, call)

    def mkdir(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        va.mode &= ~stat.S_ISVTX
        return super().mkdir(dvp, cn, va, call)


class Changing(Detrempe):
    """Changes attributes otherwise than it is asked."""

    def _changed(self, vp: Any, change: puffpy.SetAttr) -> puffpy.SetAttr:
        raise NotImplementedError

    def setattr(self, vp: Any, change: puffpy.SetAttr, call: Call) -> Any:
        return super().setattr(vp, self._changed(vp, change), call)


class NineBits(Changing):
    breaks = ("chmod_sets_all_twelve_bits",)

    def _changed(self, vp: Any, change: puffpy.SetAttr) -> puffpy.SetAttr:
        return change if change.mode is None else attrs.evolve(change, mode=change.mode & 0o777)


class AnotherModeIsAnotherOwner(Changing):
    breaks = ("chmod_changes_nothing_else",)

    def _changed(self, vp: Any, change: puffpy.SetAttr) -> puffpy.SetAttr:
        return change if change.mode is None else attrs.evolve(change, uid=4711)


class AnotherOwnerIsAnotherGroup(Changing):
    breaks = ("chown_sets_what_it_is_given_and_no_more",)

    def _changed(self, vp: Any, change: puffpy.SetAttr) -> puffpy.SetAttr:
        return change if change.uid is None else attrs.evolve(change, gid=change.uid)


class WholeSectors(Changing):
    breaks = ("truncate_sets_the_size",)

    def _changed(self, vp: Any, change: puffpy.SetAttr) -> puffpy.SetAttr:
        return change if change.size is None else attrs.evolve(change, size=-(-change.size // 512) * 512)


class NeverTruncates(Changing):
    breaks = ("opening_to_truncate_empties_a_file",)

    def _changed(self, vp: Any, change: puffpy.SetAttr) -> puffpy.SetAttr:
        return attrs.evolve(change, size=None)


class WritesWholeSectors(Detrempe):
    breaks = ("the_size_is_where_the_last_byte_ends",)

    def write(self, vp: Any, offset: int, data: memoryview, call: Call) -> int:
        written = super().write(vp, offset, data, call)
        vp.vattr.size = -(-vp.vattr.size // 512) * 512
        return written


class GroupsAreTheCallers(Detrempe):
    breaks = ("a_set_gid_directory_hands_its_group_down",)

    def create(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        node = super().create(dvp, cn, va, call)
        node.vattr.gid = call.gid
        return node


class Boasting(DetrempeVfs):
    def statvfs(self, vp: Any, call: Call) -> puffpy.StatVfs:
        told = super().statvfs(vp, call)
        return attrs.evolve(told, bfree=told.blocks + 1)


class Boaster(Detrempe):
    breaks = ("figures_are_not_absurd",)

    def __init__(self) -> None:
        super().__init__()
        self.vfsops = Boasting(self.volume)


class KeepsRoomForRemovedFiles(Detrempe):
    breaks = ("a_removed_file_gives_its_room_back",)

    def inactive(self, vp: Any) -> None:
        """It stays."""

    def reclaim(self, vp: Any) -> None:
        """It stays."""


# times


class NewFilesAreOld(Detrempe):
    breaks = ("a_new_file_is_of_now",)

    def create(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        va.atime_ns = 0
        return super().create(dvp, cn, va, call)


class DirectoriesStandStill(Detrempe):
    breaks = (
        "making_a_name_moves_the_directorys_times",
        "removing_a_name_moves_the_directorys_times",
        "renaming_moves_both_directories_times",
    )

    def mkdir(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        with still(dvp):
            return super().mkdir(dvp, cn, va, call)

    def remove(self, dvp: Any, cn: ComponentName, call: Call) -> None:
        with still(dvp):
            super().remove(dvp, cn, call)

    def rename(self, fdvp: Any, fcn: Any, tdvp: Any, tcn: Any, flags: int, call: Call) -> None:
        with still(fdvp, tdvp):
            super().rename(fdvp, fcn, tdvp, tcn, flags, call)


class WritingStandsStill(Detrempe):
    breaks = ("writing_moves_mtime_and_ctime", "a_written_file_is_newer_than_it_was_set_to_be")

    def write(self, vp: Any, offset: int, data: memoryview, call: Call) -> int:
        with still(vp):
            return super().write(vp, offset, data, call)


class TruncatingStandsStill(Detrempe):
    breaks = ("changing_the_size_moves_mtime_and_ctime",)

    def setattr(self, vp: Any, change: puffpy.SetAttr, call: Call) -> Any:
        with still(vp):
            return super().setattr(vp, change, call)


class EveryChangeIsOfData(Changing):
    breaks = ("changing_mode_or_owner_moves_ctime_alone",)

    def _changed(self, vp: Any, change: puffpy.SetAttr) -> puffpy.SetAttr:
        return change.at(change.ctime_ns)


class LinkingStandsStill(Detrempe):
    breaks = ("a_new_link_moves_the_files_ctime_alone", "a_lost_link_moves_the_files_ctime_alone")

    def link(self, dvp: Any, vp: Any, cn: ComponentName, call: Call) -> None:
        with still(vp):
            super().link(dvp, vp, cn, call)

    def remove(self, dvp: Any, cn: ComponentName, call: Call) -> None:
        with still(dvp.children[cn.name]):
            super().remove(dvp, cn, call)


class WholeSeconds(Changing):
    breaks = ("utime_sets_times_to_the_nanosecond",)

    def _changed(self, vp: Any, change: puffpy.SetAttr) -> puffpy.SetAttr:
        if change.atime_ns is None:
            return change
        return attrs.evolve(change, atime_ns=change.atime_ns // SECOND * SECOND)


class UtimeHidesItself(Detrempe):
    breaks = ("utime_moves_ctime_to_now",)

    def setattr(self, vp: Any, change: puffpy.SetAttr, call: Call) -> Any:
        with still(vp, mtime=False):
            return super().setattr(vp, change, call)


class LookingIsTouching(Detrempe):
    breaks = ("looking_moves_neither_mtime_nor_ctime",)

    def lookup(self, dvp: Any, cn: ComponentName, call: Call) -> Any:
        node = super().lookup(dvp, cn, call)
        node.vattr.ctime_ns = time.time_ns()
        return node


class ListingIsTouching(Detrempe):
    breaks = ("listing_moves_neither_mtime_nor_ctime",)

    def readdir(self, dvp: Any, call: Call) -> Any:
        dvp.touch(time.time_ns())
        return super().readdir(dvp, call)


# permissions


class EverythingIsRoots(Detrempe):
    breaks = ("what_somebody_makes_is_theirs",)

    def create(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        va.uid = 0
        return super().create(dvp, cn, va, call)


class SaysThatEverybodyMay(Lying):
    breaks = (
        "the_mode_says_who_may_read_and_write",
        "a_directory_that_may_not_be_searched_hides_what_is_in_it",
        "only_who_may_write_a_directory_changes_its_names",
        "access_says_what_open_would",
    )

    def _lie(self, va: puffpy.Vattr, call: Call) -> dict[str, Any]:
        return {"mode": va.mode | 0o777}


class NothingSticks(Lying):
    breaks = ("in_a_sticky_directory_everybody_removes_their_own",)

    def _lie(self, va: puffpy.Vattr, call: Call) -> dict[str, Any]:
        return {"mode": va.mode & ~stat.S_ISVTX}


class EverythingIsTheCallers(Lying):
    breaks = ("only_the_owner_changes_the_mode",)
    options = attrs.evolve(Detrempe.options, attr_timeout=0.0)

    def _lie(self, va: puffpy.Vattr, call: Call) -> dict[str, Any]:
        return {"uid": call.uid}


class GroupsAreForEver(Changing):
    breaks = ("only_root_gives_a_file_away",)

    def _changed(self, vp: Any, change: puffpy.SetAttr) -> puffpy.SetAttr:
        if change.gid is not None and change.uid is None:
            raise puffpy.FsError(errno.EPERM)
        return change


class SetUidStays(Changing):
    breaks = ("a_write_by_somebody_else_clears_set_uid", "a_new_group_clears_set_uid")

    def _changed(self, vp: Any, change: puffpy.SetAttr) -> puffpy.SetAttr:
        return attrs.evolve(change, kill_suidgid=False)
