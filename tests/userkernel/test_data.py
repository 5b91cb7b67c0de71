"""Reading and writing: cut to size, put together, at the right place."""

from __future__ import annotations

import errno
import os
import random

import pytest

from puffpy.userkernel import Mount, UserKernel
from puffpy.wire import Opcode, Reply, Request
from puffpy.wire.flags import FallocateFlag, InitFlag, OpenOut, SetattrValid, WriteFlag
from tests.userkernel.stand_in import attributes, fields, stand_in

GIB = 1 << 30


@pytest.fixture
def fd(kernel: UserKernel) -> int:
    return kernel.open("/f", os.O_CREAT | os.O_RDWR)


def test_what_was_written_is_read_back_whole(kernel: UserKernel, fd: int) -> None:
    data = random.Random(1).randbytes(3 * kernel.terms.max_write + 17)
    assert kernel.write(fd, data) == len(data)
    assert kernel.pread(fd, len(data) + 5, 0) == data
    kernel.lseek(fd, 10)
    assert kernel.read(fd, 5) == data[10:15]
    assert kernel.read(fd, 5) == data[15:20]


def test_writes_are_cut_to_max_write_and_max_pages() -> None:
    kernel, server = stand_in()
    fd = kernel.open("/file", os.O_RDWR)
    assert kernel.pwrite(fd, bytes(20000), 100) == 20000
    assert [(w.fields["offset"], w.fields["size"]) for w in server.seen(Opcode.WRITE)] == [
        (100, 8192),
        (8292, 8192),
        (16484, 3616),
    ]
    kernel.unmount()


def test_without_big_writes_each_is_one_page() -> None:
    kernel, server = stand_in(init={"flags": 0})
    fd = kernel.open("/file", os.O_RDWR)
    kernel.write(fd, bytes(10000))
    assert [w.fields["size"] for w in server.seen(Opcode.WRITE)] == [4096, 4096, 1808]
    kernel.unmount()


def test_reads_are_cut_to_max_pages_and_to_max_read() -> None:
    kernel, server = stand_in()
    fd = kernel.open("/file", os.O_RDWR)
    assert len(kernel.pread(fd, 40000, 1)) == 40000
    assert [(r.fields["offset"], r.fields["size"]) for r in server.seen(Opcode.READ)] == [
        (1, 16384),
        (16385, 16384),
        (32769, 7232),
    ]
    kernel.unmount()
    kernel, server = stand_in(mount=Mount(max_read=5000))
    fd = kernel.open("/file", os.O_RDWR)
    kernel.read(fd, 6000)
    assert [r.fields["size"] for r in server.seen(Opcode.READ)] == [5000, 1000]
    kernel.unmount()


def test_a_short_read_is_the_end() -> None:
    kernel, server = stand_in({Opcode.READ: lambda request: Reply(request.unique, data=b"only")})
    fd = kernel.open("/file", os.O_RDWR)
    assert kernel.read(fd, 100000) == b"only"
    assert len(server.seen(Opcode.READ)) == 1
    assert kernel.lseek(fd, 0, os.SEEK_CUR) == 4
    kernel.unmount()


def test_a_short_write_ends_there() -> None:
    kernel, server = stand_in({Opcode.WRITE: lambda request: Reply(request.unique, fields={"size": 5})})
    fd = kernel.open("/file", os.O_RDWR)
    assert kernel.write(fd, bytes(20000)) == 5
    assert kernel.lseek(fd, 0, os.SEEK_CUR) == 5
    assert len(server.seen(Opcode.WRITE)) == 1
    kernel.unmount()


def test_an_error_half_way_leaves_what_was_done() -> None:
    def write(request: Request) -> Reply:
        at, unique = request.fields["offset"], request.unique
        return Reply(unique, error=errno.ENOSPC) if at else Reply(unique, fields={"size": 8192})

    kernel, _ = stand_in({Opcode.WRITE: write})
    fd = kernel.open("/file", os.O_RDWR)
    assert kernel.write(fd, bytes(20000)) == 8192
    with pytest.raises(OSError, match="space"):
        kernel.write(fd, b"x")
    kernel.unmount()


def test_more_than_was_asked_for_is_eio() -> None:
    kernel, _ = stand_in(
        {
            Opcode.READ: lambda request: Reply(request.unique, data=bytes(100)),
            Opcode.WRITE: lambda request: Reply(request.unique, fields={"size": 100}),
        }
    )
    fd = kernel.open("/file", os.O_RDWR)
    with pytest.raises(OSError, match="Input/output"):
        kernel.read(fd, 10)
    with pytest.raises(OSError, match="Input/output"):
        kernel.write(fd, b"ten bytes!")
    kernel.unmount()


