"""Names, modes, owners and times, of every kind of node alike."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

import pytest

from tests.posix.asking import answer, changed, exists, make, permissions, refused
from tests.posix.callers import Caller
from tests.posix.kinds import KINDS, Kind, kept

SETID = stat.S_ISUID | stat.S_ISGID


def test_a_rename_changes_nothing_but_the_name_and_the_time_of_change(fs: Caller, kind: Kind) -> None:
    kind.make(fs, "/old")
    before = fs.lstat("/old")
    assert stat.S_IFMT(before.st_mode) == kind.type
    fs.rename("/old", "/new")
    after = fs.lstat("/new")
    assert not exists(fs, "/old")
    assert kept(after) == kept(before)
    assert after.st_nlink == before.st_nlink
    assert after.st_ctime_ns >= before.st_ctime_ns
    kind.remove(fs, "/new")
    assert not exists(fs, "/new")


def test_a_file_is_one_under_all_its_names_until_the_last_is_gone(fs: Caller, kind: Kind) -> None:
    kind.make(fs, "/one")
    if kind.is_directory:
        refused(errno.EPERM, fs.link, "/one", "/two")
        return
    fs.link("/one", "/two", follow_symlinks=False)
    fs.link("/two", "/three", follow_symlinks=False)
    if not kind.is_link:
        fs.chmod("/two", 0o201)
    fs.utime("/three", ns=(3, 4), follow_symlinks=False)
    statuses = [fs.lstat(path) for path in ("/one", "/two", "/three")]
    assert len({kept(status) for status in statuses}) == 1
    assert {status.st_nlink for status in statuses} == {3}
    assert {(status.st_atime_ns, status.st_mtime_ns) for status in statuses} == {(3, 4)}
    fs.rename("/two", "/four")
    assert kept(fs.lstat("/four")) == kept(statuses[0])
    for left, path in ((2, "/one"), (1, "/three")):
        assert "c" in changed(fs, lambda gone=path: fs.unlink(gone), "/four")["/four"]  # type: ignore[misc]
        assert fs.lstat("/four").st_nlink == left
    fs.unlink("/four")
    assert fs.listdir("/") == [".tick"]


def test_a_link_changes_the_time_of_change_of_file_and_directory(fs: Caller, kind: Kind) -> None:
    if kind.is_directory:
        return
    kind.make(fs, "/f")
    fs.mkdir("/d")
    done = changed(fs, lambda: fs.link("/f", "/d/g", follow_symlinks=False), "/f", "/d")
    assert done == {"/f": "c", "/d": "mc"}


def test_the_mode_is_changed_directly_and_through_a_link_whose_own_stays(fs: Caller, kind: Kind) -> None:
    if kind.is_link:
        return
    kind.make(fs, "/f")
    fs.symlink("f", "/l")
    own = fs.lstat("/l").st_mode
    for mode, path in ((0o111, "/f"), (0o222, "/l"), (0o1621, "/f"), (0o6755, "/l"), (0, "/f")):
        assert changed(fs, lambda at=path, to=mode: fs.chmod(at, to), "/f") == {"/f": "c"}  # type: ignore[misc]
        assert fs.stat("/f").st_mode == kind.type | mode
        assert fs.lstat("/l").st_mode == own


def test_times_are_set_of_every_kind(fs: Caller, kind: Kind) -> None:
    kind.make(fs, "/f")
    for atime, mtime in ((1_900_000_000, 1_950_000_000), (1_950_000_000, 1_900_000_000), (2**32, 2**31)):
        fs.utime("/f", ns=(atime * 10**9, mtime * 10**9 + 1), follow_symlinks=False)
        status = fs.lstat("/f")
        assert (status.st_atime_ns, status.st_mtime_ns) == (atime * 10**9, mtime * 10**9 + 1)


def test_nothing_is_made_where_something_is(fs: Caller, kind: Kind) -> None:
    kind.make(fs, "/there")
    make(fs, "/f")
    before = fs.lstat("/there")
    acts: list[Callable[[], object]] = [
        lambda: fs.mkdir("/there"),
        lambda: fs.mkfifo("/there"),
        lambda: fs.mknod("/there", stat.S_IFREG | 0o644),
        lambda: fs.mknod("/there", stat.S_IFSOCK | 0o644),
        lambda: fs.symlink("f", "/there"),
        lambda: fs.link("/f", "/there"),
        lambda: fs.open("/there", os.O_CREAT | os.O_EXCL | os.O_RDONLY),
        lambda: fs.rename("/f", "/there", flags=1),
    ]
    for act in acts:
        refused(errno.EEXIST, act)
    after = fs.lstat("/there")
    assert (kept(after), after.st_ctime_ns) == (kept(before), before.st_ctime_ns)


def test_a_directory_that_holds_anything_stays(fs: Caller, kind: Kind) -> None:
    fs.mkdir("/d")
    fs.mkdir("/e")
    kind.make(fs, "/d/in")
    refused(errno.ENOTEMPTY, fs.rmdir, "/d")
    refused(errno.ENOTEMPTY, fs.rename, "/e", "/d")
    kind.remove(fs, "/d/in")
    fs.rmdir("/d")


def test_each_removal_takes_its_own_kind(fs: Caller, kind: Kind) -> None:
    kind.make(fs, "/f")
    if kind.is_directory:
        refused(errno.EISDIR, fs.unlink, "/f")
    else:
        refused(errno.ENOTDIR, fs.rmdir, "/f")
    assert "m" in changed(fs, lambda: kind.remove(fs, "/f"), "/")["/"]
    assert not exists(fs, "/f")


def test_a_rename_replaces_any_kind_but_no_directory_by_something_else(
    fs: Caller, kind: Kind, request: pytest.FixtureRequest
) -> None:
    user = "detrempe-user" in request.node.name
    for other in KINDS.values():
        if user and other.is_device:
            continue
        kind.make(fs, "/from")
        other.make(fs, "/to")
        came = fs.lstat("/from").st_ino
        if kind.is_directory != other.is_directory:
            refused(errno.ENOTDIR if kind.is_directory else errno.EISDIR, fs.rename, "/from", "/to")
            assert fs.lstat("/from").st_ino == came
            kind.remove(fs, "/from")
            other.remove(fs, "/to")
            continue
        if not other.is_directory:
            fs.link("/to", "/alias", follow_symlinks=False)
            assert "c" in changed(fs, lambda: fs.rename("/from", "/to"), "/alias")["/alias"]
            assert fs.lstat("/alias").st_nlink == 1
            fs.unlink("/alias")
        else:
            fs.rename("/from", "/to")
        assert fs.lstat("/to").st_ino == came
        assert not exists(fs, "/from")
        kind.remove(fs, "/to")


def test_root_gives_any_kind_away_and_a_link_only_when_it_is_meant(
    fs: Caller, kind: Kind, root: None
) -> None:
    kind.make(fs, "/f")
    fs.symlink("f", "/l")

    def owners(path: str) -> tuple[int, int]:
        status = fs.lstat(path)
        return status.st_uid, status.st_gid

    for uid, gid in ((123, 456), (0, 0), (2**32 - 2, 2**31)):
        assert changed(fs, lambda u=uid, g=gid: fs.lchown("/f", u, g), "/f") == {"/f": "c"}  # type: ignore[misc]
        assert owners("/f") == (uid, gid)
    if not kind.is_link:
        fs.chown("/l", 7, 8)
        assert owners("/f") == (7, 8)
    fs.lchown("/l", 9, 10)
    assert owners("/l") == (9, 10)
    assert owners("/f") != (9, 10)


def test_the_owner_of_any_kind_gives_it_to_the_groups_he_is_in(fs: Caller, alice: Caller, kind: Kind) -> None:
    kind.make(fs, "/f")
    fs.lchown("/f", 1001, 77)
    for gid in (3001, 1001):
        alice.lchown("/f", 1001, gid)
        assert (fs.lstat("/f").st_uid, fs.lstat("/f").st_gid) == (1001, gid)
    alice.lchown("/f", -1, 3001)
    for uid, gid in ((1002, -1), (-1, 3002), (1002, 3001), (0, 0)):
        refused(errno.EPERM, alice.lchown, "/f", uid, gid)
    assert (fs.lstat("/f").st_uid, fs.lstat("/f").st_gid) == (1001, 3001)


def test_giving_a_file_away_takes_set_uid_and_set_gid_from_all_but_directories(
    fs: Caller, alice: Caller, kind: Kind
) -> None:
    if kind.is_link:
        return
    kind.make(fs, "/f")
    left = 0o6555 if kind.is_directory else 0o555
    for caller, uid, gid in ((fs, 1001, 1001), (alice, 1001, 3001), (alice, -1, 1001), (fs, 0, 0)):
        fs.chmod("/f", 0o6555)
        caller.chown("/f", uid, gid)
        assert permissions(fs, "/f") == left


def test_a_stranger_may_change_nothing_to_nothing_and_no_more(fs: Caller, bob: Caller, kind: Kind) -> None:
    fs.mkdir("/d", 0o755)
    kind.make(fs, "/d/f")
    status = fs.lstat("/d/f")
    bob.lchown("/d/f", -1, -1)
    acts: list[tuple[int, Callable[[], object]]] = [
        (errno.EPERM, lambda: bob.lchown("/d/f", 1002, -1)),
        (errno.EPERM, lambda: bob.lchown("/d/f", -1, 1002)),
        (errno.EPERM, lambda: bob.lchown("/d/f", 1002, 1002)),
        (errno.EPERM, lambda: bob.utime("/d/f", ns=(1, 2), follow_symlinks=False)),
        (errno.EACCES, lambda: kind.remove(bob, "/d/f")),
        (errno.EACCES, lambda: bob.rename("/d/f", "/d/g")),
        (errno.EACCES, lambda: bob.rename("/d/f", "/g")),
    ]
    if not kind.is_link:
        acts.append((errno.EPERM, lambda: bob.chmod("/d/f", 0o777)))
        acts.append((errno.EACCES, lambda: bob.utime("/d/f")))

    def all_of_them() -> None:
        for number, act in acts:
            refused(number, act)

    assert changed(fs, all_of_them, "/d/f", "/d") == {"/d/f": "", "/d": ""}
    assert kept(fs.lstat("/d/f")) == kept(status)


@pytest.mark.parametrize(
    ("mode", "mask"), [(0o755, 0), (0o151, 0), (0o151, 0o077), (0o345, 0o070), (0o501, 0o345)]
)
def test_what_the_umask_names_is_not_given(fs: Caller, mode: int, mask: int) -> None:
    makes: dict[str, Callable[[str], object]] = {
        "/file": lambda path: fs.close(fs.open(path, os.O_CREAT | os.O_WRONLY, mode)),
        "/directory": lambda path: fs.mkdir(path, mode),
        "/fifo": lambda path: fs.mkfifo(path, mode),
        "/socket": lambda path: fs.mknod(path, stat.S_IFSOCK | mode),
    }
    fs.umask(mask)
    for path, act in makes.items():
        act(path)
    fs.umask(0o022)
    assert {path: permissions(fs, path) for path in makes} == dict.fromkeys(makes, mode & ~mask)


@pytest.mark.parametrize("name", ["directory", "fifo"])
@pytest.mark.parametrize(("who", "shift"), [("alice", 6), ("group", 3), ("bob", 0)])
def test_directories_and_fifos_are_opened_by_the_class_that_fits_too(
    fs: Caller, alice: Caller, bob: Caller, name: str, who: str, shift: int
) -> None:
    KINDS[name].make(fs, "/f")
    fs.chown("/f", 1001 if who == "alice" else 0, 3001 if who != "bob" else 0)
    caller = bob if who == "bob" else alice
    flags = {os.O_RDONLY | os.O_NONBLOCK: 4}
    if name == "fifo":
        flags[os.O_RDWR] = 6
    for bits in range(8):
        fs.chmod("/f", 0o777 & ~(7 << shift) | bits << shift)
        for flag, needed in flags.items():
            said = answer(caller.open, "/f", flag)
            if isinstance(said, int):
                caller.close(said)
            # The user kernel says ENXIO of a fifo, once it would be opened.
            assert (said != "EACCES") is (bits & needed == needed), (oct(bits), said)
