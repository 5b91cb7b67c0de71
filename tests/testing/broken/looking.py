"""File systems that contradict themselves, and read-only ones that refuse wrongly.

Each breaks the promises that its ``breaks`` names.
"""

from __future__ import annotations

import itertools
from typing import Any

import puffpy
from filesystems.detrempe import Detrempe
from filesystems.detrempe.nodes import Directory, File, Inode
from puffpy import Call, ComponentName
from tests.testing.broken.bases import Disguising, Lying, Shelf


class RootIsAFile(Shelf):
    breaks = ("the_root_is_a_directory",)

    def __init__(self) -> None:
        super().__init__()
        self.root.vattr.mode = puffpy.Node.file().vattr.mode


class ListsGhosts(Detrempe):
    breaks = ("what_is_listed_is_found",)

    def readdir(self, dvp: Any, call: Call) -> Any:
        return [*super().readdir(dvp, call), puffpy.Dirent("ghost", 4711, 8)]


class ListsOtherNumbers(Detrempe):
    breaks = ("a_listing_and_stat_agree_about_numbers_and_types",)

    def readdir(self, dvp: Any, call: Call) -> Any:
        return [
            puffpy.Dirent(name, node.vattr.ino + 1, node.vattr.mode >> 12)
            for name, node in super().readdir(dvp, call)
        ]


class WhatIsNotThereIsForbidden(Detrempe):
    breaks = ("what_is_not_there_is_enoent",)

    def lookup(self, dvp: Any, cn: ComponentName, call: Call) -> Any:
        if cn.name.startswith("there is no"):
            raise PermissionError
        return super().lookup(dvp, cn, call)


class FilesBecomeDirectories(Disguising):
    breaks = (
        "a_path_through_a_file_is_enotdir",
        "rmdir_of_a_file_is_enotdir",
        "a_directory_does_not_replace_what_is_none",
    )
    hides = File

    def _decoy(self, va: puffpy.Vattr) -> Inode:
        va.mode = va.mode & 0o7777 | 0o040000
        return Directory(va, self.root)


class EveryTimeAnotherGroup(Lying):
    breaks = ("attributes_are_the_same_when_asked_again",)

    def __init__(self) -> None:
        super().__init__()
        self.groups = itertools.count(1)

    def _lie(self, va: puffpy.Vattr, call: Call) -> dict[str, Any]:
        return {"gid": next(self.groups)}


class OneNumberForAll(Lying):
    breaks = ("different_files_have_different_numbers",)

    def _lie(self, va: puffpy.Vattr, call: Call) -> dict[str, Any]:
        return {"ino": 7}


class OneByteMoreThanThereIs(Lying):
    breaks = ("a_file_reads_as_many_bytes_as_its_size_says",)

    def _lie(self, va: puffpy.Vattr, call: Call) -> dict[str, Any]:
        return {"size": va.size + 1 if va.size else 0}


class ReadsFromWholeTens(Detrempe):
    breaks = ("reading_in_pieces_is_reading_at_once",)

    def read(self, vp: Any, offset: int, size: int, call: Call) -> Any:
        return super().read(vp, offset - offset % 10, size, call)


class ReadsBeyondTheEnd(Detrempe):
    breaks = ("reading_past_the_end_gives_nothing",)

    def read(self, vp: Any, offset: int, size: int, call: Call) -> Any:
        if offset >= vp.vattr.size + 1:
            return b"nothing"[:size]
        return super().read(vp, offset, size, call)


class ReadingIsWriting(Detrempe):
    breaks = ("reading_changes_nothing",)

    def read(self, vp: Any, offset: int, size: int, call: Call) -> Any:
        vp.vattr.mtime_ns += 1
        return super().read(vp, offset, size, call)


class LinksAreLonger(Detrempe):
    breaks = ("the_size_of_a_link_is_its_targets_length",)

    def symlink(self, dvp: Any, cn: Any, va: puffpy.Vattr, target: str, call: Call) -> Any:
        node = super().symlink(dvp, cn, va, target, call)
        node.vattr.size += 1
        return node


class HasEverything(Shelf):
    breaks = ("making_a_file_is_refused", "making_a_directory_is_refused")

    def lookup(self, dvp: Any, cn: ComponentName, call: Call) -> Any:
        return self.contents[dvp].setdefault(cn.name, puffpy.Node.file())


class FindsEverythingOnce(Shelf):
    breaks = (
        "opening_for_writing_is_erofs",
        "removing_a_file_is_refused",
        "renaming_is_refused",
        "changing_attributes_is_refused",
    )
    options = puffpy.MountOptions(entry_timeout=0)

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def lookup(self, dvp: Any, cn: ComponentName, call: Call) -> Any:
        node = super().lookup(dvp, cn, call)
        if cn.name in self.found and cn.name != "below":
            raise FileNotFoundError
        self.found.add(cn.name)
        return node
