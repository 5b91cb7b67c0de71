"""``python -m filesystems.detrempe`` as a shell sees it: its messages, its exit status, its background."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.mounted.conftest import OrdinaryUser
from tests.mounted.harness import (
    DETREMPE,
    PATIENCE,
    PROJECT,
    UNMOUNT,
    detach,
    environment,
    mount_table,
    processes_naming,
    run,
    wait_for,
)


def shell(
    *arguments: str | Path, cwd: Path = PROJECT, prefix: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Type a command; a server that keeps the terminal's output open would make this wait for ever."""
    return subprocess.run(
        [*prefix, *DETREMPE, *(str(word) for word in arguments)],
        check=False,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=environment(),
    )


@pytest.fixture
def daemon_mnt(mnt: Path) -> Iterator[Path]:
    """A mount point whose server, wherever it went, is ended after the test."""
    yield mnt
    detach(mnt)
    try:
        wait_for(lambda: not processes_naming(mnt), f"nothing serves {mnt}")
    except AssertionError:
        for pid in processes_naming(mnt):
            os.kill(pid, signal.SIGKILL)
        raise


def test_it_goes_to_the_background_once_it_is_mounted(daemon_mnt: Path) -> None:
    done = shell(daemon_mnt)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert mount_table()[str(daemon_mnt)].source == "puffs:detrempe"
    (daemon_mnt / "pink").write_text("floyd")
    assert run("cat", daemon_mnt / "pink") == "floyd"
    run(*UNMOUNT, daemon_mnt)
    assert str(daemon_mnt) not in mount_table()
    wait_for(lambda: not processes_naming(daemon_mnt), "the server has ended")


def test_in_the_background_it_holds_no_directory_and_no_terminal(daemon_mnt: Path) -> None:
    done = shell(daemon_mnt)
    assert done.returncode == 0, done.stderr
    servers = processes_naming(daemon_mnt)
    assert servers
    for pid in servers:
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        assert os.getsid(pid) != os.getsid(0)
        assert os.readlink(f"/proc/{pid}/fd/0").startswith(("/dev/null", "pipe:"))
        for number in (1, 2):
            assert os.readlink(f"/proc/{pid}/fd/{number}") == "/dev/null"


def test_a_relative_mount_point_is_meant_from_where_it_was_typed(daemon_mnt: Path) -> None:
    done = shell(daemon_mnt.name, cwd=daemon_mnt.parent)
    try:
        assert done.returncode == 0, done.stderr
        assert str(daemon_mnt) in mount_table()
    finally:
        detach(daemon_mnt)


@pytest.mark.parametrize("mode", ["--foreground", "-f", "background"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{top}/nowhere"], ["{top}/nowhere", "mkdir"]),
        (["{top}/file"], ["{top}/file", "directory"]),
        (["{mnt}", "-o", "rosebud"], ["rosebud"]),
        (["{mnt}", "-o", "rosebud=1"], ["rosebud"]),
        (["{mnt}", "-o", "size=pink"], ["size", "pink"]),
        (["{mnt}", "-o", "inodes=-1"], ["inodes", "-1"]),
        (["{mnt}", "-o", "size"], ["size"]),
        (["{mnt}", "--rosebud"], ["--rosebud"]),
        ([], ["usage"]),
    ],
)
def test_a_mistake_is_named_in_one_message(
    mnt: Path, mode: str, arguments: list[str], words: list[str]
) -> None:
    (mnt.parent / "file").touch()
    places = {"top": str(mnt.parent), "mnt": str(mnt)}
    done = shell(*(word.format(**places) for word in arguments), *([] if mode == "background" else [mode]))
    assert done.returncode not in {0, -signal.SIGKILL}
    for word in words:
        assert word.format(**places) in done.stderr
    assert "Traceback" not in done.stderr
    assert str(mnt) not in mount_table()


def test_help_says_what_can_be_said(mnt: Path) -> None:
    done = shell("--help")
    assert done.returncode == 0
    for word in ("--foreground", "--debug", "-o", "size", "inodes", "allow_other"):
        assert word in done.stdout


def test_who_may_not_mount_and_has_no_fusermount3_is_told_what_to_install(
    user: OrdinaryUser, program: Callable[[str], str]
) -> None:
    # In a mount namespace of its own, something that cannot be run lies over the helper.
    hidden = ("unshare", "-m", "sh", "-c", 'mount --bind /dev/null "$0" && exec "$@"', program("fusermount3"))
    mnt = user.directory("mnt")
    for option in ((), ("--foreground",)):
        done = shell(mnt, *option, prefix=(*hidden, *user.prefix))
        assert done.returncode != 0
        assert "fusermount3" in done.stderr
        assert "fuse3" in done.stderr
        assert "Traceback" not in done.stderr


def test_who_may_not_mount_there_is_told_where(user: OrdinaryUser, mnt: Path) -> None:
    for option in ((), ("--foreground",)):
        done = shell(mnt, *option, prefix=user.prefix)
        assert done.returncode != 0
        assert str(mnt) in done.stderr
        assert "Traceback" not in done.stderr
    assert str(mnt) not in mount_table()
