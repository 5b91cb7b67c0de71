"""A mount that outlives its servers: programs see a pause and no error, and every end is clean."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.mounted.conftest import OrdinaryUser
from tests.mounted.harness import DETREMPE, PATIENCE, PROJECT, Server, launch, run, wait_for
from tests.mounted.killing import children, kill, killing, serving

StartServer = Callable[..., Server]

TUNNEL = (sys.executable, "-m", "filesystems.tunnel")
HARDCODEFS = (sys.executable, "-m", "filesystems.hardcodefs")

SECONDS = float(os.environ.get("PUFFPY_SUPERVISE_SECONDS", "3"))
"""How long each program is at work while servers die; landing changes needs seconds, a release minutes."""


@pytest.fixture(params=["detrempe", "tunnel"])
def supervised(request: pytest.FixtureRequest, start: StartServer, tmp_path: Path) -> Server:
    """A mount with a supervisor."""
    below = tmp_path / "below"
    below.mkdir()
    command = {"detrempe": DETREMPE, "tunnel": (*TUNNEL, below)}[request.param]
    return start("--supervise", command=command, limit=LIMIT)


LIMIT = 60 + 3 * SECONDS


def test_cp_sees_a_pause_and_no_error(supervised: Server) -> None:
    mnt = supervised.mnt
    deadline = time.monotonic() + SECONDS
    with killing(supervised, every=0.5) as toll:
        while time.monotonic() < deadline or toll.killed < 3:
            run("cp", "-a", PROJECT / "filesystems", mnt / "copy")
            run("diff", "-r", "-x", "__pycache__", PROJECT / "filesystems", mnt / "copy")
            run("rm", "-r", mnt / "copy")
    assert "Traceback" not in supervised.said()
    assert supervised.unmount() == 0


def test_fio_reads_back_what_it_wrote(supervised: Server, program: Callable[[str], str]) -> None:
    with killing(supervised, every=0.5) as toll:
        run(
            *(program("fio"), "--name=job", f"--directory={supervised.mnt}", "--rw=randrw", "--size=8m"),
            *("--numjobs=2", "--ioengine=psync", "--bs=4k", "--verify=crc32c", "--verify_fatal=1"),
            *("--do_verify=1", "--verify_backlog=256", "--verify_state_save=0", "--minimal"),
            *("--time_based", f"--runtime={SECONDS:.0f}", "--fallocate=none"),
            cwd=supervised.mnt,
        )
    assert toll.killed >= 3


def test_what_is_open_and_has_no_name_lives_on(supervised: Server) -> None:
    path = supervised.mnt / "file"
    with open(path, "w+b", buffering=0) as file:
        path.unlink()
        assert file.write(b"before") == 6
        kill(supervised)
        assert file.write(b" and after") == 10
        kill(supervised)
        file.seek(0)
        assert file.read() == b"before and after"
        assert os.fstat(file.fileno()).st_nlink == 0


def test_nothing_that_only_a_dead_server_had_open_is_left(supervised: Server) -> None:
    directory = Path(f"/proc/{supervised.process.pid}/fd")

    def sockets() -> set[str]:
        links = set()
        for fd in directory.iterdir():
            with suppress(FileNotFoundError):  # open for a moment
                links.add(os.readlink(fd))
        return {link for link in links if link.startswith("socket:")}

    for _ in range(2):
        victim = serving(supervised)
        wait_for(lambda: bool(sockets()), "the server can be looked at")
        before = sockets()
        kill(supervised)
        wait_for(lambda victim=victim: serving(supervised) != victim, "another one serves")  # type: ignore[misc]
        os.stat(supervised.mnt)
        assert not before & sockets()


def test_a_file_that_must_not_be_there_is_made_once(supervised: Server) -> None:
    with killing(supervised, every=0.05) as toll:
        number = 0
        while toll.killed < 15:
            number += 1
            (supervised.mnt / f"directory-{number}").mkdir()
            with open(supervised.mnt / f"file-{number}", "x") as file:
                file.write(str(number))
            (supervised.mnt / f"directory-{number}").rename(supervised.mnt / f"renamed-{number}")
            (supervised.mnt / f"renamed-{number}").rmdir()
    for made in range(1, number + 1):
        assert (supervised.mnt / f"file-{made}").read_text() == str(made)


def test_a_working_directory_and_a_lock_live_on(supervised: Server) -> None:
    (supervised.mnt / "deep" / "deeper").mkdir(parents=True)
    asks = "import os, sys; print(os.getcwd(), flush=True); input(); open('here', 'x'); print(os.listdir())"
    inside = subprocess.Popen(
        [sys.executable, "-c", asks],
        cwd=supervised.mnt / "deep" / "deeper",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert inside.stdout is not None
    assert inside.stdout.readline().strip() == str(supervised.mnt / "deep" / "deeper")
    kill(supervised)
    assert inside.communicate("\n", timeout=PATIENCE)[0].strip() == "['here']"
    assert inside.returncode == 0


@pytest.mark.parametrize("layers", [(), ("--layer", "filter:hide=*.key")])
def test_the_general_command_mounts_what_outlives_its_server_as_well(
    start: StartServer, layers: tuple[str, ...]
) -> None:
    command = (sys.executable, "-m", "puffpy", "mount", "filesystems.detrempe")
    server = start(*layers, "--supervise", command=command)
    with open(server.mnt / "notes", "w+b", buffering=0) as file:
        file.write(b"before")
        kill(server)
        file.write(b" and after")
        assert (server.mnt / "notes").read_text() == "before and after"
    if layers:
        with pytest.raises(PermissionError):
            (server.mnt / "server.key").touch()


def test_hardcodefs_comes_back_with_its_contents(start: StartServer) -> None:
    server = start("--supervise", command=HARDCODEFS)
    notes = server.mnt / "notes"
    with open(notes, "w+b", buffering=0) as file:
        file.write(b"before")
        kill(server)
        file.write(b" and after")
        assert notes.read_text() == "before and after"


def test_sigterm_to_the_supervisor_unmounts(supervised: Server) -> None:
    last = serving(supervised)
    assert supervised.end(signal.SIGTERM) == 0
    assert not supervised.is_mounted
    assert not Path(f"/proc/{last}").exists()


def test_a_mount_in_use_is_cut_after_a_grace(supervised: Server) -> None:
    with open(supervised.mnt / "file", "wb", buffering=0) as file:
        assert supervised.end(signal.SIGTERM) == 0
        assert not supervised.is_mounted
        with pytest.raises(OSError, match="not connected|connection abort"):
            os.fsync(file.fileno())


def test_a_supervisor_that_is_killed_leaves_no_mount_and_no_server(supervised: Server) -> None:
    last = serving(supervised)
    assert supervised.end(signal.SIGKILL) == -signal.SIGKILL
    wait_for(lambda: not Path(f"/proc/{last}").exists(), "its server is gone")
    wait_for(lambda: not supervised.is_mounted, "the mount is gone")


def test_a_file_system_that_cannot_start_is_not_mounted(mnt: Path, tmp_path: Path) -> None:
    server = launch((*HARDCODEFS, "-o", "store=/nowhere/at/all"), mnt, "--supervise", log=tmp_path / "log")
    assert server.wait() == 1
    assert "/nowhere/at/all" in server.said()
    server.close()


DYING = '''
import os
import puffpy

class Dying(puffpy.VnodeOps):
    """Dies of whatever is looked up, and of its second start."""

    def __init__(self) -> None:
        self.root = puffpy.Node.directory(mode=0o755)
        self.vfsops = Starting()

    def lookup(self, dvp, cn, call):
        os._exit(3)

class Starting(puffpy.VfsOps):
    def start(self, kernel):
        if os.path.exists("began"):
            os._exit(4)
        if LIMITED:
            open("began", "x")

puffpy.main(Dying)
'''


def test_a_request_that_kills_its_server_gets_eio_and_the_mount_lives(
    start: StartServer, tmp_path: Path
) -> None:
    program = tmp_path / "dying.py"
    program.write_text(DYING.replace("LIMITED", "False"))
    server = start("--supervise", command=(sys.executable, program))
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        (server.mnt / "deadly").stat()
    assert server.said().count("died (exit status 3)") == 3
    assert server.mnt.stat().st_mode & 0o777 == 0o755


def test_servers_that_only_die_are_given_up(mnt: Path, tmp_path: Path) -> None:
    program = tmp_path / "dying.py"
    program.write_text(f"import os; os.chdir({str(tmp_path)!r})\n" + DYING.replace("LIMITED", "True"))
    server = launch((sys.executable, program), mnt, "--supervise", log=tmp_path / "log")
    try:
        server.wait_until_mounted()
        wait_for(lambda: (tmp_path / "began").exists() and bool(children(server.process.pid)), "it serves")
        with pytest.raises(OSError, match="not connected|connection abort"):
            (server.mnt / "deadly").stat()
        assert server.wait() == 1
        assert "given up" in server.said()
        assert not server.is_mounted
    finally:
        server.close()


def test_an_ordinary_user_has_all_of_it(user: OrdinaryUser, start: StartServer) -> None:
    mnt = user.directory("mnt")
    server = start("--supervise", on=mnt, prefix=user.prefix)
    path = mnt / "file"
    run(*user.prefix, "sh", "-c", f"echo kept > {path}; chmod 444 {path}; mkdir {mnt}/new")
    with killing(server, every=0.2) as toll:
        while toll.killed < 4:
            run(
                *user.prefix,
                "sh",
                "-ec",
                f"test -d {mnt}/new; echo x > {mnt}/new/a; mv {mnt}/new/a {mnt}/new/b; rm {mnt}/new/b",
            )
            assert run(*user.prefix, "cat", path) == "kept\n"


def test_it_goes_into_the_background(tmp_path: Path, mnt: Path) -> None:
    run(*HARDCODEFS, mnt, "--supervise", cwd=PROJECT)
    try:
        assert (mnt / "readme").read_text()
    finally:
        run("umount" if os.geteuid() == 0 else "fusermount3", *([] if os.geteuid() == 0 else ["-u"]), mnt)


@pytest.mark.parametrize(
    "words",
    [("--user", "nobody"), ("--record", "somewhere"), ("--bridge", "libfuse")],
    ids=lambda words: words[0],
)
def test_what_does_not_go_together_is_refused(mnt: Path, tmp_path: Path, words: tuple[str, str]) -> None:
    server = launch(HARDCODEFS, mnt, "--supervise", *words, log=tmp_path / "log")
    assert server.wait() in (1, 2)
    assert "leave one out" in server.said()
    assert not server.is_mounted
    server.close()
