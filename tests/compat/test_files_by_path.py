"""Attributes, open files, answers and errors, from a program's by path."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Iterable
from typing import Any

import pytest

from puffpy.compat.fusepy import FuseOSError, Operations, fuse_config, fuse_file_info, vector
from puffpy.userkernel import UserKernel
from tests.compat.by_path import DIRECTORY, FILE, Flat, content, kernel_over, refused, write
from tests.compat.memory import Memory


def test_a_negative_number_is_an_errno() -> None:
    class Returning(Flat):
        def chmod(self, path: str, mode: int) -> int:
            return -errno.EDOM

    with kernel_over(Returning()) as kernel, refused(errno.EDOM):
        kernel.chmod("/file", 0o600)


def test_a_bug_is_einval_and_a_traceback_and_the_mount_lives(caplog: pytest.LogCaptureFixture) -> None:
    class Buggy(Flat):
        def readlink(self, path: str) -> str:
            raise KeyError(path)

        def read(self, path: str, size: int, offset: int, fh: Any) -> bytes:
            return bytes(size + 1)

        def getxattr(self, path: str, name: str, position: int = 0) -> bytes:
            raise OSError("no errno")

        def listxattr(self, path: str) -> Iterable[str]:
            raise FileNotFoundError

    with kernel_over(Buggy()) as kernel:
        for bug, number in (
            (lambda: content(kernel, "/file"), errno.EINVAL),
            (lambda: kernel.getxattr("/file", "user.x"), errno.EINVAL),
            (lambda: kernel.listxattr("/file"), errno.ENOENT),
        ):
            with refused(number):
                bug()
        assert kernel.stat("/file").st_size == 4
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "read failed; the caller gets EINVAL",
        "getxattr raised an OSError without an errno; the caller gets EINVAL",
    ]


@pytest.mark.parametrize("end", [SystemExit(3), KeyboardInterrupt()])
def test_what_is_no_exception_ends_the_mount_and_is_kept(
    end: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    class Ending(Flat):
        def read(self, path: str, size: int, offset: int, fh: Any) -> bytes:
            raise end

    made = vector(Ending())
    ended: list[bool] = []
    made.program.end = lambda: ended.append(True)
    with UserKernel.over(made) as kernel, refused(errno.EFAULT):
        content(kernel, "/file")
    assert made.program.fatal is end
    assert ended == [True]
    assert caplog.records[0].levelno == logging.CRITICAL


def test_enosys_is_a_yes_where_the_kernel_would_take_it_for_one() -> None:
    def refuse(*_: Any) -> Any:
        raise FuseOSError(errno.ENOSYS)

    class Modest(Memory):
        access = flush = fsync = fsyncdir = refuse  # type: ignore[assignment]

        def open(self, path: str, flags: int) -> int:
            raise FuseOSError(errno.ENOSYS)

        def release(self, path: str, fh: int) -> None:
            self.said.append(f"release {fh}")

    memory = Modest()
    with kernel_over(memory) as kernel:
        fd = kernel.open("/file", os.O_RDWR | os.O_CREAT)
        kernel.fsync(fd)
        kernel.close(fd)
        assert kernel.access("/file", os.R_OK)
        kernel.close(kernel.open("/file", os.O_RDONLY))
        directory = kernel.open("/", os.O_RDONLY | os.O_DIRECTORY)
        kernel.fsync(directory)
        kernel.close(directory)
    assert memory.said == ["init", "release 0", "release 0", "destroy"]


def test_a_file_that_has_become_a_directory_is_another_node() -> None:
    class Turning(Flat):
        kind = FILE

        def getattr(self, path: str, fh: Any = None) -> dict[str, Any]:
            return DIRECTORY if path == "/" else self.kind

    program = Turning()
    with kernel_over(program) as kernel:
        before = kernel.stat("/x")
        program.kind = DIRECTORY
        kernel.drop_caches()
        after = kernel.stat("/x")
    assert stat.S_ISREG(before.st_mode)
    assert stat.S_ISDIR(after.st_mode)
    assert before.st_ino != after.st_ino


def test_times_are_seconds_unless_the_program_says_nanoseconds() -> None:
    class Seconds(Memory):
        use_ns = False

        def utimens(self, path: str, times: Any = None) -> None:
            self.times = times

        def getattr(self, path: str, fh: Any = None) -> dict[str, Any]:
            return {**super().getattr(path, fh), "st_atime": 1.5, "st_mtime": 2, "st_ctime": 3.25}

    memory = Seconds()
    with kernel_over(memory) as kernel:
        write(kernel, "/file")
        found = kernel.stat("/file")
        assert (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns) == (
            1500000000,
            2000000000,
            3250000000,
        )
        kernel.utime("/file", ns=(4250000000, 5000000000))
        assert memory.times == (4.25, 5.0)


def test_a_time_that_is_left_alone_stays_what_it_is() -> None:
    with kernel_over(Memory()) as kernel:
        write(kernel, "/file")
        kernel.utime("/file", ns=(10, 20))
        kernel.utime("/file", ns=(30, 40))
        assert (kernel.stat("/file").st_atime_ns, kernel.stat("/file").st_mtime_ns) == (30, 40)


def test_an_id_that_is_left_alone_is_minus_one() -> None:
    class Recording(Memory):
        def chown(self, path: str, uid: int, gid: int) -> None:
            self.ids = (uid, gid)

    memory = Recording()
    with kernel_over(memory) as kernel:
        write(kernel, "/file")
        kernel.chown("/file", -1, 5)
        assert memory.ids == (-1, 5)


def test_the_mounts_settings_show_another_owner_and_other_permissions() -> None:
    config = fuse_config(set_uid=1, uid=11, set_gid=1, gid=12, set_mode=1, umask=0o027)
    with kernel_over(Flat(), config=config) as kernel:
        found = kernel.stat("/file")
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (11, 12, 0o750)


def test_figures_are_those_of_statfs() -> None:
    class Figures(Flat):
        def statfs(self, path: str) -> dict[str, int]:
            return {"f_bsize": 512, "f_blocks": 7, "f_unknown": 1}

    with kernel_over(Figures()) as kernel:
        found = kernel.statvfs("/")
    assert (found.f_bsize, found.f_frsize, found.f_blocks) == (512, 512, 7)


def test_handles_are_numbers_of_64_bits() -> None:
    class Negative(Memory):
        def open(self, path: str, flags: int) -> int:
            return -1

        def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
            return str(fh).encode()[offset : offset + size]

        def release(self, path: str, fh: int) -> None:
            pass

    with kernel_over(Negative()) as kernel:
        write(kernel, "/file", bytes(30))
        assert content(kernel, "/file")[:20] == b"18446744073709551615"


def test_raw_fi_shows_open_files_whole() -> None:
    class Raw(Memory):
        def create(self, path: str, mode: int, fi: Any = None) -> Any:
            fi.fh = super().create(path, mode)

        def open(self, path: str, fi: Any) -> Any:
            assert isinstance(fi, fuse_file_info)
            fi.fh = super().open(path, fi.flags)
            fi.direct_io = 1
            self.said.append(str(fi.flags & os.O_ACCMODE))

        def read(self, path: str, size: int, offset: int, fh: Any) -> bytes:
            return f"{fh.fh} {fh.flags & os.O_ACCMODE}".encode()

        def release(self, path: str, fh: Any) -> None:
            super().release(path, fh.fh)

    memory = Raw()
    with kernel_over(memory, raw_fi=True) as kernel:
        write(kernel, "/file", b"12345")
        fd = kernel.open("/file", os.O_RDONLY)
        assert kernel.read(fd, 100) == b"0 0"
        kernel.close(fd)
    assert memory.opened == {}
    assert memory.said == ["init", "0", "destroy"]


def test_a_regular_file_of_mknod_leaves_no_open_file_behind() -> None:
    memory = Memory()
    with kernel_over(memory) as kernel:
        kernel.mknod("/file", stat.S_IFREG | 0o600)
        assert kernel.stat("/file").st_size == 0
    assert memory.opened == {}


def test_a_program_without_create_makes_files_with_mknod() -> None:
    class Older(Memory):
        create = Operations.create

        def mknod(self, path: str, mode: int, dev: int) -> None:
            self.release(path, Memory.create(self, path, mode))

    with kernel_over(Older()) as kernel:
        write(kernel, "/file", b"made")
        assert content(kernel, "/file") == b"made"


def test_create_gets_flags_if_it_takes_them_and_truncate_the_handle() -> None:
    class Short(Memory):
        def create(self, path: str, mode: int) -> int:  # type: ignore[override]
            self.said.append(oct(mode))
            return super().create(path, mode)

        def truncate(self, path: str, length: int) -> None:  # type: ignore[override]
            super().truncate(path, length)

    class Long(Memory):
        def create(self, path: str, mode: int, fi: Any = None) -> int:
            self.said.append(str(fi == os.O_CREAT | os.O_RDWR))
            return super().create(path, mode)

        def truncate(self, path: str, length: int, fh: Any = None) -> None:
            self.said.append(f"truncate {fh}")
            super().truncate(path, length)

    for memory, said in ((Short(), ["0o100600"]), (Long(), ["True", "truncate 0", "truncate None"])):
        with kernel_over(memory) as kernel:
            fd = kernel.open("/file", os.O_RDWR | os.O_CREAT, 0o600)
            kernel.ftruncate(fd, 10)
            kernel.close(fd)
            kernel.truncate("/file", 3)
            assert kernel.stat("/file").st_size == 3
        assert memory.said == ["init", *said, "destroy"]
