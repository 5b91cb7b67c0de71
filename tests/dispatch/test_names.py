"""Names in bytes: looked up, remembered as absent, made, moved and taken away."""

from __future__ import annotations

import errno
import math
import os
import stat
import time
from typing import Any

import pytest

from puffpy.errors import Absent, FsError
from puffpy.options import MountOptions
from puffpy.types import Call, ComponentName, Entry, Node, OpenFile, Vattr
from puffpy.wire import Opcode, encode_rdev
from puffpy.wire.flags import OpenIn, OpenOut
from tests.dispatch.samples import FILE, Conversation
from tests.dispatch.speaker import GID, PID, ROOT, UID, Scribe, Speaker, Tree


def seen(call: Call) -> tuple[int, int, int]:
    """Who a call says is asking."""
    return call.uid, call.gid, call.pid


def made(va: Vattr) -> tuple[int, int, int, int, int]:
    """What new attributes say, but for their times, which must be of now and all the same."""
    assert va.atime_ns == va.mtime_ns == va.ctime_ns == va.btime_ns
    assert 0 <= time.time_ns() - va.mtime_ns < 60 * 10**9
    return va.mode, va.nlink, va.uid, va.gid, va.size


def test_lookup_gets_the_directory_the_name_and_who_asks() -> None:
    node = Node.file()
    scribe = Scribe(lookup=node)
    speaker = Speaker(scribe)
    fields = speaker.ask(Opcode.LOOKUP, ROOT, b"name").fields
    dvp, cn, call = scribe.last("lookup")
    assert (dvp, cn, seen(call)) == (scribe.root, ComponentName("name"), (UID, GID, PID))
    assert call.unique == speaker.unique
    assert (fields["nodeid"], fields["mode"], fields["ino"]) == (2, stat.S_IFREG | 0o644, 2)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"caf\xc3\xa9", b"a b\n", b"..x", b"x" * 255])
def test_any_bytes_survive_as_a_name(raw: bytes) -> None:
    scribe = Scribe(lookup=FileNotFoundError())
    speaker = Speaker(scribe)
    assert speaker.refused(Opcode.LOOKUP, ROOT, raw) == errno.ENOENT
    cn = scribe.last("lookup")[1]
    assert (cn.raw, os.fsencode(cn.name)) == (raw, raw)


def test_a_component_longer_than_pathconf_says_is_refused_before_the_file_system_sees_it() -> None:
    scribe = Scribe(lookup=FileNotFoundError())
    speaker = Speaker(scribe)
    assert speaker.refused(Opcode.LOOKUP, ROOT, b"x" * 256) == errno.ENAMETOOLONG
    assert scribe.calls() == []
    short = Scribe(lookup=FileNotFoundError(), pathconf=8, mkdir=FsError(errno.ENOSPC))
    speaker = Speaker(short)
    assert short.last("pathconf")[:2] == (short.root, "PC_NAME_MAX")
    assert speaker.refused(Opcode.MKDIR, ROOT, b"x" * 9) == errno.ENAMETOOLONG
    assert speaker.refused(Opcode.MKDIR, ROOT, b"x" * 8) == errno.ENOSPC


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"/"])
def test_what_is_not_one_component_is_refused(name: bytes, caplog: pytest.LogCaptureFixture) -> None:
    speaker = Conversation("mkdir")
    assert speaker.refused(Opcode.LOOKUP, ROOT, name) == errno.EINVAL
    assert speaker.refused(Opcode.MKDIR, ROOT, name) == errno.EINVAL
    assert speaker.scribe.calls() == []
    assert "is not one component" in caplog.text


def test_the_mounts_timeouts_go_with_an_entry_unless_it_says_otherwise() -> None:
    node, brief = Node.file(), Node.file()
    brief.vattr.ttl = 0.25
    options = MountOptions(entry_timeout=1.5, attr_timeout=2.0)
    speaker = Speaker(Tree(a=node, b=Entry(brief, ttl=math.inf), c=Entry(node)), options=options)

    def times(name: bytes) -> tuple[int, int, int, int]:
        f = speaker.ask(Opcode.LOOKUP, ROOT, name).fields
        return f["entry_valid"], f["entry_valid_nsec"], f["attr_valid"], f["attr_valid_nsec"]

    assert times(b"a") == times(b"c") == (1, 500_000_000, 2, 0)
    assert times(b"b") == (1 << 32, 0, 0, 250_000_000)
    assert speaker.counts() == {2: (2, 0), 3: (1, 0)}


