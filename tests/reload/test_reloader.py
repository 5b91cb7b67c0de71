"""A file is saved: the mount has new code, or says why it has the old."""

from __future__ import annotations

import errno
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from puffpy.mount import prepared
from puffpy.reload import Reloader
from puffpy.wire import Opcode
from tests.dispatch.speaker import ROOT, Speaker

NODES = '''
"""Nodes."""
import puffpy

class Leaf(puffpy.Node):
    """One file."""

    def text(self):
        return b"old leaf"

NONE = Leaf.file()
'''

FS = '''
"""The file system."""
import puffpy
from authored.nodes import NONE, Leaf

class Authored(puffpy.VnodeOps):
    """One file."""

    def __init__(self):
        self.root = puffpy.Node.directory()
        self.leaf = Leaf.file(mode=0o644, size=100)
        self.none = NONE
        self.opens = 0

    def lookup(self, dvp, cn, call):
        if cn.name == "leaf":
            return self.leaf
        raise FileNotFoundError

    def open(self, vp, flags, call):
        self.opens += 1
        return self.opens

    def read(self, vp, offset, size, call):
        assert self.none is NONE
        return b"old %d " % call.handle + vp.text()

    def reclaim(self, vp):
        self.reclaimed = "old"
'''


@attrs.define
class Author:
    """Somebody who edits a package while its file system is mounted."""

    package: Path
    speaker: Speaker
    reloader: Reloader
    said: list[str]
    fs: Any

    def edit(self, file: str, old: str, new: str) -> str:
        """Replace *old* in *file*, have it noticed, and return what is said by the next request."""
        path = self.package / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new) + "\n# saved\n")
        self.said.clear()
        self.reloader.look(self.speaker.session)
        self.speaker.ask(Opcode.STATFS)
        return "\n".join(self.said)


@pytest.fixture
def author(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Author]:
    """An author, with everything mounted."""
    package = tmp_path / "authored"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "nodes.py").write_text(NODES)
    (package / "fs.py").write_text(FS)
    monkeypatch.syspath_prepend(str(tmp_path))
    fs = importlib.import_module("authored.fs").Authored()
    vfsops, _ = prepared(fs, None, None)
    speaker = Speaker(fs, vfsops)
    said: list[str] = []
    yield Author(package, speaker, Reloader(fs, vfsops, said.append), said, fs)
    for name in [name for name in sys.modules if name.partition(".")[0] == "authored"]:
        del sys.modules[name]


def read(author: Author, nodeid: int, fh: int) -> bytes:
    """What the file says."""
    return bytes(author.speaker.ask(Opcode.READ, nodeid, fh=fh, offset=0, size=100).data)


def test_open_files_and_nodes_go_on_with_new_code(author: Author) -> None:
    nodeid = author.speaker.lookup(b"leaf")
    fh = author.speaker.open(nodeid)
    assert read(author, nodeid, fh) == b"old 1 old leaf"
    said = author.edit("fs.py", 'b"old %d "', 'b"new %d "')
    assert said.startswith("fs.py: new code")
    assert read(author, nodeid, fh) == b"new 1 old leaf"
    author.edit("nodes.py", "old leaf", "new leaf")
    assert read(author, nodeid, fh) == b"new 1 new leaf"
    assert author.speaker.open(nodeid) > fh
    assert author.fs.opens == 2, "__init__ is not run again"


def test_what_the_table_of_nodes_calls_is_new_as_well(author: Author) -> None:
    nodeid = author.speaker.lookup(b"leaf")
    author.edit("fs.py", 'self.reclaimed = "old"', 'self.reclaimed = "new"')
    author.speaker.forget(nodeid)
    assert author.fs.reclaimed == "new"


def test_an_operation_that_was_missing_is_asked(author: Author) -> None:
    nodeid = author.speaker.lookup(b"leaf")
    assert author.speaker.refused(Opcode.READLINK, nodeid)
    author.edit(
        "fs.py",
        "    def reclaim",
        "    def readlink(self, vp, call):\n        return 'there'\n\n    def reclaim",
    )
    assert author.speaker.ask(Opcode.READLINK, nodeid).data == b"there"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("    def read(", "    def read(((", "SyntaxError"),
        ("import puffpy", "import puffpy, no_such_module_at_all", "No module named"),
        ("def lookup(self, dvp, cn, call)", "def lookup(self, dvp, call)", "wrong parameters"),
        ("    def reclaim", "    def raedlink", "misspelt"),
        ("    def read(", "    async def read(", "mount it again"),
    ],
)
def test_code_that_is_wrong_leaves_the_old_in_place(author: Author, old: str, new: str, reason: str) -> None:
    nodeid = author.speaker.lookup(b"leaf")
    fh = author.speaker.open(nodeid)
    said = author.edit("fs.py", old, new)
    assert "goes on with the code that it had" in said
    if reason != "misspelt":
        assert reason in said
    assert read(author, nodeid, fh) == b"old 1 old leaf"
    assert "new code" in author.edit("fs.py", new, old), "and when it is put right, it is taken"


def test_a_node_that_is_made_up_differently_waits_for_the_next_mount(author: Author) -> None:
    nodeid = author.speaker.lookup(b"leaf")
    fh = author.speaker.open(nodeid)
    said = author.edit("nodes.py", '    """One file."""', '    __slots__ = ("more",)')
    assert "takes effect at the next mount" in said
    assert read(author, nodeid, fh) == b"old 1 old leaf"


def test_what_the_kernel_had_to_be_asked_for_first_is_told(author: Author) -> None:
    said = author.edit(
        "fs.py",
        "    def reclaim",
        "    def setextattr(self, vp, name, value, flags, call):\n        pass\n\n    def reclaim",
    )
    assert "SETXATTR_EXT" in said
    assert "takes effect at the next mount" in said


def test_a_file_that_is_gone_for_a_moment_is_no_change(author: Author) -> None:
    path = author.package / "fs.py"
    text = path.read_text()
    path.unlink()
    assert not author.reloader.look(author.speaker.session)
    path.write_text(text.replace("100", "200"))
    assert author.reloader.look(author.speaker.session)


def test_the_kernel_is_told_to_ask_again(author: Author) -> None:
    author.speaker.lookup(b"leaf")
    author.edit("fs.py", "old %d", "new %d")
    assert len(author.speaker.later) == 3, "one for all names, one for each node"
    assert author.speaker.refused(Opcode.LOOKUP, ROOT, b"absent") == errno.ENOENT
