"""Somebody renames directories and puts symbolic links in their place while a tunnel is walked through."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from tests.mounted.conftest import StartServer
from tests.mounted.harness import PROJECT
from tests.mounted.tunnelled import through

ROUNDS = 3.0
"""Seconds that each race is run for."""

ATTACKER = "tests.mounted.clients.swap"


@attrs.frozen
class Scene:
    """What is tunnelled, what is outside of it, and the directory that is swapped with a link to outside."""

    below: Path
    outside: Path
    victim: Path


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    inner = tmp_path.resolve() / "inner"
    made = Scene(inner / "below", inner / "outside", inner / "below" / "victim")
    for directory, text in ((made.victim, "inside"), (made.outside, "outside")):
        (directory / "deep").mkdir(parents=True)
        (directory / "file").write_text(text)
        (directory / "deep" / "file").write_text(text)
    # From below it leads outside, from the mount to where nothing is: who reads "outside" was led there.
    (made.below / "link").symlink_to("../outside")
    return made


@contextmanager
def attacked(*paths: Path) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-m", ATTACKER, *paths], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as attacker:
        assert attacker.stdin is not None
        assert attacker.stdout is not None
        assert attacker.stdout.readline() == b"swapping\n"
        try:
            yield
        finally:
            attacker.stdin.close()
            swapped = int(attacker.stdout.readline())
            assert attacker.wait(20) == 0
    assert swapped > 100, "the attacker hardly did anything"


def test_no_swap_of_a_directory_and_a_link_leads_outside(start: StartServer, scene: Scene) -> None:
    mnt = start("-o", "entry_timeout=0,attr_timeout=0", command=through(scene.below)).mnt
    told: dict[str, int] = {}
    with attacked(scene.victim, scene.below / "link"):
        deadline = time.monotonic() + ROUNDS
        while time.monotonic() < deadline:
            for path in ("victim/file", "victim/deep/file", "link/file", "link/deep/file"):
                try:
                    said = (mnt / path).read_text()
                except OSError as exc:
                    said = os.strerror(exc.errno or 0)
                told[said] = told.get(said, 0) + 1
            for path in ("victim/new", "link/new"):
                try:
                    (mnt / path).write_text("new")
                except OSError:
                    pass
    assert told["inside"] > 50
    assert "outside" not in told
    assert sorted(os.listdir(scene.outside)) == ["deep", "file"]


def test_no_swap_leads_outside_when_descriptors_are_opened_again(start: StartServer, scene: Scene) -> None:
    """Without handles a node is found by walking, which is when a swapped directory could be met."""
    lame = ("prlimit", "--nofile=90:90", "setpriv", "--bounding-set=-dac_read_search")
    mnt = start("-o", "entry_timeout=0.01", command=through(scene.below), prefix=lame).mnt
    crowd = scene.below / "crowd"
    crowd.mkdir()
    for number in range(60):
        (crowd / str(number)).touch()
    told: dict[str, int] = {}
    with attacked(scene.victim, scene.below / "link"):
        deadline = time.monotonic() + ROUNDS
        while time.monotonic() < deadline:
            for path in ("victim/deep/file", "link/deep/file"):
                try:
                    said = (mnt / path).read_text()
                except OSError as exc:
                    said = os.strerror(exc.errno or 0)
                told[said] = told.get(said, 0) + 1
                for number in range(0, 60, 2):
                    os.stat(mnt / "crowd" / str(number))
    assert told["inside"] > 5
    assert "outside" not in told


def test_a_working_directory_that_is_swapped_stays_the_same_directory(
    start: StartServer, scene: Scene
) -> None:
    mnt = start("-o", "entry_timeout=0,attr_timeout=0", command=through(scene.below)).mnt
    inside = os.open(mnt / "victim", os.O_RDONLY | os.O_DIRECTORY)
    told = set()
    with attacked(scene.victim, scene.below / "link"):
        deadline = time.monotonic() + ROUNDS / 3
        while time.monotonic() < deadline:
            with open(os.open("file", os.O_RDONLY, dir_fd=inside)) as file:
                told.add(file.read())
    os.close(inside)
    assert told == {"inside"}


def test_dot_dot_leads_to_the_top_and_from_there_out_of_the_mount_only(
    start: StartServer, scene: Scene
) -> None:
    mnt = start(command=through(scene.below)).mnt
    deep = mnt / "victim" / "deep"
    assert os.path.samefile(deep / ".." / "..", mnt)
    assert os.path.samefile(deep / ".." / ".." / "..", mnt.parent)
    assert not (deep / ".." / ".." / ".." / "outside").exists()
    inside = os.open(deep, os.O_RDONLY | os.O_DIRECTORY)
    (mnt / "victim" / "deep").rename(mnt / "deep")
    assert os.path.samestat(os.stat("..", dir_fd=inside), os.stat(mnt))
    os.close(inside)


def test_handles_of_files_outside_open_nothing(start: StartServer, scene: Scene) -> None:
    """A mount that is not exported knows its own nodes alone; their numbers are no inode numbers."""
    mnt = start(command=through(scene.below)).mnt
    libc = ctypes.CDLL(None, use_errno=True)
    (mnt / "victim" / "file").stat()
    top = os.open(mnt, os.O_RDONLY)
    ino = (scene.outside / "file").stat().st_ino
    for kind in (0x81, 0x82, 1, 2):
        raw = (12).to_bytes(4, "little") + kind.to_bytes(4, "little")
        raw += ino.to_bytes(8, "big") + bytes(4) + bytes(128)
        assert libc.open_by_handle_at(top, raw, os.O_RDONLY) < 0
    os.close(top)
