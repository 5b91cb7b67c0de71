"""Overlay: what is seen of two trees, what is copied up and when, and what is left in the upper one."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import puffpy
from filesystems.detrempe import Detrempe
from filesystems.hardcodefs import HardcodeFS
from filesystems.tunnel import TunnelFS
from puffpy.layers import Overlay
from puffpy.layers.overlay.copyup import WORK
from puffpy.userkernel import UserKernel
from tests.layers.conftest import Piled


def write(kernel: UserKernel, path: str, data: bytes) -> None:
    with kernel.open_file(path, "wb") as file:
        file.write(data)


def read(kernel: UserKernel, path: str) -> bytes:
    with kernel.open_file(path, "rb") as file:
        data: bytes = file.read()
        return data


def tree(kernel: UserKernel, path: str = "/") -> dict[str, str]:
    """Every path below *path*, with what kind it is."""
    found = {}
    for name in kernel.listdir(path):
        each = os.path.join(path, name)
        kind = stat.filemode(kernel.lstat(each).st_mode)[0]
        found[each] = kind
        if kind == "d":
            found.update(tree(kernel, each))
    return found


def furnish(kernel: UserKernel) -> None:
    """What the lower tree has."""
    kernel.makedirs("/d/e")
    write(kernel, "/d/song", b"lunatic" * 1000)
    kernel.chmod("/d/song", 0o640)
    kernel.chown("/d/song", 1000, 1001)
    kernel.setxattr("/d/song", "user.band", b"floyd")
    kernel.utime("/d/song", ns=(10**18, 2 * 10**18))
    kernel.link("/d/song", "/again")
    kernel.symlink("d/song", "/link")
    kernel.mkfifo("/d/fifo")
    write(kernel, "/d/e/deep", b"deep")


def nothing(_: UserKernel) -> None:
    """What the upper tree has."""


@pytest.fixture(params=["detrempe", "tunnel"])
def kernel(request: pytest.FixtureRequest, tmp_path: Path, piled: Piled) -> UserKernel:
    """An overlay with the file system of the parameter for both trees."""

    def make(name: str, fill: Callable[[UserKernel], None]) -> puffpy.VnodeOps:
        directory = tmp_path / name
        directory.mkdir()
        base: puffpy.VnodeOps = Detrempe() if request.param == "detrempe" else TunnelFS(str(directory))
        with UserKernel.over(base) as below:
            fill(below)
        return base if request.param == "detrempe" else TunnelFS(str(directory))

    return piled(make("lower", furnish), partial(Overlay, upper=make("upper", nothing)))


@pytest.fixture
def lower() -> Detrempe:
    made = Detrempe()
    with UserKernel.over(made) as kernel:
        furnish(kernel)
    return made


def test_what_is_below_is_seen(kernel: UserKernel) -> None:
    assert tree(kernel) == {
        "/again": "-",
        "/d": "d",
        "/d/e": "d",
        "/d/e/deep": "-",
        "/d/fifo": "p",
        "/d/song": "-",
        "/link": "l",
    }
    assert read(kernel, "/link") == b"lunatic" * 1000


def test_a_file_that_is_written_is_copied_with_all_that_it_has_and_stays_the_same(kernel: UserKernel) -> None:
    before = kernel.stat("/d/song")
    fd = kernel.open("/d/song", os.O_RDWR)
    kernel.pwrite(fd, b"LUNATIC", 7)
    after = kernel.fstat(fd)
    assert (after.st_ino, after.st_mode, after.st_uid, after.st_gid, after.st_size, after.st_nlink) == (
        before.st_ino,
        before.st_mode,
        1000,
        1001,
        7000,
        2,
    )
    assert kernel.getxattr("/d/song", "user.band") == b"floyd"
    assert kernel.pread(fd, 21, 0) == b"lunaticLUNATIClunatic"
    kernel.close(fd)
    kernel.drop_caches()
    assert kernel.stat("/d/song").st_ino == before.st_ino


def test_only_what_is_changed_is_copied_and_the_lower_tree_never_changes(lower: Detrempe) -> None:
    upper = Detrempe()
    with UserKernel.over(lower) as plain:
        before = tree(plain), read(plain, "/d/song")
    with UserKernel.over(Overlay(lower, upper=upper)) as kernel:
        tree(kernel)
        read(kernel, "/again")
        kernel.chmod("/d/e/deep", 0o600)
        kernel.unlink("/d/fifo")
        kernel.rename("/link", "/d/link")
    with UserKernel.over(upper) as plain:
        seen = tree(plain)
    assert seen == {
        "/d": "d",
        "/d/e": "d",
        "/d/e/deep": "-",
        "/d/fifo": "c",
        "/d/link": "l",
        "/link": "c",
    }
    with UserKernel.over(lower) as plain:
        assert (tree(plain), read(plain, "/d/song")) == before


def test_times_are_copied_and_those_of_the_directory_stay(kernel: UserKernel) -> None:
    directory = kernel.stat("/d").st_mtime_ns
    kernel.chmod("/d/song", 0o600)
    assert kernel.stat("/d/song").st_mtime_ns == 2 * 10**18
    assert kernel.stat("/d").st_mtime_ns == directory


def test_links_stay_links_when_one_of_them_is_changed(kernel: UserKernel) -> None:
    write(kernel, "/again", b"new")
    assert read(kernel, "/d/song") == b"new"
    assert kernel.stat("/d/song").st_nlink == 2
    kernel.link("/d/song", "/third")
    assert kernel.stat("/third").st_nlink == 3
    kernel.unlink("/d/song")
    assert kernel.stat("/again").st_nlink == 2
    kernel.unlink("/again")
    assert kernel.stat("/third").st_nlink == 1
    assert read(kernel, "/third") == b"new"


def test_a_link_that_was_removed_below_is_one_less(kernel: UserKernel) -> None:
    kernel.unlink("/again")
    assert kernel.stat("/d/song").st_nlink == 1
    kernel.chmod("/d/song", 0o600)
    assert kernel.stat("/d/song").st_nlink == 1


def test_who_reads_a_file_while_it_is_copied_reads_what_is_written(kernel: UserKernel) -> None:
    reading = kernel.open("/d/song", os.O_RDONLY)
    assert kernel.pread(reading, 7, 0) == b"lunatic"
    writing = kernel.open("/d/song", os.O_WRONLY)
    kernel.pwrite(writing, b"LUNATIC", 0)
    assert kernel.pread(reading, 7, 0) == b"LUNATIC"
    kernel.close(writing)
    assert kernel.fstat(reading).st_size == 7000
    kernel.close(reading)


def test_a_removed_file_lives_while_open_and_can_still_be_changed(kernel: UserKernel) -> None:
    fd = kernel.open("/d/e/deep", os.O_RDONLY)
    kernel.unlink("/d/e/deep")
    assert kernel.fstat(fd).st_nlink == 0
    kernel.fchmod(fd, 0o600)
    assert kernel.fstat(fd).st_nlink == 0
    assert kernel.pread(fd, 10, 0) == b"deep"
    assert kernel.listdir("/d/e") == []
    kernel.close(fd)


def test_a_removed_directory_made_again_is_empty(kernel: UserKernel) -> None:
    for path in ("/d/e/deep", "/d/song", "/d/fifo"):
        kernel.unlink(path)
    kernel.rmdir("/d/e")
    kernel.rmdir("/d")
    with pytest.raises(FileNotFoundError):
        kernel.stat("/d")
    kernel.mkdir("/d")
    assert kernel.listdir("/d") == []
    kernel.drop_caches()
    assert kernel.listdir("/d") == []
    with pytest.raises(FileNotFoundError):
        kernel.stat("/d/song")


def test_a_directory_with_something_below_is_not_removed(kernel: UserKernel) -> None:
    with pytest.raises(OSError, match="not empty"):
        kernel.rmdir("/d/e")


def test_a_name_from_below_is_taken(kernel: UserKernel) -> None:
    for make in (kernel.mkdir, kernel.mkfifo, partial(kernel.symlink, "x"), partial(kernel.link, "/link")):
        with pytest.raises(FileExistsError):
            make("/d/song")


def test_a_directory_that_is_below_cannot_be_renamed_and_others_can(kernel: UserKernel) -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EXDEV)):
        kernel.rename("/d/e", "/e")
    kernel.mkdir("/new")
    write(kernel, "/new/f", b"f")
    kernel.unlink("/d/e/deep")
    kernel.rename("/new", "/d/e")
    assert tree(kernel, "/d/e") == {"/d/e/f": "-"}
    kernel.drop_caches()
    assert tree(kernel, "/d/e") == {"/d/e/f": "-"}


def test_files_are_renamed_over_what_is_below_and_exchanged_with_it(kernel: UserKernel) -> None:
    write(kernel, "/new", b"new")
    kernel.rename("/new", "/d/song")
    assert read(kernel, "/d/song") == b"new"
    assert kernel.stat("/again").st_nlink == 1
    kernel.rename("/d/song", "/d/e/deep", flags=2)
    assert read(kernel, "/d/e/deep") == b"new"
    assert read(kernel, "/d/song") == b"deep"
    with pytest.raises(FileExistsError):
        kernel.rename("/d/song", "/again", flags=1)


def test_a_listing_and_stat_agree_before_and_after_a_copy(kernel: UserKernel) -> None:
    def numbers() -> dict[str, int]:
        with kernel.scandir("/d") as entries:
            listed = {os.fsdecode(entry.name): entry.inode() for entry in entries}
        assert listed == {name: kernel.lstat(f"/d/{name}").st_ino for name in listed}
        return listed

    before = numbers()
    kernel.chmod("/d/song", 0o600)
    kernel.chmod("/d/e", 0o700)
    assert numbers() == before
    kernel.drop_caches()
    assert numbers() == before


def test_neither_marks_nor_the_place_of_copies_are_seen_or_made(kernel: UserKernel) -> None:
    kernel.chmod("/d/song", 0o600)
    assert WORK not in kernel.listdir("/")
    with pytest.raises(FileNotFoundError):
        kernel.stat(f"/{WORK}")
    with pytest.raises(PermissionError):
        kernel.mkdir(f"/{WORK}")
    with pytest.raises(PermissionError):
        kernel.mknod("/null", stat.S_IFCHR | 0o600, 0)
    with pytest.raises(PermissionError):
        kernel.setxattr("/d", "user.overlay.opaque", b"y")
    kernel.unlink("/d/e/deep")
    kernel.rmdir("/d/e")
    kernel.mkdir("/d/e")
    assert kernel.listxattr("/d/e") == []
    assert kernel.listxattr("/d/song") == ["user.band"]


def test_the_upper_tree_is_as_it_was_when_mounted_again(lower: Detrempe) -> None:
    upper = Detrempe()
    with UserKernel.over(Overlay(lower, upper=upper)) as kernel:
        write(kernel, "/d/song", b"changed")
        kernel.unlink("/d/fifo")
        kernel.unlink("/d/e/deep")
        kernel.rmdir("/d/e")
        kernel.mkdir("/d/e")
        before = tree(kernel)
    with UserKernel.over(upper) as plain:
        plain.mkdir(f"/{WORK}")
        write(plain, f"/{WORK}/torn", b"half a copy")
    with UserKernel.over(Overlay(lower, upper=upper)) as kernel:
        assert tree(kernel) == before
        assert read(kernel, "/d/song") == b"changed"
    with UserKernel.over(upper) as plain:
        assert WORK not in plain.listdir("/")


class Plain(Detrempe):
    """Without devices."""

    def mknod(self, dvp: Any, cn: Any, va: Any, call: Any) -> Any:
        raise puffpy.FsError(errno.EPERM)


class Plainest(Plain):
    """And without extended attributes."""

    def setextattr(self, vp: Any, name: Any, value: Any, flags: Any, call: Any) -> None:
        raise puffpy.FsError(errno.EOPNOTSUPP)


def test_where_devices_cannot_be_made_marked_files_are_whiteouts(lower: Detrempe, piled: Piled) -> None:
    upper = Plain()
    kernel = piled(lower, partial(Overlay, upper=upper))
    kernel.unlink("/again")
    kernel.unlink("/d/song")
    kernel.drop_caches()
    assert sorted(tree(kernel)) == ["/d", "/d/e", "/d/e/deep", "/d/fifo", "/link"]
    write(kernel, "/again", b"")
    assert kernel.stat("/again").st_size == 0
    assert "/again" in tree(kernel)


def test_where_no_mark_can_be_kept_nothing_is_removed(lower: Detrempe, piled: Piled) -> None:
    kernel = piled(lower, partial(Overlay, upper=Plainest()))
    with pytest.raises(OSError, match=os.strerror(errno.EOPNOTSUPP)):
        kernel.unlink("/again")
    assert kernel.stat("/again").st_nlink == 2
    assert sorted(kernel.listdir("/")) == ["again", "d", "link"]


def test_a_copy_that_fails_leaves_the_file_as_it_was(lower: Detrempe, piled: Piled) -> None:
    upper = Detrempe(size=puffpy.Size(2 * 4096))
    kernel = piled(lower, partial(Overlay, upper=upper))
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        kernel.open("/d/song", os.O_WRONLY)
    assert read(kernel, "/d/song") == b"lunatic" * 1000
    kernel.truncate("/d/song", 7)
    assert read(kernel, "/again") == b"lunatic"


def test_a_tree_that_cannot_be_written_is_no_upper_one(lower: Detrempe) -> None:
    with pytest.raises(puffpy.VectorError, match="has no create"):
        Overlay(lower, upper=HardcodeFS())


def test_what_waits_cannot_be_overlaid(lower: Detrempe) -> None:
    class Waiting(Detrempe):
        async def lookup(self, dvp: Any, cn: Any, call: Any) -> Any:  # type: ignore[override]  # awaited
            return None

    with pytest.raises(puffpy.VectorError, match="Waiting.lookup is async"):
        Overlay(Waiting(), upper=Detrempe())
