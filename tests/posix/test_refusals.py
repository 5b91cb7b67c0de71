"""Which error comes first: for names, for paths, for links that go round in circles."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

from tests.posix.asking import answer, content, make, opened, refused
from tests.posix.callers import Caller

CASES: dict[str, tuple[Callable[[Caller], object], str | None]] = {
    "mkdir over a file": (lambda fs: fs.mkdir("/f"), "EEXIST"),
    "mkdir over a directory": (lambda fs: fs.mkdir("/d"), "EEXIST"),
    "mkdir over a dangling link": (lambda fs: fs.mkdir("/dangling"), "EEXIST"),
    "mkdir of /": (lambda fs: fs.mkdir("/"), "EEXIST"),
    "mkdir of .": (lambda fs: fs.mkdir("/d/."), "EEXIST"),
    "mkdir of ..": (lambda fs: fs.mkdir("/d/.."), "EEXIST"),
    "mkdir below a file": (lambda fs: fs.mkdir("/f/new"), "ENOTDIR"),
    "mkdir below nothing": (lambda fs: fs.mkdir("/none/new"), "ENOENT"),
    "mkdir of nothing": (lambda fs: fs.mkdir(""), "ENOENT"),
    "mknod over a link": (lambda fs: fs.mkfifo("/l"), "EEXIST"),
    "symlink over a file": (lambda fs: fs.symlink("x", "/f"), "EEXIST"),
    "symlink to nothing": (lambda fs: fs.symlink("", "/new"), "ENOENT"),
    "symlink with a slash": (lambda fs: fs.symlink("x", "/new/"), "ENOENT"),
    "mkfifo with a slash": (lambda fs: fs.mkfifo("/new/"), "ENOENT"),
    "link of a directory": (lambda fs: fs.link("/d", "/new"), "EPERM"),
    "link of a directory over a file": (lambda fs: fs.link("/d", "/f"), "EEXIST"),
    "link over a file": (lambda fs: fs.link("/f", "/g"), "EEXIST"),
    "link of nothing": (lambda fs: fs.link("/none", "/new"), "ENOENT"),
    "link with a slash": (lambda fs: fs.link("/f", "/new/"), "ENOENT"),
    "link of a file with a slash": (lambda fs: fs.link("/f/", "/new"), "ENOTDIR"),
    "unlink of a directory": (lambda fs: fs.unlink("/d"), "EISDIR"),
    "unlink of a directory with a slash": (lambda fs: fs.unlink("/d/"), "EISDIR"),
    "unlink of a file with a slash": (lambda fs: fs.unlink("/f/"), "ENOTDIR"),
    "unlink of nothing": (lambda fs: fs.unlink("/none"), "ENOENT"),
    "unlink of nothing with a slash": (lambda fs: fs.unlink("/none/"), "ENOENT"),
    "unlink of a link to a directory, with a slash": (lambda fs: fs.unlink("/dirlink/"), "ENOTDIR"),
    "unlink of .": (lambda fs: fs.unlink("/d/."), "EISDIR"),
    "unlink of ..": (lambda fs: fs.unlink("/d/.."), "EISDIR"),
    "unlink below a file": (lambda fs: fs.unlink("/f/x"), "ENOTDIR"),
    "rmdir of a file": (lambda fs: fs.rmdir("/f"), "ENOTDIR"),
    "rmdir of a link to a directory": (lambda fs: fs.rmdir("/dirlink"), "ENOTDIR"),
    "rmdir of a link to a directory, with a slash": (lambda fs: fs.rmdir("/dirlink/"), "ENOTDIR"),
    "rmdir of a full directory": (lambda fs: fs.rmdir("/full"), "ENOTEMPTY"),
    "rmdir of .": (lambda fs: fs.rmdir("/d/."), "EINVAL"),
    "rmdir of ..": (lambda fs: fs.rmdir("/d/.."), "ENOTEMPTY"),
    "rmdir of nothing": (lambda fs: fs.rmdir("/none"), "ENOENT"),
    "rmdir with a slash": (lambda fs: fs.rmdir("/d/"), None),
    "mkdir with a slash": (lambda fs: fs.mkdir("/new/"), None),
    "readlink of a file": (lambda fs: fs.readlink("/f"), "EINVAL"),
    "readlink of a directory": (lambda fs: fs.readlink("/d"), "EINVAL"),
    "readlink with a slash": (lambda fs: fs.readlink("/dirlink/"), "EINVAL"),
    "stat of a file with a slash": (lambda fs: fs.stat("/f/"), "ENOTDIR"),
    "stat of nothing": (lambda fs: fs.stat(""), "ENOENT"),
    "stat below a file": (lambda fs: fs.stat("/f/x"), "ENOTDIR"),
    "stat of .. of a file": (lambda fs: fs.stat("/f/.."), "ENOTDIR"),
    "listdir of a file": (lambda fs: fs.listdir("/f"), "ENOTDIR"),
    "chdir to a file": (lambda fs: fs.chdir("/f"), "ENOTDIR"),
    "truncate of a directory": (lambda fs: fs.truncate("/d", 0), "EISDIR"),
    "truncate to less than nothing": (lambda fs: fs.truncate("/f", -1), "EINVAL"),
    "chmod of a dangling link": (lambda fs: fs.chmod("/dangling", 0), "ENOENT"),
    "rename of nothing": (lambda fs: fs.rename("/none", "/new"), "ENOENT"),
    "rename of .": (lambda fs: fs.rename("/d/.", "/new"), "EBUSY"),
    "rename to ..": (lambda fs: fs.rename("/d", "/full/.."), "EBUSY"),
    "rename of a directory below itself": (lambda fs: fs.rename("/full", "/full/sub/x"), "EINVAL"),
    "rename of a directory to what is above": (lambda fs: fs.rename("/full/sub", "/full"), "ENOTEMPTY"),
    "rename of a directory over a file": (lambda fs: fs.rename("/d", "/f"), "ENOTDIR"),
    "rename of a file over a directory": (lambda fs: fs.rename("/f", "/d"), "EISDIR"),
    "rename of a file over a full directory": (lambda fs: fs.rename("/f", "/full"), "EISDIR"),
    "rename over a full directory": (lambda fs: fs.rename("/d", "/full"), "ENOTEMPTY"),
    "rename of a file to a name with a slash": (lambda fs: fs.rename("/f", "/new/"), "ENOTDIR"),
    "rename of a file with a slash": (lambda fs: fs.rename("/f/", "/new"), "ENOTDIR"),
    "rename of a directory to a name with a slash": (lambda fs: fs.rename("/d", "/new/"), None),
    "rename into nothing": (lambda fs: fs.rename("/f", "/none/new"), "ENOENT"),
    "rename into a file": (lambda fs: fs.rename("/f", "/g/new"), "ENOTDIR"),
    "renameat2 with NOREPLACE over a file": (lambda fs: fs.rename("/f", "/g", flags=1), "EEXIST"),
    "renameat2 with NOREPLACE over itself": (lambda fs: fs.rename("/f", "/f", flags=1), "EEXIST"),
    "renameat2 with EXCHANGE for nothing": (lambda fs: fs.rename("/f", "/new", flags=2), "ENOENT"),
    "renameat2 with both": (lambda fs: fs.rename("/f", "/g", flags=3), "EINVAL"),
    "renameat2 with more": (lambda fs: fs.rename("/f", "/g", flags=8), "EINVAL"),
    "exchange with what is below": (
        lambda fs: fs.rename("/full", "/full/sub", flags=2),
        "EINVAL",
    ),
    "exchange with what is above": (
        lambda fs: fs.rename("/full/sub", "/full", flags=2),
        "EINVAL",
    ),
    "exchange with itself": (lambda fs: fs.rename("/f", "/f", flags=2), None),
    "a loop": (lambda fs: fs.stat("/loop"), "ELOOP"),
    "a loop on the way": (lambda fs: fs.stat("/loop/x"), "ELOOP"),
    "a loop to be opened": (lambda fs: fs.open("/loop", os.O_RDONLY), "ELOOP"),
    "a loop to be made": (lambda fs: fs.open("/loop", os.O_CREAT | os.O_WRONLY), "ELOOP"),
    "a loop as a directory": (lambda fs: fs.mkdir("/loop/x"), "ELOOP"),
}


@pytest.fixture
def tree(fs: Caller) -> Caller:
    """One of each."""
    make(fs, "/f", b"f")
    make(fs, "/g", b"g")
    fs.mkdir("/d")
    fs.mkdir("/full")
    fs.mkdir("/full/sub")
    fs.symlink("f", "/l")
    fs.symlink("none", "/dangling")
    fs.symlink("d", "/dirlink")
    fs.symlink("loop", "/loop")
    return fs


@pytest.mark.parametrize(("act", "expected"), CASES.values(), ids=CASES.keys())
def test_an_operation_says_why_not(
    tree: Caller, act: Callable[[Caller], object], expected: str | None
) -> None:
    assert answer(act, tree) == expected


@pytest.mark.parametrize("length", [255, 256])
def test_a_name_has_at_most_255_bytes(tree: Caller, length: int) -> None:
    name = "/" + "n" * length
    wide = "/" + "\N{GREEK SMALL LETTER MU}" * (length // 2) + "n" * (length % 2)
    acts: list[Callable[[], object]] = [
        lambda: make(tree, name),
        lambda: tree.stat(name),
        lambda: tree.rename(name, wide),
        lambda: tree.link("/f", name),
        lambda: tree.unlink(name),
        lambda: tree.mkdir(name),
        lambda: tree.rmdir(name),
        lambda: tree.symlink("x", name),
        lambda: tree.unlink(name),
        lambda: tree.mkfifo(name),
    ]
    for act in acts:
        if length == 255:
            act()
        else:
            refused(errno.ENAMETOOLONG, act)


def test_a_path_has_at_most_4095_bytes(tree: Caller) -> None:
    path = "/" + "./" * 2046 + "f"
    assert len(path) == 4094
    assert content(tree, path) == b"f"
    assert content(tree, "/" + path) == b"f"
    refused(errno.ENAMETOOLONG, tree.stat, "//" + path)
    refused(errno.ENAMETOOLONG, tree.unlink, "//" + path)
    refused(errno.ENAMETOOLONG, tree.rename, "/g", "//" + path)


def test_the_target_of_a_link_has_at_most_4095_bytes(fs: Caller) -> None:
    target = "t" * 4095
    fs.symlink(target, "/l")
    assert fs.readlink("/l") == target
    assert fs.lstat("/l").st_size == 4095
    refused(errno.ENAMETOOLONG, fs.symlink, target + "t", "/m")


def test_directories_go_deeper_than_a_path_can_say(fs: Caller) -> None:
    for _ in range(30):
        fs.mkdir("n" * 200)
        fs.chdir("n" * 200)
    make(fs, "f", b"deep")
    assert content(fs, "f") == b"deep"
    for _ in range(30):
        fs.chdir("..")
    assert len(fs.listdir(".")) == 1


def test_forty_links_are_followed_and_no_more(fs: Caller) -> None:
    make(fs, "/0", b"end")
    for number in range(1, 42):
        fs.symlink(str(number - 1), f"/{number}")
    assert content(fs, "/40") == b"end"
    refused(errno.ELOOP, fs.stat, "/41")


def test_every_byte_but_nul_and_slash_may_be_in_a_name(fs: Caller) -> None:
    names = {os.fsdecode(bytes([byte])) for byte in range(1, 256)} - {"/", "."}
    for name in names:
        make(fs, "/" + name, os.fsencode(name))
    assert set(fs.listdir("/")) == names
    for name in names:
        assert content(fs, "/" + name) == os.fsencode(name)


def test_a_removed_directory_is_still_there_for_who_is_in_it_but_nothing_can_be_made(fs: Caller) -> None:
    fs.mkdir("/d")
    make(fs, "/f")
    with opened(fs, "/d", os.O_RDONLY | os.O_DIRECTORY) as fd:
        fs.rmdir("/d")
        assert fs.fstat(fd).st_nlink == 0
        assert fs.listdir(fd) == []
        refused(errno.ENOENT, fs.mkdir, "new", dir_fd=fd)
        refused(errno.ENOENT, fs.symlink, "x", "new", dir_fd=fd)
        refused(errno.ENOENT, fs.open, "new", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=fd)
        refused(errno.ENOENT, fs.link, "/f", "new", dst_dir_fd=fd)
        refused(errno.ENOENT, fs.rename, "/f", "new", dst_dir_fd=fd)
        assert fs.stat("..", dir_fd=fd).st_ino == fs.stat("/").st_ino
