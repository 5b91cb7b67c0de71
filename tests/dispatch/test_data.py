"""Data in bytes: files opened, read, written, shaped and closed."""

from __future__ import annotations

import array
import errno
import os
from typing import Any

import pytest

from puffpy.errors import FsError
from puffpy.options import MountOptions
from puffpy.types import OpenFile
from puffpy.wire import Opcode
from puffpy.wire.flags import FallocateFlag, FsyncFlag, OpenIn, OpenOut, WriteFlag
from tests.dispatch.samples import FILE, Conversation
from tests.dispatch.speaker import GID, PID, UID

EVERY_OP = ("open", "close", "read", "write", "flush", "setattr")


def fh_of(speaker: Conversation) -> int:
    return speaker.handles[FILE]


def test_open_gets_the_flags_and_its_answer_is_every_later_calls_handle() -> None:
    speaker = Conversation(*EVERY_OP, "fsync", open=lambda vp, flags, call: [flags])
    fh = speaker.open(FILE, os.O_RDWR | os.O_APPEND)
    vp, flags, call = speaker.scribe.last("open")
    assert (vp, flags) == (speaker.scribe.names["f"], os.O_RDWR | os.O_APPEND)
    assert (call.uid, call.gid, call.pid, call.handle) == (UID, GID, PID, None)
    handle = [os.O_RDWR | os.O_APPEND]
    for opcode, op, fields in (
        (Opcode.READ, "read", {"size": 9}),
        (Opcode.WRITE, "write", {"data": b"x"}),
        (Opcode.FSYNC, "fsync", {}),
        (Opcode.FLUSH, "flush", {}),
        (Opcode.RELEASE, "close", {}),
    ):
        assert not speaker.ask(opcode, FILE, fh=fh, **fields).error
        assert speaker.scribe.last(op)[-1].handle == handle
    assert speaker.refused(Opcode.READ, FILE, fh=fh, size=9) == errno.EBADF


def test_every_open_has_a_handle_of_its_own() -> None:
    speaker = Conversation("read", open=lambda vp, flags, call: object())
    one, two = speaker.open(FILE), speaker.open(FILE)
    handles = []
    for fh in (one, two):
        speaker.ask(Opcode.READ, FILE, fh=fh, size=9)
        handles.append(speaker.scribe.last("read")[3].handle)
    assert one != two
    assert handles[0] is not handles[1]
    assert speaker.counts()[FILE] == (1, 3)


@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_RDWR])
def test_nothing_is_opened_for_writing_where_write_is_left_out(flags: int) -> None:
    speaker = Conversation("open")
    assert speaker.refused(Opcode.OPEN, FILE, flags=flags) == errno.EROFS
    assert speaker.scribe.calls() == []
    assert speaker.refused(Opcode.WRITE, FILE, fh=fh_of(speaker), data=b"x") == errno.EROFS
    assert Conversation("open", "write").open(FILE, flags)


def test_a_refused_open_leaves_nothing_open() -> None:
    def picky(vp: Any, flags: int, call: Any) -> None:
        if flags:
            raise PermissionError

    speaker = Conversation("write", open=picky)
    before = speaker.counts()
    assert speaker.refused(Opcode.OPEN, FILE, flags=os.O_RDWR) == errno.EACCES
    assert speaker.counts() == before


@pytest.mark.parametrize("open_flags", [0, int(OpenIn.KILL_SUIDGID)])
def test_truncation_comes_through_setattr_after_the_open(open_flags: int) -> None:
    speaker = Conversation(*EVERY_OP)
    assert not speaker.ask(Opcode.OPEN, FILE, flags=os.O_WRONLY | os.O_TRUNC, open_flags=open_flags).error
    vp, change, call = speaker.scribe.last("setattr")
    assert (vp, change.size, call.handle) == (speaker.scribe.names["f"], 0, "handle")
    assert change.kill_suidgid is bool(open_flags)
    assert change.mtime_now
    assert change.mtime_ns == change.ctime_ns
    assert speaker.scribe.heard[0][1][1] == os.O_WRONLY
    assert speaker.scribe.calls() == ["open", "setattr"]


