"""``steps.py DIRECTORY SET``: does what programs do with files, and says as JSON how each step went.

A step is a function of something with the interface of :mod:`os`, and a directory in it that is empty.  What
it was refused, if anything, is said by its errno; a step that saw something untrue ends the program.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Step: TypeAlias = Callable[[Any, str], None]

RW: Final = os.O_CREAT | os.O_RDWR


def write(fs: Any, path: str, data: bytes) -> None:
    """Make a file that holds *data*, or replace what it held."""
    fd = fs.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
    assert fs.pwrite(fd, data, 0) == len(data)
    fs.close(fd)


def read(fs: Any, path: str) -> bytes:
    """Return what a file holds."""
    fd = fs.open(path, os.O_RDONLY)
    data: bytes = fs.pread(fd, 1 << 20, 0)
    fs.close(fd)
    return data


def refused(code: int, call: Callable[..., object], *args: object) -> None:
    """The call must fail with *code*."""
    told = 0
    try:
        call(*args)
    except OSError as exc:
        told = exc.errno or -1
    assert told == code, f"{call}{args}: {errno.errorcode.get(told, told)}"


def files_and_data(fs: Any, at: str) -> None:
    """Written, read, cut, grown, appended to."""
    write(fs, f"{at}/f", b"pink floyd" * 30_000)
    assert read(fs, f"{at}/f") == b"pink floyd" * 30_000
    fs.truncate(f"{at}/f", 4)
    fs.truncate(f"{at}/f", 6)
    assert read(fs, f"{at}/f") == b"pink\0\0"
    fd = fs.open(f"{at}/f", os.O_WRONLY | os.O_APPEND)
    fs.write(fd, b"!")
    fs.fsync(fd)
    fs.close(fd)
    assert read(fs, f"{at}/f") == b"pink\0\0!"
    assert fs.stat(f"{at}/f").st_size == 7
    refused(errno.ENOENT, fs.open, f"{at}/g", os.O_RDONLY)
    refused(errno.EEXIST, fs.open, f"{at}/f", RW | os.O_EXCL, 0o644)


def directories(fs: Any, at: str) -> None:
    """Made, listed, removed once they are empty."""
    fs.mkdir(f"{at}/d", 0o755)
    names = [f"name-{number:03}" for number in range(100)]
    for name in names:
        write(fs, f"{at}/d/{name}", b"")
    assert sorted(fs.listdir(f"{at}/d")) == names
    refused(errno.ENOTEMPTY, fs.rmdir, f"{at}/d")
    refused(errno.EEXIST, fs.mkdir, f"{at}/d")
    for name in names:
        fs.unlink(f"{at}/d/{name}")
    assert fs.listdir(f"{at}/d") == []
    fs.rmdir(f"{at}/d")
    refused(errno.ENOENT, fs.listdir, f"{at}/d")


def names_of_any_bytes(fs: Any, at: str) -> None:
    """They come back as they were given."""
    given = [b"\xff\xfe", "\N{SNOWMAN}".encode(), b"new\nline", b"n" * 255, b",\\ "]
    for name in given:
        fs.mkdir(os.fsencode(at) + b"/" + name, 0o755)
    assert sorted(fs.listdir(os.fsencode(at))) == sorted(given)
    refused(errno.ENAMETOOLONG, fs.mkdir, f"{at}/{'n' * 256}")


def renaming(fs: Any, at: str) -> None:
    """A name moves, and takes the place of another."""
    fs.mkdir(f"{at}/d", 0o755)
    write(fs, f"{at}/a", b"a")
    write(fs, f"{at}/d/b", b"b")
    fs.rename(f"{at}/a", f"{at}/d/b")
    assert (fs.listdir(at), read(fs, f"{at}/d/b")) == (["d"], b"a")
    fs.rename(f"{at}/d", f"{at}/e")
    assert fs.listdir(f"{at}/e") == ["b"]
    refused(errno.EINVAL, fs.rename, f"{at}/e", f"{at}/e/f")


def hard_links(fs: Any, at: str) -> None:
    """One file, two names."""
    write(fs, f"{at}/a", b"one")
    fs.link(f"{at}/a", f"{at}/b")
    write(fs, f"{at}/b", b"both")
    assert read(fs, f"{at}/a") == b"both"
    first, second = fs.stat(f"{at}/a"), fs.stat(f"{at}/b")
    assert (first.st_ino, first.st_nlink, first.st_size) == (second.st_ino, 2, 4)
    fs.unlink(f"{at}/a")
    assert fs.stat(f"{at}/b").st_nlink == 1


def symbolic_links(fs: Any, at: str) -> None:
    """They say what they were made with, and lead there."""
    fs.mkdir(f"{at}/d", 0o755)
    write(fs, f"{at}/d/f", b"there")
    fs.symlink("d/f", f"{at}/s")
    assert fs.readlink(f"{at}/s") == "d/f"
    assert read(fs, f"{at}/s") == b"there"
    assert stat.S_ISLNK(fs.lstat(f"{at}/s").st_mode)


def removed_while_open(fs: Any, at: str) -> None:
    """A file without a name lives until it is closed, and its directory is empty."""
    fs.mkdir(f"{at}/d", 0o755)
    write(fs, f"{at}/d/f", b"still")
    fd = fs.open(f"{at}/d/f", os.O_RDWR)
    fs.unlink(f"{at}/d/f")
    assert fs.listdir(f"{at}/d") == []
    assert fs.fstat(fd).st_nlink == 0
    fs.pwrite(fd, b" here", 5)
    fs.ftruncate(fd, 8)
    assert fs.pread(fd, 100, 0) == b"still he"
    fs.rmdir(f"{at}/d")
    fs.close(fd)


def replaced_while_open(fs: Any, at: str) -> None:
    """Who has the old file open goes on reading the old file."""
    write(fs, f"{at}/f", b"old")
    fd = fs.open(f"{at}/f", os.O_RDONLY)
    write(fs, f"{at}/g", b"new")
    fs.rename(f"{at}/g", f"{at}/f")
    assert (fs.pread(fd, 10, 0), read(fs, f"{at}/f")) == (b"old", b"new")
    fs.close(fd)
    assert fs.listdir(at) == ["f"]


def attributes(fs: Any, at: str) -> None:
    """Mode, owner and times, to the nanosecond."""
    write(fs, f"{at}/f", b"")
    fs.chmod(f"{at}/f", 0o640)
    fs.utime(f"{at}/f", ns=(1_000_000_001, 2_000_000_002))
    told = fs.stat(f"{at}/f")
    assert stat.S_IMODE(told.st_mode) == 0o640
    assert (told.st_atime_ns, told.st_mtime_ns) == (1_000_000_001, 2_000_000_002)
    fs.chown(f"{at}/f", -1, told.st_gid)
    fs.utime(f"{at}/f")
    assert fs.stat(f"{at}/f").st_mtime > 1_500_000_000


def extended_attributes(fs: Any, at: str) -> None:
    """Set, listed, read, removed."""
    write(fs, f"{at}/f", b"")
    fs.setxattr(f"{at}/f", "user.pink", b"floyd" * 100)
    fs.setxattr(f"{at}/f", "user.dire", b"")
    assert sorted(fs.listxattr(f"{at}/f")) == ["user.dire", "user.pink"]
    assert fs.getxattr(f"{at}/f", "user.pink") == b"floyd" * 100
    fs.removexattr(f"{at}/f", "user.pink")
    refused(errno.ENODATA, fs.getxattr, f"{at}/f", "user.pink")


def fifos(fs: Any, at: str) -> None:
    """A special file keeps its type."""
    fs.mknod(f"{at}/p", stat.S_IFIFO | 0o600)
    assert stat.S_ISFIFO(fs.stat(f"{at}/p").st_mode)


def figures(fs: Any, at: str) -> None:
    """What df shows."""
    told = fs.statvfs(at)
    assert told.f_bsize > 0
    assert told.f_bfree <= told.f_blocks


def reserved_room(fs: Any, at: str) -> None:
    """posix_fallocate(3), which glibc does by writing where the file system cannot."""
    fd = fs.open(f"{at}/f", RW, 0o644)
    fs.posix_fallocate(fd, 0, 100_000)
    assert fs.fstat(fd).st_size == 100_000
    fs.close(fd)


def nameless_files(fs: Any, at: str) -> None:
    """O_TMPFILE."""
    fd = fs.open(at, os.O_TMPFILE | os.O_RDWR, 0o600)
    fs.pwrite(fd, b"gone", 0)
    assert fs.pread(fd, 10, 0) == b"gone"
    fs.close(fd)
    assert fs.listdir(at) == []


def removed_directory_in_use(fs: Any, at: str) -> None:
    """Who has it open still sees that it has no link."""
    fs.mkdir(f"{at}/d", 0o755)
    fd = fs.open(f"{at}/d", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fs.rmdir(f"{at}/d")
        assert fs.fstat(fd).st_nlink == 0
    finally:
        fs.close(fd)


def three_fixed_files(fs: Any, at: str) -> None:
    """Listed, read, written, and no others to be made."""
    assert sorted(fs.listdir(at)) == ["counter", "notes", "readme"]
    assert read(fs, f"{at}/readme").startswith(b"Three files")
    write(fs, f"{at}/notes", b"pink")
    assert read(fs, f"{at}/notes") == b"pink"
    assert fs.stat(f"{at}/notes").st_size == 4
    refused(errno.EOPNOTSUPP, fs.unlink, f"{at}/notes")
    refused(errno.EOPNOTSUPP, fs.mkdir, f"{at}/d")


EVERYTHING: Final[tuple[Step, ...]] = (
    *(files_and_data, directories, names_of_any_bytes, renaming, hard_links, symbolic_links),
    *(removed_while_open, replaced_while_open, attributes, extended_attributes, fifos, figures),
    *(reserved_room, nameless_files, removed_directory_in_use),
)

SETS: Final[Mapping[str, tuple[Step, ...]]] = {"everything": EVERYTHING, "fixed": (three_fixed_files,)}
"""The steps by the kind of file system: one in which everything can be done, or one with fixed files."""


def play(fs: Any, top: str, kind: str) -> dict[str, str]:
    """Play the steps, each in a new directory where there can be one; return how each went, by name."""
    went = {}
    for step in SETS[kind]:
        at = top
        if kind == "everything":
            at = f"{top}/{step.__name__}"
            fs.mkdir(at, 0o755)
        try:
            step(fs, at)
        except OSError as exc:
            went[step.__name__] = errno.errorcode.get(exc.errno or 0, str(exc))
        else:
            went[step.__name__] = "passed"
    return went


if __name__ == "__main__":
    print(json.dumps(play(os, sys.argv[1], sys.argv[2])))  # noqa: T201
