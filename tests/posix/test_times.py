"""Which times every operation changes: of the file, of its directory, of the other directory."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable

import attrs
import pytest

from tests.posix.asking import changed, make, opened, refused
from tests.posix.callers import Caller
from tests.posix.linux import UTIME_NOW, UTIME_OMIT

Act = Callable[[Caller], object]


@attrs.frozen
class Case:
    """An operation, and the times that it changes; *atime* may change with any."""

    act: Act
    changes: dict[str, str]


def descriptor(flags: int, act: Callable[[Caller, int], object], path: str = "/d/f") -> Act:
    """Return an act on an open file."""

    def acting(fs: Caller) -> None:
        with opened(fs, path, flags) as fd:
            act(fs, fd)

    return acting


W, RW = os.O_WRONLY, os.O_RDWR

CASES = {
    "create": Case(lambda fs: make(fs, "/d/new"), {"/d": "mc", "/d/f": ""}),
    "mkdir": Case(lambda fs: fs.mkdir("/d/new"), {"/d": "mc"}),
    "mkfifo": Case(lambda fs: fs.mkfifo("/d/new"), {"/d": "mc"}),
    "symlink": Case(lambda fs: fs.symlink("x", "/d/new"), {"/d": "mc"}),
    "link": Case(lambda fs: fs.link("/d/f", "/e/new"), {"/d": "", "/e": "mc", "/d/f": "c"}),
    "unlink": Case(lambda fs: fs.unlink("/d/f"), {"/d": "mc", "/e/same": "c"}),
    "unlink the only name": Case(lambda fs: fs.unlink("/d/l"), {"/d": "mc"}),
    "rmdir": Case(lambda fs: fs.rmdir("/d/empty"), {"/d": "mc"}),
    "rename within": Case(lambda fs: fs.rename("/d/g", "/d/h"), {"/d": "mc", "/e": ""}),
    "rename across": Case(lambda fs: fs.rename("/d/g", "/e/h"), {"/d": "mc", "/e": "mc"}),
    "rename over": Case(lambda fs: fs.rename("/d/g", "/d/f"), {"/d": "mc", "/e/same": "c"}),
    "rename over another name of it": Case(
        lambda fs: fs.rename("/d/f", "/e/same"), {"/d": "", "/e": "", "/d/f": "", "/e/same": ""}
    ),
    "exchange": Case(
        lambda fs: fs.rename("/d/g", "/e/same", flags=2),
        {"/d": "mc", "/e": "mc", "/d/f": "c"},
    ),
    "rename that is refused": Case(
        lambda fs: refused(errno.EEXIST, fs.rename, "/d/g", "/d/f", flags=1),
        {"/d": "", "/d/g": "", "/d/f": ""},
    ),
    "write": Case(descriptor(RW, lambda fs, fd: fs.write(fd, b"x")), {"/d": "", "/d/f": "mc"}),
    "write of nothing": Case(descriptor(RW, lambda fs, fd: fs.write(fd, b"")), {"/d/f": ""}),
    "open": Case(descriptor(RW, lambda fs, fd: None), {"/d": "", "/d/f": ""}),
    "open with O_CREAT": Case(descriptor(RW | os.O_CREAT, lambda fs, fd: None), {"/d": "", "/d/f": ""}),
    "open with O_TRUNC": Case(descriptor(W | os.O_TRUNC, lambda fs, fd: None), {"/d": "", "/d/f": "mc"}),
    "open an empty one with O_TRUNC": Case(
        descriptor(W | os.O_TRUNC, lambda fs, fd: None, "/d/g"), {"/d/g": "mc"}
    ),
    "ftruncate": Case(descriptor(W, lambda fs, fd: fs.ftruncate(fd, 100)), {"/d": "", "/d/f": "mc"}),
    "ftruncate to the same size": Case(descriptor(W, lambda fs, fd: fs.ftruncate(fd, 4)), {"/d/f": "mc"}),
    "truncate": Case(lambda fs: fs.truncate("/d/f", 0), {"/d": "", "/d/f": "mc"}),
    "chmod": Case(lambda fs: fs.chmod("/d/f", 0o600), {"/d": "", "/d/f": "c"}),
    "chmod to the same": Case(lambda fs: fs.chmod("/d/f", 0o644), {"/d/f": "c"}),
    "chown": Case(lambda fs: fs.chown("/d/f", fs.stat("/d").st_uid, -1), {"/d": "", "/d/f": "c"}),
    "chown to nobody else": Case(lambda fs: fs.chown("/d/f", -1, -1), {"/d": ""}),
    "utime": Case(lambda fs: fs.utime("/d/f", ns=(1, 2)), {"/d": "", "/d/f": "amc"}),
    "setxattr": Case(lambda fs: fs.setxattr("/d/f", "user.a", b"1"), {"/d": "", "/d/f": "c"}),
    "removexattr": Case(lambda fs: fs.removexattr("/d/f", "user.b"), {"/d": "", "/d/f": "c"}),
    "posix_fallocate": Case(
        descriptor(RW, lambda fs, fd: fs.posix_fallocate(fd, 0, 9000)), {"/d": "", "/d/f": "mc"}
    ),
    "fallocate": Case(descriptor(RW, lambda fs, fd: fs.fallocate(fd, 1, 0, 9000)), {"/d": "", "/d/f": "mc"}),
    "punch a hole": Case(descriptor(RW, lambda fs, fd: fs.fallocate(fd, 3, 0, 2)), {"/d": "", "/d/f": "mc"}),
    "stat": Case(lambda fs: fs.stat("/d/f"), {"/d": "", "/d/f": ""}),
    "lseek": Case(descriptor(RW, lambda fs, fd: fs.lseek(fd, 0, os.SEEK_HOLE)), {"/d/f": ""}),
}


@pytest.fixture
def tree(fs: Caller) -> Caller:
    """Two directories, and in them a file with two names, an empty file, a link and a directory."""
    fs.mkdir("/d")
    fs.mkdir("/e")
    make(fs, "/d/f", b"data")
    fs.setxattr("/d/f", "user.b", b"1")
    fs.link("/d/f", "/e/same")
    make(fs, "/d/g")
    fs.symlink("f", "/d/l")
    fs.mkdir("/d/empty")
    # Read once, so that no later reading is the first since a change.
    for path in ("/d", "/e"):
        fs.listdir(path)
    return fs


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_an_operation_changes_these_times_and_no_others(tree: Caller, case: Case) -> None:
    done = changed(tree, lambda: case.act(tree), *case.changes)
    asked_for_atime = "a" in "".join(case.changes.values())
    if not asked_for_atime:
        done = {path: letters.replace("a", "") for path, letters in done.items()}
    assert done == case.changes


def test_a_new_node_has_the_time_of_its_making(fs: Caller) -> None:
    make(fs, "/before")
    past = fs.stat("/before").st_ctime_ns
    for path, act in (
        ("/f", lambda: make(fs, "/f")),
        ("/d", lambda: fs.mkdir("/d")),
        ("/l", lambda: fs.symlink("f", "/l")),
        ("/p", lambda: fs.mkfifo("/p")),
    ):
        act()
        status = fs.lstat(path)
        assert past <= status.st_mtime_ns <= status.st_ctime_ns
        assert past <= status.st_atime_ns <= status.st_ctime_ns
        assert abs(time.time_ns() - status.st_ctime_ns) < 10 * 10**9


def test_reading_for_the_first_time_since_a_change_moves_the_time_of_access(fs: Caller) -> None:
    make(fs, "/f", b"data")
    fs.mkdir("/d")
    make(fs, "/d/f")
    fs.symlink("f", "/l")

    def read() -> None:
        with opened(fs, "/f", os.O_RDONLY) as fd:
            assert fs.read(fd, 4) == b"data"
        assert fs.listdir("/d") == ["f"]
        assert fs.readlink("/l") == "f"

    assert changed(fs, read, "/f", "/d", "/l") == {"/f": "a", "/d": "a", "/l": "a"}


def test_times_are_kept_to_the_nanosecond_before_the_epoch_and_after_2038(fs: Caller) -> None:
    make(fs, "/f")
    for ns in (1, 999_999_999, -1, -1_500_000_001, 2**31 * 10**9 + 7, 2**33 * 10**9 + 123_456_789):
        fs.utime("/f", ns=(ns, ns + 1))
        status = fs.stat("/f")
        assert (status.st_atime_ns, status.st_mtime_ns) == (ns, ns + 1)


def test_the_times_of_a_symbolic_link_are_its_own(fs: Caller) -> None:
    make(fs, "/f")
    fs.symlink("f", "/l")
    fs.utime("/l", ns=(5, 6), follow_symlinks=False)
    assert (fs.lstat("/l").st_atime_ns, fs.lstat("/l").st_mtime_ns) == (5, 6)
    assert fs.stat("/f").st_mtime_ns > 10**9


def test_only_both_times_together_are_set_to_now_by_who_may_just_write(
    fs: Caller, alice: Caller, bob: Caller, real: None
) -> None:
    now, omit, named = (0, UTIME_NOW), (0, UTIME_OMIT), (7, 8)
    make(alice, "/f", mode=0o666)
    make(alice, "/closed", mode=0o644)
    for times in ((now, omit), (omit, now), (now, named), (named, now), (named, omit), (omit, named)):
        refused(errno.EPERM, bob.utimensat, "/f", *times)
        alice.utimensat("/f", *times)
    for times in ((named, named), (now, omit), (omit, named)):
        refused(errno.EPERM, bob.utimensat, "/closed", *times)
    refused(errno.EACCES, bob.utimensat, "/closed", now, now)
    bob.utimensat("/f", now, now)
    # Nothing is asked for, so nothing is refused.
    bob.utimensat("/closed", omit, omit)
    assert abs(time.time_ns() - fs.stat("/f").st_mtime_ns) < 10 * 10**9


def test_a_time_may_be_now_or_left_as_it_is(fs: Caller, real: None) -> None:
    make(fs, "/f")
    fs.utime("/f", ns=(5, 6))
    fs.utimensat("/f", (0, UTIME_OMIT), (7, 8))
    assert (fs.stat("/f").st_atime_ns, fs.stat("/f").st_mtime_ns) == (5, 7 * 10**9 + 8)
    fs.utimensat("/f", (0, UTIME_NOW), (0, UTIME_OMIT))
    assert fs.stat("/f").st_mtime_ns == 7 * 10**9 + 8
    assert abs(time.time_ns() - fs.stat("/f").st_atime_ns) < 10 * 10**9
    assert changed(fs, lambda: fs.utimensat("/f", (0, UTIME_OMIT), (0, UTIME_OMIT)), "/f") == {"/f": ""}
