"""Paths: components, links, dots, slashes, limits."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

from puffpy.userkernel import UserKernel

Attempt = Callable[[UserKernel], object]


@pytest.fixture(autouse=True)
def tree(kernel: UserKernel) -> None:
    kernel.makedirs("/d/e")
    with kernel.open_file("/d/f", "w") as file:
        file.write("text")
    kernel.symlink("/d/f", "/absolute")
    kernel.symlink("f", "/d/relative")
    kernel.symlink("nowhere", "/dangling")
    kernel.symlink("d", "/to_d")
    kernel.symlink("loop", "/loop")
    kernel.symlink("d/", "/slashed")


PATHS = ("/d/f", "//d///f", "d/f", "./d/./f", "/d/e/../f", "/../../d/f", "/absolute", "/d/relative")
LINKED = ("/to_d/f", "/to_d/relative", "/slashed/f", "/d/e/../../to_d/e/../relative")


@pytest.mark.parametrize("path", [*PATHS, *LINKED])
def test_these_paths_lead_to_the_file(kernel: UserKernel, path: str) -> None:
    assert kernel.stat(path).st_ino == kernel.stat("/d/f").st_ino
    assert kernel.stat(os.fsencode(path)).st_size == 4


@pytest.mark.parametrize("path", ["/d", "/d/", "/d/.", "/d/e/..", "/to_d/", "/to_d/.", "/slashed"])
def test_these_paths_lead_to_the_directory(kernel: UserKernel, path: str) -> None:
    assert kernel.stat(path).st_ino == kernel.stat("/d").st_ino


REFUSED: list[tuple[str, int]] = [
    ("", errno.ENOENT),
    ("/nothing", errno.ENOENT),
    ("/nothing/f", errno.ENOENT),
    ("/dangling", errno.ENOENT),
    ("/d/f/", errno.ENOTDIR),
    ("/d/f/x", errno.ENOTDIR),
    ("/d/f/..", errno.ENOTDIR),
    ("/d/f/.", errno.ENOTDIR),
    ("/absolute/", errno.ENOTDIR),
    ("/loop", errno.ELOOP),
    ("/loop/x", errno.ELOOP),
    ("/" + "n" * 256, errno.ENAMETOOLONG),
    ("/" + "d/../" * 820 + "d", errno.ENAMETOOLONG),
]


@pytest.mark.parametrize(("path", "code"), REFUSED)
def test_these_paths_lead_nowhere(kernel: UserKernel, path: str, code: int) -> None:
    with pytest.raises(OSError, match=".") as caught:
        kernel.stat(path)
    assert caught.value.errno == code
    assert caught.value.filename == path


def test_4095_bytes_are_a_path_and_4096_are_not(kernel: UserKernel) -> None:
    path = "/" * 4094 + "d"
    assert kernel.stat(path).st_ino == kernel.stat("/d").st_ino
    with pytest.raises(OSError, match="too long"):
        kernel.stat("/" + path)


def test_forty_links_are_followed_and_no_more(kernel: UserKernel) -> None:
    kernel.symlink("d/f", "/link0")
    for number in range(1, 41):
        kernel.symlink(f"link{number - 1}", f"/link{number}")
    assert kernel.stat("/link39").st_size == 4
    with pytest.raises(OSError, match="symbolic links"):
        kernel.stat("/link40")


def test_a_link_itself_is_seen_where_it_is_not_followed(kernel: UserKernel) -> None:
    assert kernel.lstat("/to_d").st_ino != kernel.stat("/to_d").st_ino
    assert kernel.lstat("/to_d/").st_ino == kernel.stat("/d").st_ino
    assert kernel.readlink("/to_d") == "d"
    assert kernel.readlink(b"/to_d") == b"d"
    with pytest.raises(OSError, match="Invalid"):
        kernel.readlink("/d")


def test_a_path_starts_at_a_descriptor_where_one_is_given(kernel: UserKernel) -> None:
    fd = kernel.open("/d", os.O_RDONLY | os.O_DIRECTORY)
    assert kernel.stat("f", dir_fd=fd).st_size == 4
    assert kernel.stat("../d/f", dir_fd=fd).st_size == 4
    kernel.mkdir("new", dir_fd=fd)
    kernel.rename("new", "newer", src_dir_fd=fd, dst_dir_fd=fd)
    kernel.rmdir("newer", dir_fd=fd)
    file = kernel.open("/d/f", os.O_RDONLY)
    with pytest.raises(NotADirectoryError):
        kernel.stat("f", dir_fd=file)
    with pytest.raises(OSError, match="Bad file descriptor"):
        kernel.stat("f", dir_fd=99)


def test_the_working_directory_follows_what_is_renamed(kernel: UserKernel) -> None:
    kernel.chdir("/d/e")
    assert kernel.getcwd() == "/d/e"
    assert kernel.listdir("..") == kernel.listdir("/d")
    kernel.rename("/d", "/moved")
    assert kernel.getcwdb() == b"/moved/e"
    assert kernel.stat("../f").st_size == 4
    kernel.rename("/moved/e", "/e")
    assert kernel.getcwd() == "/e"
    kernel.rmdir("/e")
    with pytest.raises(FileNotFoundError):
        kernel.getcwd()
    with pytest.raises(FileNotFoundError):
        kernel.mkdir("x")
    kernel.chdir("..")
    assert kernel.getcwd() == "/"


def test_every_process_has_its_own_directory_and_umask(kernel: UserKernel) -> None:
    kernel.chdir("/d")
    with kernel.as_user(0, 0):
        assert kernel.getcwd() == "/d"
        kernel.chdir("/")
        kernel.umask(0o077)
        kernel.mkdir("/private")
    assert kernel.getcwd() == "/d"
    kernel.mkdir("/public")
    assert kernel.stat("/private").st_mode & 0o777 == 0o700
    assert kernel.stat("/public").st_mode & 0o777 == 0o755


def test_a_nul_in_a_path_is_a_mistake_of_the_caller(kernel: UserKernel) -> None:
    with pytest.raises(ValueError, match="null"):
        kernel.stat("/d\0/f")


def test_every_byte_but_two_makes_a_name(kernel: UserKernel) -> None:
    name = bytes(byte for byte in range(1, 256) if byte != ord("/"))[:255]
    kernel.mkdir(b"/d/" + name)
    assert name in kernel.listdir(b"/d")
    assert os.fsdecode(name) in kernel.listdir("/d")


@pytest.mark.parametrize(
    ("attempt", "code"),
    [
        (lambda kernel: kernel.mkdir("/d/."), errno.EEXIST),
        (lambda kernel: kernel.mkdir("/"), errno.EEXIST),
        (lambda kernel: kernel.rmdir("/d/."), errno.EINVAL),
        (lambda kernel: kernel.rmdir("/d/e/.."), errno.ENOTEMPTY),
        (lambda kernel: kernel.rmdir("/"), errno.EBUSY),
        (lambda kernel: kernel.unlink("/d/.."), errno.EISDIR),
        (lambda kernel: kernel.rename("/d/.", "/x"), errno.EBUSY),
        (lambda kernel: kernel.rename("/d", "/d/e/.."), errno.EBUSY),
    ],
)
def test_dots_and_the_root_cannot_be_made_or_removed(kernel: UserKernel, attempt: Attempt, code: int) -> None:
    with pytest.raises(OSError, match=".") as caught:
        attempt(kernel)
    assert caught.value.errno == code
