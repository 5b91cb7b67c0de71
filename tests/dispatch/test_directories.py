"""Listings in bytes: what a directory held stays told while it changes, and counts are of what was told."""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterator
from typing import Any

import pytest

from puffpy.options import MountOptions
from puffpy.types import Dirent, Node
from puffpy.wire import Opcode
from puffpy.wire.flags import OpenOut
from tests.dispatch.folder import SMALL, UNKNOWN, Folder, counted, names_of, opened
from tests.dispatch.speaker import ROOT, Speaker


def test_a_listing_has_dots_names_numbers_and_types() -> None:
    folder = Folder("a", "b")
    folder.names["d"] = Node.directory()
    folder.names["b"].vattr.ino = 77
    speaker, fh = opened(folder)
    a = speaker.lookup(b"a")
    records = speaker.readdir(fh)
    assert [(r.name, r.ino, r.kind) for r in records] == [
        (b".", ROOT, stat.S_IFDIR >> 12),
        (b"..", ROOT, stat.S_IFDIR >> 12),
        (b"a", a, stat.S_IFREG >> 12),
        (b"b", 77, stat.S_IFREG >> 12),
        (b"d", UNKNOWN, stat.S_IFDIR >> 12),
    ]
    assert all(0 < r.off < 1 << 63 for r in records)
    assert len({r.off for r in records}) == 5
    assert speaker.counts() == {ROOT: (1, 1), a: (1, 0)}
    dvp, call = folder.last("readdir")
    assert dvp is folder.root
    assert call.unique == speaker.unique
    assert speaker.readdir(fh, records[-1].off) == []
    assert len(folder.heard) == 1


def test_the_authors_own_dots_are_told_and_not_doubled() -> None:
    folder = Folder(readdir=[Dirent(".", 5, 4), Dirent("..", 6, 4), Dirent("x", 7)])
    speaker, fh = opened(folder)
    assert [(r.name, r.ino, r.kind) for r in speaker.readdir(fh)] == [
        (b".", 5, 4),
        (b"..", 6, 4),
        (b"x", 7, 0),
    ]


def test_dots_that_come_with_their_nodes_are_never_counted() -> None:
    folder = Folder("a")
    folder.readdir = lambda dvp, call: [(".", folder.root), ("..", folder.root), *folder.names.items()]  # type: ignore[method-assign]
    speaker, fh = opened(folder)
    assert counted(speaker.readdirplus(fh)) == ["a"]
    assert speaker.counts()[ROOT] == (1, 1)


def test_an_empty_directory_has_its_dots() -> None:
    speaker, fh = opened(Folder(readdir=[]))
    assert names_of(speaker.readdir(fh)) == [".", ".."]


def test_dirents_are_told_without_a_node_in_both_kinds_of_listing() -> None:
    speaker, fh = opened(Folder(readdir=[Dirent("x", 9, 8), Dirent("unknown", 0)]))
    for records in (speaker.readdir(fh), speaker.readdirplus(fh)):
        assert [(r.name, r.ino, r.kind) for r in records[2:]] == [(b"x", 9, 8), (b"unknown", UNKNOWN, 0)]
    assert speaker.counts() == {ROOT: (1, 1)}


def test_a_listing_with_nodes_is_as_many_lookups() -> None:
    folder = Folder("a", "b")
    speaker, fh = opened(folder, MountOptions(entry_timeout=7, attr_timeout=8))
    records = speaker.readdirplus(fh)
    assert names_of(records) == [".", "..", "a", "b"]
    assert counted(records) == ["a", "b"]
    entry = records[2].entry
    assert (entry["nodeid"], entry["entry_valid"], entry["attr_valid"]) == (2, 7, 8)
    assert entry["mode"] == stat.S_IFREG | 0o644
    assert speaker.lookup(b"a") == 2
    assert speaker.counts() == {ROOT: (1, 1), 2: (2, 0), 3: (1, 0)}


@pytest.mark.parametrize(
    ("opcode", "names", "fields"),
    [
        (Opcode.UNLINK, (b"b",), {}),
        (Opcode.MKDIR, (b"new",), {}),
        (Opcode.RENAME, (b"a", b"z"), {"newdir": ROOT}),
        (Opcode.SYMLINK, (b"new", b"t"), {}),
        (Opcode.LINK, (b"new",), {"oldnodeid": ROOT}),
        (Opcode.MKNOD, (b"new",), {"mode": stat.S_IFIFO}),
        (Opcode.CREATE, (b"new",), {}),
        (Opcode.RMDIR, (b"b",), {}),
    ],
)
def test_once_a_name_has_changed_the_rest_is_told_without_nodes(
    opcode: Opcode, names: tuple[bytes, ...], fields: dict[str, Any]
) -> None:
    refusal = OSError(errno.EIO, "whether it worked is not known here")
    later = dict.fromkeys(("rename", "symlink", "link", "mknod", "create", "rmdir"), refusal)
    speaker, fh = opened(Folder("a", "b", "c", **later))
    room = 3 * (128 + SMALL)
    begun = speaker.readdirplus(fh, 0, room)
    assert counted(begun) == ["a"]
    speaker.ask(opcode, ROOT, *names, **fields)
    before = speaker.counts()
    rest = speaker.readdirplus(fh, begun[-1].off)
    assert names_of(rest) == ["b", "c"]
    assert counted(rest) == []
    assert speaker.counts() == before
    assert counted(speaker.readdirplus(fh))[0] == "a"