def test_an_open_whose_truncation_fails_is_closed_again() -> None:
    speaker = Conversation("open", "write", "close", setattr=FsError(errno.EFBIG))
    before = speaker.counts()
    assert speaker.refused(Opcode.OPEN, FILE, flags=os.O_RDWR | os.O_TRUNC) == errno.EFBIG
    assert speaker.scribe.last("close")[2].handle == "handle"
    assert speaker.scribe.calls() == ["open", "setattr", "close"]
    assert speaker.counts() == before


def test_truncation_where_setattr_is_left_out_is_refused() -> None:
    assert Conversation("write").refused(Opcode.OPEN, FILE, flags=os.O_RDWR | os.O_TRUNC) == errno.EOPNOTSUPP


def opened_as(answer: Any, *ops: str, **options: Any) -> OpenOut:
    speaker = Conversation(*ops, open=answer, options=MountOptions(**options))
    return OpenOut(speaker.ask(Opcode.OPEN, FILE).fields["open_flags"])


def test_how_a_file_is_cached_is_the_mounts_word_and_the_opens_over_it() -> None:
    assert opened_as(None) == OpenOut.NOFLUSH
    assert opened_as(None, "flush") == opened_as(None, "advlock") == 0
    assert opened_as(None, "flush", kernel_cache=True) == OpenOut.KEEP_CACHE
    assert opened_as(OpenFile(keep_cache=False), "flush", kernel_cache=True) == 0
    assert opened_as(OpenFile(), "flush", direct_io=True, kernel_cache=True) == OpenOut.DIRECT_IO
    assert opened_as(OpenFile(direct_io=False), "flush", direct_io=True) == 0
    assert opened_as(OpenFile(noflush=False)) == 0
    special = OpenFile(direct_io=True, nonseekable=True, stream=True, parallel_direct_writes=True)
    wanted = OpenOut.DIRECT_IO | OpenOut.NONSEEKABLE | OpenOut.STREAM | OpenOut.PARALLEL_DIRECT_WRITES
    assert opened_as(special, "flush") == wanted


def test_a_flush_that_somebody_wants_is_never_waived() -> None:
    assert opened_as(OpenFile(noflush=True), "flush") == 0
    assert opened_as(OpenFile(noflush=True), "advlock") == 0


def test_read_gets_where_and_how_much() -> None:
    speaker = Conversation("open", "read")
    assert speaker.ask(Opcode.READ, FILE, fh=fh_of(speaker), offset=1 << 40, size=1000).data == b"abc"
    vp, offset, size, call = speaker.scribe.last("read")
    assert (vp, offset, size) == (speaker.scribe.names["f"], 1 << 40, 1000)
    assert (call.uid, call.pid, call.handle, call.unique) == (UID, PID, "handle", speaker.unique)


@pytest.mark.parametrize(
    ("answer", "raw"),
    [
        (b"abc", b"abc"),
        (bytearray(b"abc"), b"abc"),
        (memoryview(b"xabcx")[1:4], b"abc"),
        (memoryview(b"a.b.c.")[::2], b"abc"),
        ((b"a", bytearray(b"b"), memoryview(b"c")), b"abc"),
        ((b"a", memoryview(b"b.c.")[::2]), b"abc"),
        (array.array("H", [0x6161]), b"aa"),
        (b"", b""),
        ((), b""),
        ((b"", b""), b""),
    ],
)
def test_data_is_any_buffer_or_a_tuple_of_them(answer: Any, raw: bytes) -> None:
    speaker = Conversation(read=answer)
    assert speaker.ask(Opcode.READ, FILE, fh=fh_of(speaker), size=3).data == raw