@pytest.mark.parametrize(
    "absent", [FileNotFoundError(), FsError(errno.ENOENT), OSError(errno.ENOENT, "no such thing")]
)
def test_an_absent_name_is_remembered_for_the_negative_timeout(absent: OSError) -> None:
    assert Speaker(Scribe(lookup=absent)).refused(Opcode.LOOKUP, ROOT, b"x") == errno.ENOENT
    speaker = Speaker(Scribe(lookup=absent), options=MountOptions(negative_timeout=2.5))
    reply = speaker.ask(Opcode.LOOKUP, ROOT, b"x")
    assert not reply.error
    nonzero = {name: value for name, value in reply.fields.items() if value}
    assert nonzero == {"entry_valid": 2, "entry_valid_nsec": 500_000_000}
    assert speaker.counts() == {}


def test_absent_says_for_how_long_and_zero_is_not_at_all() -> None:
    speaker = Speaker(Scribe(lookup=Absent(7)))
    assert speaker.ask(Opcode.LOOKUP, ROOT, b"x").fields["entry_valid"] == 7
    speaker = Speaker(Scribe(lookup=Absent(0)), options=MountOptions(negative_timeout=9))
    assert speaker.refused(Opcode.LOOKUP, ROOT, b"x") == errno.ENOENT


def test_another_refusal_is_never_remembered_as_absence() -> None:
    speaker = Speaker(Scribe(lookup=PermissionError()), options=MountOptions(negative_timeout=9))
    assert speaker.refused(Opcode.LOOKUP, ROOT, b"x") == errno.EACCES


@pytest.mark.parametrize(
    ("opcode", "op", "fields", "expected"),
    [
        (Opcode.MKDIR, "mkdir", {"mode": 0o1755}, (stat.S_IFDIR | 0o1755, 2, UID, GID, 0)),
        (Opcode.MKNOD, "mknod", {"mode": stat.S_IFIFO | 0o620}, (stat.S_IFIFO | 0o620, 1, UID, GID, 0)),
        (Opcode.MKNOD, "create", {"mode": stat.S_IFREG | 0o604}, (stat.S_IFREG | 0o604, 1, UID, GID, 0)),
        (Opcode.CREATE, "create", {"mode": 0o4711}, (stat.S_IFREG | 0o4711, 1, UID, GID, 0)),
        (Opcode.TMPFILE, "tmpfile", {"mode": 0o600}, (stat.S_IFREG | 0o600, 0, UID, GID, 0)),
    ],
)
def test_what_is_made_belongs_to_the_caller_and_is_of_now(
    opcode: Opcode, op: str, fields: dict[str, Any], expected: tuple[int, ...]
) -> None:
    speaker = Conversation(op)
    reply = speaker.ask(opcode, ROOT, b"new", **fields)
    args = speaker.scribe.last(op)
    assert args[0] is speaker.scribe.root
    if op != "tmpfile":
        assert args[1] == ComponentName("new")
    assert made(args[-2]) == expected
    assert seen(args[-1]) == (UID, GID, PID)
    assert reply.fields["mode"] == expected[0]
    assert speaker.counts()[reply.fields["nodeid"]][0] == 1


def test_a_device_comes_with_its_number_as_python_writes_it() -> None:
    rdev = os.makedev(0x123, 0x45678)
    speaker = Conversation("mknod")
    reply = speaker.ask(Opcode.MKNOD, ROOT, b"new", mode=stat.S_IFBLK | 0o600, rdev=encode_rdev(rdev))
    assert speaker.scribe.last("mknod")[2].rdev == rdev
    assert reply.fields["rdev"] == encode_rdev(rdev)


def test_a_regular_file_made_by_mknod_is_refused_where_only_mknod_is_written() -> None:
    assert Conversation("mknod").refused(Opcode.MKNOD, ROOT, b"new", mode=stat.S_IFREG) == errno.EOPNOTSUPP


def handing_over(dvp: Any, cn: Any, va: Vattr, call: Any) -> Entry:
    """Make a file, open."""
    return Entry(Node(va), opened=OpenFile("mine"))


def test_a_file_made_by_mknod_is_closed_if_it_was_made_open() -> None:
    """The kernel has no open file then, and never sends RELEASE."""
    closed: list[Any] = []
    speaker = Speaker(Scribe(create=handing_over, close=lambda vp, flags, call: closed.append(call.handle)))
    assert not speaker.ask(Opcode.MKNOD, ROOT, b"new", mode=stat.S_IFREG | 0o600).error
    assert closed == ["mine"]
    assert list(speaker.session.handles) == [0]


