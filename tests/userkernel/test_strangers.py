"""The user kernel serves programs that nobody here built: libfuse's own examples, over a socket."""

from __future__ import annotations

import errno
import os
import pathlib
import threading
from collections.abc import Iterator

import pytest

from puffpy.userkernel import UserKernel
from tests.userkernel.strangers import Stranger, build, missing, start


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    assert not missing(), f"install {missing()} and libfuse3-dev: these tests compile libfuse's examples"
    return tmp_path_factory.mktemp("strangers")


@pytest.fixture(scope="module")
def hello_ll(workshop: pathlib.Path) -> pathlib.Path:
    return build("hello_ll", workshop)


@pytest.fixture(scope="module")
def passthrough_ll(workshop: pathlib.Path) -> pathlib.Path:
    return build("passthrough_ll", workshop)


@pytest.fixture
def hello(hello_ll: pathlib.Path) -> Iterator[UserKernel]:
    stranger = start(hello_ll, "-s")
    yield stranger.kernel
    stranger.end()


@pytest.fixture(params=["-s", "-omax_idle_threads=4"], ids=["one thread", "many threads"])
def passthrough(
    request: pytest.FixtureRequest, passthrough_ll: pathlib.Path, tmp_path: pathlib.Path
) -> Iterator[Stranger]:
    stranger = start(passthrough_ll, request.param, f"-osource={tmp_path},cache=always,xattr")
    yield stranger
    stranger.end()


def put(kernel: UserKernel, path: str, data: bytes) -> None:
    fd = kernel.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o640)
    assert kernel.write(fd, data) == len(data)
    kernel.close(fd)


def test_hello_ll_shows_its_file(hello: UserKernel) -> None:
    assert hello.listdir("/") == ["hello"]
    assert hello.stat("/hello").st_size == 13
    with hello.open_file("/hello") as file:
        assert list(file) == ["Hello World!\n"]
    fd = hello.open("/hello", os.O_RDONLY)
    assert hello.pread(fd, 5, 6) == b"World"
    assert hello.pread(fd, 5, 100) == b""
    hello.close(fd)


def test_hello_ll_refuses_the_rest(hello: UserKernel) -> None:
    for attempt, code in (
        (lambda: hello.stat("/missing"), errno.ENOENT),
        (lambda: hello.open("/hello", os.O_RDWR), errno.EACCES),
        (lambda: hello.listdir("/hello"), errno.ENOTDIR),
        (lambda: hello.mkdir("/new"), errno.ENOSYS),
        (lambda: hello.rename("/hello", "/new", flags=1), errno.EINVAL),
    ):
        with pytest.raises(OSError, match=".") as caught:
            attempt()
        assert caught.value.errno == code


def test_passthrough_ll_passes_everything_through(passthrough: Stranger, tmp_path: pathlib.Path) -> None:
    kernel = passthrough.kernel
    data = os.urandom(3 * kernel.terms.max_write + 5)
    kernel.makedirs("/d/e")
    put(kernel, "/d/f", data)
    assert (tmp_path / "d/f").read_bytes() == data
    assert (tmp_path / "d/f").stat().st_mode & 0o777 == 0o640
    fd = kernel.open("/d/f", os.O_RDWR)
    assert kernel.pread(fd, len(data) + 1, 0) == data
    kernel.ftruncate(fd, 7)
    kernel.fsync(fd)
    kernel.close(fd)
    assert (tmp_path / "d/f").stat().st_size == 7
    kernel.symlink("f", "/d/link")
    assert kernel.readlink("/d/link") == os.readlink(tmp_path / "d/link")
    assert kernel.stat("/d/link").st_ino == (tmp_path / "d/f").stat().st_ino
    kernel.link("/d/f", "/d/again")
    assert kernel.stat("/d/f").st_nlink == (tmp_path / "d/f").stat().st_nlink == 2
    kernel.rename("/d/again", "/d/e/moved")
    assert sorted(map(str, kernel.listdir("/d"))) == sorted(os.listdir(tmp_path / "d"))
    kernel.utime("/d/f", ns=(10**9, 2 * 10**9))
    kernel.chmod("/d/f", 0o600)
    kernel.drop_caches()
    shown, real = kernel.stat("/d/f"), (tmp_path / "d/f").stat()
    assert (shown.st_mode, shown.st_mtime_ns, shown.st_size) == (real.st_mode, 2 * 10**9, 7)
    assert kernel.statvfs("/").f_blocks == os.statvfs(tmp_path).f_blocks


