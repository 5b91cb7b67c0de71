"""Attributes in bytes: a node's own, its extended ones, and the file system's figures."""

from __future__ import annotations

import errno
import math
import os
import stat
import time
from typing import Any

import pytest

from puffpy.errors import FsError
from puffpy.options import MountOptions
from puffpy.types import Node, SetAttr, StatVfs, Vattr
from puffpy.wire import Opcode, encode_rdev
from puffpy.wire.flags import GetattrFlag, InitFlag, SetattrValid, SetxattrFlag
from puffpy.wire.structs import GETXATTR_OUT
from tests.dispatch.samples import FILE, Conversation
from tests.dispatch.speaker import EVERYTHING, GID, PID, ROOT, UID, Scribe, Speaker

NANO = 10**9
EVERY_FIELD = Vattr(
    stat.S_IFCHR | 0o640,
    nlink=3,
    uid=7,
    gid=8,
    size=1025,
    atime_ns=-1,
    mtime_ns=2 * NANO + 5,
    ctime_ns=3 * NANO,
    btime_ns=4 * NANO + 9,
    ino=77,
    rdev=os.makedev(300, 70000),
    blksize=512,
)


def fh_of(speaker: Conversation) -> int:
    return speaker.handles[FILE]


def test_getattr_tells_every_field_and_times_before_1970() -> None:
    fields = Speaker(Scribe(getattr=EVERY_FIELD)).ask(Opcode.GETATTR).fields
    assert fields == {
        "attr_valid": 1,
        "attr_valid_nsec": 0,
        "ino": 77,
        "size": 1025,
        "blocks": 3,
        "atime": -1,
        "mtime": 2,
        "ctime": 3,
        "atimensec": NANO - 1,
        "mtimensec": 5,
        "ctimensec": 0,
        "mode": stat.S_IFCHR | 0o640,
        "nlink": 3,
        "uid": 7,
        "gid": 8,
        "rdev": encode_rdev(os.makedev(300, 70000)),
        "blksize": 512,
        "flags": 0,
    }


def test_statx_tells_the_time_of_birth_and_the_device_apart() -> None:
    fields = Speaker(Scribe(getattr=EVERY_FIELD)).ask(Opcode.STATX).fields
    assert (fields["btime"], fields["btimensec"], fields["atime"], fields["atimensec"]) == (
        4,
        9,
        -1,
        NANO - 1,
    )
    assert (fields["mtime"], fields["mtimensec"], fields["ctime"]) == (2, 5, 3)
    assert (fields["rdev_major"], fields["rdev_minor"]) == (300, 70000)
    assert (fields["ino"], fields["size"], fields["blocks"], fields["blksize"]) == (77, 1025, 3, 512)
    assert (fields["mode"], fields["nlink"], fields["uid"], fields["gid"]) == (stat.S_IFCHR | 0o640, 3, 7, 8)
    assert fields["mask"] == 0xFFF
    assert fields["attr_valid"] == 1


def test_a_node_without_a_time_of_birth_shows_its_change_time() -> None:
    fields = Speaker(Scribe(getattr=Vattr(stat.S_IFDIR, ctime_ns=5 * NANO))).ask(Opcode.STATX).fields
    assert fields["btime"] == 5


@pytest.mark.parametrize("opcode", [Opcode.GETATTR, Opcode.STATX])
def test_getattr_gets_the_caller_and_the_handle_only_where_the_kernel_names_one(opcode: Opcode) -> None:
    speaker = Conversation("getattr", "open")
    speaker.ask(opcode, FILE, getattr_flags=int(GetattrFlag.FH), fh=fh_of(speaker))
    vp, call = speaker.scribe.last("getattr")
    assert (vp, call.handle) == (speaker.scribe.names["f"], "handle")
    assert (call.uid, call.gid, call.pid) == (UID, GID, PID)
    speaker.ask(opcode, FILE, fh=12345)
    assert speaker.scribe.last("getattr")[1].handle is None
    assert speaker.refused(opcode, FILE, getattr_flags=1, fh=12345) == errno.EBADF
    assert speaker.refused(opcode, 99) == errno.ESTALE