@pytest.mark.parametrize("opcode", [Opcode.CREATE, Opcode.TMPFILE])
def test_a_file_that_was_made_open_and_cannot_be_named_is_closed(opcode: Opcode) -> None:
    closed: list[Any] = []

    def close(vp: Any, flags: int, call: Call) -> None:
        closed.append(call.handle)
        raise PermissionError

    scribe = Scribe(
        create=handing_over,
        tmpfile=lambda dvp, va, call: handing_over(dvp, None, va, call),
        close=close,
        write=0,
        getattr=FsError(errno.ESTALE),
    )
    speaker = Speaker(scribe)
    assert speaker.refused(opcode, ROOT, b"new", flags=os.O_RDWR, mode=0o600) == errno.ESTALE
    assert closed == ["mine"]
    assert speaker.counts() == {}


def test_a_symbolic_link_comes_with_its_target_and_the_targets_length() -> None:
    speaker = Conversation("symlink")
    speaker.ask(Opcode.SYMLINK, ROOT, b"new", b"../\xff/there")
    dvp, cn, va, target, call = speaker.scribe.last("symlink")
    assert (dvp, cn.name, os.fsencode(target)) == (speaker.scribe.root, "new", b"../\xff/there")
    assert made(va) == (stat.S_IFLNK | 0o777, 1, UID, GID, 10)
    assert seen(call) == (UID, GID, PID)


def test_readlink_answers_bytes_of_any_kind_and_no_more_than_a_path() -> None:
    for target, raw in (("a/\udcff", b"a/\xff"), (b"bytes", b"bytes")):
        assert Conversation(readlink=target).ask(Opcode.READLINK, FILE).data == raw
    assert Conversation(readlink="x" * 4095).ask(Opcode.READLINK, FILE).data == b"x" * 4095
    assert Conversation(readlink="x" * 4096).refused(Opcode.READLINK, FILE) == errno.EIO


def test_link_gets_the_directory_first_and_answers_the_same_node_once_more() -> None:
    speaker = Conversation("link")
    reply = speaker.ask(Opcode.LINK, ROOT, b"other", oldnodeid=FILE)
    dvp, vp, cn, call = speaker.scribe.last("link")
    assert (dvp, vp, cn.name) == (speaker.scribe.root, speaker.scribe.names["f"], "other")
    assert seen(call) == (UID, GID, PID)
    assert reply.fields["nodeid"] == FILE
    assert speaker.counts()[FILE] == (2, 1)


def test_rename_gets_both_ends_and_the_flags() -> None:
    speaker = Conversation("rename")
    root, directory = speaker.scribe.root, speaker.scribe.names["d"]
    assert not speaker.ask(Opcode.RENAME, ROOT, b"f", b"g", newdir=3).error
    assert speaker.scribe.last("rename")[:5] == (root, ComponentName("f"), directory, ComponentName("g"), 0)
    assert not speaker.ask(Opcode.RENAME2, 3, b"f", b"g", newdir=ROOT, flags=2).error
    assert speaker.scribe.last("rename")[:5] == (directory, ComponentName("f"), root, ComponentName("g"), 2)
    assert seen(speaker.scribe.last("rename")[5]) == (UID, GID, PID)


@pytest.mark.parametrize(("opcode", "op"), [(Opcode.UNLINK, "remove"), (Opcode.RMDIR, "rmdir")])
def test_a_name_is_taken_away(opcode: Opcode, op: str) -> None:
    speaker = Conversation(op)
    assert not speaker.ask(opcode, ROOT, b"f").error
    dvp, cn, call = speaker.scribe.last(op)
    assert (dvp, cn.name, seen(call)) == (speaker.scribe.root, "f", (UID, GID, PID))


def test_a_parent_that_is_not_alive_is_stale() -> None:
    speaker = Conversation("mkdir", "rename", "link")
    assert speaker.refused(Opcode.LOOKUP, 99, b"x") == errno.ESTALE
    assert speaker.refused(Opcode.MKDIR, 99, b"x") == errno.ESTALE
    assert speaker.refused(Opcode.RENAME, ROOT, b"x", b"y", newdir=99) == errno.ESTALE
    assert speaker.refused(Opcode.LINK, ROOT, b"x", oldnodeid=99) == errno.ESTALE
    assert speaker.scribe.calls() == []


