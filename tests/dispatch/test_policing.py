"""Answers that cannot be true: EIO to the caller, one line with class and operation, no count moved."""

from __future__ import annotations

import errno
import math
import os
import stat
from typing import Any

import pytest

from puffpy.types import Entry, Lock, Node, StatVfs
from puffpy.wire import Opcode
from tests.dispatch.samples import FILE, Conversation
from tests.dispatch.speaker import ROOT, Scribe, Speaker
from tests.dispatch.untrue import REG, node, refused

WRONG_VATTRS = {
    "no type": {"mode": 0o644},
    "unknown type": {"mode": 0o170644},
    "type beyond 16 bits": {"mode": REG | 1 << 20},
    "negative mode": {"mode": -REG},
    "mode that is none": {"mode": "rw"},
    "mode None": {"mode": None},
    "negative size": {"size": -1},
    "size beyond every file": {"size": 1 << 64},
    "size that is none": {"size": "big"},
    "fraction of a byte": {"size": 1.5},
    "negative uid": {"uid": -1},
    "gid that is none": {"gid": "users"},
    "negative nlink": {"nlink": -1},
    "negative ino": {"ino": -7},
    "negative blocks": {"blocks": -1},
    "time as a float": {"mtime_ns": 1.5e18},
    "no time": {"ctime_ns": None},
    "time beyond 64 bits": {"atime_ns": 10**30},
    "device that does not fit": {"rdev": os.makedev(5000, 1)},
    "negative device": {"rdev": -1},
    "blksize None": {"blksize": None},
    "negative ttl": {"ttl": -1},
    "ttl that is none": {"ttl": "for ever"},
    "ttl nan": {"ttl": math.nan},
}


