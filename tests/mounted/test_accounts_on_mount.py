"""Accounts mounted: the how-to as it is printed, and what shells and several users do with it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.filesystems.accounted import FILES, directory_of_accounts, line_of
from tests.mounted.conftest import StartServer
from tests.mounted.harness import PROJECT, as_user, detach, environment, processes_naming, run, wait_for

ACCOUNTS: Final = (sys.executable, "-m", "filesystems.accounts")
PAGE: Final = PROJECT / "docs" / "accounts.rst"


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    return directory_of_accounts(tmp_path)


def shell(line: str, cwd: Path, status: int = 0) -> str:
    return run("sh", "-c", f"{{ {line}; }} 2>&1", cwd=cwd, status=status)


def sessions(page: Path) -> Iterator[tuple[str, str]]:
    """Yield each command on *page*, with what it prints there."""
    blocks = re.findall(r"^\.\. code-block:: console\n\n((?:    .*\n|\n)+)", page.read_text(), re.MULTILINE)
    for block in blocks:
        text = re.sub(r"^    ", "", block, flags=re.MULTILINE)
        for session in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, printed = session.partition("\n")
            yield command, printed.rstrip("\n")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Path]:
    """A directory to type in; what is mounted on ``mnt`` in it is gone after the test."""
    made = tmp_path.resolve() / "desk"
    made.mkdir()
    yield made
    detach(made / "mnt")
    wait_for(lambda: not processes_naming(Path("mnt")), "the server has ended")


def test_the_how_to_is_as_it_is_printed(desk: Path) -> None:
    shown = list(sessions(PAGE))
    assert len(shown) > 30
    for command, printed in shown:
        done = subprocess.run(
            ["bash", "-c", re.sub(r"^python ", f"{sys.executable} ", command)],
            check=False,
            cwd=desk,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            env=environment(),
        )
        # A shell that is typed into does not count lines.
        assert done.stdout.rstrip("\n").replace("bash: line 1: ", "bash: ") == printed, command


def test_rm_r_removes_accounts_and_root_stays(start: StartServer, etc: Path) -> None:
    server = start("--passwd-dir", str(etc), command=ACCOUNTS)
    assert shell("rm -r users/syd users/roger; ls users", server.mnt) == "daemon\nroot\n"
    assert "Operation not permitted" in shell("rm -r users", server.mnt, status=1)
    assert shell("ls users; cat .error", server.mnt) == "root\nusers/root: root is root, and stays\n"
    assert "+@floyd::::::" in (etc / "passwd").read_text()
    assert server.unmount() == 0


def test_a_loop_makes_accounts_and_find_and_grep_look_at_them(start: StartServer, etc: Path) -> None:
    mnt = start("--passwd-dir", str(etc), "-o", "first=3000", command=ACCOUNTS).mnt
    shell("for n in a b c d; do mkdir users/$n && echo User $n > users/$n/gecos; done", mnt)
    assert shell("cat users/[a-d]/uid", mnt) == "3000\n3001\n3002\n3003\n"
    assert shell("grep -l 'User c' users/*/gecos", mnt) == "users/c/gecos\n"
    assert shell("find users -name uid | wc -l", mnt) == "8\n"
    assert line_of(etc / "passwd", "d") == "d:x:3003:3003:User d:/home/d:/bin/sh"


def test_many_who_change_accounts_at_once_lose_nothing(start: StartServer, etc: Path) -> None:
    mnt = start("--passwd-dir", str(etc), command=ACCOUNTS).mnt
    line = "for n in 1 2 3 4 5; do mkdir users/$0$n; echo $0$n >> groups/band/members; done"
    writers = [subprocess.Popen(["sh", "-ec", line, name], cwd=mnt) for name in "abcd"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    users = [line.split(":") for line in (etc / "passwd").read_text().splitlines() if line.count(":") == 6]
    assert len(users) == len(FILES["passwd"].splitlines()) - 2 + 20
    uids = [fields[2] for fields in users]
    assert len(set(uids)) == len(uids)
    made = {f"{name}{number}" for name in "abcd" for number in range(1, 6)}
    members = set(line_of(etc / "group", "band").rpartition(":")[2].split(","))
    assert members >= {"syd", "roger"} | made


def test_everybody_may_look_and_only_root_may_change(start: StartServer, root: None, etc: Path) -> None:
    mnt = start("--passwd-dir", str(etc), "-o", "allow_other", command=ACCOUNTS).mnt
    nobody = as_user(65534)
    assert run(*nobody, "sh", "-c", "cat users/syd/uid", cwd=mnt) == "1000\n"
    for refused in (
        "echo 5 > users/syd/uid",
        "mkdir users/nick",
        "rmdir users/syd",
        "mv users/syd users/nick",
    ):
        run(*nobody, "sh", "-c", f"{refused} 2>/dev/null || exit 7", cwd=mnt, status=7)
    # The user that commands are run as here may read any file, but not what others own and lock.
    assert os.stat(mnt / "users" / "syd" / "password").st_mode & 0o777 == 0o600
    assert {name: (etc / name).read_text() for name in FILES} == dict(FILES)


def test_without_being_told_it_is_a_copy(start: StartServer) -> None:
    before = Path("/etc/passwd").read_bytes()
    server = start(command=ACCOUNTS)
    shell("mkdir users/puffpy-test && echo 5005 > users/puffpy-test/uid", server.mnt)
    assert shell("cat users/puffpy-test/uid", server.mnt) == "5005\n"
    assert server.unmount() == 0
    assert Path("/etc/passwd").read_bytes() == before


def test_a_directory_without_accounts_is_no_mount(mnt: Path, tmp_path: Path) -> None:
    said = shell(f"{' '.join(ACCOUNTS)} --passwd-dir {tmp_path} {mnt}", PROJECT, status=1)
    assert said == (
        f"python -m filesystems.accounts: there is no passwd in {tmp_path}: give a directory like /etc\n"
    )
    assert not os.path.ismount(mnt)