def create(speaker: Speaker, flags: int, name: bytes = b"new", **more: Any) -> Any:
    return speaker.ask(Opcode.CREATE, ROOT, name, flags=flags | os.O_CREAT, mode=0o644, **more)


def test_create_makes_opens_and_counts_both() -> None:
    speaker = Conversation("create", "open", "write", "setattr")
    reply = create(speaker, os.O_RDWR | os.O_TRUNC)
    assert speaker.scribe.last("open")[1] & (os.O_RDWR | os.O_CREAT) == os.O_RDWR | os.O_CREAT
    assert speaker.scribe.calls() == ["create", "open"]  # there is nothing to cut in a new file
    assert speaker.counts()[reply.fields["nodeid"]] == (1, 1)
    speaker.release(reply.fields["nodeid"], reply.fields["fh"])
    speaker.forget(reply.fields["nodeid"])
    assert reply.fields["nodeid"] not in speaker.counts()


def test_create_may_answer_the_open_file_itself() -> None:
    answer = lambda dvp, cn, va, call: Entry(Node(va), opened=OpenFile("mine", direct_io=True))  # noqa: E731
    speaker = Conversation("open", "close", "write", create=answer)
    reply = create(speaker, os.O_RDWR)
    assert speaker.scribe.calls() == ["create"]
    assert reply.fields["open_flags"] & OpenOut.DIRECT_IO
    speaker.release(reply.fields["nodeid"], reply.fields["fh"])
    assert speaker.scribe.last("close")[2].handle == "mine"


@pytest.mark.parametrize("taken", [FileExistsError(), FsError(errno.EEXIST), OSError(errno.EEXIST, "taken")])
def test_create_of_a_name_somebody_made_meanwhile_opens_it(taken: OSError) -> None:
    speaker = Conversation("open", "write", create=taken)
    reply = create(speaker, os.O_RDWR, b"f")
    assert not reply.error
    assert reply.fields["nodeid"] == FILE
    assert speaker.counts()[FILE] == (2, 2)
    assert create(speaker, os.O_RDWR | os.O_EXCL, b"f").error == errno.EEXIST
    assert speaker.counts()[FILE] == (2, 2)


def test_create_of_a_name_that_is_gone_again_is_told_so() -> None:
    assert create(Conversation("write", create=FileExistsError()), os.O_RDWR, b"gone").error == errno.ENOENT


def test_create_that_cuts_an_existing_file_tells_the_size_it_then_has() -> None:
    def cut(vp: Any, change: Any, call: Any) -> None:
        vp.vattr.size = change.size

    speaker = Conversation("open", "write", create=FileExistsError(), setattr=cut)
    reply = create(speaker, os.O_WRONLY | os.O_TRUNC, b"f", open_flags=int(OpenIn.KILL_SUIDGID))
    change = speaker.scribe.last("setattr")[1]
    assert (change.size, change.kill_suidgid) == (0, True)
    assert speaker.scribe.last("setattr")[2].handle == "handle"
    assert (reply.fields["size"], reply.fields["blocks"]) == (0, 0)


def test_create_for_writing_is_refused_before_anything_is_made_where_nothing_can_be_written() -> None:
    speaker = Conversation("create", "open")
    before = speaker.counts()
    assert create(speaker, os.O_WRONLY).error == errno.EROFS
    assert speaker.scribe.calls() == []
    assert create(speaker, os.O_RDONLY).error == 0
    assert len(speaker.counts()) == len(before) + 1


def test_create_whose_open_is_refused_counts_nothing() -> None:
    def picky(vp: Any, flags: int, call: Any) -> None:
        if flags & os.O_CREAT:
            raise PermissionError

    speaker = Conversation("create", "write", "reclaim", open=picky)
    before = speaker.counts()
    assert create(speaker, os.O_RDWR).error == errno.EACCES
    assert speaker.counts() == before
    assert speaker.scribe.calls() == ["create", "open", "reclaim"]


def test_tmpfile_makes_an_open_file_without_a_name_and_has_nothing_to_cut() -> None:
    speaker = Conversation("tmpfile", "write", "open", "setattr")
    reply = speaker.ask(Opcode.TMPFILE, ROOT, b"/", flags=os.O_RDWR | os.O_TRUNC, mode=0o600)
    assert (reply.error, reply.fields["nlink"]) == (0, 0)
    assert speaker.scribe.calls() == ["tmpfile", "open"]
    assert speaker.counts()[reply.fields["nodeid"]] == (1, 1)
