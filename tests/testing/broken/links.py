"""File systems that get links or renaming wrong, or lose sight of a file.

Each breaks the promises that its ``breaks`` names.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Any

import attrs

import puffpy
from filesystems.detrempe import Detrempe
from filesystems.detrempe.nodes import Directory, File, Inode, Symlink
from puffpy import Call, ComponentName
from tests.testing.broken.bases import Conjuring, Disguising, Doubling


class TidiesTargets(Detrempe):
    breaks = ("a_symbolic_link_says_what_it_was_told",)

    def symlink(self, dvp: Any, cn: Any, va: puffpy.Vattr, target: str, call: Call) -> Any:
        return super().symlink(dvp, cn, va, os.path.normpath(target), call)


class LinksLeadNowhere(Detrempe):
    breaks = ("symbolic_links_are_followed",)

    def readlink(self, vp: Any, call: Call) -> str:
        return "nowhere"


class ThereIsNothing(Conjuring):
    breaks = (
        "links_to_nothing_and_to_themselves_are_refused",
        "linking_what_is_not_there_is_enoent",
        "renaming_what_is_not_there_is_enoent",
    )


class RemovesTargetsToo(Detrempe):
    breaks = ("removing_a_symbolic_link_leaves_its_target",)

    def remove(self, dvp: Any, cn: ComponentName, call: Call) -> None:
        node = dvp.children[cn.name]
        super().remove(dvp, cn, call)
        if isinstance(node, Symlink):
            super().remove(dvp, ComponentName(node.target), call)


class FilesBecomeLinks(Disguising):
    breaks = ("readlink_of_a_file_is_einval",)
    hides = File

    def _decoy(self, va: puffpy.Vattr) -> Inode:
        va.mode = stat.S_IFLNK | 0o777
        return Symlink(va, "elsewhere")


class LinksAreCopies(Detrempe):
    breaks = (
        "a_hard_link_is_the_file_itself",
        "data_written_by_one_name_is_read_by_the_other",
        "renaming_a_file_to_its_other_name_changes_nothing",
    )

    def link(self, dvp: Any, vp: Any, cn: ComponentName, call: Call) -> Any:
        copy = File(attrs.evolve(vp.vattr))
        self.volume.admit(copy)
        dvp.children[cn.name] = copy
        return copy


class CountsNoLinks(Detrempe):
    breaks = ("the_link_count_is_the_number_of_names",)

    def link(self, dvp: Any, vp: Any, cn: ComponentName, call: Call) -> None:
        super().link(dvp, vp, cn, call)
        vp.vattr.nlink = 1


class RemovesDataAtOnce(Detrempe):
    breaks = ("a_file_lives_until_its_last_name_is_removed", "unlinked_files_live_while_open")

    def remove(self, dvp: Any, cn: ComponentName, call: Call) -> None:
        node = dvp.children[cn.name]
        super().remove(dvp, cn, call)
        node.release()


class CountsRemovedDirectoriesOnly(Detrempe):
    breaks = ("a_directory_counts_its_subdirectories_or_none",)

    def mkdir(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        node = super().mkdir(dvp, cn, va, call)
        dvp.vattr.nlink -= 1
        return node


# rename


class Renaming(Detrempe):
    """Renames, and does something before or after."""

    def _before(self, fdvp: Any, moved: Any, tdvp: Any, met: Any) -> None:
        """What happens before; *met* may be None."""

    def _after(self, fdvp: Any, moved: Any, tdvp: Any, met: Any, old: str, new: str) -> None:
        """What happens after."""

    def rename(self, fdvp: Any, fcn: Any, tdvp: Any, tcn: Any, flags: int, call: Call) -> None:
        moved, met = fdvp.children.get(fcn.name), tdvp.children.get(tcn.name)
        self._before(fdvp, moved, tdvp, met)
        super().rename(fdvp, fcn, tdvp, tcn, flags, call)
        self._after(fdvp, moved, tdvp, met, fcn.name, tcn.name)


class KeepsTheOldName(Renaming):
    breaks = ("what_is_renamed_has_its_new_name_alone",)

    def _after(self, fdvp: Any, moved: Any, tdvp: Any, met: Any, old: str, new: str) -> None:
        fdvp.children[old] = moved


class ReplacesNothing(Renaming):
    breaks = ("what_is_no_directory_replaces_what_is_none", "a_directory_replaces_an_empty_one")

    def _before(self, fdvp: Any, moved: Any, tdvp: Any, met: Any) -> None:
        if met is not None:
            raise puffpy.FsError(errno.EEXIST)


class ReplacesFullDirectories(Renaming):
    breaks = ("a_directory_does_not_replace_a_full_one",)

    def _before(self, fdvp: Any, moved: Any, tdvp: Any, met: Any) -> None:
        if isinstance(met, Directory):
            met.children.clear()


class MovesDirectoriesAnywhere(Doubling):
    breaks = ("a_directory_does_not_move_below_itself",)


class EmptiesWhatItMoves(Renaming):
    breaks = ("a_moved_directory_takes_along_what_is_in_it",)

    def _before(self, fdvp: Any, moved: Any, tdvp: Any, met: Any) -> None:
        moved.children.clear()


class CountsDirectoriesWhereTheyWere(Renaming):
    breaks = ("a_moved_directory_is_counted_where_it_is",)

    def _after(self, fdvp: Any, moved: Any, tdvp: Any, met: Any, old: str, new: str) -> None:
        fdvp.vattr.nlink += 1
        tdvp.vattr.nlink -= 1


class ReplacedFilesAreEmpty(Renaming):
    breaks = ("a_replaced_file_lives_while_open",)

    def _after(self, fdvp: Any, moved: Any, tdvp: Any, met: Any, old: str, new: str) -> None:
        met.release()


class ReplacedLinksStillCount(Renaming):
    breaks = ("a_replaced_link_is_one_less",)

    def _after(self, fdvp: Any, moved: Any, tdvp: Any, met: Any, old: str, new: str) -> None:
        met.vattr.nlink += 1


class ExchangesNothing(Detrempe):
    breaks = ("exchange_swaps_two_names",)

    def rename(self, fdvp: Any, fcn: Any, tdvp: Any, tcn: Any, flags: int, call: Call) -> None:
        super().rename(fdvp, fcn, tdvp, tcn, 0, call)


# identity


class FilesAreOtherNodesEachTime(Doubling):
    breaks = ("a_file_in_use_is_the_same_node_when_found_again",)


class ForgottenFilesGetOtherNumbers(Detrempe):
    breaks = ("a_forgotten_file_keeps_its_number",)

    def reclaim(self, vp: Any) -> None:
        super().reclaim(vp)
        vp.vattr.ino = self.volume.nodes.add(vp)


class RenamedFilesAreCopies(Renaming):
    breaks = ("a_renamed_file_stays_open",)

    def _after(self, fdvp: Any, moved: Any, tdvp: Any, met: Any, old: str, new: str) -> None:
        tdvp.children[new] = File(attrs.evolve(moved.vattr))
        self.volume.admit(tdvp.children[new])


class DataAreForgottenToo(Detrempe):
    breaks = ("data_outlive_being_forgotten",)

    def reclaim(self, vp: Any) -> None:
        super().reclaim(vp)
        vp.release()