@pytest.mark.parametrize("wrong", WRONG_VATTRS.values(), ids=WRONG_VATTRS)
def test_attributes_that_cannot_be_never_reach_the_kernel(
    wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    bad = node(**wrong)
    scribe = Scribe(
        {"bad": bad}, create=bad, tmpfile=bad, mkdir=bad, link=bad, write=None, open="h", close=None
    )
    speaker = Speaker(scribe)
    refused(speaker, caplog, "Scribe.lookup", Opcode.LOOKUP, ROOT, b"bad")
    refused(speaker, caplog, "Scribe.mkdir", Opcode.MKDIR, ROOT, b"new")
    refused(speaker, caplog, "Scribe.link", Opcode.LINK, ROOT, b"new", oldnodeid=ROOT)
    scribe.heard.clear()
    refused(speaker, caplog, "Scribe.create", Opcode.CREATE, ROOT, b"new")
    refused(speaker, caplog, "Scribe.tmpfile", Opcode.TMPFILE, ROOT, b"/")
    assert scribe.calls() == ["create", "tmpfile"]  # and nothing was opened that would never be closed


@pytest.mark.parametrize("wrong", WRONG_VATTRS.values(), ids=WRONG_VATTRS)
@pytest.mark.parametrize("opcode", [Opcode.GETATTR, Opcode.STATX])
def test_the_answer_of_getattr_is_held_to_the_same(
    opcode: Opcode, wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    bad = node(**wrong)
    for scribe in (Scribe(getattr=bad.vattr), Scribe()):
        scribe.root = bad
        refused(Speaker(scribe), caplog, "Scribe.getattr", opcode)
    refused(Speaker(Scribe(setattr=bad.vattr)), caplog, "Scribe.setattr", Opcode.SETATTR)
    refused(
        Speaker(Scribe({"x": bad}, getattr=bad.vattr)), caplog, "Scribe.getattr", Opcode.LOOKUP, ROOT, b"x"
    )


@pytest.mark.parametrize("answer", [None, 5, "node", object(), {}, [Node.file()]])
def test_what_is_no_node_is_named_and_none_is_told_what_to_raise(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    scribe = Scribe(lookup=answer, mkdir=answer, create=answer)
    speaker = Speaker(scribe)
    line = refused(speaker, caplog, "Scribe.lookup", Opcode.LOOKUP, ROOT, b"x")
    assert ("raise FileNotFoundError" in line) == (answer is None)
    refused(speaker, caplog, "Scribe.mkdir", Opcode.MKDIR, ROOT, b"x")
    refused(speaker, caplog, "Scribe.create", Opcode.CREATE, ROOT, b"x")
    refused(speaker, caplog, "Scribe.create", Opcode.MKNOD, ROOT, b"x", mode=REG)


@pytest.mark.parametrize("answer", [None, 5, "attributes", object()])
def test_what_are_no_attributes_is_named(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    speaker = Speaker(Scribe({"f": Node.file()}, getattr=answer))
    refused(speaker, caplog, "Scribe.getattr", Opcode.GETATTR)
    refused(speaker, caplog, "Scribe.getattr", Opcode.STATX)
    refused(speaker, caplog, "Scribe.getattr", Opcode.LOOKUP, ROOT, b"f")
    if answer is not None:
        refused(Speaker(Scribe(setattr=answer)), caplog, "Scribe.setattr", Opcode.SETATTR)


def test_a_root_without_attributes_is_told_what_it_lacks(caplog: pytest.LogCaptureFixture) -> None:
    scribe = Scribe()
    scribe.root = object()
    for opcode in (Opcode.GETATTR, Opcode.STATX):
        assert "vattr" in refused(Speaker(scribe), caplog, "Scribe.getattr", opcode)


@pytest.mark.parametrize("ttl", [-1, math.nan, "1", -math.inf])
def test_a_time_to_live_that_is_none_is_refused(ttl: Any, caplog: pytest.LogCaptureFixture) -> None:
    speaker = Speaker(Scribe({"x": Entry(Node.file(), ttl=ttl)}))
    refused(speaker, caplog, "Scribe.lookup", Opcode.LOOKUP, ROOT, b"x")
    assert speaker.counts() == {}


def test_a_node_keeps_its_type_for_life(caplog: pytest.LogCaptureFixture) -> None:
    speaker = Conversation("link", "setattr")
    file = speaker.scribe.names["f"]
    file.vattr.mode = stat.S_IFDIR | 0o755
    refused(speaker, caplog, "Scribe.lookup", Opcode.LOOKUP, ROOT, b"f")
    for opcode in (Opcode.GETATTR, Opcode.STATX):
        assert "another type is another node" in refused(speaker, caplog, "Scribe.getattr", opcode, FILE)
    refused(speaker, caplog, "Scribe.link", Opcode.LINK, ROOT, b"x", oldnodeid=FILE)
    file.vattr.mode = REG
    assert not speaker.ask(Opcode.GETATTR, FILE).error


def test_the_root_has_no_name(caplog: pytest.LogCaptureFixture) -> None:
    scribe = Scribe()
    scribe.names["root"] = scribe.root
    speaker = Speaker(scribe)
    refused(speaker, caplog, "Scribe.lookup", Opcode.LOOKUP, ROOT, b"root")
    refused(speaker, caplog, "Scribe.lookup", Opcode.LOOKUP, ROOT, b"root")


NO_DATA = [None, "text", 5, [b"list"], (b"a", "b"), (None,), object()]


@pytest.mark.parametrize("answer", [*NO_DATA, b"12345", (b"123", b"45"), memoryview(bytes(8))[::1]])
def test_data_is_bytes_and_no_more_than_was_asked_for(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    refused(Conversation(read=answer), caplog, "Scribe.read", Opcode.READ, FILE, size=4)


@pytest.mark.parametrize("answer", [None, 5, ["a"], "x" * 4096])
def test_a_target_is_text_no_longer_than_a_path(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    refused(Conversation(readlink=answer), caplog, "Scribe.readlink", Opcode.READLINK, FILE)


@pytest.mark.parametrize("answer", [-1, 4, "3", 3.0, b"abc"])
def test_no_more_is_stored_than_came(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    refused(Conversation(write=answer), caplog, "Scribe.write", Opcode.WRITE, FILE, data=b"abc")


@pytest.mark.parametrize("answer", [None, 1, -1, "5", 1 << 63])
def test_data_is_found_where_it_was_looked_for_or_later(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    refused(
        Conversation(seek=answer), caplog, "Scribe.seek", Opcode.LSEEK, FILE, offset=2, whence=os.SEEK_DATA
    )


@pytest.mark.parametrize("opcode", [Opcode.COPY_FILE_RANGE, Opcode.COPY_FILE_RANGE_64])
@pytest.mark.parametrize("answer", [None, -1, 11, "10"])
def test_no_more_is_copied_than_was_asked_for(
    opcode: Opcode, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    speaker = Conversation(copy_file_range=answer)
    refused(speaker, caplog, "Scribe.copy_file_range", opcode, FILE, nodeid_out=FILE, len=10)


@pytest.mark.parametrize("answer", [None, -1, 1 << 32, "in"])
def test_poll_answers_bits(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    refused(Conversation(poll=answer), caplog, "Scribe.poll", Opcode.POLL, FILE)


@pytest.mark.parametrize("answer", [None, -1, 1 << 31, "out", bytes(17), object()])
def test_ioctl_answers_a_number_or_no_more_than_fits(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    refused(Conversation(ioctl=answer), caplog, "Scribe.ioctl", Opcode.IOCTL, FILE, out_size=16)


@pytest.mark.parametrize("answer", [None, -1, 1 << 64, "block"])
def test_bmap_answers_a_block(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    refused(Conversation(bmap=answer), caplog, "Scribe.bmap", Opcode.BMAP, FILE)


@pytest.mark.parametrize(
    "answer", [True, (1, 2), Lock(1, -1, 5), Lock(1, 6, 5), Lock(1, 0, 1 << 63), Lock(-1, 0, 1)]
)
def test_the_lock_in_the_way_is_a_lock(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    refused(Conversation(advlock=answer), caplog, "Scribe.advlock", Opcode.GETLK, FILE)


@pytest.mark.parametrize("answer", [None, {}, StatVfs(frsize=0), StatVfs(blocks=-1), StatVfs(namemax=1.5)])  # type: ignore[arg-type]
def test_figures_are_figures(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    refused(Conversation(statvfs=answer), caplog, "Scribe.statvfs", Opcode.STATFS)


@pytest.mark.parametrize("size", [0, 100])
@pytest.mark.parametrize("answer", [None, "text", 5, ["x"]])
def test_an_attributes_value_is_bytes(size: int, answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    refused(
        Conversation(getextattr=answer),
        caplog,
        "Scribe.getextattr",
        Opcode.GETXATTR,
        FILE,
        b"user.x",
        size=size,
    )


@pytest.mark.parametrize("answer", [None, 5, "user.x", [b"user.x"], [None], [""], ["a\0b"]])
def test_attributes_names_are_names(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    refused(Conversation(listextattr=answer), caplog, "Scribe.listextattr", Opcode.LISTXATTR, FILE, size=100)


def test_a_wrong_answer_is_shown_but_not_at_any_length(caplog: pytest.LogCaptureFixture) -> None:
    line = refused(Conversation(read="x" * 10**6), caplog, "Scribe.read", Opcode.READ, FILE, size=4)
    assert len(line) < 400


@pytest.mark.parametrize("answer", [None, 0, -1, "255"])
def test_a_limit_that_is_none_is_told_when_mounting(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    speaker = Speaker(Scribe(pathconf=answer))
    assert speaker.init.error == errno.EIO
    assert "Scribe.pathconf answered" in caplog.text
    assert not speaker.session.ready
