"""What is wrong with a path, said alike by every call that takes one."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

import pytest

from tests.posix.asking import make, refused
from tests.posix.callers import Caller

Act = Callable[[Caller, str], object]

LOOKING: dict[str, Act] = {
    "stat": lambda fs, path: fs.stat(path),
    "open": lambda fs, path: fs.open(path, os.O_RDONLY),
    "open to truncate": lambda fs, path: fs.open(path, os.O_WRONLY | os.O_TRUNC),
    "chmod": lambda fs, path: fs.chmod(path, 0o644),
    "chown": lambda fs, path: fs.chown(path, -1, -1),
    "truncate": lambda fs, path: fs.truncate(path, 0),
    "utime": lambda fs, path: fs.utime(path),
    "utime to what is named": lambda fs, path: fs.utime(path, ns=(1, 2)),
    "listdir": lambda fs, path: fs.listdir(path),
    "chdir": lambda fs, path: fs.chdir(path),
    "statvfs": lambda fs, path: fs.statvfs(path),
    "getxattr": lambda fs, path: fs.getxattr(path, "user.a"),
    "setxattr": lambda fs, path: fs.setxattr(path, "user.a", b""),
    "listxattr": lambda fs, path: fs.listxattr(path),
    "removexattr": lambda fs, path: fs.removexattr(path, "user.a"),
}
"""Calls that follow a link at the end of the path."""

NAMING: dict[str, Act] = {
    "lstat": lambda fs, path: fs.lstat(path),
    "lchown": lambda fs, path: fs.lchown(path, -1, -1),
    "readlink": lambda fs, path: fs.readlink(path),
    "unlink": lambda fs, path: fs.unlink(path),
    "rmdir": lambda fs, path: fs.rmdir(path),
    "link": lambda fs, path: fs.link(path, "/new"),
    "rename": lambda fs, path: fs.rename(path, "/new"),
}
"""Calls that take what is there, link or not."""

MAKING: dict[str, Act] = {
    "open to create": lambda fs, path: fs.open(path, os.O_CREAT | os.O_RDWR),
    "mkdir": lambda fs, path: fs.mkdir(path),
    "mkfifo": lambda fs, path: fs.mkfifo(path),
    "mknod": lambda fs, path: fs.mknod(path, stat.S_IFREG | 0o644),
    "symlink": lambda fs, path: fs.symlink("x", path),
    "link to": lambda fs, path: fs.link("/f", path),
    "rename to": lambda fs, path: fs.rename("/f", path),
}
"""Calls after which the path leads to something."""

THERE = LOOKING | NAMING
ALL = THERE | MAKING

LONG = "n" * 256
PATH_MAX = 4096


def asked_by(acts: dict[str, Act]) -> pytest.MarkDecorator:
    """Ask each of *acts*."""
    return pytest.mark.parametrize("act", acts.values(), ids=[name.replace(" ", "-") for name in acts])


@pytest.fixture
def tree(fs: Caller) -> Caller:
    """A file, and links that lead to themselves and to nothing."""
    make(fs, "/f", b"data")
    fs.mkdir("/d")
    make(fs, "/d/f", b"data")
    fs.symlink("loop", "/loop")
    fs.symlink("there", "/here")
    fs.symlink("here", "/there")
    fs.symlink("none", "/dangling")
    return fs


@asked_by(ALL)
def test_whatever_is_wrong_on_the_way_is_said(tree: Caller, act: Act) -> None:
    for path, number in (
        ("/f/x", errno.ENOTDIR),
        ("/f/x/y", errno.ENOTDIR),
        ("/none/x", errno.ENOENT),
        ("/dangling/x", errno.ENOENT),
        ("/loop/x", errno.ELOOP),
        ("/here/x", errno.ELOOP),
        ("", errno.ENOENT),
        (f"/{LONG}", errno.ENAMETOOLONG),
        (f"/{LONG}/x", errno.ENAMETOOLONG),
        (f"/d/{LONG}", errno.ENAMETOOLONG),
        ("/" * (PATH_MAX - 1) + "f", errno.ENAMETOOLONG),
    ):
        refused(number, act, tree, path)


@asked_by(THERE)
def test_what_is_not_there_is_said_to_be_absent(tree: Caller, act: Act) -> None:
    refused(errno.ENOENT, act, tree, "/none")
    refused(errno.ENOENT, act, tree, "/d/none")


@asked_by(LOOKING)
def test_a_link_that_leads_nowhere_or_in_a_circle_is_not_followed_for_ever(tree: Caller, act: Act) -> None:
    refused(errno.ENOENT, act, tree, "/dangling")
    for path in ("/loop", "/here", "/there"):
        refused(errno.ELOOP, act, tree, path)


@asked_by(ALL)
def test_nobody_passes_a_directory_that_is_closed_to_him(tree: Caller, alice: Caller, act: Act) -> None:
    tree.chown("/f", 1001, 1001)
    for mode in (0o766, 0o644, 0o700):
        tree.chmod("/d", mode)
        refused(errno.EACCES, act, alice, "/d/f")
        refused(errno.EACCES, act, alice, "/d/none")
        refused(errno.EACCES, act, alice, "/d/none/x")


@asked_by(MAKING)
def test_nothing_is_made_in_a_directory_that_is_not_writable(tree: Caller, alice: Caller, act: Act) -> None:
    tree.chown("/f", 1001, 1001)
    tree.chmod("/d", 0o755)
    refused(errno.EACCES, act, alice, "/d/new")
    tree.chown("/d", 1001, 1001)
    tree.chmod("/d", 0o577)
    refused(errno.EACCES, act, alice, "/d/new")
    tree.chown("/d", 0, 3001)
    tree.chmod("/d", 0o757)
    refused(errno.EACCES, act, alice, "/d/new")
    assert tree.listdir("/d") == ["f"]