def test_offsets_past_four_gibibytes(kernel: UserKernel, fd: int) -> None:
    kernel.pwrite(fd, b"far", 5 * GIB)
    assert kernel.fstat(fd).st_size == 5 * GIB + 3
    assert kernel.pread(fd, 5, 5 * GIB - 2) == b"\0\0far"
    assert kernel.lseek(fd, -3, os.SEEK_END) == 5 * GIB
    assert kernel.read(fd, 10) == b"far"


def test_data_and_holes_are_found(kernel: UserKernel, fd: int) -> None:
    kernel.pwrite(fd, bytes(4096), 0)
    kernel.pwrite(fd, b"x", 1 << 20)
    assert kernel.lseek(fd, 0, os.SEEK_DATA) == 0
    assert 4096 <= kernel.lseek(fd, 0, os.SEEK_HOLE) < 1 << 20
    with pytest.raises(OSError, match="No such device") as caught:
        kernel.lseek(fd, 2 << 20, os.SEEK_DATA)
    assert caught.value.errno == errno.ENXIO
    with pytest.raises(OSError, match="Invalid"):
        kernel.lseek(fd, -1)
    with pytest.raises(OSError, match="Invalid"):
        kernel.lseek(fd, 0, 9)


def test_truncate_cuts_and_extends(kernel: UserKernel, fd: int) -> None:
    kernel.write(fd, b"0123456789")
    kernel.ftruncate(fd, 4)
    assert kernel.pread(fd, 100, 0) == b"0123"
    kernel.truncate("/f", 6)
    assert kernel.pread(fd, 100, 0) == b"0123\0\0"
    kernel.mkdir("/d")
    for path, length, code in (("/d", 0, errno.EISDIR), ("/f", -1, errno.EINVAL)):
        with pytest.raises(OSError, match=".") as caught:
            kernel.truncate(path, length)
        assert caught.value.errno == code
    reader = kernel.open("/f", os.O_RDONLY)
    with pytest.raises(OSError, match="Invalid"):
        kernel.ftruncate(reader, 0)


def test_ftruncate_says_through_which_file() -> None:
    kernel, server = stand_in()
    kernel.ftruncate(kernel.open("/file", os.O_RDWR), 3)
    kernel.truncate("/file", 4)
    by_file, by_path = server.seen(Opcode.SETATTR)
    size = SetattrValid.SIZE | SetattrValid.LOCKOWNER
    assert (by_file.fields["valid"], by_file.fields["fh"]) == (size | SetattrValid.FH, 7)
    assert (by_path.fields["valid"], by_path.fields["fh"]) == (size, 0)
    kernel.unmount()


def test_wrong_directions_are_refused(kernel: UserKernel) -> None:
    writer = kernel.open("/f", os.O_CREAT | os.O_WRONLY)
    reader = kernel.open("/f", os.O_RDONLY)
    for attempt in (lambda: kernel.read(writer, 1), lambda: kernel.write(reader, b"x")):
        with pytest.raises(OSError, match="Bad file"):
            attempt()
    with pytest.raises(OSError, match="Invalid"):
        kernel.pread(reader, 1, -1)


def test_a_stream_has_no_position() -> None:
    kernel, server = stand_in({Opcode.OPEN: fields(fh=1, open_flags=OpenOut.STREAM | OpenOut.NONSEEKABLE)})
    fd = kernel.open("/file", os.O_RDWR)
    kernel.read(fd, 5)
    kernel.read(fd, 5)
    assert [r.fields["offset"] for r in server.seen(Opcode.READ)] == [0, 0]
    for attempt in (lambda: kernel.lseek(fd, 0), lambda: kernel.pread(fd, 1, 0)):
        with pytest.raises(OSError, match="seek"):
            attempt()
    kernel.unmount()


def test_scattered_buffers_are_filled_and_gathered(kernel: UserKernel, fd: int) -> None:
    assert kernel.writev(fd, [b"abc", bytearray(b"defg")]) == 7
    kernel.lseek(fd, 0)
    buffers = [bytearray(2), bytearray(10)]
    assert kernel.readv(fd, buffers) == 7
    assert buffers == [b"ab", b"cdefg\0\0\0\0\0"]


def test_o_sync_sends_fsync_after_each_write() -> None:
    kernel, server = stand_in({Opcode.FSYNC: lambda request: Reply(request.unique)})
    for flags, expected in ((os.O_SYNC, 0), (os.O_DSYNC, 1)):
        fd = kernel.open("/file", os.O_WRONLY | flags)
        kernel.write(fd, b"x")
        (fsync,) = server.seen(Opcode.FSYNC)
        assert fsync.fields["fsync_flags"] == expected
    kernel.fdatasync(kernel.open("/file", os.O_RDONLY))
    assert server.seen(Opcode.FSYNC)[0].fields["fsync_flags"] == 1
    kernel.unmount()


