"""File systems that get data, holes, listings or extended attributes wrong.

Each breaks the promises that its ``breaks`` names.
"""

from __future__ import annotations

import os
from typing import Any

import attrs

import puffpy
from filesystems.detrempe import Detrempe
from filesystems.detrempe.nodes import Directory
from filesystems.detrempe.room import PAGE
from puffpy import Call
from tests.testing.broken.bases import still

MIB = 1 << 20


class WritesNowhere(Detrempe):
    breaks = ("what_is_overwritten_is_read_back",)

    def write(self, vp: Any, offset: int, data: memoryview, call: Call) -> int:
        return len(data) if offset < vp.vattr.size else super().write(vp, offset, data, call)


class OtherBytes(Detrempe):
    breaks = ("what_is_written_is_read",)

    def write(self, vp: Any, offset: int, data: memoryview, call: Call) -> int:
        return super().write(vp, offset, memoryview(bytes(data).replace(b"\x07", b"\x08")), call)


class OneMebibyte(Detrempe):
    breaks = ("what_takes_several_requests_is_one_piece",)

    def write(self, vp: Any, offset: int, data: memoryview, call: Call) -> int:
        return super().write(vp, offset % MIB, data, call)


class WritesToTheEnd(Detrempe):
    breaks = ("writing_in_the_middle_leaves_the_rest",)

    def write(self, vp: Any, offset: int, data: memoryview, call: Call) -> int:
        written = super().write(vp, offset, data, call)
        vp.vattr.size = offset + written
        return written


class WritesWhenClosed(Detrempe):
    breaks = ("every_descriptor_sees_the_same_data",)

    def open(self, vp: Any, flags: int, call: Call) -> Any:
        return []

    def read(self, vp: Any, offset: int, size: int, call: Call) -> Any:
        return super().read(vp, offset, size, attrs.evolve(call, handle=None))

    def write(self, vp: Any, offset: int, data: memoryview, call: Call) -> int:
        call.handle.append((offset, bytes(data)))
        return len(data)

    def close(self, vp: Any, flags: int, call: Call) -> None:
        for offset, data in call.handle:
            super().write(vp, offset, memoryview(data), call)


class OffByOne(Detrempe):
    breaks = ("appending_writes_at_the_end",)

    def write(self, vp: Any, offset: int, data: memoryview, call: Call) -> int:
        return super().write(vp, max(offset - 1, 0), data, call)


class CutsTheSizeAlone(Detrempe):
    breaks = ("what_was_cut_off_does_not_come_back", "what_is_cut_by_descriptor_is_cut")

    def setattr(self, vp: Any, change: puffpy.SetAttr, call: Call) -> Any:
        if change.size is not None:
            vp.vattr.size = change.size
        return super().setattr(vp, attrs.evolve(change, size=None), call)


class ThirtyTwoBits(Detrempe):
    breaks = ("data_past_4_gib_are_where_they_were_put",)

    def write(self, vp: Any, offset: int, data: memoryview, call: Call) -> int:
        return super().write(vp, offset & 0xFFFFFFFF, data, call)


class SyncingLosesData(Detrempe):
    breaks = ("what_was_synced_is_still_there",)

    def fsync(self, vp: Any, dataonly: bool, call: Call) -> None:
        vp.release()


# extents


class FillsGaps(Detrempe):
    breaks = ("what_was_never_written_reads_as_zeros",)

    def write(self, vp: Any, offset: int, data: memoryview, call: Call) -> int:
        size = vp.vattr.size
        if offset > size:
            super().write(vp, size, memoryview(b"?" * (offset - size)), call)
        return super().write(vp, offset, data, call)


class TakesHolesForData(Detrempe):
    breaks = ("data_and_holes_are_found",)

    def seek(self, vp: Any, offset: int, whence: int, call: Call) -> int:
        return super().seek(vp, offset, os.SEEK_DATA + os.SEEK_HOLE - whence, call)


class SeeksPastTheEnd(Detrempe):
    breaks = ("seeking_past_the_end_is_enxio",)

    def seek(self, vp: Any, offset: int, whence: int, call: Call) -> int:
        return offset if offset >= vp.vattr.size else super().seek(vp, offset, whence, call)


class ReservesZeros(Detrempe):
    breaks = ("a_reserved_range_reads_as_it_did", "reserving_beyond_the_end_may_keep_the_size")

    def fallocate(self, vp: Any, offset: int, length: int, mode: int, call: Call) -> None:
        super().fallocate(vp, offset, length, 0x10, call)


class WholePagesOnly(Detrempe):
    breaks = ("a_zeroed_range_is_zeros_and_nothing_else_is", "a_punched_range_is_zeros_and_nothing_else_is")

    def fallocate(self, vp: Any, offset: int, length: int, mode: int, call: Call) -> None:
        super().fallocate(vp, offset - offset % PAGE, length + offset % PAGE, mode, call)

    def fdiscard(self, vp: Any, offset: int, length: int, call: Call) -> None:
        super().fdiscard(vp, offset - offset % PAGE, length + offset % PAGE, call)


