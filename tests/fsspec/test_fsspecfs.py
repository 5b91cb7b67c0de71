"""fsspec's file systems as ours: what is written, renamed, removed, and by many at once."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import random
import threading
from pathlib import Path
from typing import Any

import pytest

import puffpy
from filesystems.fsspecfs import FsspecFS
from puffpy.testing import PROMISES, Promise, check_filesystem
from puffpy.userkernel import UserKernel
from tests.filesystems.direct import refuses
from tests.fsspec.memory import OWN_MEMORY, MakeKernel, read, write

GIB = puffpy.Size("1G")


# the promises


def but(*words: str) -> list[Promise]:
    """Every promise but those with one of *words* in their names."""
    return [each for each in PROMISES if not any(word in each.check.__name__ for word in words)]


def test_over_memory_every_promise_holds() -> None:
    report = check_filesystem(lambda: FsspecFS("memory://", storage=OWN_MEMORY, largest=GIB))
    assert report.ok, str(report)


def test_over_a_directory_every_promise_holds(tmp_path: Path) -> None:
    numbers = itertools.count()

    def make() -> FsspecFS:
        top = tmp_path / str(next(numbers))
        top.mkdir()
        return FsspecFS(top.as_uri(), largest=GIB)

    # A path here is a longer path there: the longest that the system takes is one too many.
    report = check_filesystem(make, only=but("the_longest_path"))
    assert report.ok, str(report)


# what is written


def test_what_is_written_is_there_as_one_object_when_it_is_closed(memory: tuple[UserKernel, Any]) -> None:
    kernel, fs = memory
    file = kernel.open_file("/song", "wb")
    file.write(b"us and them")
    file.flush()
    assert fs.cat_file("/song") == b""
    file.close()
    assert fs.cat_file("/song") == b"us and them"


def test_fsync_hands_over_what_was_written_so_far(memory: tuple[UserKernel, Any]) -> None:
    kernel, fs = memory
    fd = kernel.open("/song", os.O_CREAT | os.O_RDWR)
    kernel.write(fd, b"us and")
    kernel.fsync(fd)
    assert fs.cat_file("/song") == b"us and"
    kernel.pwrite(fd, b"Us", 0)
    kernel.ftruncate(fd, 2)
    assert kernel.pread(fd, 100, 0) == b"Us"
    assert kernel.fstat(fd).st_size == 2
    kernel.close(fd)
    assert fs.cat_file("/song") == b"Us"


def test_appending_and_patching_keep_the_rest(memory: tuple[UserKernel, Any]) -> None:
    kernel, fs = memory
    fs.pipe_file("/song", b"us and them")
    with kernel.open_file("/song", "ab") as file:
        file.write(b"!")
    fd = kernel.open("/song", os.O_WRONLY)
    kernel.pwrite(fd, b"US", 0)
    kernel.close(fd)
    assert fs.cat_file("/song") == b"US and them!"


def test_cutting_without_opening_is_done_at_once(memory: tuple[UserKernel, Any]) -> None:
    kernel, fs = memory
    fs.pipe_file("/song", b"us and them")
    kernel.truncate("/song", 2)
    assert fs.cat_file("/song") == b"us"
    kernel.truncate("/song", 4)
    assert fs.cat_file("/song") == b"us\0\0"


def test_two_who_have_a_file_open_see_each_other(memory: tuple[UserKernel, Any]) -> None:
    kernel, fs = memory
    fs.pipe_file("/song", b"us and them")
    reader, writer = kernel.open("/song", os.O_RDONLY), kernel.open("/song", os.O_WRONLY)
    assert kernel.pread(reader, 2, 0) == b"us"
    kernel.pwrite(writer, b"US", 0)
    assert kernel.pread(reader, 6, 0) == b"US and"
    kernel.close(writer)
    assert kernel.pread(reader, 6, 0) == b"US and"
    kernel.close(reader)


def test_a_removed_file_lives_on_while_it_is_open_and_is_not_made_again(
    memory: tuple[UserKernel, Any],
) -> None:
    kernel, fs = memory
    fs.pipe_file("/song", b"us and them")
    fd = kernel.open("/song", os.O_RDWR)
    kernel.unlink("/song")
    assert kernel.pread(fd, 100, 0) == b"us and them"
    kernel.pwrite(fd, b"US", 0)
    kernel.close(fd)
    assert not fs.exists("/song")
    assert kernel.listdir("/") == []


def test_what_is_too_large_is_efbig_and_nothing_is_lost(userkernel: MakeKernel) -> None:
    kernel = userkernel(FsspecFS("memory://", storage=OWN_MEMORY, largest=puffpy.Size(10)))
    write(kernel, "/song", b"0123456789")
    fd = kernel.open("/song", os.O_RDWR)
    with refuses(errno.EFBIG):
        kernel.pwrite(fd, b"x", 10)
    with refuses(errno.EFBIG):
        kernel.truncate("/song", 11)
    kernel.close(fd)
    assert read(kernel, "/song") == b"0123456789"


def test_who_closes_is_told_that_the_backend_would_not_take_it(
    memory: tuple[UserKernel, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel, fs = memory
    write(kernel, "/song", b"us")
    fd = kernel.open("/song", os.O_WRONLY)
    kernel.write(fd, b"US")

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError("not yours")

    with monkeypatch.context() as patch:
        patch.setattr(fs, "open", refuse)
        with refuses(errno.EACCES):
            kernel.fsync(fd)
    kernel.close(fd)  # it was kept, and goes with the next try
    assert fs.cat_file("/song") == b"US"


def test_what_nobody_would_take_is_lost_with_a_word_in_the_log(
    memory: tuple[UserKernel, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kernel, fs = memory
    write(kernel, "/song", b"us")
    fd = kernel.open("/song", os.O_WRONLY)
    kernel.write(fd, b"US and them")

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError("not yours")

    with monkeypatch.context() as patch:
        patch.setattr(fs, "open", refuse)
        with refuses(errno.EACCES):
            kernel.close(fd)
        kernel.settle()
    assert "song: what was written is lost: not yours" in caplog.text
    kernel.drop_caches()
    assert kernel.stat("/song").st_size == 2
    assert read(kernel, "/song") == b"us"


# names


def test_a_directory_that_is_moved_takes_everything_along(memory: tuple[UserKernel, Any]) -> None:
    kernel, fs = memory
    kernel.makedirs("/a/b/empty")
    write(kernel, "/a/b/song", b"us")
    fd = kernel.open("/a/b/song", os.O_RDWR)
    kernel.pwrite(fd, b"US and them", 0)
    kernel.rename("/a", "/z")
    assert fs.cat_file("/z/b/song") == b"US and them"
    kernel.pwrite(fd, b"Us", 0)
    kernel.close(fd)
    assert fs.cat_file("/z/b/song") == b"Us and them"
    assert sorted(kernel.listdir("/z/b")) == ["empty", "song"]
    assert kernel.listdir("/") == ["z"]
    assert not fs.exists("/a")


def test_a_file_replaces_another(memory: tuple[UserKernel, Any]) -> None:
    kernel, fs = memory
    write(kernel, "/new", b"new")
    write(kernel, "/old", b"old")
    fd = kernel.open("/old", os.O_RDONLY)
    kernel.rename("/new", "/old")
    assert fs.cat_file("/old") == b"new"
    assert kernel.pread(fd, 10, 0) == b"old"
    kernel.close(fd)


def test_a_directory_that_the_backend_does_not_know_without_files_stays(
    memory: tuple[UserKernel, Any],
) -> None:
    kernel, fs = memory
    fs.store["/d/song"] = fs.open("/x", "wb")  # a prefix, as in an object store, and no directory
    fs.rm_file("/x")
    assert fs.ls("/d", detail=False) == ["/d/song"]
    kernel.unlink("/d/song")
    assert not fs.exists("/d")
    kernel.drop_caches()
    assert kernel.listdir("/d") == []
    assert kernel.listdir("/") == ["d"]
    kernel.rmdir("/d")
    assert kernel.listdir("/") == []


def test_the_root_is_there_also_when_nothing_is_in_it(userkernel: MakeKernel) -> None:
    vector = FsspecFS("memory://", storage=OWN_MEMORY)
    fs = vector.nodes.backend.fs
    vector.nodes.backend.top = "/prefix"
    kernel = userkernel(vector)
    assert kernel.listdir("/") == []
    write(kernel, "/song", b"us")
    assert fs.find("/") == ["/prefix/song"]
    kernel.unlink("/song")
    assert kernel.listdir("/") == []


def test_modes_and_times_are_kept_also_when_the_kernel_has_forgotten(memory: tuple[UserKernel, Any]) -> None:
    kernel, _ = memory
    kernel.mkdir("/d")
    write(kernel, "/d/song", b"us")
    kernel.chmod("/d/song", 0o750)
    kernel.utime("/d/song", ns=(1, 2))
    kernel.drop_caches()
    kernel.rename("/d", "/e")
    kernel.drop_caches()
    st = kernel.stat("/e/song")
    assert (st.st_mode & 0o7777, st.st_atime_ns, st.st_mtime_ns) == (0o750, 1, 2)


# several at once


def test_many_threads_neither_lose_anything_nor_wait_for_each_other_for_ever(
    tmp_path: Path, userkernel: MakeKernel
) -> None:
    kernel = userkernel(FsspecFS(str(tmp_path), ttl=0, block=puffpy.Size(512)))
    kernel.mkdir("/shared")
    wrong: list[BaseException] = []

    def work(number: int) -> None:
        chance, size = random.Random(number), 0
        try:
            kernel.mkdir(f"/{number}")
            for turn in range(25):
                old, new = f"/{number}/{turn}", f"/shared/{number}-{turn}"
                write(kernel, old, bytes([number]) * 2000)
                size = chance.randrange(3000)
                kernel.truncate(old, size)
                kernel.rename(old, new)
                assert read(kernel, new) == (bytes([number]) * 2000)[:size] + bytes(max(size - 2000, 0))
                kernel.listdir("/shared")
                with contextlib.suppress(FileNotFoundError):
                    kernel.stat(f"/shared/{chance.randrange(4)}-{turn}")
                if turn % 2:
                    kernel.unlink(new)
                kernel.truncate("/everybodys", size)
        except BaseException as exc:  # noqa: BLE001  it is told by the thread that waits
            wrong.append(exc)

    write(kernel, "/everybodys", b"")
    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert not wrong
    kept = {f"{number}-{turn}" for number in range(4) for turn in range(0, 25, 2)}
    assert set(os.listdir(tmp_path / "shared")) == set(kernel.listdir("/shared")) == kept
