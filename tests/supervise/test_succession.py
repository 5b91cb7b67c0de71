"""A server dies, and the next one goes on: with its nodes, and its open files."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

import puffpy
from filesystems.hardcodefs import HardcodeFS
from puffpy.wire import Opcode
from tests.dispatch.speaker import ROOT, Tree
from tests.supervise.succession import ME, Succession


def test_what_is_open_stays_open_with_its_rights_and_without_its_name(kernel: Succession, top: Path) -> None:
    made = kernel.ask(
        Opcode.CREATE, ROOT, b"new", who=ME, flags=os.O_CREAT | os.O_RDWR, mode=stat.S_IFREG | 0o444
    )
    nodeid, fh = made.fields["nodeid"], made.fields["fh"]
    assert not kernel.ask(Opcode.UNLINK, ROOT, b"new", who=ME).error
    kernel.begin()
    assert not kernel.ask(Opcode.WRITE, nodeid, fh=fh, offset=0, data=b"still").error
    kernel.begin()
    assert kernel.ask(Opcode.READ, nodeid, fh=fh, offset=0, size=10).data == b"still"
    assert kernel.ask(Opcode.GETATTR, nodeid).fields["nlink"] == 0
    kernel.release(nodeid, fh)
    kernel.forget(nodeid)
    assert not kernel.fs.kept.descriptors


def test_nodes_keep_their_numbers_and_new_ones_get_others(kernel: Succession, top: Path) -> None:
    numbers = {name: kernel.lookup(name) for name in (b"file", b"other", b"empty")}
    kernel.begin()
    (top / "young").write_text("")
    assert kernel.lookup(b"young") not in numbers.values()
    assert {name: kernel.lookup(name) for name in numbers} == numbers


def test_a_node_is_found_again_though_somebody_has_moved_it(kernel: Succession, top: Path) -> None:
    nodeid = kernel.lookup(b"file")
    kernel.begin()
    (top / "file").rename(top / "empty" / "elsewhere")
    (top / "file").write_text("an impostor")
    assert kernel.ask(Opcode.GETATTR, nodeid).fields["size"] == len("contents")


def test_counts_of_a_dead_server_are_given_back_without_complaint(
    kernel: Succession, caplog: pytest.LogCaptureFixture
) -> None:
    nodeid = kernel.lookup(b"file")
    kernel.lookup(b"file")
    other = kernel.lookup(b"other")
    kernel.begin()
    kernel.lookup(b"file")
    kernel.forget(nodeid, 3)
    kernel.forget_many((other, 1))
    assert kernel.counts() == {}
    assert not caplog.records


def test_a_listing_goes_on_where_it_was_although_names_have_gone(kernel: Succession, top: Path) -> None:
    for number in range(200):
        (top / f"name-{number:03}").write_text("")
    fh = kernel.open(ROOT, opcode=Opcode.OPENDIR)
    seen = kernel.readdir(fh)
    for record in seen[2:]:
        path = top / record.name.decode()
        path.rmdir() if path.is_dir() else path.unlink()
    kernel.begin()
    while more := kernel.readdir(fh, seen[-1].off):
        seen += more
    names = [record.name for record in seen]
    assert len(set(names)) == len(names)
    assert {f"name-{number:03}".encode() for number in range(200)} <= set(names)


def test_a_file_system_that_knows_nothing_of_this_has_its_nodes_found_by_name(tmp_path: Path) -> None:
    kernel = Succession(lambda: HardcodeFS(store=str(tmp_path / "store")))
    notes = kernel.lookup(b"notes")
    fh = kernel.open(notes, os.O_RDWR)
    assert not kernel.ask(Opcode.WRITE, notes, fh=fh, offset=0, data=b"kept").error
    kernel.begin()
    assert kernel.ask(Opcode.READ, notes, fh=fh, offset=0, size=10).data == b"kept"
    assert kernel.lookup(b"notes") == notes
    assert kernel.lookup(b"counter") not in (notes, ROOT)


class Deep(Tree, puffpy.VfsOps):
    """Directories that come anew with every server, and files that are opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[tuple[Any, int]] = []
        self.nodes: dict[tuple[int, str], Any] = {}

    def lookup(self, dvp: Any, cn: Any, call: Any) -> Any:
        if cn.name.startswith("absent"):
            raise FileNotFoundError
        made = puffpy.Node.directory() if cn.name.startswith("d") else puffpy.Node.file(mode=0o644)
        return self.nodes.setdefault((id(dvp), cn.name), made)

    def open(self, vp: Any, flags: int, call: Any) -> int:
        self.opened.append((vp, flags))
        return 1000 + len(self.opened)

    def write(self, vp: Any, offset: int, data: Any, call: Any) -> int:
        return len(data)

    def read(self, vp: Any, offset: int, size: int, call: Any) -> bytes:
        return str(call.handle).encode()

    def rename(self, fdvp: Any, fcn: Any, tdvp: Any, tcn: Any, flags: int, call: Any) -> None:
        self.nodes[id(tdvp), tcn.name] = self.nodes.pop((id(fdvp), fcn.name))


