"""Programs that ask much of a file system: git, Python's virtual environments and pip, SQLite."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mounted.harness import PROJECT, Server, environment, run

WRITERS = 4
TRANSACTIONS = 60


def git(*words: str | Path, cwd: Path) -> str:
    """Run git as nobody in particular, whatever this machine's settings are."""
    return run(
        "git",
        *words,
        cwd=cwd,
        env=environment(
            GIT_CONFIG_GLOBAL="/dev/null",
            GIT_CONFIG_SYSTEM="/dev/null",
            GIT_AUTHOR_NAME="A",
            GIT_AUTHOR_EMAIL="a@example.org",
            GIT_COMMITTER_NAME="A",
            GIT_COMMITTER_EMAIL="a@example.org",
        ),
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of a few commits, a branch and a tag, made of this project's own files."""
    made = tmp_path / "repository"
    made.mkdir()
    git("init", "--quiet", "--initial-branch=main", cwd=made)
    for folder in ("docs", "filesystems", "puffpy", "tests"):
        run("cp", "-r", PROJECT / folder, made / folder)
        run("find", made / folder, "-type", "d", "-empty", "-delete")  # git knows no empty directory
        git("add", ".", cwd=made)
        git("commit", "--quiet", "-m", f"Add {folder}", cwd=made)
    git("tag", "-a", "-m", "A tag", "v1", cwd=made)
    git("branch", "side", "HEAD~1", cwd=made)
    return made


def test_a_git_clone_in_the_mount_passes_fsck_and_can_be_worked_in(
    detrempe: Server, repository: Path, program: Callable[[str], str]
) -> None:
    program("git")
    clone = detrempe.mnt / "clone"
    git("clone", "--quiet", "--no-local", repository, clone, cwd=detrempe.mnt)
    git("fsck", "--full", "--strict", cwd=clone)
    assert git("status", "--porcelain", cwd=clone) == ""
    assert run("diff", "-r", "--exclude=.git", repository, clone) == ""

    git("checkout", "--quiet", "-b", "work", "origin/side", cwd=clone)
    git("mv", "puffpy", "moved", cwd=clone)
    (clone / "moved" / "new").write_text("new\n")
    git("add", ".", cwd=clone)
    git("commit", "--quiet", "-m", "Move it", cwd=clone)
    git("merge", "--quiet", "--no-edit", "origin/main", cwd=clone)
    git("gc", "--quiet", "--aggressive", "--prune=now", cwd=clone)
    git("fsck", "--full", "--strict", cwd=clone)
    assert git("status", "--porcelain", cwd=clone) == ""


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel with a module and a command, made by hand: nothing is fetched."""
    path = tmp_path / "rosebud-1.0-py3-none-any.whl"
    files = {
        "rosebud/__init__.py": "def main():\n    print('a sledge')\n",
        "rosebud-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: rosebud\nVersion: 1.0\n",
        "rosebud-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
        "rosebud-1.0.dist-info/entry_points.txt": "[console_scripts]\nrosebud = rosebud:main\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        record = "".join(f"{name},,\n" for name in [*files, "rosebud-1.0.dist-info/RECORD"])
        archive.writestr("rosebud-1.0.dist-info/RECORD", record)
    return path


def test_pip_installs_into_a_virtual_environment_made_in_the_mount(detrempe: Server, wheel: Path) -> None:
    venv = detrempe.mnt / "venv"
    run(sys.executable, "-m", "venv", venv)
    python = venv / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-cache-dir", wheel)
    assert run(venv / "bin" / "rosebud") == "a sledge\n"
    assert (
        run(python, "-c", "import rosebud; print(rosebud.__file__)").strip()
        == run("find", venv, "-path", "*/rosebud/__init__.py").strip()
    )
    run(python, "-m", "pip", "check")
    run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "rosebud")
    assert not (venv / "bin" / "rosebud").exists()


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_four_processes_write_one_sqlite_database(detrempe: Server, journal: str) -> None:
    database = detrempe.mnt / "database"
    connection = sqlite3.connect(database)
    assert connection.execute(f"PRAGMA journal_mode={journal}").fetchone() == (journal.lower(),)
    connection.execute("CREATE TABLE entry (who TEXT, number INTEGER, text TEXT, PRIMARY KEY (who, number))")
    connection.execute("CREATE TABLE counter (total INTEGER)")
    connection.execute("INSERT INTO counter VALUES (0)")
    connection.commit()
    connection.close()

    writers = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.mounted.clients.sqlite_writer"),
                *(str(database), f"writer-{number}", str(TRANSACTIONS)),
            ],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
        )
        for number in range(WRITERS)
    ]
    assert [writer.wait(100) for writer in writers] == [0] * WRITERS

    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("SELECT total FROM counter").fetchone() == (WRITERS * TRANSACTIONS,)
    counts = connection.execute("SELECT who, count(*) FROM entry GROUP BY who ORDER BY who").fetchall()
    assert counts == [(f"writer-{number}", TRANSACTIONS) for number in range(WRITERS)]
    lengths = connection.execute("SELECT count(*) FROM entry WHERE length(text) <> number * 37 % 4000")
    assert lengths.fetchone() == (0,)
    connection.close()
