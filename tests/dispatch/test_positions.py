"""Positions in listings: each leads back to where it was given out, while the directory changes under it."""

from __future__ import annotations

import gc
import weakref

from puffpy.options import MountOptions
from puffpy.types import Node
from puffpy.wire import Opcode
from tests.dispatch.folder import SMALL, Folder, names_of, opened
from tests.dispatch.speaker import ROOT


def test_rewinding_reads_the_directory_again() -> None:
    folder = Folder("a")
    speaker, fh = opened(folder)
    records = speaker.readdir(fh)
    assert names_of(records) == [".", "..", "a"]
    folder.names["b"] = Node.file()
    assert names_of(speaker.readdir(fh, records[1].off)) == ["a"]
    assert names_of(speaker.readdir(fh)) == [".", "..", "a", "b"]


def test_any_position_ever_given_out_may_come_back() -> None:
    speaker, fh = opened(Folder(*"abcdef"))
    everything = speaker.readdir(fh)
    for index in reversed(range(len(everything))):
        assert speaker.readdir(fh, everything[index].off) == everything[index + 1 :]
    assert speaker.readdir(fh, everything[-1].off + 1) == []
    assert speaker.readdirplus(fh, (1 << 64) - 1) == []


def test_two_open_directories_have_a_listing_each() -> None:
    folder = Folder("a")
    speaker, one = opened(folder)
    first = speaker.readdir(one)[0].off
    folder.names["b"] = Node.file()
    two = speaker.open(ROOT, opcode=Opcode.OPENDIR)
    assert names_of(speaker.readdir(two)) == [".", "..", "a", "b"]
    assert names_of(speaker.readdir(one, first)) == ["..", "a"]


def test_both_kinds_of_listing_give_out_positions_of_their_own() -> None:
    """The kernel goes over from one kind to the other on the same open directory (READDIRPLUS_AUTO)."""
    folder = Folder("a", "b")
    speaker, fh = opened(folder, MountOptions(kernel_cache=True))
    old = speaker.readdirplus(fh)
    folder.names["new"] = Node.file()
    new = speaker.readdir(fh)
    assert not {r.off for r in old} & {r.off for r in new}
    assert names_of(speaker.readdir(fh, old[2].off)) == ["b"]
    assert names_of(speaker.readdirplus(fh, new[2].off)) == ["b", "new"]


def test_a_reader_served_from_the_cache_goes_on_in_the_listing_it_was_served() -> None:
    folder = Folder("a", "b", "c")
    speaker, one = opened(folder, MountOptions(kernel_cache=True))
    old = speaker.readdir(one)
    del folder.names["a"]
    two = speaker.open(ROOT, opcode=Opcode.OPENDIR)
    new = speaker.readdir(two)
    assert names_of(new) == [".", "..", "b", "c"]
    assert names_of(speaker.readdir(two, old[2].off)) == ["b", "c"]
    for fh in (one, two):
        speaker.release(ROOT, fh, opcode=Opcode.RELEASEDIR)
    folder.heard.clear()
    three = speaker.open(ROOT, opcode=Opcode.OPENDIR)
    assert names_of(speaker.readdir(three, new[2].off)) == ["c"]
    assert folder.calls() == []


def test_a_position_of_a_listing_that_is_gone_is_one_in_the_next() -> None:
    folder = Folder("a", "b", "c")
    speaker, fh = opened(folder)
    old = speaker.readdir(fh)
    speaker.release(ROOT, fh, opcode=Opcode.RELEASEDIR)
    fh = speaker.open(ROOT, opcode=Opcode.OPENDIR)
    rest = speaker.readdir(fh, old[2].off)
    assert names_of(rest) == ["b", "c"]
    assert speaker.readdir(fh, rest[-1].off) == []


def test_a_listing_kept_for_the_cache_keeps_no_node() -> None:
    folder = Folder("a")
    speaker, fh = opened(folder, MountOptions(kernel_cache=True))
    speaker.readdir(fh)
    node = weakref.ref(folder.names.pop("a"))
    speaker.release(ROOT, fh, opcode=Opcode.RELEASEDIR)
    folder.heard.clear()
    gc.collect()
    assert node() is None


def test_a_listing_stays_what_it_was_while_names_come_and_go() -> None:
    folder = Folder(*"abcdef")
    speaker, fh = opened(folder)
    told: list[str] = []
    offset = 0
    while records := speaker.readdir(fh, offset, 2 * SMALL):
        told += names_of(records)
        offset = records[-1].off
        for name in told:  # as rm -r does
            if name in folder.names:
                assert not speaker.ask(Opcode.UNLINK, ROOT, name.encode()).error
        assert not speaker.ask(Opcode.MKDIR, ROOT, f"new{offset}".encode()).error
    assert told == [".", "..", *"abcdef"]
    assert [name for name, _ in folder.heard if name == "readdir"] == ["readdir"]