def test_open_files_are_opened_again_and_never_made_or_cut_again() -> None:
    kernel = Succession(Deep)
    below = kernel.lookup(b"file", kernel.lookup(b"deeper", kernel.lookup(b"dir")))
    fh = kernel.open(below, os.O_RDWR | os.O_APPEND)
    kernel.begin()
    (node, flags), *more = kernel.fs.opened
    assert not more
    assert flags == os.O_RDWR | os.O_APPEND
    assert kernel.session.nodes.cookies[below].node is node
    assert kernel.ask(Opcode.READ, below, fh=fh, offset=0, size=100).data == b"1001", (
        "the new one's own handle"
    )


def test_names_follow_what_is_renamed() -> None:
    kernel = Succession(Deep)
    nodeid = kernel.lookup(b"file")
    assert not kernel.ask(Opcode.RENAME2, ROOT, b"file", b"new", newdir=ROOT, flags=0).error
    kernel.begin()
    assert kernel.session.nodes.cookies[nodeid].node is kernel.fs.nodes[id(kernel.fs.root), "new"]


def test_a_tree_deeper_than_the_stack_of_python_is_found_again() -> None:
    kernel = Succession(Deep)
    name = b"deepest"
    lowest = kernel.lookup(name)
    for number in range(sys.getrecursionlimit()):
        # From the bottom up, so that none is known before what is below it.
        above = kernel.lookup(b"d%d" % number)
        assert not kernel.ask(Opcode.RENAME2, ROOT, name, name, newdir=above, flags=0).error
        name = b"d%d" % number
    kernel.begin()
    assert not kernel.ask(Opcode.GETATTR, lowest).error


def test_names_that_run_in_a_circle_are_stale() -> None:
    """A kernel moves no directory into itself; one that does keeps no server from beginning."""
    kernel = Succession(Deep)
    upper = kernel.lookup(b"dir")
    lower = kernel.lookup(b"deeper", upper)
    other = kernel.lookup(b"file")
    assert not kernel.ask(Opcode.RENAME2, ROOT, b"dir", b"dir", newdir=lower, flags=0).error
    kernel.begin()
    assert kernel.refused(Opcode.GETATTR, upper) == errno.ESTALE
    assert not kernel.ask(Opcode.GETATTR, other).error


def test_what_cannot_be_found_again_is_stale_and_what_was_open_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kernel = Succession(Deep)
    nodeid = kernel.lookup(b"file")
    fh = kernel.open(nodeid, os.O_RDONLY)
    assert not kernel.ask(Opcode.RENAME2, ROOT, b"file", b"absent", newdir=ROOT, flags=0).error
    kernel.begin()
    assert kernel.refused(Opcode.GETATTR, nodeid) == errno.ESTALE
    assert kernel.refused(Opcode.READ, nodeid, fh=fh, offset=0, size=1) == errno.EBADF
    assert "lost with its server" in caplog.text
    assert kernel.open(kernel.lookup(b"other")) > fh, "its number is not used again"
