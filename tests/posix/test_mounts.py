"""Where one file system ends and another begins: mount points, moves across, views that cannot be written."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.mounted.harness import run
from tests.posix.asking import content, make, opened, refused
from tests.posix.callers import Caller
from tests.posix.subjects import Place, RealPlace

pytestmark = pytest.mark.usefixtures("real", "root")


@pytest.fixture
def point(place: Place, fs: Caller) -> Iterator[str]:
    """A directory in the file system, which another is mounted upon."""
    assert isinstance(place, RealPlace)
    fs.mkdir("/point")
    mnt = Path(place.root) / "point"
    run("mount", "-t", "tmpfs", "-o", "mode=0777", "puffpy-another", mnt)
    yield "/point"
    run("umount", "--lazy", mnt)


def test_what_is_mounted_upon_is_neither_removed_nor_moved_nor_replaced(fs: Caller, point: str) -> None:
    fs.mkdir("/d")
    refused(errno.EBUSY, fs.rmdir, point)
    refused(errno.EBUSY, fs.rename, point, "/new")
    refused(errno.EBUSY, fs.rename, "/d", point)
    refused(errno.EBUSY, fs.rename, "/d", point, flags=2)
    refused(errno.EISDIR, fs.unlink, point)
    assert fs.listdir(point) == []


def test_nothing_is_moved_or_linked_from_one_file_system_to_the_other(fs: Caller, point: str) -> None:
    make(fs, "/f", b"data")
    make(fs, f"{point}/g", b"other")
    fs.mkdir("/d")
    for source, target in (("/f", f"{point}/f"), (f"{point}/g", "/g"), ("/d", f"{point}/d")):
        refused(errno.EXDEV, fs.rename, source, target)
        refused(errno.EXDEV, fs.rename, source, target, flags=1)
        refused(errno.EXDEV, fs.link, source, target)
    refused(errno.EXDEV, fs.rename, "/f", f"{point}/g", flags=2)
    assert fs.stat("/f").st_dev != fs.stat(f"{point}/g").st_dev
    with opened(fs, "/f", os.O_RDONLY) as fd, opened(fs, f"{point}/g", os.O_RDWR) as other:
        # Copied through memory, as cp(1) then does.
        refused(errno.EXDEV, fs.copy_file_range, fd, other, 4)
        assert fs.sendfile(other, fd, 0, 4) == 4
    assert content(fs, f"{point}/g") == b"datar"


def test_a_mount_inside_is_passed_on_the_way_up_and_down(fs: Caller, point: str) -> None:
    fs.mkdir(f"{point}/d")
    assert fs.stat(f"{point}/d/../..").st_ino == fs.stat("/").st_ino
    fs.symlink("../f", f"{point}/l")
    make(fs, "/f", b"data")
    assert content(fs, f"{point}/l") == b"data"


@pytest.fixture
def view(place: Place, fs: Caller) -> Iterator[Caller]:
    """The file system with one of each kind in it, in a view of it that cannot be written."""
    assert isinstance(place, RealPlace)
    make(fs, "/f", b"data")
    fs.setxattr("/f", "user.a", b"1")
    fs.mkdir("/d")
    fs.symlink("f", "/l")
    fs.mkfifo("/p")
    fs.chmod("/", 0o777)
    root = Path(place.root)
    run("mount", "--bind", root, root)
    run("mount", "-o", "remount,bind,ro", root)
    caller = place.caller(place.owner)
    yield caller
    caller.leave()
    run("umount", "--lazy", root)


def test_in_a_read_only_view_nothing_can_be_changed(view: Caller) -> None:
    acts: list[Callable[[], object]] = [
        lambda: view.open("/f", os.O_WRONLY),
        lambda: view.open("/f", os.O_RDWR),
        lambda: view.open("/f", os.O_RDONLY | os.O_TRUNC),
        lambda: view.open("/new", os.O_CREAT | os.O_RDONLY),
        lambda: view.open("/d", os.O_TMPFILE | os.O_RDWR),
        lambda: view.mkdir("/new"),
        lambda: view.mkfifo("/new"),
        lambda: view.mknod("/new", stat.S_IFREG | 0o644),
        lambda: view.symlink("x", "/new"),
        lambda: view.link("/f", "/new"),
        lambda: view.rename("/f", "/new"),
        lambda: view.unlink("/f"),
        lambda: view.rmdir("/d"),
        lambda: view.chmod("/f", 0o600),
        lambda: view.chown("/f", 1, 1),
        lambda: view.lchown("/l", 1, 1),
        lambda: view.truncate("/f", 0),
        lambda: view.utime("/f"),
        lambda: view.utime("/f", ns=(1, 2)),
        lambda: view.setxattr("/f", "user.b", b"1"),
        lambda: view.removexattr("/f", "user.a"),
    ]
    for act in acts:
        refused(errno.EROFS, act)
    refused(errno.EEXIST, view.mkdir, "/d")
    refused(errno.EEXIST, view.symlink, "x", "/f")
    assert content(view, "/f") == b"data"
    assert view.getxattr("/f", "user.a") == b"1"
    with opened(view, "/f", os.O_CREAT | os.O_RDONLY) as fd:
        assert view.read(fd, 4) == b"data"
    with opened(view, "/p", os.O_RDWR) as fd:
        assert view.write(fd, b"fifos are not the file system's") > 0
