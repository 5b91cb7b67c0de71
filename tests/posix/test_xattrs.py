"""Extended attributes: who may, how many, how long, and which there are not."""

from __future__ import annotations

import errno
import os
import stat
import struct

import pytest

from tests.posix.asking import make, opened, refused
from tests.posix.callers import Caller
from tests.posix.subjects import Subject

ACCESS_LIST = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", tag, 7, who)
    for tag, who in ((1, 2**32 - 1), (2, 5), (4, 2**32 - 1), (16, 2**32 - 1), (32, 2**32 - 1))
)
"""``u::rwx,u:5:rwx,g::rwx,m::rwx,o::rwx``, as ``system.posix_acl_access`` has it."""


def test_attributes_are_set_read_listed_and_removed(fs: Caller) -> None:
    make(fs, "/f")
    fs.mkdir("/d")
    for path in ("/f", "/d"):
        fs.setxattr(path, "user.a", b"1")
        fs.setxattr(path, "user.b", b"")
        fs.setxattr(path, "user.a", b"two\0\xff")
        assert fs.getxattr(path, "user.a") == b"two\0\xff"
        assert fs.getxattr(path, "user.b") == b""
        assert sorted(fs.listxattr(path)) == ["user.a", "user.b"]
        fs.removexattr(path, "user.a")
        refused(errno.ENODATA, fs.getxattr, path, "user.a")
        refused(errno.ENODATA, fs.removexattr, path, "user.a")
        assert fs.listxattr(path) == ["user.b"]
    with opened(fs, "/f") as fd:
        fs.setxattr(fd, "user.c", b"3")
        assert fs.getxattr("/f", "user.c") == b"3"


def test_create_and_replace_mean_what_they_say(fs: Caller) -> None:
    make(fs, "/f")
    refused(errno.ENODATA, fs.setxattr, "/f", "user.a", b"1", os.XATTR_REPLACE)
    fs.setxattr("/f", "user.a", b"1", os.XATTR_CREATE)
    refused(errno.EEXIST, fs.setxattr, "/f", "user.a", b"2", os.XATTR_CREATE)
    fs.setxattr("/f", "user.a", b"3", os.XATTR_REPLACE)
    assert fs.getxattr("/f", "user.a") == b"3"
    refused(errno.EINVAL, fs.setxattr, "/f", "user.a", b"4", 8)


def test_a_name_has_at_most_255_bytes_and_a_value_65536(fs: Caller) -> None:
    make(fs, "/f")
    name = "user." + "n" * 250
    fs.setxattr("/f", name, b"v")
    assert fs.listxattr("/f") == [name]
    for call in (fs.getxattr, fs.removexattr):
        refused(errno.ERANGE, call, "/f", name + "n")
    refused(errno.ERANGE, fs.setxattr, "/f", name + "n", b"")
    refused(errno.E2BIG, fs.setxattr, "/f", "user.big", bytes(65537))
    fs.setxattr("/f", "user.big", b"v" * 60000)
    assert fs.getxattr("/f", "user.big") == b"v" * 60000


def test_there_is_no_namespace_but_the_known_ones(fs: Caller) -> None:
    make(fs, "/f")
    for name in ("other.a", "plain", "system.other"):
        refused(errno.EOPNOTSUPP, fs.setxattr, "/f", name, b"1")
        refused(errno.EOPNOTSUPP, fs.getxattr, "/f", name)
    refused(errno.ENODATA, fs.getxattr, "/f", "user.none")


def test_user_attributes_are_for_files_and_directories_only(fs: Caller) -> None:
    fs.symlink("x", "/l")
    fs.mkfifo("/p")
    fs.mknod("/s", stat.S_IFSOCK | 0o644)
    for path in ("/l", "/p", "/s"):
        refused(errno.EPERM, fs.setxattr, path, "user.a", b"1", follow_symlinks=False)
        refused(errno.ENODATA, fs.getxattr, path, "user.a", follow_symlinks=False)


def test_user_attributes_follow_the_permissions_of_the_file(fs: Caller, alice: Caller, bob: Caller) -> None:
    make(alice, "/f", mode=0o644)
    alice.setxattr("/f", "user.a", b"1")
    assert bob.getxattr("/f", "user.a") == b"1"
    refused(errno.EACCES, bob.setxattr, "/f", "user.a", b"2")
    refused(errno.EACCES, bob.removexattr, "/f", "user.a")
    alice.chmod("/f", 0o222)
    bob.setxattr("/f", "user.a", b"2")
    refused(errno.EACCES, bob.getxattr, "/f", "user.a")
    assert bob.listxattr("/f") == ["user.a"]


def test_in_a_sticky_directorys_own_attributes_only_the_owner_writes(
    alice: Caller, bob: Caller, fs: Caller
) -> None:
    alice.mkdir("/d")
    alice.chmod("/d", 0o1777)
    refused(errno.EPERM, bob.setxattr, "/d", "user.a", b"1")
    alice.setxattr("/d", "user.a", b"1")
    assert bob.getxattr("/d", "user.a") == b"1"
    fs.removexattr("/d", "user.a")


def test_trusted_attributes_are_roots_and_seen_by_nobody_else(fs: Caller, alice: Caller) -> None:
    make(alice, "/f")
    fs.symlink("f", "/l")
    fs.setxattr("/f", "trusted.a", b"1")
    fs.setxattr("/l", "trusted.l", b"1", follow_symlinks=False)
    assert fs.getxattr("/f", "trusted.a") == b"1"
    assert fs.listxattr("/f") == ["trusted.a"]
    assert fs.listxattr("/l", follow_symlinks=False) == ["trusted.l"]
    refused(errno.ENODATA, alice.getxattr, "/f", "trusted.a")
    refused(errno.EPERM, alice.setxattr, "/f", "trusted.a", b"2")
    refused(errno.EPERM, alice.removexattr, "/f", "trusted.a")
    assert alice.listxattr("/f") == []


def test_security_attributes_are_read_by_all_and_written_by_root(fs: Caller, alice: Caller) -> None:
    make(alice, "/f")
    fs.setxattr("/f", "security.a", b"1")
    assert alice.getxattr("/f", "security.a") == b"1"
    refused(errno.EPERM, alice.setxattr, "/f", "security.a", b"2")
    refused(errno.EPERM, alice.removexattr, "/f", "security.a")
    fs.removexattr("/f", "security.a")


@pytest.mark.parametrize("name", ["system.posix_acl_access", "system.posix_acl_default"])
def test_access_lists_are_refused_clearly_where_they_are_not_kept(
    fs: Caller, subject: Subject, name: str
) -> None:
    make(fs, "/f")
    fs.mkdir("/d")
    # Only a directory can have a default.
    for path in ("/d",) if name.endswith("default") else ("/f", "/d"):
        if subject.name == "reference":
            fs.setxattr(path, name, ACCESS_LIST)
            assert fs.getxattr(path, name) == ACCESS_LIST
        else:
            refused(errno.EOPNOTSUPP, fs.setxattr, path, name, ACCESS_LIST)
            refused(errno.EOPNOTSUPP, fs.getxattr, path, name)
            refused(errno.EOPNOTSUPP, fs.removexattr, path, name)
            assert fs.listxattr(path) == []