@pytest.mark.parametrize(
    ("agreed", "write_flag", "chmods"),
    [
        (InitFlag.HANDLE_KILLPRIV_V2, WriteFlag.KILL_SUIDGID, 0),
        (InitFlag.HANDLE_KILLPRIV, WriteFlag(0), 0),
        (InitFlag(0), WriteFlag(0), 1),
    ],
)
def test_set_uid_is_cleared_as_was_agreed(agreed: InitFlag, write_flag: WriteFlag, chmods: int) -> None:
    kernel, server = stand_in(init={"flags": agreed | InitFlag.BIG_WRITES})
    suid = attributes(2, mode=0o106777)
    server.set(Opcode.GETATTR, lambda request: Reply(request.unique, fields=suid))
    with kernel.as_user(1000, 1000):
        fd = kernel.open("/file", os.O_WRONLY)
        kernel._descriptors.get(fd).inode.expires = 0.0
        kernel.write(fd, b"x")
    (write,) = server.seen(Opcode.WRITE)
    assert write.fields["write_flags"] == WriteFlag.LOCKOWNER | write_flag
    modes = [s.fields["mode"] for s in server.seen(Opcode.SETATTR)]
    assert modes == [0o100777] * chmods
    kernel.unmount()


def test_fallocate_reserves_punches_and_refuses(kernel: UserKernel, fd: int) -> None:
    kernel.posix_fallocate(fd, 0, 10000)
    assert kernel.fstat(fd).st_size == 10000
    kernel.pwrite(fd, b"x" * 10000, 0)
    kernel.fallocate(fd, FallocateFlag.PUNCH_HOLE | FallocateFlag.KEEP_SIZE, 4096, 4096)
    assert kernel.pread(fd, 3, 4095) == b"x\0\0"
    for mode, offset, length, code in (
        (0, 0, 0, errno.EINVAL),
        (0, -1, 1, errno.EINVAL),
        (FallocateFlag.COLLAPSE_RANGE, 0, 1, errno.EOPNOTSUPP),
        (0, 2**63 - 1, 1, errno.EFBIG),
    ):
        with pytest.raises(OSError, match=".") as caught:
            kernel.fallocate(fd, mode, offset, length)
        assert caught.value.errno == code


def test_ranges_are_copied(kernel: UserKernel, fd: int) -> None:
    kernel.write(fd, b"0123456789")
    other = kernel.open("/g", os.O_CREAT | os.O_RDWR)
    assert kernel.copy_file_range(fd, other, 4, 2, 1) == 4
    assert kernel.pread(other, 100, 0) == b"\x002345"
    kernel.lseek(fd, 5)
    assert kernel.copy_file_range(fd, other, 100) == 5
    assert kernel.lseek(fd, 0, os.SEEK_CUR) == 10
    assert kernel.copy_file_range(fd, other, 100) == 0
    with pytest.raises(OSError, match="Invalid"):
        kernel.copy_file_range(fd, fd, 5, 0, 2)
    appending = kernel.open("/g", os.O_WRONLY | os.O_APPEND)
    with pytest.raises(OSError, match="Bad file"):
        kernel.copy_file_range(fd, appending, 1, 0)


def test_copying_falls_back_from_64_bits_to_32_to_reading_and_writing() -> None:
    kernel, server = stand_in()
    fd = kernel.open("/file", os.O_RDWR)
    for _ in range(2):
        assert kernel.copy_file_range(fd, fd, 10, 0, 100) == 10
    opcodes = [
        request.opcode
        for request in server.requests
        if request.opcode.name.startswith(("COPY", "READ", "WRITE"))
    ]
    assert opcodes == [
        Opcode.COPY_FILE_RANGE_64,
        Opcode.COPY_FILE_RANGE,
        *[Opcode.READ, Opcode.WRITE] * 2,
    ]
    kernel.unmount()


def test_the_size_is_right_before_anybody_asks() -> None:
    kernel, server = stand_in()
    fd = kernel.open("/file", os.O_RDWR | os.O_APPEND)
    kernel.write(fd, b"12345")
    kernel.write(fd, b"6")
    assert [w.fields["offset"] for w in server.seen(Opcode.WRITE)] == [10, 15]
    assert not server.seen(Opcode.GETATTR), "the kernel knows where it has written"
    kernel.unmount()
