"""Attributes and extended attributes."""

from __future__ import annotations

import errno
import math
import os
import stat
from itertools import count

import pytest

import puffpy
from filesystems.detrempe import Detrempe
from filesystems.detrempe.nodes import Inode
from tests.filesystems.direct import ROOT_CALL, Direct, age, refuses, times

USER_CALL = puffpy.Call(1000, 1000, 1)


@pytest.fixture
def fs() -> Direct:
    return Direct(Detrempe())


def change(fs: Direct, vp: Inode, **fields: int) -> puffpy.Vattr:
    return fs.fs.setattr(vp, puffpy.SetAttr(ctime_ns=99, **fields), ROOT_CALL)  # type: ignore[arg-type]  # bools


def put(fs: Direct, vp: Inode, name: str, value: bytes, flags: int = 0) -> None:
    fs.fs.setextattr(vp, name, value, flags, ROOT_CALL)


def test_mode_and_owner_change_and_with_them_the_change_time_alone(fs: Direct) -> None:
    node = fs.file("f")
    age(node)
    va = change(fs, node, mode=stat.S_IFREG | 0o1640, uid=5, gid=6)
    assert va is node.vattr
    assert (va.mode, va.uid, va.gid) == (stat.S_IFREG | 0o1640, 5, 6)
    assert times(node) == (3, 2, 99)


def test_times_are_kept_to_the_nanosecond_also_before_1970(fs: Direct) -> None:
    for node in (fs.file("f"), fs.dir("d"), fs.symlink("l", "x")):
        change(fs, node, atime_ns=-1, mtime_ns=2**62 + 1)
        assert times(node) == (-1, 2**62 + 1, 99)


def test_a_change_of_nothing_still_touches(fs: Direct) -> None:
    node = fs.file("f")
    age(node)
    change(fs, node)
    assert times(node) == (3, 2, 99)


def test_set_id_bits_and_capabilities_are_killed_together(fs: Direct) -> None:
    node = fs.file("f", mode=0o6755)
    put(fs, node, "security.capability", b"\1")
    change(fs, node, kill_suidgid=True)
    assert stat.S_IMODE(node.vattr.mode) == 0o755
    with refuses(errno.ENODATA):
        fs.fs.getextattr(node, "security.capability", ROOT_CALL)


def test_a_set_gid_bit_that_does_not_run_stays(fs: Direct) -> None:
    node = fs.file("f", mode=0o6745)
    change(fs, node, kill_suidgid=True)
    assert stat.S_IMODE(node.vattr.mode) == 0o2745


def test_the_kernel_may_not_believe_in_set_id_bits(fs: Direct) -> None:
    node = fs.file("f", mode=0o4755)
    lives = [node.vattr.ttl, change(fs, node, mode=0o755).ttl, change(fs, node, mode=0o2755).ttl]
    assert lives == [0.0, None, 0.0]
    assert fs.dir("d", mode=0o2755).vattr.ttl is None


def test_only_files_have_a_size_to_set(fs: Direct) -> None:
    for node, code in ((fs.dir("d"), errno.EISDIR), (fs.special("p", stat.S_IFIFO), errno.EINVAL)):
        age(node)
        with refuses(code):
            change(fs, node, size=0, mode=0)
        assert times(node) == (3, 2, 1)
        assert stat.S_IMODE(node.vattr.mode)


def test_a_file_has_a_time_of_birth(fs: Direct) -> None:
    node = fs.file("f")
    born = node.vattr.btime_ns
    fs.write(node, 0, b"x")
    assert node.vattr.btime_ns == born > 0


def test_an_extended_attribute_is_kept_and_listed(fs: Direct) -> None:
    node = fs.file("f")
    assert fs.fs.listextattr(node, ROOT_CALL) == []
    age(node)
    put(fs, node, "user.colour", b"pink")
    put(fs, node, "security.x", b"")
    put(fs, node, "user.colour", b"\0\xff")
    assert fs.fs.getextattr(node, "user.colour", ROOT_CALL) == b"\0\xff"
    assert fs.fs.getextattr(node, "security.x", ROOT_CALL) == b""
    assert sorted(fs.fs.listextattr(node, ROOT_CALL)) == ["security.x", "user.colour"]
    assert times(node)[:2] == (3, 2)
    assert times(node)[2] > 3


def test_a_removed_extended_attribute_is_gone(fs: Direct) -> None:
    node = fs.dir("d")
    put(fs, node, "user.a", b"x")
    age(node)
    fs.fs.deleteextattr(node, "user.a", ROOT_CALL)
    assert times(node)[2] > 3
    age(node)
    for attempt in (fs.fs.getextattr, fs.fs.deleteextattr):
        with refuses(errno.ENODATA):
            attempt(node, "user.a", ROOT_CALL)
    assert times(node) == (3, 2, 1)