def test_a_change_elsewhere_does_not_matter() -> None:
    folder = Folder("a", "b")
    folder.names["d"] = Node.directory()
    speaker, fh = opened(folder)
    directory = speaker.lookup(b"d")
    begun = speaker.readdirplus(fh, 0, 128 + SMALL)
    assert not speaker.ask(Opcode.MKDIR, directory, b"x").error
    assert counted(speaker.readdirplus(fh, begun[-1].off)) == ["a", "b", "d"]


def test_a_notification_of_a_change_counts_as_one() -> None:
    folder = Folder("a")
    speaker, fh = opened(folder)
    begun = speaker.readdirplus(fh, 0, 128 + SMALL)
    speaker.session.kernel.inval_entry(folder.root, "a")
    rest = speaker.readdirplus(fh, begun[-1].off)
    assert names_of(rest) == ["..", "a"]
    assert counted(rest) == []


@pytest.mark.parametrize("opcode", [Opcode.READDIR, Opcode.READDIRPLUS])
def test_what_does_not_fit_is_left_for_the_next_time_and_never_cut(opcode: Opcode) -> None:
    names = ["x" * length for length in range(1, 40)]
    speaker, fh = opened(Folder(*names))
    wide = 128 if opcode is Opcode.READDIRPLUS else 0
    for room in range(wide + 24 + 8):
        assert speaker.ask(opcode, fh=fh, size=room).data == b""
    told: list[str] = []
    offset = 0
    read = speaker.readdirplus if wide else speaker.readdir
    while records := read(fh, offset, wide + 24 + 40 + 1):
        told += names_of(records)
        offset = records[-1].off
    assert told == [".", "..", *names]
    assert len(speaker.counts()) == (40 if wide else 1)


def test_a_generator_is_run_once_and_to_its_end() -> None:
    ends: list[str] = []

    def names(dvp: Any, call: Any) -> Iterator[tuple[str, Node]]:
        yield "a", Node.file()
        yield "b", Node.file()
        ends.append("end")

    speaker, fh = opened(Folder(readdir=names))
    begun = speaker.readdir(fh, 0, SMALL)
    assert names_of(speaker.readdir(fh, begun[-1].off)) == ["..", "a", "b"]
    assert ends == ["end"]


def test_a_node_that_went_away_is_told_by_its_name_alone() -> None:
    gone = Node.file()

    def attributes(vp: Any, call: Any) -> Any:
        if vp is gone:
            raise FileNotFoundError
        return vp.vattr

    folder = Folder("a", getattr=attributes)
    folder.names["gone"] = gone
    speaker, fh = opened(folder)
    records = speaker.readdirplus(fh)
    assert names_of(records) == [".", "..", "a", "gone"]
    assert counted(records) == ["a"]
    assert (records[3].ino, records[3].kind) == (UNKNOWN, 0)


def test_a_listing_needs_an_open_directory() -> None:
    speaker, fh = opened(Folder("a"))
    for opcode in (Opcode.READDIR, Opcode.READDIRPLUS):
        assert speaker.refused(opcode, fh=0, size=4096) == errno.EBADF
        assert speaker.refused(opcode, fh=fh + 1, size=4096) == errno.EBADF
    speaker.release(ROOT, fh, opcode=Opcode.RELEASEDIR)
    assert speaker.refused(Opcode.READDIR, fh=fh, size=4096) == errno.EBADF


@pytest.mark.parametrize("option", ["kernel_cache", "cache_readdir"])
def test_an_opened_directory_is_kept_in_the_cache_where_nobody_else_writes(option: str) -> None:
    speaker = Speaker(Folder("a"), options=MountOptions().parse(option)[0])
    bits = speaker.ask(Opcode.OPENDIR).fields["open_flags"]
    assert bits == OpenOut.CACHE_DIR | OpenOut.KEEP_CACHE
    assert Speaker(Folder("a")).ask(Opcode.OPENDIR).fields["open_flags"] == 0


def test_a_directory_is_opened_and_closed_without_asking_the_file_system() -> None:
    folder = Folder("a", open=None, close=None)
    speaker, fh = opened(folder)
    speaker.readdir(fh)
    speaker.release(ROOT, fh, opcode=Opcode.RELEASEDIR)
    assert folder.calls() == ["readdir"]
