"""Mounting without being root, through fusermount3."""

from __future__ import annotations

import os
import signal
import subprocess

from tests.mounted.conftest import OrdinaryUser, StartServer
from tests.mounted.harness import run


def test_an_ordinary_user_mounts_uses_and_unmounts(start: StartServer, user: OrdinaryUser) -> None:
    server = start(on=user.directory("mnt"), prefix=user.prefix)
    assert server.row.source == "puffs:detrempe"
    assert f"user_id={user.uid}" in server.row.super_options
    pink = server.mnt / "pink"
    run(*user.prefix, "sh", "-c", f"echo floyd > {pink}")
    assert run(*user.prefix, "cat", pink) == "floyd\n"
    assert run(*user.prefix, "stat", "-c", "%u:%g", pink) == f"{user.uid}:{user.uid}\n"
    run(*user.prefix, "fusermount3", "-u", server.mnt)
    assert server.wait() == 0
    assert not server.is_mounted


def test_a_mount_of_an_ordinary_user_is_closed_to_root(start: StartServer, user: OrdinaryUser) -> None:
    server = start(on=user.directory("mnt"), prefix=user.prefix)
    done = subprocess.run(["ls", server.mnt], check=False, capture_output=True, text=True, timeout=20)
    assert done.returncode != 0
    assert "Permission denied" in done.stderr


def test_a_signal_ends_an_ordinary_users_mount_cleanly(start: StartServer, user: OrdinaryUser) -> None:
    mnt = user.directory("mnt")
    for number in (signal.SIGINT, signal.SIGTERM):
        server = start(on=mnt, prefix=user.prefix)
        assert server.end(number) == 0
        assert not server.is_mounted


def test_an_ordinary_user_keeps_set_uid_programs_and_devices_inert(
    start: StartServer, user: OrdinaryUser
) -> None:
    server = start("-o", "ro", on=user.directory("mnt"), prefix=user.prefix)
    assert {"nosuid", "nodev", "ro"} <= server.row.options


def test_options_reach_the_file_system_through_fusermount3(start: StartServer, user: OrdinaryUser) -> None:
    server = start("-o", "size=1m,inodes=50,fsname=rosebud", on=user.directory("mnt"), prefix=user.prefix)
    assert server.row.source == "rosebud"
    assert run(*user.prefix, "df", "--output=itotal", server.mnt).split()[1] == "50"
    assert os.path.exists(f"/proc/{server.process.pid}")
