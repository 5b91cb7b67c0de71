"""Attributes shown and changed, as requests say it and as a file system does it."""

from __future__ import annotations

import errno
import os
import stat
import time

import pytest

from puffpy.userkernel import UserKernel
from puffpy.wire import Opcode, Reply
from puffpy.wire.flags import InitFlag, SetattrValid
from tests.userkernel.stand_in import FILE, attributes, fields, stand_in


@pytest.fixture(autouse=True)
def file(kernel: UserKernel) -> None:
    kernel.close(kernel.open("/f", os.O_CREAT | os.O_WRONLY, 0o644))


def test_stat_is_what_os_stat_returns() -> None:
    told = {"atime": -1, "atimensec": 5, "mtime": 2, "mtimensec": 7, "ctime": 3, "blksize": 512, "blocks": 9}
    kernel, _ = stand_in(
        {
            Opcode.GETATTR: lambda request: Reply(request.unique, fields=attributes(1, **told)),
        }
    )
    shown = kernel.stat("/")
    assert isinstance(shown, os.stat_result)
    assert (shown.st_atime_ns, shown.st_mtime_ns, shown.st_ctime_ns) == (
        -(10**9) + 5,
        2 * 10**9 + 7,
        3 * 10**9,
    )
    assert (shown.st_blksize, shown.st_blocks, shown.st_dev) == (512, 9, os.makedev(0, 70))
    assert shown.st_mtime == pytest.approx(2.000000007)
    kernel.unmount()


def test_chmod_changes_the_mode_and_nothing_else(kernel: UserKernel) -> None:
    kernel.chmod("/f", 0o4711)
    assert kernel.stat("/f").st_mode == stat.S_IFREG | 0o4711
    fd = kernel.open("/f", os.O_RDONLY)
    kernel.fchmod(fd, 0o600)
    assert kernel.fstat(fd).st_mode == stat.S_IFREG | 0o600
    kernel.symlink("f", "/link")
    with pytest.raises(OSError, match="not supported"):
        kernel.chmod("/link", 0, follow_symlinks=False)


def test_chown_leaves_what_is_minus_one(kernel: UserKernel) -> None:
    kernel.chown("/f", 5, -1)
    assert (kernel.stat("/f").st_uid, kernel.stat("/f").st_gid) == (5, os.getegid())
    kernel.symlink("f", "/link")
    kernel.lchown("/link", 7, 7)
    assert kernel.stat("/link").st_uid == 5
    assert kernel.lstat("/link").st_uid == 7
    kernel.fchown(kernel.open("/f", os.O_RDONLY), -1, 9)
    assert kernel.stat("/f").st_gid == 9


def test_chown_clears_set_uid(kernel: UserKernel) -> None:
    kernel.chmod("/f", 0o6755)
    kernel.chown("/f", 5, 5)
    assert kernel.stat("/f").st_mode & 0o7777 == 0o755


def test_utime_sets_nanoseconds_and_now(kernel: UserKernel) -> None:
    kernel.utime("/f", ns=(-5, 10**18 + 1))
    assert (kernel.stat("/f").st_atime_ns, kernel.stat("/f").st_mtime_ns) == (-5, 10**18 + 1)
    kernel.utime("/f", (1.5, 2.5))
    assert kernel.stat("/f").st_mtime == 2.5
    before = time.time_ns() - 10**8
    kernel.utime("/f")
    assert kernel.stat("/f").st_mtime_ns >= before
    with pytest.raises(ValueError, match="not both"):
        kernel.utime("/f", (1, 1), ns=(1, 1))


def test_access_asks_nobody_with_default_permissions(kernel: UserKernel) -> None:
    assert kernel.access("/f", os.F_OK)
    assert kernel.access("/f", os.R_OK | os.W_OK)
    assert not kernel.access("/f", os.X_OK), "root cannot run what nobody can"
    assert not kernel.access("/missing", os.F_OK)


def test_the_bits_of_setattr() -> None:
    kernel, server = stand_in(init={"flags": InitFlag.HANDLE_KILLPRIV_V2})
    kernel.chmod("/file", 0o600)
    kernel.chown("/file", 5, -1)
    kernel.chown("/file", -1, -1)
    kernel.utime("/file")
    kernel.utime("/file", ns=(1, 2))
    V = SetattrValid  # noqa: N806  short, for the table
    assert [request.fields["valid"] for request in server.seen(Opcode.SETATTR)] == [
        V.MODE,
        V.UID | V.KILL_SUIDGID,
        0,
        V.ATIME | V.MTIME | V.ATIME_NOW | V.MTIME_NOW,
        V.ATIME | V.MTIME,
    ]
    kernel.unmount()


def test_statvfs_shows_the_figures() -> None:
    kernel, server = stand_in(
        {Opcode.STATFS: fields(blocks=100, bfree=50, bavail=40, bsize=4096, frsize=512, namelen=255)}
    )
    shown = kernel.statvfs("/file")
    assert (shown.f_blocks, shown.f_bavail, shown.f_frsize, shown.f_namemax) == (100, 40, 512, 255)
    assert server.seen(Opcode.STATFS)[0].nodeid == FILE
    kernel.unmount()


@pytest.mark.parametrize("answer", [{"mode": 0}, {"mode": 0o100644, "size": 2**63}])
def test_attributes_that_cannot_be_are_eio(answer: dict[str, int]) -> None:
    kernel, _ = stand_in({Opcode.GETATTR: lambda request: Reply(request.unique, fields=answer)})
    with pytest.raises(OSError, match="no file has these") as caught:
        kernel.stat("/")
    assert caught.value.errno == errno.EIO
    kernel.unmount()


def test_reading_and_changing_make_stat_ask_again() -> None:
    kernel, server = stand_in({Opcode.UNLINK: lambda request: Reply(request.unique)})
    fd = kernel.open("/file", os.O_RDWR)
    for change in (
        lambda: kernel.read(fd, 1),
        lambda: kernel.write(fd, b"x"),
        lambda: kernel.unlink("/file"),
    ):
        kernel.fstat(fd)
        server.seen(Opcode.GETATTR)
        kernel.fstat(fd)
        assert not server.seen(Opcode.GETATTR)
        change()
        kernel.fstat(fd)
        assert len(server.seen(Opcode.GETATTR)) == 1
    kernel.unmount()
