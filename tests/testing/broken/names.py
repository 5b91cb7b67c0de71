"""File systems that get names wrong, or what they lead to.

Each breaks the promises that its ``breaks`` names.
"""

from __future__ import annotations

import errno
import stat
import unicodedata
from typing import Any

import puffpy
from filesystems.detrempe import Detrempe
from filesystems.detrempe.nodes import Directory, File, Inode
from puffpy import Call, ComponentName
from tests.testing.broken.bases import Disguising, Respelling


class EntersNothing(Detrempe):
    breaks = ("a_new_name_is_found_by_everybody",)

    def create(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        node = super().create(dvp, cn, va, call)
        del dvp.children[cn.name]
        return node


class PrintableNamesOnly(Detrempe):
    breaks = ("every_byte_may_be_in_a_name",)

    def create(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        if not cn.name.isprintable():
            raise puffpy.FsError(errno.EINVAL)
        return super().create(dvp, cn, va, call)


class DropsDotsAtTheEnd(Respelling):
    breaks = ("unusual_names_are_names_like_others",)

    def _spell(self, name: str) -> str:
        return name.rstrip(" .") or name


class BlindForCase(Respelling):
    breaks = ("names_that_differ_in_case_are_two",)

    def _spell(self, name: str) -> str:
        return name.lower()


class Normalises(Respelling):
    breaks = ("names_are_bytes_and_not_text",)

    def _spell(self, name: str) -> str:
        return unicodedata.normalize("NFC", name)


class CutsLongNames(Respelling):
    breaks = ("the_longest_name_is_kept_whole",)

    def _spell(self, name: str) -> str:
        return name[:254]


class TakesNamesOfAnyLength(Detrempe):
    breaks = ("a_longer_name_is_enametoolong",)

    def pathconf(self, vp: Any, name: str, call: Call) -> int:
        return 1000


class TenDirectoriesDeep(Detrempe):
    breaks = ("the_longest_path_leads_somewhere",)

    def mkdir(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        depth, above = 0, dvp
        while above is not self.root:
            depth, above = depth + 1, above.parent
        if depth == 10:
            raise puffpy.FsError(errno.ENAMETOOLONG)
        return super().mkdir(dvp, cn, va, call)


class MakesOverWhatIsThere(Detrempe):
    breaks = ("making_a_name_that_is_there_is_eexist", "noreplace_replaces_nothing")

    def lookup(self, dvp: Any, cn: ComponentName, call: Call) -> Any:
        if cn.name == "taken":
            raise FileNotFoundError
        return super().lookup(dvp, cn, call)

    def create(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        dvp.children.pop(cn.name, None)
        return super().create(dvp, cn, va, call)

    def rename(self, fdvp: Any, fcn: Any, tdvp: Any, tcn: Any, flags: int, call: Call) -> None:
        super().rename(fdvp, fcn, tdvp, tcn, 0, call)


class RemovesNothing(Detrempe):
    breaks = ("a_removed_name_is_gone", "a_removed_directory_is_gone")

    def remove(self, dvp: Any, cn: ComponentName, call: Call) -> None:
        """It stays."""

    rmdir = remove


class BringsBackWhatWasRemoved(Detrempe):
    breaks = ("a_name_that_is_made_again_is_a_new_file", "a_new_file_does_not_disturb_an_unlinked_one")

    def __init__(self) -> None:
        super().__init__()
        self.attic: dict[str, Any] = {}

    def remove(self, dvp: Any, cn: ComponentName, call: Call) -> None:
        self.attic[cn.name] = dvp.children.pop(cn.name)

    def create(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        if cn.name in self.attic:
            dvp.children[cn.name] = self.attic[cn.name]
            return self.attic[cn.name]
        return super().create(dvp, cn, va, call)


class OneFileForEachName(Detrempe):
    breaks = ("the_same_name_in_two_directories_is_two_files",)

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, Any] = {}

    def create(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        if cn.name not in self.files:
            self.files[cn.name] = super().create(dvp, cn, va, call)
        dvp.children[cn.name] = self.files[cn.name]
        return self.files[cn.name]


class NewFilesHoldAByte(Detrempe):
    breaks = ("a_new_file_is_regular_and_empty",)

    def create(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        node = super().create(dvp, cn, va, call)
        node.vattr.size = 1
        return node


class NewDirectoriesHoldSomething(Detrempe):
    breaks = ("a_new_directory_is_an_empty_directory",)

    def mkdir(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        node = super().mkdir(dvp, cn, va, call)
        super().mkdir(node, ComponentName("lost+found"), puffpy.Node.directory().vattr, call)
        return node


class MakesEverythingAtTheTop(Detrempe):
    breaks = ("what_is_made_in_a_directory_is_in_it",)

    def create(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        return super().create(self.root, cn, va, call)


class SocketsAreFifos(Detrempe):
    breaks = ("fifos_and_sockets_are_what_they_were_made", "devices_keep_their_numbers")

    def mknod(self, dvp: Any, cn: ComponentName, va: puffpy.Vattr, call: Call) -> Any:
        va.rdev &= 0xFFFF
        node = super().mknod(dvp, cn, va, call)
        if stat.S_ISSOCK(va.mode):
            va.mode = stat.S_IFIFO | va.mode & 0o7777
        return node


class RemovesFullDirectories(Detrempe):
    breaks = ("a_directory_with_something_in_it_is_not_removed",)

    def rmdir(self, dvp: Any, cn: ComponentName, call: Call) -> None:
        dvp.children[cn.name].children.clear()
        super().rmdir(dvp, cn, call)


class DirectoriesBecomeFiles(Disguising):
    breaks = (
        "unlink_of_a_directory_is_eisdir",
        "a_directory_cannot_be_written",
        "a_directory_gets_no_second_name",
        "what_is_no_directory_does_not_replace_one",
    )
    hides = Directory

    def _decoy(self, va: puffpy.Vattr) -> Inode:
        va.mode = va.mode & 0o7777 | stat.S_IFREG
        return File(va)


class RemovedDirectoriesGoOn(Detrempe):
    breaks = ("nothing_is_made_in_a_removed_directory", "a_removed_directory_lists_nothing")

    def rmdir(self, dvp: Any, cn: ComponentName, call: Call) -> None:
        node = dvp.children[cn.name]
        super().rmdir(dvp, cn, call)
        node.vattr.nlink = 2
        left = node.children["left over"] = File(puffpy.Node.file().vattr)
        self.volume.admit(left)


class NamelessFilesAreListed(Detrempe):
    breaks = ("a_nameless_file_has_data_and_no_link",)

    def tmpfile(self, dvp: Any, va: puffpy.Vattr, call: Call) -> Any:
        node = super().tmpfile(dvp, va, call)
        dvp.children["#1"] = node
        return node
