"""How a mount through libfuse begins and ends, and what it leaves alone."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.mounted.clients import steps
from tests.mounted.conftest import OrdinaryUser, StartServer
from tests.mounted.harness import (
    DETREMPE,
    PATIENCE,
    PROJECT,
    Server,
    detach,
    environment,
    mount_table,
    run,
    wait_for,
)
from tests.serve.program import Program


@pytest.fixture
def program_on(mnt: Path) -> Iterator[Program]:
    yield Program(mnt)
    for place in Program(mnt).left():
        detach(Path(place))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_with_status_0_even_while_a_file_is_open(
    server: Server, number: signal.Signals
) -> None:
    held = os.open(server.mnt / "f", os.O_CREAT | os.O_RDWR)
    os.write(held, b"pink")
    assert server.end(number) == 0
    assert not server.is_mounted
    with pytest.raises(OSError, check=lambda exc: exc.errno in {errno.ENOTCONN, errno.ECONNABORTED}):
        os.ftruncate(held, 1)
    with suppress(OSError):  # there is nobody left to flush to
        os.close(held)
    assert server.said() == ""


def test_umount_from_outside_ends_it_with_status_0_and_without_a_word(server: Server) -> None:
    (server.mnt / "f").write_text("pink")
    assert server.unmount() == 0
    assert not server.is_mounted
    assert server.said() == ""


def test_a_server_that_is_killed_leaves_no_mount_behind(server: Server) -> None:
    (server.mnt / "f").write_text("pink")
    server.process.kill()
    server.process.wait(PATIENCE)
    wait_for(lambda: not server.is_mounted, "the mount has gone")


def test_an_ordinary_user_mounts_through_fusermount(
    start: StartServer, user: OrdinaryUser, bridge: tuple[str, str]
) -> None:
    server = start(*bridge, on=user.directory("mnt"), prefix=user.prefix)
    told = run(*user.prefix, sys.executable, steps.__file__, server.mnt, "everything")
    assert '"files_and_data": "passed"' in told
    run("ls", server.mnt, status=2)
    run(*user.prefix, "fusermount3", "-u", server.mnt)
    assert server.wait() == 0


def test_options_reach_the_mount_table(start: StartServer, bridge: tuple[str, str], root: None) -> None:
    server = start(*bridge, "-o", r"ro,noexec,noatime,dirsync,fsname=pink\,floyd,subtype=dire,max_read=8192")
    row = server.row
    assert {"ro", "noexec", "noatime", "nosuid", "nodev"} <= row.options
    assert (row.source, row.fstype) == ("pink,floyd", "fuse.dire")
    assert "max_read=8192" in row.super_options
    with pytest.raises(OSError, check=lambda exc: exc.errno == errno.EROFS):
        (server.mnt / "f").touch()


def test_a_mount_point_need_not_be_empty(start: StartServer, bridge: tuple[str, str], mnt: Path) -> None:
    (mnt / "beneath").touch()
    server = start(*bridge)
    assert os.listdir(mnt) == []
    assert server.unmount() == 0
    assert os.listdir(mnt) == ["beneath"]


def test_in_a_program_signals_directory_and_other_mounts_are_left_alone(
    program_on: Program, binding: str
) -> None:
    text = f"""
    import signal
    os.mkdir(MNT + "2")
    here = os.getcwd()
    with puffpy.mount(Subject(), MNT, bridge="libfuse:{binding}"):
        print(os.getcwd() == here, sorted(os.listdir(MNT)))
        with puffpy.mount(Subject(), MNT + "2", bridge="libfuse:{binding}"):
            print(sorted(os.listdir(MNT + "2")))
        print(is_mounted(), sorted(os.listdir(MNT)))
        with open("/proc/self/status") as status:
            caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt"))
        print(bool(caught >> signal.SIGTERM - 1 & 1), bool(caught >> signal.SIGHUP - 1 & 1))
    print(is_mounted())
    os.rmdir(MNT + "2")
    """
    listing = "['directory', 'file', 'secret', 'slow']"
    assert program_on.run(text).splitlines() == [
        f"True {listing}", listing, f"True {listing}", "False False", "False"
    ]  # fmt: skip


def shell(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DETREMPE, *(str(word) for word in arguments), "--foreground"],
        check=False, cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
        env=environment(**more),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("bridge_name", "surroundings", "words"),
    [
        ("libfuse:rosebud", {}, ["rosebud", "fusepy", "mfusepy"]),
        ("libfuse:mfusepy", {"FUSE_LIBRARY_NAME": "rosebud"}, ["mfusepy", "libfuse2", "puffpy[fusepy]"]),
        ("libfuse:fusepy", {"PYTHONPATH": "{empty}"}, ["fuse", "another's", "puffpy[fusepy]"]),
    ],
)
def test_what_is_missing_is_named_with_what_to_do(
    mnt: Path, tmp_path: Path, bridge_name: str, surroundings: dict[str, str], words: list[str]
) -> None:
    (tmp_path / "fuse.py").touch()
    path = f"{PROJECT}:{tmp_path}"
    done = shell(mnt, "--bridge", bridge_name, **{k: v.format(empty=path) for k, v in surroundings.items()})
    assert done.returncode == 1
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert str(mnt) not in mount_table()


def test_a_mount_that_libfuse_refuses_is_an_error_and_nothing_stays(
    user: OrdinaryUser, bridge: tuple[str, str]
) -> None:
    theirs = user.directory("theirs")
    os.chown(theirs, 0, 0)
    done = subprocess.run(
        [*user.prefix, *DETREMPE, theirs, "--foreground", *bridge],
        check=False, cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE, env=environment(),
    )  # fmt: skip
    assert done.returncode == 1
    assert f"cannot mount at {theirs}" in done.stderr
    assert "fusermount" in done.stderr
    assert str(theirs) not in mount_table()


def test_messages_are_shown_and_recorded_as_on_any_bridge(
    start: StartServer, bridge: tuple[str, str], tmp_path: Path
) -> None:
    record = tmp_path / "record"
    hardcodefs = (sys.executable, "-m", "filesystems.hardcodefs")
    server = start(*bridge, "--debug", "--record", str(record), command=hardcodefs)
    (server.mnt / "notes").write_text("pink")
    assert server.unmount() == 0
    assert "'notes'" in server.said()
    assert "WRITE" in server.said()
    told = run(sys.executable, "-m", "puffpy", "replay", record, "filesystems.hardcodefs")
    assert "answered as recorded" in told