def test_data_goes_out_uncopied() -> None:
    storage = bytearray(b"0123456789")
    speaker = Conversation(read=lambda vp, offset, size, call: memoryview(storage)[offset : offset + size])
    message = speaker.request(Opcode.READ, FILE, fh=fh_of(speaker), offset=2, size=4)
    reply = speaker.session.receive(message, len(message))
    assert isinstance(reply, tuple)
    storage[2:6] = b"ABCD"
    assert b"".join(reply).endswith(b"ABCD")


def test_write_sees_the_receive_buffer_itself_and_no_more_than_its_data() -> None:
    seen = []

    def write(vp: Any, offset: int, data: memoryview, call: Any) -> None:
        seen.append((vp, offset, bytes(data), data.obj is speaker.buffer, call.handle, call.uid))
        views.append(data)

    views: list[memoryview] = []
    speaker = Conversation("open", write=write)
    reply = speaker.ask(Opcode.WRITE, FILE, fh=fh_of(speaker), offset=7, data=b"hello")
    assert reply.fields["size"] == 5
    assert seen == [(speaker.scribe.names["f"], 7, b"hello", True, "handle", UID)]
    with pytest.raises(ValueError, match="released"):
        views[0][0]


def test_write_says_how_much_was_stored() -> None:
    for answer, stored in ((None, 3), (0, 0), (2, 2), (3, 3)):
        speaker = Conversation(write=answer)
        assert speaker.ask(Opcode.WRITE, FILE, fh=fh_of(speaker), data=b"abc").fields["size"] == stored


def test_what_the_kernel_writes_back_is_stored_to_the_end_or_refused() -> None:
    """It would not hear that less was stored: only of an error does it tell whoever syncs the file."""
    flags = int(WriteFlag.CACHE)
    parts: list[tuple[int, bytes]] = []

    def write(vp: Any, offset: int, data: memoryview, call: Any) -> int | None:
        parts.append((offset, bytes(data[:2])))
        return None if len(data) == 1 else 2

    speaker = Conversation(write=write)
    reply = speaker.ask(Opcode.WRITE, FILE, fh=fh_of(speaker), offset=10, data=b"hello", write_flags=flags)
    assert (reply.fields["size"], parts) == (5, [(10, b"he"), (12, b"ll"), (14, b"o")])

    full = Conversation(write=lambda vp, offset, data, call: 2 if offset < 4 else 0)
    assert full.refused(Opcode.WRITE, FILE, fh=fh_of(full), data=b"hello", write_flags=flags) == errno.ENOSPC
    lying = Conversation(write=lambda vp, offset, data, call: 2 if not offset else 9)
    assert lying.refused(Opcode.WRITE, FILE, fh=fh_of(lying), data=b"hello", write_flags=flags) == errno.EIO


def test_a_write_that_must_clear_the_bits_goes_through_setattr_first() -> None:
    speaker = Conversation(*EVERY_OP)
    flags = int(WriteFlag.KILL_SUIDGID)
    assert not speaker.ask(Opcode.WRITE, FILE, fh=fh_of(speaker), data=b"x", write_flags=flags).error
    assert speaker.scribe.heard[0][1][1].kill_suidgid
    assert speaker.scribe.calls() == ["setattr", "write"]
    refusing = Conversation("write", setattr=PermissionError())
    assert refusing.refused(Opcode.WRITE, FILE, data=b"x", write_flags=flags) == errno.EACCES
    assert refusing.scribe.calls() == ["setattr"]


def test_a_write_beyond_every_file_is_refused() -> None:
    speaker = Conversation("write")
    assert speaker.refused(Opcode.WRITE, FILE, offset=(1 << 63) - 1, data=b"x") == errno.EINVAL
    assert speaker.scribe.calls() == []
    assert not speaker.ask(Opcode.WRITE, FILE, offset=(1 << 63) - 2, data=b"x").error


