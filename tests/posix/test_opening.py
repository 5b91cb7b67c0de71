"""Every flag of open(2), on every kind of node."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.posix.asking import answer, changed, content, make, opened, permissions, refused
from tests.posix.callers import Caller
from tests.posix.subjects import RealPlace

RD, WR, RW = os.O_RDONLY, os.O_WRONLY, os.O_RDWR
CREAT, EXCL, TRUNC = os.O_CREAT, os.O_EXCL, os.O_TRUNC
DIRECTORY, NOFOLLOW = os.O_DIRECTORY, os.O_NOFOLLOW

MATRIX: dict[str, dict[int, str | None]] = {
    "/f": {
        RD: None,
        RW: None,
        WR | RW: None,
        CREAT | WR: None,
        TRUNC | WR: None,
        NOFOLLOW: None,
        CREAT | EXCL | WR: "EEXIST",
        DIRECTORY: "ENOTDIR",
        os.O_TMPFILE | RW: "ENOTDIR",
    },
    "/f/": {RD: "ENOTDIR", CREAT | WR: "EISDIR", DIRECTORY: "ENOTDIR"},
    "/none": {
        RD: "ENOENT",
        WR: "ENOENT",
        TRUNC | WR: "ENOENT",
        DIRECTORY: "ENOENT",
        CREAT | DIRECTORY: "EINVAL",
        CREAT | EXCL | WR: None,
    },
    "/none/": {RD: "ENOENT", CREAT | WR: "EISDIR", CREAT | EXCL | WR: "EISDIR"},
    "/none/x": {RD: "ENOENT", CREAT | WR: "ENOENT"},
    "/f/x": {RD: "ENOTDIR", CREAT | WR: "ENOTDIR"},
    "/d": {
        RD: None,
        DIRECTORY: None,
        WR: "EISDIR",
        RW: "EISDIR",
        CREAT: "EISDIR",
        TRUNC: "EISDIR",
        CREAT | WR: "EISDIR",
        CREAT | EXCL: "EEXIST",
        CREAT | EXCL | WR: "EEXIST",
        os.O_TMPFILE: "EINVAL",
        os.O_TMPFILE | RW: None,
        os.O_TMPFILE | EXCL | WR: None,
    },
    "/d/": {RD: None, DIRECTORY: None, WR: "EISDIR", CREAT | WR: "EISDIR"},
    "/l": {
        RD: None,
        WR: None,
        CREAT | WR: None,
        NOFOLLOW: "ELOOP",
        NOFOLLOW | CREAT | WR: "ELOOP",
        CREAT | EXCL | WR: "EEXIST",
        DIRECTORY: "ENOTDIR",
        DIRECTORY | NOFOLLOW: "ENOTDIR",
    },
    "/l/": {RD: "ENOTDIR"},
    "/dangling": {
        RD: "ENOENT",
        NOFOLLOW: "ELOOP",
        CREAT | EXCL | WR: "EEXIST",
        CREAT | WR: None,
    },
    "/dirlink": {RD: None, DIRECTORY: None, DIRECTORY | NOFOLLOW: "ENOTDIR", WR: "EISDIR"},
    "/dirlink/": {RD: None, NOFOLLOW: None, WR: "EISDIR"},
    "/socket": {RD: "ENXIO", WR: "ENXIO"},
    "": {RD: "ENOENT", CREAT | WR: "ENOENT"},
}


@pytest.fixture
def tree(fs: Caller) -> Caller:
    """One of each kind of node."""
    make(fs, "/f", b"data")
    fs.mkdir("/d")
    fs.symlink("f", "/l")
    fs.symlink("later", "/dangling")
    fs.symlink("d", "/dirlink")
    fs.mknod("/socket", stat.S_IFSOCK | 0o666)
    return fs


@pytest.mark.parametrize(
    ("path", "flags", "expected"),
    [(path, flags, expected) for path, row in MATRIX.items() for flags, expected in row.items()],
    ids=lambda value: oct(value) if isinstance(value, int) else None,
)
def test_open(tree: Caller, path: str, flags: int, expected: str | None) -> None:
    said = answer(tree.open, path, flags, 0o644)
    if isinstance(said, int):
        tree.close(said)
        said = None
    assert said == expected


def test_a_file_made_through_a_dangling_link_is_where_the_link_points(tree: Caller) -> None:
    with opened(tree, "/dangling", CREAT | WR) as fd:
        tree.write(fd, b"here")
    assert content(tree, "/later") == b"here"


def test_what_is_not_opened_for_it_is_not_done(tree: Caller) -> None:
    with opened(tree, "/f", RD) as fd:
        refused(errno.EBADF, tree.write, fd, b"x")
        refused(errno.EBADF, tree.pwrite, fd, b"x", 0)
        refused(errno.EINVAL, tree.ftruncate, fd, 0)
        refused(errno.EBADF, tree.posix_fallocate, fd, 0, 1)
    with opened(tree, "/f", WR) as fd:
        refused(errno.EBADF, tree.read, fd, 1)
        refused(errno.EBADF, tree.pread, fd, 1, 0)
    with opened(tree, "/d", RD) as fd:
        refused(errno.EISDIR, tree.read, fd, 1)
        refused(errno.EBADF, tree.write, fd, b"x")
        refused(errno.EINVAL, tree.ftruncate, fd, 0)
    refused(errno.EBADF, tree.read, 9999, 1)


def test_the_access_mode_three_takes_both_rights_and_gives_neither(alice: Caller) -> None:
    # As Linux has it (open(2)): for ioctl(2) alone.
    for mode, number in ((0o400, errno.EACCES), (0o200, errno.EACCES)):
        make(alice, f"/{mode}", b"data", mode=mode)
        refused(number, alice.open, f"/{mode}", WR | RW)
    make(alice, "/f", b"data", mode=0o600)
    with opened(alice, "/f", WR | RW) as fd:
        refused(errno.EBADF, alice.read, fd, 1)
        refused(errno.EBADF, alice.write, fd, b"x")
        assert alice.fstat(fd).st_size == 4


def test_an_appending_descriptor_writes_at_the_end_whatever_the_offset(tree: Caller) -> None:
    with opened(tree, "/f", RW | os.O_APPEND) as fd, opened(tree, "/f", WR) as other:
        assert tree.write(fd, b"1") == 1
        assert tree.pwrite(other, b"22", 6) == 2
        tree.lseek(fd, 0, os.SEEK_SET)
        assert tree.write(fd, b"3") == 1
        assert tree.lseek(fd, 0, os.SEEK_CUR) == 9
        # As Linux has it, and POSIX has not.
        assert tree.pwrite(fd, b"4", 0) == 1
        assert tree.read(fd, 9) == b"4"
    assert content(tree, "/f") == b"data1\x002234"


def test_a_nameless_file_gets_a_name_unless_it_was_made_with_o_excl(tree: Caller, root: None) -> None:
    with opened(tree, "/d", os.O_TMPFILE | RW, 0o640) as fd:
        assert tree.listdir("/d") == []
        assert tree.fstat(fd).st_nlink == 0
        assert stat.S_IMODE(tree.fstat(fd).st_mode) == 0o640
        tree.write(fd, b"data")
        tree.link_open(fd, "/d/name")
        assert tree.fstat(fd).st_nlink == 1
        refused(errno.EEXIST, tree.link_open, fd, "/d/name")
        tree.link_open(fd, "/d/second")
    assert content(tree, "/d/name") == b"data"
    assert permissions(tree, "/d/name") == 0o640
    with opened(tree, "/d", os.O_TMPFILE | EXCL | RW) as fd:
        refused(errno.ENOENT, tree.link_open, fd, "/d/never")
    with opened(tree, "/d/name", RD) as fd:
        tree.unlink("/d/name")
        tree.unlink("/d/second")
        refused(errno.ENOENT, tree.link_open, fd, "/d/never")


def test_a_nameless_file_is_of_its_directorys_group(fs: Caller, alice: Caller) -> None:
    fs.mkdir("/d")
    fs.chown("/d", 0, 77)
    fs.chmod("/d", 0o2777)
    with opened(alice, "/d", os.O_TMPFILE | RW) as fd:
        status = alice.fstat(fd)
        assert (status.st_uid, status.st_gid) == (1001, 77)


def test_a_fifo_carries_what_is_written_to_it(fs: Caller, real: None) -> None:
    fs.mkfifo("/p")
    reader = fs.open("/p", RD | os.O_NONBLOCK)
    with opened(fs, "/p", WR) as writer:
        fs.write(writer, b"through")
        assert fs.read(reader, 100) == b"through"
        refused(errno.ESPIPE, fs.lseek, writer, 0, os.SEEK_SET)
        refused(errno.EINVAL, fs.ftruncate, writer, 0)
    fs.close(reader)
    refused(errno.ENXIO, fs.open, "/p", WR | os.O_NONBLOCK)
    refused(errno.EINVAL, fs.truncate, "/p", 0)


def test_truncate_refuses_what_is_no_regular_file(tree: Caller) -> None:
    refused(errno.EISDIR, tree.truncate, "/d", 0)
    refused(errno.EISDIR, tree.truncate, "/dirlink", 0)
    refused(errno.EINVAL, tree.truncate, "/socket", 0)
    tree.truncate("/l", 2)
    assert content(tree, "/f") == b"da"


def test_a_program_that_runs_is_not_written_and_what_is_written_does_not_run(
    fs: Caller, place: RealPlace, real: None, root: None
) -> None:
    program = Path(place.root) / "sleep"
    code = Path("/bin/sleep").read_bytes()
    make(fs, "/sleep", code, mode=0o755)
    with opened(fs, "/sleep", WR), pytest.raises(OSError, match="Text file busy"):
        subprocess.run([program, "0"], check=True)
    running = subprocess.Popen([program, "60"])
    try:
        refused(errno.ETXTBSY, fs.open, "/sleep", WR)
        refused(errno.ETXTBSY, fs.open, "/sleep", RD | TRUNC)
        refused(errno.ETXTBSY, fs.truncate, "/sleep", 0)
        with opened(fs, "/sleep", RD):
            pass
    finally:
        running.kill()
        running.wait()
    with opened(fs, "/sleep", WR):
        pass
    assert content(fs, "/sleep") == code


def test_o_noatime_is_for_the_owner(fs: Caller, alice: Caller, bob: Caller) -> None:
    make(alice, "/f", b"data", mode=0o666)
    for flags in (RD, WR, RW):
        refused(errno.EPERM, bob.open, "/f", flags | os.O_NOATIME)
    with opened(fs, "/f", RD | os.O_NOATIME), opened(alice, "/f", RD | os.O_NOATIME) as fd:
        assert alice.read(fd, 4) == b"data"


def test_reading_with_o_noatime_leaves_the_time_of_access(fs: Caller, real: None, root: None) -> None:
    for path, flags, moved in (("/f", os.O_NOATIME, ""), ("/g", 0, "a")):
        make(fs, path, b"data")

        def read(path: str = path, flags: int = flags) -> None:
            with opened(fs, path, RD | flags) as fd:
                assert fs.pread(fd, 4, 0) == b"data"

        assert changed(fs, read, path) == {path: moved}