class PunchingIsGrowing(Detrempe):
    breaks = ("punching_leaves_the_size",)

    def fdiscard(self, vp: Any, offset: int, length: int, call: Call) -> None:
        super().fdiscard(vp, offset, length, call)
        vp.vattr.size = max(vp.vattr.size, offset + length)


class CopiesFromTheStart(Detrempe):
    breaks = ("a_copied_range_is_what_it_was_copied_from",)

    def copy_file_range(self, vp: Any, offset: int, tvp: Any, toffset: int, length: int, call: Call) -> int:
        return super().copy_file_range(vp, 0, tvp, toffset, length, call)


class CopiesWhatIsNotThere(Detrempe):
    breaks = ("copying_ends_where_the_source_does",)

    def copy_file_range(self, vp: Any, offset: int, tvp: Any, toffset: int, length: int, call: Call) -> int:
        done = super().copy_file_range(vp, offset, tvp, toffset, length, call)
        self.write(tvp, toffset + done, memoryview(b"?"), call)
        return done


# directories


class ListsDotTwice(Detrempe):
    breaks = ("dot_and_dot_dot_are_listed_once",)

    def readdir(self, dvp: Any, call: Call) -> Any:
        return [(".", dvp), *super().readdir(dvp, call)]


class ListsAThousand(Detrempe):
    breaks = ("every_name_is_listed_once", "a_changing_directory_lists_what_stays_once")

    def readdir(self, dvp: Any, call: Call) -> Any:
        return list(super().readdir(dvp, call))[:1000]


class ListsShortNames(Detrempe):
    breaks = ("long_names_are_listed_too",)

    def readdir(self, dvp: Any, call: Call) -> Any:
        return [(name, node) for name, node in super().readdir(dvp, call) if len(name) < 100]


class ListsAnotherOrderEachTime(Detrempe):
    breaks = ("an_unchanged_directory_lists_the_same_again",)

    def __init__(self) -> None:
        super().__init__()
        self.step = 1

    def readdir(self, dvp: Any, call: Call) -> Any:
        self.step = -self.step
        one, two, *entries = super().readdir(dvp, call)
        return [one, two, *entries[:: self.step]]


class ListsWhatWasThere(Detrempe):
    breaks = ("rewinding_shows_what_has_changed",)

    def __init__(self) -> None:
        super().__init__()
        self.listings: dict[Any, Any] = {}

    def readdir(self, dvp: Any, call: Call) -> Any:
        return self.listings.setdefault(dvp, super().readdir(dvp, call))


class ListsWhatIsBelow(Detrempe):
    breaks = ("a_listing_does_not_descend",)

    def readdir(self, dvp: Any, call: Call) -> Any:
        entries = list(super().readdir(dvp, call))
        below = [node for _, node in entries[2:] if isinstance(node, Directory)]
        return [*entries, *(entry for node in below for entry in node.children.items())]


# extended attributes


class EndsAtNul(Detrempe):
    breaks = ("an_attribute_is_what_it_was_last_set_to",)

    def setextattr(self, vp: Any, name: str, value: bytes, flags: int, call: Call) -> None:
        super().setextattr(vp, name, bytes(value).rstrip(b"\0"), flags, call)


class EveryAttributeIsThere(Detrempe):
    breaks = ("an_attribute_that_is_not_there_is_enodata",)

    def getextattr(self, vp: Any, name: str, call: Call) -> bytes:
        try:
            return super().getextattr(vp, name, call)
        except OSError:
            return b""


class NewOrNot(Detrempe):
    breaks = ("an_attribute_may_have_to_be_new_or_to_be_there",)

    def setextattr(self, vp: Any, name: str, value: bytes, flags: int, call: Call) -> None:
        super().setextattr(vp, name, value, 0, call)


class ListsTenAttributes(Detrempe):
    breaks = ("attributes_are_listed",)

    def listextattr(self, vp: Any, call: Call) -> list[str]:
        return super().listextattr(vp, call)[:10]


class AttributesAreOfTheWhole(Detrempe):
    breaks = ("attributes_belong_to_their_node",)

    def setextattr(self, vp: Any, name: str, value: bytes, flags: int, call: Call) -> None:
        super().setextattr(self.root, name, value, flags, call)

    def getextattr(self, vp: Any, name: str, call: Call) -> bytes:
        return super().getextattr(self.root, name, call)

    def deleteextattr(self, vp: Any, name: str, call: Call) -> None:
        super().deleteextattr(self.root, name, call)


class AttributesStandStill(Detrempe):
    breaks = ("setting_an_attribute_moves_ctime_alone",)

    def setextattr(self, vp: Any, name: str, value: bytes, flags: int, call: Call) -> None:
        with still(vp):
            super().setextattr(vp, name, value, flags, call)
