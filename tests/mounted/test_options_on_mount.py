"""What the options of a mount change, counted in the requests that the kernel then sends."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.filesystems.direct import refuses
from tests.mounted.conftest import OrdinaryUser, StartServer
from tests.mounted.harness import Server, run, wait_for
from tests.serve.subject import SIZE

SUBJECT = (sys.executable, "-m", "tests.serve.subject")

LINE = re.compile(
    r"(?P<way>[<>]) (?P<unique>\d+)(?: \(again\))? (?P<opcode>[A-Z_0-9]+)( .*)?|! [A-Z_]+.*", re.ASCII
)


def requests(server: Server, opcode: str) -> list[str]:
    """The lines that --debug has shown of requests of *opcode*."""
    return [line for line in server.said().splitlines() if re.match(rf"> \d+ {opcode}\b", line)]


def reads(server: Server) -> list[int]:
    """How much was asked for in each READ."""
    return [int(match[1]) for line in requests(server, "READ") if (match := re.search(r" size=(\d+)", line))]


def test_max_read_bounds_every_read(start: StartServer) -> None:
    server = start("-d", "-o", "max_read=8192", command=SUBJECT)
    run("cat", server.mnt / "file")
    assert set(reads(server)) == {8192}
    assert sum(reads(server)) == SIZE


def test_without_max_read_reads_are_larger(start: StartServer) -> None:
    server = start("-d", command=SUBJECT)
    run("cat", server.mnt / "file")
    assert max(reads(server)) > 65536


@pytest.mark.parametrize(
    ("option", "kept"), [("kernel_cache", True), ("auto_cache", True), ("direct_io", False)]
)
def test_what_was_read_is_kept_or_not(start: StartServer, option: str, kept: bool) -> None:
    server = start("-d", "-o", option, command=SUBJECT)
    run("cat", server.mnt / "file")
    before = sum(reads(server))
    run("cat", server.mnt / "file")
    assert (sum(reads(server)) == before) is kept


def test_without_extended_attributes_the_kernel_asks_for_one_once(start: StartServer) -> None:
    server = start("-d", "-o", "noxattr", command=(sys.executable, "-m", "filesystems.detrempe"))
    for name in "abc":
        (server.mnt / name).write_text(name)
        with refuses(errno.EOPNOTSUPP):
            os.getxattr(server.mnt / name, "user.x")
    assert len(requests(server, "GETXATTR")) == 1


def stat_twice(server: Server, path: Path) -> None:
    """Look at *path* twice, from two processes."""
    for _ in range(2):
        run("sh", "-c", f"test -e {path} || true")  # stat(1) wants the time of birth, which is never trusted


@pytest.mark.parametrize(("ttl", "asked"), [("0", 2), ("1000", 1)])
def test_entry_timeout_is_how_long_a_name_is_trusted(start: StartServer, ttl: str, asked: int) -> None:
    server = start("-d", "-o", f"entry_timeout={ttl}", command=SUBJECT)
    stat_twice(server, server.mnt / "file")
    assert len(requests(server, "LOOKUP")) == asked


@pytest.mark.parametrize(("ttl", "asked"), [("0", 2), ("1000", 1)])
def test_negative_timeout_is_how_long_an_absence_is_trusted(start: StartServer, ttl: str, asked: int) -> None:
    server = start("-d", "-o", f"negative_timeout={ttl}", command=SUBJECT)
    stat_twice(server, server.mnt / "nothing")
    assert len(requests(server, "LOOKUP")) == asked


@pytest.mark.parametrize(("ttl", "asked"), [("0", True), ("1000", False)])
def test_attr_timeout_is_how_long_attributes_are_trusted(start: StartServer, ttl: str, asked: bool) -> None:
    server = start("-d", "-o", f"entry_timeout=1000,attr_timeout={ttl}", command=SUBJECT)
    stat_twice(server, server.mnt / "file")
    assert bool(requests(server, "(GETATTR|STATX)")) is asked


def test_default_permissions_lets_the_kernel_refuse(root: None, start: StartServer, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for path in tmp_path.parents:
        if path.stat().st_uid == os.getuid() and path.name.startswith("pytest-"):
            path.chmod(0o755)
    for options, status in (("allow_other", 0), ("allow_other,default_permissions", 1)):
        server = start("-o", options, command=SUBJECT)
        done = subprocess.run(
            ["cat", server.mnt / "secret"],
            check=False,
            cwd="/",
            user=65534,
            group=65534,
            extra_groups=[],
            capture_output=True,
            timeout=20,
        )
        assert done.returncode == status, done.stderr
        assert server.unmount() == 0


def test_debug_shows_a_line_for_each_message_and_pairs_them_by_number(start: StartServer) -> None:
    server = start("-d", command=SUBJECT)
    run("ls", "-l", server.mnt)
    run("sh", "-c", f"echo pink > {server.mnt}/file; cat {server.mnt}/file > {os.devnull}")
    assert server.unmount() == 0
    asked: dict[str, str] = {}
    lines = server.said().splitlines()
    for line in lines:
        match = LINE.fullmatch(line)
        assert match, line
        assert len(line) < 1000
        if match["way"] == ">":
            asked[match["unique"]] = match["opcode"]
        elif match["way"] == "<":
            assert asked.pop(match["unique"]) == match["opcode"]
    assert not set(asked.values()) - {"FORGET", "BATCH_FORGET", "INTERRUPT"}
    assert {"INIT", "READDIRPLUS", "OPEN", "READ", "WRITE"} <= {line.split()[2] for line in lines}


def test_fsname_and_subtype_may_have_odd_characters(start: StartServer, user: OrdinaryUser) -> None:
    options = ("-o", r"fsname=pink\,floyd the=wall,subtype=a.b")
    assert start(*options, command=SUBJECT).row.source == "pink,floyd the=wall"
    row = start(*options, command=SUBJECT, on=user.directory("mnt"), prefix=user.prefix).row
    assert (row.source, row.fstype) == ("pink,floyd the=wall", "fuse.a.b")


def test_an_ordinary_user_is_told_how_allow_other_is_allowed(user: OrdinaryUser) -> None:
    if re.search(r"^user_allow_other", Path("/etc/fuse.conf").read_text(), re.MULTILINE):
        pytest.skip("/etc/fuse.conf allows it on this machine")
    said = run(
        *user.prefix,
        "sh",
        "-c",
        '"$@" 2>&1; test $? = 1',
        "sh",
        *SUBJECT,
        user.directory("mnt"),
        "-o",
        "allow_other",
        cwd=Path(__file__).parents[2],
    )
    assert "add the line user_allow_other to /etc/fuse.conf" in said
    assert "Traceback" not in said


def test_an_ordinary_users_options_reach_the_kernel(start: StartServer, user: OrdinaryUser) -> None:
    options = "ro,noexec,noatime,default_permissions,max_read=8192"
    server = start("-d", "-o", options, command=SUBJECT, on=user.directory("mnt"), prefix=user.prefix)
    assert {"ro", "noexec", "nosuid", "nodev"} <= server.row.options
    assert {"default_permissions", "max_read=8192"} <= server.row.super_options
    run(*user.prefix, "cat", server.mnt / "file")
    assert max(reads(server)) == 8192


def test_an_ordinary_users_server_that_is_killed_leaves_no_mount(
    start: StartServer, user: OrdinaryUser
) -> None:
    server = start("-o", "attr_timeout=1000", command=SUBJECT, on=user.directory("mnt"), prefix=user.prefix)
    run(*user.prefix, "stat", server.mnt)
    server.process.kill()
    server.wait()
    wait_for(lambda: not server.is_mounted, "the watcher has unmounted it")
