"""The options of a mounted tunnel: what it hides, what it does not let be written, what it watches."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.filesystems.direct import refuses
from tests.mounted.conftest import StartServer
from tests.mounted.harness import run, wait_for
from tests.mounted.tunnelled import TUNNEL, through


@pytest.fixture
def below(tmp_path: Path) -> Path:
    """The directory that is tunnelled."""
    made = tmp_path.resolve() / "below"
    made.mkdir()
    return made


def test_changes_made_underneath_are_seen_within_the_time_to_live(start: StartServer, below: Path) -> None:
    mnt = start("-o", "attr_timeout=0.2,entry_timeout=0.2", command=through(below)).mnt
    (below / "pink").write_text("floyd")
    assert (mnt / "pink").read_text() == "floyd"
    (below / "pink").write_text("the wall")
    wait_for(lambda: (mnt / "pink").read_text() == "the wall", "new contents", 2)
    (below / "pink").unlink()
    wait_for(lambda: not (mnt / "pink").exists(), "the name gone", 2)
    (below / "pink").mkdir()
    wait_for((mnt / "pink").is_dir, "another kind of file", 2)


def test_with_watch_they_are_seen_at_once(start: StartServer, below: Path) -> None:
    for_ever = "attr_timeout=inf,entry_timeout=inf,negative_timeout=inf"
    mnt = start("-o", f"watch,{for_ever}", command=through(below)).mnt
    (below / "dir").mkdir()
    (below / "pink").write_text("floyd")
    (below / "dir" / "old").touch()
    assert (mnt / "pink").stat().st_size == 5
    assert (mnt / "dir" / "old").exists()
    assert not (mnt / "dir" / "new").exists()
    assert os.listdir(mnt / "dir") == os.listdir(mnt / "dir") == ["old"]
    (below / "pink").write_text("the wall")
    (below / "dir" / "old").rename(below / "dir" / "new")
    wait_for(lambda: (mnt / "pink").stat().st_size == 8, "new size", 5)
    assert (mnt / "pink").read_text() == "the wall"
    wait_for((mnt / "dir" / "new").exists, "new name", 5)
    wait_for(lambda: not (mnt / "dir" / "old").exists(), "old name gone", 5)
    wait_for(lambda: os.listdir(mnt / "dir") == ["new"], "new listing", 5)
    (below / "dir" / "newer").touch()
    wait_for(lambda: set(os.listdir(mnt / "dir")) == {"new", "newer"}, "a name that nobody asked for", 5)
    changed = (below / "dir").stat().st_mtime_ns
    wait_for(lambda: (mnt / "dir").stat().st_mtime_ns == changed, "new time of the directory", 5)
    (below / "pink").chmod(0o600)
    wait_for(lambda: (mnt / "pink").stat().st_mode & 0o777 == 0o600, "new mode", 5)


def test_a_view_hides_names_and_can_not_be_written(start: StartServer, below: Path) -> None:
    for text in (".secret", "server.key", "readme"):
        (below / text).write_text(text)
    server = start("-o", "read_only,hide=.*:*.key", command=through(below))
    assert os.listdir(server.mnt) == ["readme"]
    assert (server.mnt / "readme").read_text() == "readme"
    assert "ro" in server.row.options
    for text in (".secret", "server.key"):
        with refuses(errno.ENOENT):
            (server.mnt / text).read_text()
    with refuses(errno.EROFS):
        (server.mnt / "readme").write_text("x")
    with refuses(errno.EROFS):
        (server.mnt / "new").touch()


def test_its_options_are_words_of_the_command_line_too(start: StartServer, below: Path) -> None:
    for text in ("server.key", "readme"):
        (below / text).write_text(text)
    words = ("--read-only", "--hide", "*.key", "--watch")
    server = start("-o", "entry_timeout=inf", command=(*TUNNEL, *words, below))
    assert os.listdir(server.mnt) == ["readme"]
    assert "ro" in server.row.options
    with refuses(errno.EROFS):
        (server.mnt / "new").touch()
    (below / "readme").rename(below / "moved")
    wait_for(lambda: not (server.mnt / "readme").exists(), "old name gone", 5)


def test_read_only_is_kept_though_the_mount_be_made_writable(
    start: StartServer, root: None, below: Path
) -> None:
    (below / "pink").write_text("floyd")
    (below / "dir").mkdir()
    os.setxattr(below / "pink", "user.of", b"the moon")
    mnt = start("--read-only", command=through(below)).mnt
    run("mount", "-i", "-o", "remount,rw", mnt)
    pink, new = mnt / "pink", mnt / "new"
    acts: list[Callable[[], object]] = [
        lambda: os.open(pink, os.O_WRONLY),
        lambda: os.open(pink, os.O_RDWR),
        lambda: os.open(pink, os.O_RDONLY | os.O_TRUNC),
        lambda: os.open(new, os.O_CREAT | os.O_RDWR),
        lambda: os.open(mnt, os.O_TMPFILE | os.O_RDWR),
        lambda: os.mkdir(new),
        lambda: os.mkfifo(new),
        lambda: os.symlink("x", new),
        lambda: os.link(pink, new),
        lambda: os.rename(pink, new),
        lambda: os.unlink(pink),
        lambda: os.rmdir(mnt / "dir"),
        lambda: os.chmod(pink, 0o600),
        lambda: os.chown(pink, 1, 1),
        lambda: os.truncate(pink, 0),
        lambda: os.utime(pink),
        lambda: os.setxattr(pink, "user.more", b""),
        lambda: os.removexattr(pink, "user.of"),
    ]
    for act in acts:
        with refuses(errno.EROFS):
            act()
    assert pink.read_text() == "floyd"
    assert os.listdir(below / "dir") == []


def test_hidden_names_cannot_be_made(start: StartServer, below: Path) -> None:
    mnt = start("-o", "hide=*.key", command=through(below)).mnt
    with refuses(errno.EPERM):
        (mnt / "server.key").touch()
    (mnt / "plain").write_text("x")
    with refuses(errno.EPERM):
        (mnt / "plain").rename(mnt / "server.key")