def test_passthrough_ll_removes_what_is_removed(passthrough: Stranger, tmp_path: pathlib.Path) -> None:
    kernel = passthrough.kernel
    kernel.mkdir("/d")
    for number in range(300):
        put(kernel, f"/d/{number}", b"x")
    with pytest.raises(OSError, match="not empty"):
        kernel.rmdir("/d")
    for entry in kernel.scandir("/d"):
        assert entry.is_file()
        kernel.unlink(entry.path)
    kernel.rmdir("/d")
    assert os.listdir(tmp_path) == []


def test_passthrough_ll_keeps_what_is_open(passthrough: Stranger, tmp_path: pathlib.Path) -> None:
    kernel = passthrough.kernel
    fd = kernel.open("/f", os.O_CREAT | os.O_RDWR)
    kernel.write(fd, b"still here")
    kernel.unlink("/f")
    assert kernel.pread(fd, 100, 0) == b"still here"
    kernel.close(fd)
    assert os.listdir(tmp_path) == []


def test_passthrough_ll_copies_and_reserves(passthrough: Stranger, tmp_path: pathlib.Path) -> None:
    kernel = passthrough.kernel
    source = kernel.open("/source", os.O_CREAT | os.O_RDWR)
    target = kernel.open("/target", os.O_CREAT | os.O_RDWR)
    kernel.write(source, b"0123456789")
    assert kernel.copy_file_range(source, target, 4, 3, 0) == 4
    assert (tmp_path / "target").read_bytes() == b"3456"
    kernel.posix_fallocate(target, 0, 4096)
    assert (tmp_path / "target").stat().st_size == 4096
    assert kernel.lseek(target, 0, os.SEEK_DATA) == 0
    kernel.close(source)
    kernel.close(target)


def test_passthrough_ll_locks_whole_files(passthrough: Stranger, tmp_path: pathlib.Path) -> None:
    kernel = passthrough.kernel
    put(kernel, "/f", b"")
    first, second = kernel.open("/f", os.O_RDWR), kernel.open("/f", os.O_RDWR)
    kernel.flock(first, 2 | 4)
    with pytest.raises(BlockingIOError):
        kernel.flock(second, 2 | 4)
    kernel.close(first)
    kernel.flock(second, 2 | 4)
    kernel.close(second)


def test_passthrough_ll_serves_many_threads(passthrough: Stranger, tmp_path: pathlib.Path) -> None:
    kernel = passthrough.kernel
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            kernel.mkdir(f"/{number}")
            for each in range(30):
                put(kernel, f"/{number}/{each}", bytes([number]) * 5000)
                fd = kernel.open(f"/{number}/{each}", os.O_RDONLY)
                assert kernel.read(fd, 9999) == bytes([number]) * 5000
                kernel.close(fd)
            assert len(kernel.listdir(f"/{number}")) == 30
        except BaseException as exc:
            failures.append(exc)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures, failures
    assert len(list(tmp_path.iterdir())) == 6


def test_a_server_that_dies_leaves_nobody_waiting(passthrough: Stranger, tmp_path: pathlib.Path) -> None:
    kernel = passthrough.kernel
    kernel.stat("/")
    passthrough.process.kill()
    passthrough.process.wait()
    with pytest.raises(OSError, match=r"not connected|abort") as caught:
        kernel.mkdir("/new")
    assert caught.value.errno in (errno.ENOTCONN, errno.ECONNABORTED)
