"""Whose a new node is, what the umask takes, and what a sticky directory protects."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

import pytest

from tests.posix.asking import make, permissions, refused
from tests.posix.callers import Caller

MAKES: dict[str, Callable[[Caller, str], object]] = {
    "file": lambda fs, path: fs.close(fs.open(path, os.O_CREAT | os.O_WRONLY, 0o666)),
    "mknod": lambda fs, path: fs.mknod(path, stat.S_IFREG | 0o666),
    "directory": lambda fs, path: fs.mkdir(path, 0o777),
    "fifo": lambda fs, path: fs.mkfifo(path, 0o666),
    "socket": lambda fs, path: fs.mknod(path, stat.S_IFSOCK | 0o666),
    "symlink": lambda fs, path: fs.symlink("x", path),
}

makes = pytest.mark.parametrize("make_it", MAKES.values(), ids=MAKES.keys())


@makes
def test_a_new_node_belongs_to_who_makes_it(
    fs: Caller, alice: Caller, make_it: Callable[[Caller, str], object]
) -> None:
    make_it(alice, "/new")
    status = fs.lstat("/new")
    assert (status.st_uid, status.st_gid) == (1001, 1001)


@makes
def test_in_a_set_gid_directory_it_is_of_the_directorys_group(
    fs: Caller, alice: Caller, make_it: Callable[[Caller, str], object]
) -> None:
    fs.mkdir("/d")
    fs.chown("/d", 0, 77)
    fs.chmod("/d", 0o2777)
    make_it(alice, "/d/new")
    status = fs.lstat("/d/new")
    assert (status.st_uid, status.st_gid) == (1001, 77)
    assert bool(status.st_mode & stat.S_ISGID) is stat.S_ISDIR(status.st_mode)


@makes
@pytest.mark.parametrize("mask", [0, 0o022, 0o077, 0o777])
def test_the_umask_is_taken_from_the_mode(
    fs: Caller, make_it: Callable[[Caller, str], object], mask: int
) -> None:
    fs.umask(mask)
    make_it(fs, "/new")
    fs.umask(0o022)
    status = fs.lstat("/new")
    if stat.S_ISLNK(status.st_mode):
        assert stat.S_IMODE(status.st_mode) == 0o777
    else:
        assert stat.S_IMODE(status.st_mode) == (0o777 if stat.S_ISDIR(status.st_mode) else 0o666) & ~mask


def test_a_new_set_gid_file_loses_the_bit_in_a_directory_of_a_foreign_group(
    fs: Caller, alice: Caller
) -> None:
    alice.umask(0)
    for gid, kept in ((77, 0), (3001, stat.S_ISGID)):
        fs.mkdir(f"/{gid}")
        fs.chown(f"/{gid}", 0, gid)
        fs.chmod(f"/{gid}", 0o2777)
        alice.close(alice.open(f"/{gid}/f", os.O_CREAT | os.O_WRONLY, 0o2775))
        assert permissions(fs, f"/{gid}/f") & stat.S_ISGID == kept


def test_mkdir_takes_the_sticky_bit_but_neither_set_uid_nor_set_gid(fs: Caller) -> None:
    fs.umask(0)
    fs.mkdir("/d", 0o7777)
    assert permissions(fs, "/d") == 0o1777


def test_only_root_makes_devices(fs: Caller, alice: Caller) -> None:
    for kind in (stat.S_IFCHR, stat.S_IFBLK):
        refused(errno.EPERM, alice.mknod, "/dev", kind | 0o666, os.makedev(1, 3))
        fs.mknod("/dev", kind | 0o600, os.makedev(259, 70000))
        status = fs.stat("/dev")
        assert stat.S_IFMT(status.st_mode) == kind
        assert status.st_rdev == os.makedev(259, 70000)
        fs.unlink("/dev")


@pytest.fixture
def sticky(fs: Caller, alice: Caller, bob: Caller) -> Caller:
    """A sticky directory of bob's, open to all, with a file and a directory of root's, bob's and alice's."""
    bob.mkdir("/s")
    fs.chmod("/s", 0o1777)
    for name, caller in (("root", fs), ("alice", alice), ("bob", bob)):
        make(caller, f"/s/{name}-f", mode=0o666)
        caller.mkdir(f"/s/{name}-d")
        caller.chmod(f"/s/{name}-d", 0o777)
    return alice


def test_in_a_sticky_directory_one_removes_and_moves_only_what_is_ones_own(
    sticky: Caller, fs: Caller, alice: Caller
) -> None:
    for name in ("root", "bob"):
        refused(errno.EPERM, alice.unlink, f"/s/{name}-f")
        refused(errno.EPERM, alice.rmdir, f"/s/{name}-d")
        refused(errno.EPERM, alice.rename, f"/s/{name}-f", "/s/new")
        refused(errno.EPERM, alice.rename, f"/s/{name}-f", "/new")
        refused(errno.EPERM, alice.rename, f"/s/{name}-d", "/s/new")
        refused(errno.EPERM, alice.rename, "/s/alice-f", f"/s/{name}-f")
        refused(errno.EPERM, alice.rename, "/s/alice-d", f"/s/{name}-d")
        refused(errno.EPERM, alice.rename, "/s/alice-f", f"/s/{name}-f", flags=2)
        refused(errno.EPERM, alice.rename, f"/s/{name}-f", "/s/alice-f", flags=2)
    alice.rename("/s/alice-f", "/s/moved")
    alice.unlink("/s/moved")
    alice.rmdir("/s/alice-d")
    assert sorted(fs.listdir("/s")) == ["bob-d", "bob-f", "root-d", "root-f"]


def test_the_owner_of_a_sticky_directory_and_root_remove_what_they_like(
    sticky: Caller, fs: Caller, bob: Caller
) -> None:
    bob.unlink("/s/alice-f")
    bob.rmdir("/s/root-d")
    bob.rename("/s/root-f", "/s/mine")
    fs.unlink("/s/bob-f")
    fs.rmdir("/s/alice-d")
    assert sorted(fs.listdir("/s")) == ["bob-d", "mine"]


def test_a_foreign_directory_moves_within_its_directory_but_not_out_of_it(
    fs: Caller, alice: Caller, bob: Caller
) -> None:
    bob.mkdir("/d")
    alice.mkdir("/e")
    alice.rename("/d", "/moved")
    # ".." would be written, and that takes the right to write the directory itself.
    refused(errno.EACCES, alice.rename, "/moved", "/e/moved")
    bob.chmod("/moved", 0o777)
    alice.rename("/moved", "/e/moved")
    assert fs.listdir("/e") == ["moved"]
