"""What a tunnel tells the kernel of changes that others make, with a kernel that only listens."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import puffpy
from filesystems.tunnel import TunnelFS
from filesystems.tunnel.volumes import Node
from filesystems.tunnel.watch import Event, events
from tests.filesystems.direct import name, new
from tests.filesystems.tunnelled import asked

PATIENCE = 10


class Listener:
    """The two notifications that a watch sends, kept; the others are not there."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def inval_inode(self, vp: Node, offset: int = 0, length: int = 0) -> None:
        self.heard.append(("inode", vp, offset))

    def expire_entry(self, dvp: Node, text: str) -> None:
        self.heard.append(("entry", dvp, text))

    def wait_for(self, *what: object) -> None:
        deadline = time.monotonic() + PATIENCE
        while what not in self.heard:
            assert time.monotonic() < deadline, f"never heard {what}, only {self.heard}"
            time.sleep(0.005)


@pytest.fixture
def fs(tmp_path: Path) -> Iterator[TunnelFS]:
    (tmp_path / "dir").mkdir()
    (tmp_path / "pink").write_text("floyd")
    made = TunnelFS(str(tmp_path), watch=True)
    yield made
    made.vfsops.unmount()
    assert not [thread for thread in threading.enumerate() if thread.name == "tunnel-watch"]


@pytest.fixture
def kernel(fs: TunnelFS) -> Listener:
    listener = Listener()
    fs.vfsops.start(listener)  # type: ignore[arg-type]  # as much of a kernel as is needed
    return listener


def find(fs: TunnelFS, text: str, dvp: Node | None = None) -> Node:
    node: Node = fs.lookup(dvp or fs.root, name(text), asked())
    return node


def absent(look: Callable[[], object]) -> None:
    with pytest.raises(FileNotFoundError):
        look()


def test_names_that_come_go_and_move_are_expired(fs: TunnelFS, kernel: Listener, tmp_path: Path) -> None:
    absent(lambda: find(fs, "new"))
    (tmp_path / "new").touch()
    kernel.wait_for("entry", fs.root, "new")
    (tmp_path / "new").rename(tmp_path / "newer")
    kernel.wait_for("entry", fs.root, "newer")
    kernel.heard.clear()
    (tmp_path / "newer").unlink()
    kernel.wait_for("entry", fs.root, "newer")


def test_a_directory_is_watched_once_it_was_listed_and_its_listing_is_dropped_with_each_name(
    fs: TunnelFS, kernel: Listener, tmp_path: Path
) -> None:
    inner = find(fs, "dir")
    fs.readdir(inner, asked())
    for _ in range(2):
        (tmp_path / "dir" / "new").touch()
        kernel.wait_for("inode", inner, 0)
        kernel.heard.clear()
        (tmp_path / "dir" / "new").unlink()
        kernel.wait_for("inode", inner, 0)
        kernel.heard.clear()


def test_a_file_that_is_written_or_changed_is_invalidated(
    fs: TunnelFS, kernel: Listener, tmp_path: Path
) -> None:
    pink = find(fs, "pink")
    (tmp_path / "pink").write_text("wall")
    kernel.wait_for("inode", pink, 0)
    (tmp_path / "pink").chmod(0o600)
    kernel.wait_for("inode", pink, -1)


def test_a_directory_below_is_watched_once_something_in_it_was_looked_up(
    fs: TunnelFS, kernel: Listener, tmp_path: Path
) -> None:
    inner = find(fs, "dir")
    (tmp_path / "dir" / "unseen").touch()
    absent(lambda: find(fs, "new", inner))
    (tmp_path / "dir" / "new").touch()
    kernel.wait_for("entry", inner, "new")
    (tmp_path / "dir").chmod(0o700)
    kernel.wait_for("inode", inner, -1)
    assert ("entry", inner, "unseen") not in kernel.heard


def test_a_forgotten_or_removed_directory_is_watched_no_more(
    fs: TunnelFS, kernel: Listener, tmp_path: Path
) -> None:
    (tmp_path / "gone").mkdir()
    inner, gone = find(fs, "dir"), find(fs, "gone")
    for directory in (inner, gone):
        absent(lambda directory=directory: find(fs, "new", directory))  # type: ignore[misc]
    (tmp_path / "gone").rmdir()
    kernel.wait_for("entry", fs.root, "gone")
    fs.reclaim(gone)
    fs.reclaim(inner)
    (tmp_path / "dir" / "new").touch()
    (tmp_path / "last").touch()
    kernel.wait_for("entry", fs.root, "last")
    assert ("entry", inner, "new") not in kernel.heard


def test_what_is_watched_may_be_believed_for_long(
    fs: TunnelFS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (fs.options.attr_timeout, fs.options.entry_timeout) == (60.0, 60.0)
    (tmp_path / "linked").touch()
    os.link(tmp_path / "linked", tmp_path / "dir" / "elsewhere")
    for text, ttl in (("pink", None), ("dir", 1.0), ("linked", 1.0)):
        assert fs.getattr(find(fs, text), asked()).ttl == ttl
    fs.readdir(find(fs, "dir"), asked())
    assert fs.getattr(find(fs, "dir"), asked()).ttl is None

    def no_more(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no more watches")

    monkeypatch.setattr("filesystems.tunnel.watch.inotify_add_watch", no_more)
    (tmp_path / "another").mkdir()
    inner = find(fs, "another")
    (tmp_path / "another" / "file").touch()
    entry = fs.lookup(inner, name("file"), asked())
    assert (type(entry), entry.ttl) == (puffpy.Entry, 1.0)
    assert fs.getattr(entry.node, asked()).ttl == 1.0
    made = fs.mkdir(inner, name("made"), new(stat.S_IFDIR, 0o755), asked())
    opened = fs.create(inner, name("new"), new(stat.S_IFREG, 0o644), asked())
    assert (made.ttl, opened.ttl) == (1.0, 1.0)
    assert opened.opened is not None
    fs.close(opened.node, os.O_RDWR, puffpy.Call(0, 0, 0, opened.opened.handle))


def test_when_events_were_lost_everything_is_asked_for_again(fs: TunnelFS, kernel: Listener) -> None:
    pink = find(fs, "pink")
    assert fs.watch is not None
    fs.watch.tell(kernel, [Event(-1, 0x4000, "")])  # type: ignore[arg-type]  # as above
    assert kernel.heard == [("entry", fs.root, "pink"), ("inode", pink, 0), ("inode", fs.root, 0)]


def test_events_are_taken_apart() -> None:
    data = (
        b"\x01\0\0\0\x00\x01\0\0\0\0\0\0\x10\0\0\0"
        + b"caf\xe9".ljust(16, b"\0")  # created, in watch 1
        + b"\x02\0\0\0\x04\0\0\0\0\0\0\0\0\0\0\0"  # watch 2 itself has changed
    )
    assert list(events(data)) == [Event(1, 0x100, os.fsdecode(b"caf\xe9")), Event(2, 4, "")]


def test_a_mount_without_watch_has_no_thread(tmp_path: Path) -> None:
    others = set(threading.enumerate())
    fs = TunnelFS(str(tmp_path))
    fs.vfsops.start(Listener())  # type: ignore[arg-type]  # as above
    assert fs.watch is None
    assert isinstance(fs.options, puffpy.MountOptions)
    assert set(threading.enumerate()) <= others
    fs.vfsops.unmount()
