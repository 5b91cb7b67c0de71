"""``FUSE`` on a real mount: beginning, ending, signals, threads, the background."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Final

import pytest

from tests.compat.conftest import Serve
from tests.mounted.harness import PROJECT, UNMOUNT, environment, mount_table, run, wait_for

MEMORY: Final = (sys.executable, "-m", "tests.compat.memory")
PRELUDE: Final = """
import os, sys, threading, time
from fuse import FUSE, FuseOSError, Operations, fuse_exit
from tests.compat.memory import Memory
"""


def program(folder: Path, text: str) -> tuple[str, ...]:
    """Write a program that imports fusepy; return the command that runs it on puffpy."""
    file = folder / "program.py"
    file.write_text(PRELUDE + textwrap.dedent(text))
    return (sys.executable, "-m", "puffpy.compat.fusepy", str(file))


def test_a_file_system_by_path_is_used_by_ordinary_programs(serve: Serve, mnt: Path) -> None:
    server = serve(*MEMORY, mnt, "foreground")
    run(
        "sh",
        "-ec",
        """
        mkdir -p a/b; seq 1 100000 > a/b/numbers; cp a/b/numbers copy; cmp a/b/numbers copy
        mv a c; ln c/b/numbers again; ln -s c/b/numbers link; cmp link copy
        exec 5< copy; rm copy; wc -l <&5 | grep -qx 100000; exec 5<&-
        truncate -s 10 again; test "$(stat -c %s c/b/numbers)" = 10
        touch -d @1000000000 c; test "$(stat -c %Y c)" = 1000000000
        chmod 600 again; test "$(stat -c %a c/b/numbers)" = 600
        rm -r c; test "$(ls -A)" = "$(printf 'again\\nlink')"
        """,
        cwd=mnt,
    )
    assert (server.row.fstype, server.row.source) == ("fuse", "Memory")
    assert server.unmount() == 0
    assert server.said() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_unmounts_and_the_program_goes_on(
    serve: Serve, mnt: Path, tmp_path: Path, number: signal.Signals
) -> None:
    text = """
        FUSE(Memory(), sys.argv[1], foreground=True, nothreads=True)
        print("goes on", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    """
    server = serve(*program(tmp_path, "import signal" + textwrap.dedent(text)), mnt)
    assert server.end(number) == 0
    assert server.said() == "goes on True\n"
    assert not server.is_mounted


def test_in_the_background_init_and_all_operations_are_asked_in_the_process_that_stays(
    mnt: Path, tmp_path: Path
) -> None:
    command = program(
        tmp_path,
        """
        class Process(Memory):
            def init(self, path):
                self.begun = os.getpid()
            def statfs(self, path):
                return {"f_bsize": 4096, "f_blocks": self.begun, "f_bfree": os.getpid()}
            def destroy(self, path):
                with open(sys.argv[2], "w") as file:
                    file.write(f"{os.getpid()} {os.getcwd()}")
        FUSE(Process(), sys.argv[1])
        """,
    )
    destroyed = tmp_path / "destroyed"
    starter = subprocess.Popen([*command, str(mnt), str(destroyed)], cwd=PROJECT, env=environment())
    assert starter.wait(30) == 0
    try:
        figures = os.statvfs(mnt)
        assert figures.f_blocks == figures.f_bfree != starter.pid
        assert figures.f_blocks > 1
    finally:
        run(*UNMOUNT, mnt)
    wait_for(destroyed.exists, "destroy has been asked")
    wait_for(lambda: destroyed.read_text() == f"{figures.f_blocks} /", "by the process that stays, in /")


def test_a_mount_that_fails_is_a_runtime_error_in_the_program_itself(tmp_path: Path) -> None:
    command = program(
        tmp_path,
        """
        for how in ({"foreground": True}, {}, {"no_such_option": True}, {"max_read": "many"}):
            try:
                FUSE(Memory(), sys.argv[1], **how)
            except RuntimeError as exc:
                print(os.getpid() == started, exc)
        """.replace("for how", "started = os.getpid()\n        for how", 1),
    )
    told = run(*command, tmp_path / "nowhere", env=environment(PYTHONUNBUFFERED="1")).splitlines()
    assert len(told) == 4
    assert all(line.startswith("True fuse: ") for line in told)
    assert "nowhere" in told[0]
    assert "nowhere" in told[1]
    assert "no_such_option" in told[2]
    assert "max_read=many" in told[3]


def test_fuse_exit_ends_the_mount_after_the_answer(serve: Serve, mnt: Path, tmp_path: Path) -> None:
    command = program(
        tmp_path,
        """
        class Leaving(Memory):
            def rmdir(self, path):
                super().rmdir(path)
                fuse_exit()
        FUSE(Leaving(), sys.argv[1], foreground=True)
        print("ended")
        """,
    )
    server = serve(*command, mnt)
    (mnt / "d").mkdir()
    (mnt / "d").rmdir()
    assert server.wait() == 0
    assert server.said() == "ended\n"
    assert not server.is_mounted


def test_system_exit_in_an_operation_is_the_programs_own(serve: Serve, mnt: Path, tmp_path: Path) -> None:
    command = program(
        tmp_path,
        """
        class Leaving(Memory):
            def rmdir(self, path):
                sys.exit(9)
        FUSE(Leaving(), sys.argv[1], foreground=True)
        """,
    )
    server = serve(*command, mnt)
    (mnt / "d").mkdir()
    with pytest.raises(OSError, match="Bad address"):
        (mnt / "d").rmdir()
    assert server.wait() == 9
    assert not server.is_mounted


@pytest.mark.parametrize(
    ("failing", "status", "told"),
    [("sys.exit(9)", 9, ""), ("1 // 0", 1, "RuntimeError: fuse: cannot serve"), ("fuse_exit()", 0, "ended")],
)
def test_an_init_that_fails_fails_the_mount(
    mnt: Path, tmp_path: Path, failing: str, status: int, told: str
) -> None:
    command = program(
        tmp_path,
        f"""
        class Failing(Memory):
            def init(self, path):
                {failing}
        FUSE(Failing(), sys.argv[1], foreground=True)
        print("ended", file=sys.stderr)
        """,
    )
    done = subprocess.run(
        [*command, str(mnt)],
        check=False,
        cwd=PROJECT,
        env=environment(),
        timeout=30,
        capture_output=True,
        text=True,
    )
    assert done.returncode == status
    assert told in done.stderr
    assert str(mnt) not in mount_table()


def test_in_the_background_init_may_redirect_what_is_said(mnt: Path, tmp_path: Path) -> None:
    command = program(
        tmp_path,
        """
        class Logging(Memory):
            def init(self, path):
                os.dup2(os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT), 1)
            def destroy(self, path):
                os.write(1, b"said")
        FUSE(Logging(), sys.argv[1])
        """,
    )
    log = tmp_path / "log"
    run(*command, mnt, log)
    run(*UNMOUNT, mnt)
    wait_for(lambda: log.read_text() == "said", "what is said after init is where init wants it")


def test_an_operation_may_use_the_mount_it_belongs_to_unless_there_are_no_threads(
    serve: Serve, mnt: Path, tmp_path: Path
) -> None:
    command = program(
        tmp_path,
        """
        class Curious(Memory):
            def read(self, path, size, offset, fh):
                names = os.listdir(sys.argv[1])
                return ",".join(sorted(names)).encode()[offset:offset + size]
        FUSE(Curious(), sys.argv[1], foreground=True, direct_io=True)
        """,
    )
    server = serve(*command, mnt)
    (mnt / "one").write_text("1")
    (mnt / "two").write_text("2")
    assert (mnt / "one").read_text() == "one,two"
    assert server.unmount() == 0


def test_a_program_may_mount_in_a_thread_of_its_own(serve: Serve, mnt: Path, tmp_path: Path) -> None:
    command = program(
        tmp_path,
        """
        thread = threading.Thread(target=FUSE, args=(Memory(), sys.argv[1]), kwargs={"foreground": True})
        thread.start()
        thread.join()
        print("joined")
        """,
    )
    server = serve(*command, mnt)
    (mnt / "file").write_text("here")
    assert (mnt / "file").read_text() == "here"
    assert server.unmount() == 0
    assert server.said() == "joined\n"


def test_options_reach_the_mount(serve: Serve, mnt: Path) -> None:
    server = serve(*MEMORY, mnt, "foreground", "ro", "default_permissions", "big_writes", "nonempty")
    assert {"ro", "nosuid"} <= server.row.options
    assert "default_permissions" in server.row.super_options
    assert server.unmount() == 0
    assert str(mnt) not in mount_table()
