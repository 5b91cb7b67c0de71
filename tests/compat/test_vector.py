"""A program by path is a file system: whole, and in what it leaves out."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import logging
import os
import struct
from typing import Any

import pytest

from puffpy.compat.fusepy import (
    FuseOSError,
    LoggingMixIn,
    Operations,
    c_flock_t,
    fuse_config,
    fuse_exit,
    fuse_get_context,
    log_callback,
    overrides,
    vector,
)
from puffpy.testing import PROMISES, Promise, Verdict, check_filesystem
from puffpy.userkernel import UserKernel
from tests.compat.by_path import Flat, content, kernel_over, refused
from tests.compat.memory import Memory


def by_name(each: Promise) -> str:
    return each.name


@pytest.mark.parametrize("each", PROMISES, ids=by_name)
def test_a_file_system_by_path_keeps_every_promise(each: Promise) -> None:
    (result,) = check_filesystem(lambda: vector(Memory(), config=fuse_config(use_ino=1)), only=[each]).results
    assert result.verdict is not Verdict.FAILS, str(result)


def test_most_promises_apply_to_it() -> None:
    report = check_filesystem(lambda: vector(Memory(), config=fuse_config(use_ino=1)), only=PROMISES[::5])
    assert len(report.of(Verdict.HOLDS)) > len(report.results) / 2


def test_a_read_only_program_is_a_read_only_file_system() -> None:
    with kernel_over(Flat()) as kernel:
        assert kernel.listdir("/") == ["file"]
        assert content(kernel, "/file") == b"file"
        for change in (
            lambda: kernel.mkdir("/d"),
            lambda: kernel.unlink("/file"),
            lambda: kernel.rename("/file", "/other"),
            lambda: kernel.chmod("/file", 0o600),
            lambda: kernel.symlink("to", "/link"),
            lambda: kernel.open("/file", os.O_WRONLY),
            lambda: kernel.open("/new", os.O_WRONLY | os.O_CREAT),
        ):
            with refused(errno.EROFS):
                change()
        with refused(errno.EOPNOTSUPP):
            kernel.getxattr("/file", "user.x")


def test_a_class_with_nothing_but_the_methods_is_a_program_too() -> None:
    class Bare:
        getattr = Flat.getattr
        names = ("plain",)
        create = None

        def readdir(self, path: str, fh: int) -> list[str]:
            return ["plain"]

        def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
            return b"plain"[offset : offset + size]

    with kernel_over(Bare()) as kernel:
        assert content(kernel, "/plain") == b"plain"


def test_a_renamed_directory_takes_along_what_is_in_it_and_is_open() -> None:
    with kernel_over(Memory()) as kernel:
        kernel.mkdir("/d")
        kernel.mkdir("/d/e")
        fd = kernel.open("/d/e/file", os.O_RDWR | os.O_CREAT)
        kernel.write(fd, b"one")
        kernel.rename("/d", "/other")
        kernel.write(fd, b"two")
        kernel.close(fd)
        assert content(kernel, "/other/e/file") == b"onetwo"
        assert kernel.stat("/other/e").st_nlink == 2


def test_a_very_deep_path_is_a_path() -> None:
    memory = Memory()
    with kernel_over(memory) as kernel:
        fd = kernel.open("/", os.O_RDONLY)
        for _ in range(1500):
            kernel.mkdir("d", dir_fd=fd)
            below = kernel.open("d", os.O_RDONLY, dir_fd=fd)
            kernel.close(fd)
            fd = below
        kernel.close(fd)
    assert max(map(len, memory.inodes)) == 3000


def test_a_program_is_told_who_asks_and_where_nobody_in_particular_does() -> None:
    class Asking(Memory):
        def init(self, path: str) -> None:
            self.said.append(str(fuse_get_context()))

        def mkdir(self, path: str, mode: int) -> None:
            self.said.append(str(fuse_get_context()[:2]))
            super().mkdir(path, mode)

    memory = Asking()
    memory.inodes["/"]["st_mode"] |= 0o777
    with kernel_over(memory) as kernel, kernel.as_user(1000, 1001):
        kernel.mkdir("/d")
    assert memory.said == ["(0, 0, 0)", "(1000, 1001)", "destroy"]


def test_fuse_exit_ends_the_mount_of_the_operation_it_is_called_in() -> None:
    class Leaving(Flat):
        def read(self, path: str, size: int, offset: int, fh: Any) -> bytes:
            fuse_exit()
            return b"left"[offset : offset + size]

    made, ended = vector(Leaving()), []
    made.program.end = lambda: ended.append(True)
    with UserKernel.over(made) as kernel:
        assert content(kernel, "/file") == b"left"
    assert ended


def test_init_with_config_may_still_change_the_configuration() -> None:
    class Configuring(Flat):
        said: list[Any] = []  # noqa: RUF012

        def init_with_config(self, conn_info: Any, config_3: Any) -> None:
            self.said.append((conn_info.proto_major, config_3.attr_timeout))
            config_3.use_ino = 1
            config_3.attr_timeout = config_3.entry_timeout = 60.0
            config_3.direct_io = 1

        def getattr(self, path: str, fh: Any = None) -> dict[str, Any]:
            return {**super().getattr(path, fh), "st_ino": 99}

    with kernel_over(Configuring()) as kernel:
        assert kernel.stat("/file").st_ino == 99
        assert content(kernel, "/file") == b"file"
    assert Configuring.said == [(7, 1.0)]


def test_an_ioctl_changes_what_it_was_given_by_pointer() -> None:
    class Counting(Flat):
        def ioctl(self, path: str, cmd: int, arg: Any, fh: Any, flags: int, data: Any) -> int:
            number = ctypes.c_uint32.from_address(data)
            number.value += 1
            return 0

    command = (3 << 30) | (4 << 16) | (ord("M") << 8) | 1
    with kernel_over(Counting()) as kernel:
        fd = kernel.open("/file", os.O_RDONLY)
        answer = kernel.ioctl(fd, command, struct.pack("I", 41))
        kernel.close(fd)
    assert answer == struct.pack("I", 42)


def test_a_program_may_keep_locks_itself() -> None:
    class Locking(Memory):
        def lock(self, path: str, fh: int, cmd: int, lock: Any) -> int:
            record = lock.contents
            assert isinstance(record, c_flock_t)
            self.said.append(f"{cmd} {record.l_type} {record.l_start} {record.l_len}")
            if cmd == fcntl.F_GETLK:
                record.l_type = fcntl.F_UNLCK
            return 0

        def flock(self, path: str, fh: int, op: int) -> int:
            self.said.append(f"flock {op}")
            return 0

    memory = Locking()
    with kernel_over(memory) as kernel:
        fd = kernel.open("/file", os.O_RDWR | os.O_CREAT)
        kernel.lockf(fd, fcntl.LOCK_EX, 10, 5)
        kernel.flock(fd, fcntl.LOCK_EX)
        kernel.close(fd)
    assert f"{fcntl.F_SETLK} {fcntl.F_WRLCK} 5 10" in memory.said
    assert f"flock {fcntl.LOCK_EX | fcntl.LOCK_NB}" in memory.said


def test_a_hole_is_asked_for_as_fallocate_has_it() -> None:
    class Reserving(Memory):
        def fallocate(self, path: str, mode: int, offset: int, length: int, fh: Any) -> int:
            self.said.append(f"{path} {mode} {offset} {length}")
            return 0

    memory = Reserving()
    with kernel_over(memory) as kernel:
        fd = kernel.open("/file", os.O_RDWR | os.O_CREAT)
        kernel.fallocate(fd, 0, 0, 100)
        kernel.fallocate(fd, 3, 10, 20)
        kernel.close(fd)
    assert memory.said[1:-1] == ["/file 0 0 100", "/file 3 10 20"]


def test_the_logging_mixin_sees_every_operation(caplog: pytest.LogCaptureFixture) -> None:
    class Logged(LoggingMixIn, Flat):
        pass

    with caplog.at_level(logging.DEBUG, "fuse.log-mixin"), kernel_over(Logged()) as kernel:
        content(kernel, "/file")
    told = [record.getMessage() for record in caplog.records]
    assert "-> getattr /file (None,)" in told
    assert "<- read b'file'" in told


def test_a_decorated_operation_logs_its_refusals(caplog: pytest.LogCaptureFixture) -> None:
    class Decorated(Flat):
        @log_callback
        @overrides(Operations)
        def mkdir(self, path: str, mode: int) -> int:
            raise FuseOSError(errno.EDQUOT)

    with (
        caplog.at_level(logging.DEBUG, "fuse.log-mixin"),
        kernel_over(Decorated()) as kernel,
        refused(errno.EDQUOT),
    ):
        kernel.mkdir("/d", 0o700)
    assert [record.getMessage() for record in caplog.records] == [
        "-> mkdir /d (448,)",
        f"<- mkdir '[Errno {errno.EDQUOT}] {os.strerror(errno.EDQUOT)}'",
    ]


def test_what_overrides_nothing_is_told_at_once() -> None:
    with pytest.raises(AssertionError, match="Operations has no mkdri"):

        @overrides(Operations)
        def mkdri(self: Any, path: str, mode: int) -> int:
            return 0


def test_operations_can_be_called_by_name_as_fusepys_can() -> None:
    assert Flat()("getattr", "/file")["st_size"] == 4
    with refused(errno.EFAULT):
        Flat()("frobnicate", "/file")