def test_an_extended_attribute_may_have_to_be_new_or_to_be_there(fs: Direct) -> None:
    node = fs.file("f")
    with refuses(errno.ENODATA):
        put(fs, node, "user.a", b"x", os.XATTR_REPLACE)
    put(fs, node, "user.a", b"x", os.XATTR_CREATE)
    with refuses(errno.EEXIST):
        put(fs, node, "user.a", b"y", os.XATTR_CREATE)
    put(fs, node, "user.a", b"z", os.XATTR_REPLACE)
    with refuses(errno.EINVAL):
        put(fs, node, "user.a", b"y", 4)
    assert fs.fs.getextattr(node, "user.a", ROOT_CALL) == b"z"


@pytest.mark.parametrize(
    "name",
    ["system.posix_acl_access", "system.posix_acl_default", "security.selinux", "colour", "osx.a"],
)
def test_what_nobody_heeds_is_eopnotsupp(fs: Direct, name: str) -> None:
    node = fs.file("f")
    with refuses(errno.EOPNOTSUPP):
        put(fs, node, name, b"x")
    with refuses(errno.EOPNOTSUPP):
        fs.fs.getextattr(node, name, ROOT_CALL)
    with refuses(errno.EOPNOTSUPP):
        fs.fs.deleteextattr(node, name, ROOT_CALL)


def test_a_namespace_is_no_name(fs: Direct) -> None:
    with refuses(errno.EINVAL):
        put(fs, fs.file("f"), "user.", b"x")


def test_trusted_names_are_listed_for_root_alone(fs: Direct) -> None:
    node = fs.file("f")
    put(fs, node, "trusted.a", b"")
    put(fs, node, "user.a", b"")
    assert fs.fs.listextattr(node, ROOT_CALL) == ["trusted.a", "user.a"]
    assert fs.fs.listextattr(node, USER_CALL) == ["user.a"]


def test_a_value_has_up_to_64_kib(fs: Direct) -> None:
    node = fs.file("f")
    put(fs, node, "user.a", bytes(65536))
    with refuses(errno.E2BIG):
        put(fs, node, "user.a", bytes(65537))
    assert len(fs.fs.getextattr(node, "user.a", ROOT_CALL)) == 65536


@pytest.mark.parametrize("size", [0, 65536])
def test_too_many_extended_attributes_are_enospc_and_the_list_can_still_be_told(
    fs: Direct, size: int
) -> None:
    node = fs.file("f")
    with refuses(errno.ENOSPC):
        for number in count():
            put(fs, node, f"user.{number:0200}", bytes(size))
    names = fs.fs.listextattr(node, ROOT_CALL)
    assert names
    assert sum(len(name) + 1 for name in names) <= 65536
    assert all(len(fs.fs.getextattr(node, name, ROOT_CALL)) == size for name in names)


def test_extended_attributes_take_room_and_give_it_back() -> None:
    fs = Direct(Detrempe(size=puffpy.Size(5 * 4096)))
    node = fs.file("f")
    put(fs, node, "user.a", bytes(4096))
    assert fs.used() == (2, 2)
    with refuses(errno.ENOSPC):
        put(fs, node, "user.b", bytes(16384))
    assert fs.fs.listextattr(node, ROOT_CALL) == ["user.a"]
    put(fs, node, "user.a", b"")
    assert fs.used() == (1, 2)
    fs.fs.deleteextattr(node, "user.a", ROOT_CALL)
    assert fs.used() == (0, 2)
    put(fs, node, "user.a", bytes(9000))
    fs.remove("f")
    fs.fs.reclaim(node)
    assert fs.used() == (0, 1)


def test_the_root_is_as_permissive_as_asked() -> None:
    assert stat.S_IMODE(Detrempe().root.vattr.mode) == 0o755
    assert stat.S_IMODE(Detrempe(mode="1777").root.vattr.mode) == 0o1777
    for mode in ("", "rwx", "789", "77777", "-1"):
        with pytest.raises(ValueError, match="octal"):
            Detrempe(mode=mode)


def test_the_mount_says_what_df_and_mount_shall_show() -> None:
    options = Detrempe.options
    assert (options.fsname, options.subtype) == ("puffs:detrempe", "detrempe")
    assert options.default_permissions
    assert not options.dev
    assert not options.suid
    assert options.attr_timeout == options.entry_timeout == options.negative_timeout == math.inf


def test_a_node_is_found_again_by_its_number(fs: Direct) -> None:
    vfs = fs.fs.vfsops
    node = fs.file("f")
    fileid, generation = vfs.nodetofh(node)
    assert fileid >= 2
    assert 0 <= generation < 2**32
    assert vfs.fhtonode(fileid) is node
    fs.remove("f")
    assert vfs.fhtonode(fileid) is node
    fs.fs.reclaim(node)
    with refuses(errno.ESTALE):
        vfs.fhtonode(fileid)
    assert vfs.fhtonode(fs.root.vattr.ino) is fs.root is vfs.root()