@pytest.mark.parametrize("opcode", [Opcode.GETATTR, Opcode.STATX])
def test_attributes_live_as_long_as_they_say_or_as_the_mount_does(opcode: Opcode) -> None:
    root = Node.directory()
    speaker = Speaker(Scribe(getattr=lambda vp, call: root.vattr), options=MountOptions(attr_timeout=2.5))

    def ttl() -> tuple[int, int]:
        fields = speaker.ask(opcode).fields
        return fields["attr_valid"], fields["attr_valid_nsec"]

    assert ttl() == (2, NANO // 2)
    root.vattr.ttl = 0
    assert ttl() == (0, 0)
    root.vattr.ttl = math.inf
    assert ttl() == (1 << 32, 0)


def change_of(valid: SetattrValid, **fields: Any) -> SetAttr:
    speaker = Conversation("setattr")
    assert not speaker.ask(Opcode.SETATTR, FILE, valid=int(valid), **fields).error
    vp, change, call = speaker.scribe.last("setattr")
    assert vp is speaker.scribe.names["f"]
    assert (call.uid, call.gid, call.pid, call.handle) == (UID, GID, PID, None)
    assert isinstance(change, SetAttr)
    return change


def test_setattr_names_only_the_fields_that_count() -> None:
    v = SetattrValid
    every = {"mode": 0o100600, "uid": 1, "gid": 2, "size": 3, "atime": 4, "mtime": 5, "mtimensec": 6}
    change = change_of(SetattrValid(0), **every)
    assert (change.mode, change.uid, change.gid, change.size) == (None, None, None, None)
    assert (change.atime_ns, change.mtime_ns, change.atime_now, change.mtime_now) == (
        None,
        None,
        False,
        False,
    )
    assert not change.kill_suidgid
    change = change_of(v.MODE | v.UID | v.GID | v.SIZE | v.ATIME | v.MTIME, **every)
    assert (change.mode, change.uid, change.gid, change.size) == (0o100600, 1, 2, 3)
    assert (change.atime_ns, change.mtime_ns) == (4 * NANO, 5 * NANO + 6)
    assert change_of(v.SIZE | v.KILL_SUIDGID).kill_suidgid


def test_setattr_tells_now_from_a_time_that_was_named() -> None:
    v = SetattrValid
    before = time.time_ns()
    change = change_of(v.ATIME | v.ATIME_NOW | v.MTIME | v.MTIME_NOW, atime=1, mtime=1)
    assert (change.atime_now, change.mtime_now) == (True, True)
    assert before <= change.atime_ns == change.mtime_ns == change.ctime_ns <= time.time_ns()  # type: ignore[operator]
    assert change_of(v.CTIME, ctime=9, ctimensec=8).ctime_ns == 9 * NANO + 8


def test_setattr_answers_the_attributes_or_has_getattr_asked_and_knows_the_open_file() -> None:
    speaker = Conversation("open", setattr=lambda vp, change, call: vp.vattr.apply(change))
    reply = speaker.ask(
        Opcode.SETATTR, FILE, valid=int(SetattrValid.MODE | SetattrValid.FH), mode=0o600, fh=fh_of(speaker)
    )
    assert reply.fields["mode"] == stat.S_IFREG | 0o600
    assert speaker.scribe.last("setattr")[2].handle == "handle"
    speaker = Conversation(setattr=Vattr(stat.S_IFREG, size=99))
    assert speaker.ask(Opcode.SETATTR, FILE).fields["size"] == 99


def test_access_gets_the_mask() -> None:
    speaker = Conversation("access")
    assert not speaker.ask(Opcode.ACCESS, FILE, mask=os.R_OK | os.X_OK).error
    vp, mode, call = speaker.scribe.last("access")
    assert (vp, mode, call.uid) == (speaker.scribe.names["f"], os.R_OK | os.X_OK, UID)
    assert Conversation(access=PermissionError()).refused(Opcode.ACCESS, FILE) == errno.EACCES


def test_statvfs_tells_every_figure_and_zeros_by_default() -> None:
    figures = StatVfs(bsize=1, frsize=2, blocks=3, bfree=4, bavail=5, files=6, ffree=7, namemax=8)
    speaker = Conversation(statvfs=figures)
    fields = speaker.ask(Opcode.STATFS, FILE).fields
    assert fields == {
        "bsize": 1, "frsize": 2, "blocks": 3, "bfree": 4, "bavail": 5, "files": 6, "ffree": 7, "namelen": 8
    }  # fmt: skip
    assert speaker.scribe.last("statvfs")[0] is speaker.scribe.names["f"]
    fields = Conversation().ask(Opcode.STATFS).fields
    assert (fields["namelen"], fields["frsize"], fields["blocks"]) == (255, 4096, 0)


def test_an_extended_attribute_is_measured_then_told() -> None:
    speaker = Conversation(getextattr=b"value")
    probe = speaker.ask(Opcode.GETXATTR, FILE, b"user.\xff", probe=True, size=0)
    assert probe.fields == dict.fromkeys(GETXATTR_OUT.fields, 5)
    vp, name, call = speaker.scribe.last("getextattr")
    assert (vp, os.fsencode(name), call.uid) == (speaker.scribe.names["f"], b"user.\xff", UID)
    assert speaker.ask(Opcode.GETXATTR, FILE, b"user.x", size=5).data == b"value"
    assert speaker.refused(Opcode.GETXATTR, FILE, b"user.x", size=4) == errno.ERANGE
    assert Conversation(getextattr=b"").ask(Opcode.GETXATTR, FILE, b"user.x", size=9).data == b""


def test_attribute_names_are_measured_then_told() -> None:
    speaker = Conversation(listextattr=lambda vp, call: iter(["user.a", "user.\udcff"]))
    raw = b"user.a\0user.\xff\0"
    assert speaker.ask(Opcode.LISTXATTR, FILE, probe=True, size=0).fields["size"] == len(raw)
    assert speaker.ask(Opcode.LISTXATTR, FILE, size=100).data == raw
    assert speaker.refused(Opcode.LISTXATTR, FILE, size=len(raw) - 1) == errno.ERANGE
    assert Conversation(listextattr=()).ask(Opcode.LISTXATTR, FILE, probe=True, size=0).fields["size"] == 0


@pytest.mark.parametrize(
    "offered", [EVERYTHING, EVERYTHING & ~InitFlag.SETXATTR_EXT], ids=["16 bytes", "8 bytes"]
)
@pytest.mark.parametrize("value", [b"", b"v", b"with\0nul"])
def test_an_extended_attribute_is_set_in_both_forms_of_the_request(offered: int, value: bytes) -> None:
    scribe = Scribe(setextattr=None)
    speaker = Speaker(scribe, offered=offered)
    more = {"setxattr_flags": int(SetxattrFlag.ACL_KILL_SGID)} if offered == EVERYTHING else {}
    assert not speaker.ask(Opcode.SETXATTR, ROOT, b"user.a", data=value, flags=2, **more).error  # type: ignore[arg-type]
    vp, name, stored, flags, call = scribe.last("setextattr")
    assert (vp, name, stored, flags, call.uid) == (scribe.root, "user.a", value, 2, UID)
    assert type(stored) is bytes


def test_a_setxattr_that_nobody_wants_is_enosys_however_short() -> None:
    """Without ``setextattr`` the longer form is not agreed on, and the shorter one may be very short."""
    speaker = Speaker(Scribe())
    assert not speaker.flags & InitFlag.SETXATTR_EXT
    assert speaker.refused(Opcode.SETXATTR, ROOT, b"a") == errno.ENOSYS


def test_names_and_values_have_the_limits_that_linux_gives_them() -> None:
    speaker = Conversation("setextattr", "getextattr", "deleteextattr")
    assert speaker.refused(Opcode.GETXATTR, FILE, b"n" * 256, size=1) == errno.ERANGE
    assert speaker.refused(Opcode.SETXATTR, FILE, b"n", data=bytes(65537)) == errno.E2BIG
    assert speaker.refused(Opcode.REMOVEXATTR, FILE, b"") == errno.EINVAL
    assert speaker.scribe.calls() == []
    assert not speaker.ask(Opcode.SETXATTR, FILE, b"n" * 255, data=bytes(65536)).error


def test_an_extended_attribute_is_removed() -> None:
    speaker = Conversation("deleteextattr")
    assert not speaker.ask(Opcode.REMOVEXATTR, FILE, b"user.x").error
    vp, name, call = speaker.scribe.last("deleteextattr")
    assert (vp, name, call.uid) == (speaker.scribe.names["f"], "user.x", UID)
    missing = Conversation(deleteextattr=FsError(errno.ENODATA))
    assert missing.refused(Opcode.REMOVEXATTR, FILE, b"user.x") == errno.ENODATA
