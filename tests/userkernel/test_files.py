"""Opening, creating and closing; and what the server is told about it."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from puffpy.userkernel import UserKernel
from puffpy.wire import Opcode, Reply, Request
from puffpy.wire.flags import InitFlag, OpenOut
from tests.userkernel.stand_in import entry, stand_in

NEW = 77

CREATED = entry(NEW, mode=stat.S_IFREG | 0o644)


def put(kernel: UserKernel, path: str, data: bytes = b"") -> None:
    fd = kernel.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
    kernel.write(fd, data)
    kernel.close(fd)


def test_descriptors_are_the_lowest_free_numbers(kernel: UserKernel) -> None:
    put(kernel, "/f")
    first, second, third = (kernel.open("/f", os.O_RDONLY) for _ in range(3))
    assert (first, second, third) == (3, 4, 5)
    kernel.close(first)
    kernel.close(second)
    assert kernel.open("/f", os.O_RDONLY) == first
    assert kernel.open("/f", os.O_RDONLY) == second
    with pytest.raises(OSError, match="Bad file"):
        kernel.close(9)


REFUSED: list[tuple[str, int, int]] = [
    ("/nothing", os.O_RDONLY, errno.ENOENT),
    ("/f", os.O_CREAT | os.O_EXCL | os.O_WRONLY, errno.EEXIST),
    ("/link", os.O_CREAT | os.O_EXCL | os.O_WRONLY, errno.EEXIST),
    ("/dangling", os.O_CREAT | os.O_EXCL | os.O_WRONLY, errno.EEXIST),
    ("/link", os.O_RDONLY | os.O_NOFOLLOW, errno.ELOOP),
    ("/f", os.O_RDONLY | os.O_DIRECTORY, errno.ENOTDIR),
    ("/f/", os.O_RDONLY, errno.ENOTDIR),
    ("/d", os.O_WRONLY, errno.EISDIR),
    ("/d", os.O_RDWR, errno.EISDIR),
    ("/d", os.O_CREAT | os.O_RDONLY, errno.EISDIR),
    ("/d", os.O_RDONLY | os.O_TRUNC, errno.EISDIR),
    ("/new/", os.O_CREAT | os.O_WRONLY, errno.EISDIR),
    ("/d", os.O_CREAT | os.O_DIRECTORY, errno.EINVAL),
    ("/d", os.O_TMPFILE | os.O_RDONLY, errno.EINVAL),
    ("/f", os.O_TMPFILE | os.O_RDWR, errno.ENOTDIR),
    ("/fifo", os.O_RDONLY, errno.ENXIO),
    ("/" + "x" * 256, os.O_CREAT | os.O_WRONLY, errno.ENAMETOOLONG),
]


@pytest.mark.parametrize(("path", "flags", "code"), REFUSED)
def test_these_cannot_be_opened(kernel: UserKernel, path: str, flags: int, code: int) -> None:
    put(kernel, "/f", b"text")
    kernel.mkdir("/d")
    kernel.symlink("f", "/link")
    kernel.symlink("missing", "/dangling")
    kernel.mkfifo("/fifo")
    with pytest.raises(OSError, match=".") as caught:
        kernel.open(path, flags)
    assert caught.value.errno == code
    assert kernel.stat("/f").st_size == 4


def test_creating_through_a_dangling_link_makes_what_it_names(kernel: UserKernel) -> None:
    kernel.mkdir("/d")
    kernel.symlink("d/target", "/dangling")
    put(kernel, "/dangling", b"data")
    assert kernel.stat("/d/target").st_size == 4


def test_o_trunc_empties_and_o_append_goes_to_the_end(kernel: UserKernel) -> None:
    put(kernel, "/f", b"0123456789")
    fd = kernel.open("/f", os.O_WRONLY | os.O_APPEND)
    other = kernel.open("/f", os.O_WRONLY)
    kernel.write(fd, b"ab")
    kernel.pwrite(other, b"X", 20)
    kernel.write(fd, b"c")
    assert kernel.lseek(fd, 0, os.SEEK_CUR) == 22
    assert kernel.stat("/f").st_size == 22
    kernel.close(kernel.open("/f", os.O_WRONLY | os.O_TRUNC))
    assert kernel.stat("/f").st_size == 0


def test_what_is_unlinked_lives_while_it_is_open(kernel: UserKernel) -> None:
    fd = kernel.open("/f", os.O_CREAT | os.O_RDWR)
    kernel.write(fd, b"still here")
    kernel.unlink("/f")
    assert kernel.fstat(fd).st_nlink == 0
    assert kernel.pread(fd, 100, 0) == b"still here"
    lookups = len(kernel.balance().lookups)
    kernel.close(fd)
    kernel.settle()
    assert len(kernel.balance().lookups) == lookups - 1


def test_a_nameless_file_can_be_given_a_name(kernel: UserKernel) -> None:
    kernel.mkdir("/d")
    fd = kernel.open("/d", os.O_TMPFILE | os.O_RDWR, 0o600)
    kernel.write(fd, b"nameless")
    assert kernel.fstat(fd).st_nlink == 0
    assert kernel.listdir("/d") == []


def test_two_directories_cannot_be_confused_by_their_flags(kernel: UserKernel) -> None:
    kernel.mkdir("/d")
    fd = kernel.open("/d", os.O_RDONLY)
    with pytest.raises(IsADirectoryError):
        kernel.read(fd, 1)
    with pytest.raises(OSError, match="Bad file"):
        kernel.write(fd, b"x")
    kernel.fsync(fd)


def test_create_goes_out_after_a_lookup_and_opens_at_once() -> None:
    kernel, server = stand_in(
        {Opcode.CREATE: lambda request: Reply(request.unique, fields=CREATED | {"fh": 5, "open_flags": 0})}
    )
    kernel.umask(0o027)
    fd = kernel.open("/new", os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o666)
    (create,) = server.seen(Opcode.CREATE)
    assert create.names == (b"new",)
    assert create.fields["mode"] == stat.S_IFREG | 0o640
    assert create.fields["umask"] == 0o027
    assert create.fields["flags"] == os.O_CREAT | os.O_EXCL | os.O_RDWR | 0o100000
    assert not server.seen(Opcode.OPEN)
    kernel.close(fd)
    (release,) = server.seen(Opcode.RELEASE)
    assert release.fields["fh"] == 5
    assert kernel.balance().lookups == {NEW: 1}
    kernel.unmount()


def test_without_create_it_is_mknod_and_open() -> None:
    kernel, server = stand_in(
        {Opcode.MKNOD: lambda request: Reply(request.unique, fields=CREATED)},
    )
    for name in ("/one", "/two"):
        kernel.close(kernel.open(name, os.O_CREAT | os.O_RDWR, 0o600))
    assert len(server.seen(Opcode.CREATE)) == 1
    mknod = server.seen(Opcode.MKNOD)[0]
    assert mknod.fields["mode"] == stat.S_IFREG | 0o600
    assert len(server.seen(Opcode.OPEN)) == 2
    kernel.unmount()


def test_with_dont_mask_the_server_applies_the_umask() -> None:
    kernel, server = stand_in(
        {Opcode.CREATE: lambda request: Reply(request.unique, fields=CREATED)},
        init={"flags": InitFlag.DONT_MASK},
    )
    kernel.close(kernel.open("/new", os.O_CREAT | os.O_RDWR, 0o666))
    (create,) = server.seen(Opcode.CREATE)
    assert (create.fields["mode"], create.fields["umask"]) == (stat.S_IFREG | 0o666, 0o022)
    kernel.unmount()


def test_who_comes_second_opens_what_the_first_has_made() -> None:
    found = [errno.ENOENT, 0]

    def lookup(request: Request) -> Reply:
        unique = request.unique
        error = found.pop(0)
        return Reply(unique, error=error) if error else Reply(unique, fields=CREATED)

    kernel, server = stand_in({Opcode.LOOKUP: lookup, Opcode.CREATE: errno.EEXIST})
    kernel.close(kernel.open("/new", os.O_CREAT | os.O_RDWR))
    assert len(server.seen(Opcode.OPEN)) == 1
    kernel.unmount()


def test_open_is_not_told_how_the_file_came_to_be() -> None:
    kernel, server = stand_in()
    flags = os.O_RDWR | os.O_CREAT | os.O_NOCTTY | os.O_CLOEXEC | os.O_APPEND | os.O_TRUNC
    kernel.close(kernel.open("/file", flags))
    (asked,) = server.seen(Opcode.OPEN)
    assert asked.fields["flags"] == os.O_RDWR | os.O_APPEND | 0o100000
    (setattr_,) = server.seen(Opcode.SETATTR)
    assert setattr_.fields["size"] == 0
    kernel.unmount()


def test_with_atomic_o_trunc_open_truncates() -> None:
    kernel, server = stand_in(init={"flags": InitFlag.ATOMIC_O_TRUNC | InitFlag.HANDLE_KILLPRIV_V2})
    with kernel.as_user(1000, 1000):
        kernel.close(kernel.open("/file", os.O_RDWR | os.O_TRUNC))
    (asked,) = server.seen(Opcode.OPEN)
    assert asked.fields["flags"] & os.O_TRUNC
    assert asked.fields["open_flags"] == 1, "a caller without privileges has set-uid cleared"
    assert not server.seen(Opcode.SETATTR)
    kernel.unmount()


def test_no_flush_where_the_server_wants_none() -> None:
    kernel, server = stand_in(
        {Opcode.OPEN: lambda request: Reply(request.unique, fields={"fh": 1, "open_flags": OpenOut.NOFLUSH})}
    )
    kernel.close(kernel.open("/file", os.O_RDWR))
    assert not server.seen(Opcode.FLUSH)
    assert server.seen(Opcode.RELEASE)
    kernel.unmount()


def test_close_tells_what_was_lost_and_closes_all_the_same() -> None:
    kernel, server = stand_in({Opcode.FLUSH: errno.ENOSPC})
    fd = kernel.open("/file", os.O_RDWR)
    with pytest.raises(OSError, match="space"):
        kernel.close(fd)
    assert server.seen(Opcode.RELEASE)
    assert kernel.balance().handles == 0
    kernel.unmount()


def test_unmounting_closes_what_is_open_and_gives_everything_back() -> None:
    kernel, server = stand_in()
    kernel.open("/file", os.O_RDWR)
    kernel.open("/directory", os.O_RDONLY)
    kernel.unmount()
    assert len(server.seen(Opcode.RELEASE, Opcode.RELEASEDIR)) == 2
    assert server.seen(Opcode.BATCH_FORGET)
    assert kernel.balance().zero
    assert server.closed
    kernel.unmount()
