"""Who may change the mode, the owner and the times of a file, and what becomes of set-uid and set-gid."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

import pytest

from tests.posix.asking import content, make, opened, permissions, refused
from tests.posix.callers import Caller

pytestmark = pytest.mark.usefixtures("root")

SUID, SGID = stat.S_ISUID, stat.S_ISGID


def test_only_the_owner_and_root_change_the_mode(fs: Caller, alice: Caller, bob: Caller) -> None:
    make(alice, "/f")
    refused(errno.EPERM, bob.chmod, "/f", 0o666)
    with opened(bob, "/f", os.O_RDONLY) as fd:
        refused(errno.EPERM, bob.fchmod, fd, 0o666)
    alice.chmod("/f", 0o640)
    assert permissions(fs, "/f") == 0o640
    fs.chmod("/f", 0o7777)
    assert permissions(fs, "/f") == 0o7777


def test_a_file_of_a_group_that_its_owner_is_not_in_cannot_be_made_set_gid(fs: Caller, alice: Caller) -> None:
    for gid, kept in ((1001, SGID), (3001, SGID), (5, 0)):
        make(fs, f"/{gid}", mode=0o755)
        fs.chown(f"/{gid}", 1001, gid)
        alice.chmod(f"/{gid}", 0o2755)
        assert permissions(fs, f"/{gid}") & SGID == kept
        fs.mkdir(f"/d{gid}")
        fs.chown(f"/d{gid}", 1001, gid)
        alice.chmod(f"/d{gid}", 0o2755)
        assert permissions(fs, f"/d{gid}") & SGID == kept


def test_only_root_gives_a_file_away(fs: Caller, alice: Caller, bob: Caller) -> None:
    make(alice, "/f")
    refused(errno.EPERM, alice.chown, "/f", 1002, -1)
    refused(errno.EPERM, alice.chown, "/f", 1002, 3001)
    refused(errno.EPERM, bob.chown, "/f", 1002, -1)
    refused(errno.EPERM, bob.chown, "/f", -1, 1002)
    alice.chown("/f", 1001, 1001)
    fs.chown("/f", 1002, 5)
    assert (fs.stat("/f").st_uid, fs.stat("/f").st_gid) == (1002, 5)
    # An owner that is somebody else's to give is refused even where nothing would change.
    refused(errno.EPERM, alice.chown, "/f", 1002, -1)


def test_the_owner_gives_a_file_to_the_groups_he_is_in(fs: Caller, alice: Caller) -> None:
    make(alice, "/f")
    alice.chown("/f", -1, 3001)
    assert fs.stat("/f").st_gid == 3001
    refused(errno.EPERM, alice.chown, "/f", -1, 3002)
    alice.chown("/f", 1001, 1001)
    assert fs.stat("/f").st_gid == 1001


def test_a_chown_of_a_link_does_not_follow_it(fs: Caller) -> None:
    make(fs, "/f")
    fs.symlink("f", "/l")
    fs.lchown("/l", 7, 8)
    assert (fs.lstat("/l").st_uid, fs.lstat("/l").st_gid) == (7, 8)
    assert fs.stat("/f").st_uid == 0
    fs.chown("/l", 9, 10)
    assert fs.stat("/f").st_uid == 9


@pytest.mark.parametrize(
    ("mode", "left"),
    [(0o6755, 0o755), (0o4755, 0o755), (0o2755, 0o755), (0o6644, 0o2644), (0o4644, 0o644), (0o2745, 0o2745)],
)
def test_a_write_truncation_or_chown_by_its_owner_takes_set_uid_and_set_gid(
    fs: Caller, alice: Caller, mode: int, left: int
) -> None:
    def write() -> None:
        with opened(alice, "/f", os.O_WRONLY) as fd:
            alice.write(fd, b"x")

    def ftruncate() -> None:
        with opened(alice, "/f", os.O_WRONLY) as fd:
            alice.ftruncate(fd, 3)

    def open_truncating() -> None:
        with opened(alice, "/f", os.O_WRONLY | os.O_TRUNC):
            pass

    def fallocate() -> None:
        with opened(alice, "/f", os.O_WRONLY) as fd:
            alice.fallocate(fd, 0, 0, 10)

    def copy() -> None:
        with opened(alice, "/f", os.O_WRONLY) as fd, opened(alice, "/other", os.O_RDONLY) as other:
            assert alice.copy_file_range(other, fd, 1, 0, 0) == 1

    acts: list[Callable[[], object]] = [
        write,
        ftruncate,
        open_truncating,
        fallocate,
        copy,
        lambda: alice.truncate("/f", 1),
        lambda: alice.chown("/f", -1, 1001),
        lambda: alice.chown("/f", -1, 3001),
    ]
    make(alice, "/f", b"data")
    make(alice, "/other", b"data")
    for act in acts:
        alice.chmod("/f", mode)
        assert permissions(fs, "/f") == mode
        act()
        assert permissions(fs, "/f") == left


@pytest.mark.parametrize("mode", [0o2644, 0o2745, 0o6666])
def test_set_gid_goes_with_a_write_by_who_is_not_in_the_group_even_where_it_may_not_execute(
    fs: Caller, alice: Caller, mode: int
) -> None:
    make(fs, "/f", b"data")
    fs.chown("/f", 1001, 5)
    acts: list[Callable[[int], object]] = [
        lambda fd: alice.write(fd, b"x"),
        lambda fd: alice.ftruncate(fd, 1),
        lambda fd: alice.fallocate(fd, 0, 0, 10),
    ]
    for act in acts:
        fs.chmod("/f", mode)
        with opened(alice, "/f", os.O_WRONLY) as fd:
            act(fd)
        assert permissions(fs, "/f") == mode & 0o777


@pytest.mark.parametrize("mode", [0o4777, 0o2777, 0o6777])
def test_a_stranger_who_may_write_takes_the_bits_and_sees_it_at_once(
    fs: Caller, bob: Caller, mode: int
) -> None:
    make(fs, "/f", b"data")
    acts: list[Callable[[int], object]] = [
        lambda fd: bob.write(fd, b"x"),
        lambda fd: bob.pwrite(fd, b"x", 100),
        lambda fd: bob.ftruncate(fd, 2),
    ]
    for act in acts:
        fs.chmod("/f", mode)
        with opened(bob, "/f") as fd:
            assert stat.S_IMODE(bob.fstat(fd).st_mode) == mode
            act(fd)
            assert stat.S_IMODE(bob.fstat(fd).st_mode) == 0o777
        assert permissions(fs, "/f") == 0o777


def test_root_writes_a_set_uid_file_and_leaves_it_so_but_a_chown_takes_it(fs: Caller) -> None:
    make(fs, "/f", b"data", mode=0o6755)
    with opened(fs, "/f", os.O_WRONLY) as fd:
        fs.write(fd, b"x")
        fs.ftruncate(fd, 2)
    assert permissions(fs, "/f") == 0o6755
    fs.chown("/f", 5, 5)
    assert permissions(fs, "/f") == 0o755


def test_a_chown_leaves_the_bits_of_a_directory(fs: Caller) -> None:
    fs.mkdir("/d")
    fs.chmod("/d", 0o7755)
    fs.chown("/d", 5, 5)
    assert permissions(fs, "/d") == 0o7755


def test_a_write_through_another_users_descriptor_takes_the_bits(fs: Caller, bob: Caller) -> None:
    make(fs, "/f", b"data", mode=0o4755)
    with opened(fs, "/f", os.O_WRONLY) as fd:
        bob.write(fd, b"x")
    assert permissions(fs, "/f") == 0o755


def test_times_are_set_by_the_owner_and_to_now_by_whoever_may_write(
    fs: Caller, alice: Caller, bob: Caller
) -> None:
    make(alice, "/f", mode=0o666)
    refused(errno.EPERM, bob.utime, "/f", ns=(1, 2))
    bob.utime("/f")
    alice.utime("/f", ns=(1, 2))
    assert fs.stat("/f").st_mtime_ns == 2
    alice.chmod("/f", 0o444)
    refused(errno.EACCES, bob.utime, "/f")
    alice.utime("/f")
    fs.utime("/f", ns=(3, 4))
    assert fs.stat("/f").st_mtime_ns == 4


@pytest.mark.parametrize(("who", "shift"), [("alice", 6), ("group", 3), ("bob", 0)])
def test_the_first_class_that_fits_decides(
    fs: Caller, alice: Caller, bob: Caller, who: str, shift: int
) -> None:
    make(fs, "/f", b"data")
    fs.chown("/f", 1001 if who == "alice" else 0, 3001 if who != "bob" else 0)
    caller = bob if who == "bob" else alice
    for bits in range(8):
        fs.chmod("/f", 0o777 & ~(7 << shift) | bits << shift)
        for flags, needed in ((os.O_RDONLY, 4), (os.O_WRONLY, 2), (os.O_RDWR, 6)):
            if bits & needed == needed:
                caller.close(caller.open("/f", flags))
            else:
                refused(errno.EACCES, caller.open, "/f", flags)
        for mask in (os.R_OK, os.W_OK, os.X_OK):
            assert caller.access("/f", mask) is bool(bits & mask)
        if not bits & 2:
            refused(errno.EACCES, caller.truncate, "/f", 0)


def test_a_directory_is_searched_listed_and_written_by_separate_rights(fs: Caller, alice: Caller) -> None:
    fs.mkdir("/d")
    # Writable, or Linux does not let others link it (proc_sys_fs(5), protected_hardlinks).
    make(fs, "/d/f", b"data", mode=0o666)
    fs.chmod("/d", 0o704)
    assert alice.listdir("/d") == ["f"]
    refused(errno.EACCES, alice.stat, "/d/f")
    refused(errno.EACCES, alice.stat, "/d/none")
    fs.chmod("/d", 0o701)
    refused(errno.EACCES, alice.listdir, "/d")
    assert content(alice, "/d/f") == b"data"
    refused(errno.ENOENT, alice.stat, "/d/none")
    for act in (
        lambda: alice.mkdir("/d/new"),
        lambda: alice.symlink("x", "/d/new"),
        lambda: alice.mkfifo("/d/new"),
        lambda: alice.open("/d/new", os.O_CREAT | os.O_WRONLY),
        lambda: alice.unlink("/d/f"),
        lambda: alice.rename("/d/f", "/d/new"),
        lambda: alice.link("/d/f", "/d/new"),
        lambda: alice.rename("/d/f", "/new"),
    ):
        refused(errno.EACCES, act)
    refused(errno.EEXIST, alice.mkdir, "/d/f")
    fs.chmod("/d", 0o706)
    refused(errno.EACCES, alice.mkdir, "/d/new")
    fs.chmod("/d", 0o707)
    alice.unlink("/d/f")


def test_root_reads_and_writes_what_nobody_may_and_executes_what_somebody_may(
    fs: Caller, alice: Caller
) -> None:
    make(alice, "/f", b"data", mode=0)
    assert content(fs, "/f") == b"data"
    assert fs.access("/f", os.R_OK | os.W_OK)
    assert not fs.access("/f", os.X_OK)
    fs.chmod("/f", 0o010)
    assert fs.access("/f", os.X_OK)
    assert not alice.access("/f", os.X_OK)


def test_an_open_file_stays_open_whatever_becomes_of_its_mode(fs: Caller, alice: Caller) -> None:
    make(alice, "/f", b"data")
    with opened(alice, "/f", os.O_RDWR) as fd:
        fs.chmod("/f", 0)
        fs.chown("/f", 0, 0)
        assert alice.write(fd, b"x") == 1
        assert alice.pread(fd, 10, 0) == b"xata"
        alice.ftruncate(fd, 0)
    assert fs.stat("/f").st_size == 0


def test_a_file_made_without_the_right_to_write_is_written_by_its_maker(alice: Caller) -> None:
    fd = alice.open("/f", os.O_CREAT | os.O_RDWR, 0)
    assert alice.write(fd, b"x") == 1
    alice.posix_fallocate(fd, 0, 5000)
    alice.ftruncate(fd, 1)
    alice.close(fd)
    assert permissions(alice, "/f") == 0
    refused(errno.EACCES, alice.open, "/f", os.O_RDONLY)