def test_close_comes_once_with_the_flags_and_an_error_of_it_ends_the_open_file_too() -> None:
    speaker = Conversation("open", close=FsError(errno.ENOSPC))
    fh = fh_of(speaker)
    assert speaker.refused(Opcode.RELEASE, FILE, fh=fh, flags=os.O_RDWR) == errno.ENOSPC
    vp, flags, call = speaker.scribe.last("close")
    assert (vp, flags, call.handle) == (speaker.scribe.names["f"], os.O_RDWR, "handle")
    assert speaker.refused(Opcode.RELEASE, FILE, fh=fh) == errno.EBADF
    assert speaker.counts()[FILE] == (1, 0)


def test_flush_comes_for_each_descriptor_and_tells_its_error() -> None:
    speaker = Conversation("open", flush=FsError(errno.EDQUOT))
    for _ in range(2):
        assert speaker.refused(Opcode.FLUSH, FILE, fh=fh_of(speaker)) == errno.EDQUOT
    assert speaker.scribe.last("flush")[1].handle == "handle"
    assert speaker.scribe.calls() == ["flush", "flush"]


def test_fsync_tells_data_from_everything_for_files_and_directories() -> None:
    speaker = Conversation("fsync", "readdir")
    for opcode, nodeid in ((Opcode.FSYNC, FILE), (Opcode.FSYNCDIR, 1)):
        for flags in (0, int(FsyncFlag.FDATASYNC)):
            assert not speaker.say(opcode, fsync_flags=flags).error
            vp, dataonly, call = speaker.scribe.last("fsync")
            assert vp is (speaker.scribe.names["f"] if nodeid == FILE else speaker.scribe.root)
            assert dataonly is bool(flags)
            assert call.uid == UID


def test_seek_answers_an_offset() -> None:
    speaker = Conversation(seek=100)
    assert speaker.say(Opcode.LSEEK, offset=100, whence=os.SEEK_HOLE).fields["offset"] == 100
    assert speaker.scribe.last("seek")[:3] == (speaker.scribe.names["f"], 100, os.SEEK_HOLE)
    assert Conversation(seek=FsError(errno.ENXIO)).say(Opcode.LSEEK).error == errno.ENXIO


def test_a_hole_is_fdiscard_and_everything_else_fallocate() -> None:
    speaker = Conversation("fallocate", "fdiscard")
    node = speaker.scribe.names["f"]
    assert not speaker.say(Opcode.FALLOCATE, offset=5, length=6, mode=int(FallocateFlag.ZERO_RANGE)).error
    assert speaker.scribe.last("fallocate")[:4] == (node, 5, 6, FallocateFlag.ZERO_RANGE)
    punch = int(FallocateFlag.PUNCH_HOLE | FallocateFlag.KEEP_SIZE)
    assert not speaker.say(Opcode.FALLOCATE, offset=5, length=6, mode=punch).error
    assert speaker.scribe.last("fdiscard")[:3] == (node, 5, 6)
    assert Conversation("fallocate").say(Opcode.FALLOCATE, mode=punch).error == errno.EOPNOTSUPP
    assert Conversation("fdiscard").say(Opcode.FALLOCATE).error == errno.EOPNOTSUPP


@pytest.mark.parametrize("opcode", [Opcode.COPY_FILE_RANGE, Opcode.COPY_FILE_RANGE_64])
def test_copy_file_range_gets_both_nodes_and_both_handles(opcode: Opcode) -> None:
    speaker = Conversation("copy_file_range", open=lambda vp, flags, call: flags)
    to = speaker.lookup(b"d")
    tofh = speaker.open(to, os.O_APPEND)
    reply = speaker.say(opcode, fh_in=fh_of(speaker), off_in=1, nodeid_out=to, fh_out=tofh, off_out=2, len=30)
    assert set(reply.fields.values()) == {10}
    names = speaker.scribe.names
    *args, call = speaker.scribe.last("copy_file_range")
    assert args == [names["f"], 1, names["d"], 2, 30]
    assert (call.handle, call.tohandle) == (0, os.O_APPEND)
