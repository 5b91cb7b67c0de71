"""``python -m puffpy.compat.fusepy``: which program is run, and what it finds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.mounted.harness import PROJECT, environment, run

RUN: Final = (sys.executable, "-m", "puffpy.compat.fusepy")
ASKING: Final = """
import sys, fuse, fusepy, mfusepy, beside
print(__name__, sys.argv[1:], fuse is fusepy is mfusepy, fuse.FUSE.__module__.split(".")[0], beside.WORD)
"""
FOUND: Final = "__main__ ['-f', 'mnt'] True puffpy next\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a program in it, and a module beside that."""
    (tmp_path / "asking.py").write_text(ASKING)
    (tmp_path / "beside.py").write_text('WORD = "next"\n')
    return tmp_path


def test_a_program_finds_puffpy_under_all_three_names_and_its_own_modules(folder: Path) -> None:
    assert run(*RUN, folder / "asking.py", "-f", "mnt") == FOUND


def test_a_module_is_run_as_python_runs_it(folder: Path) -> None:
    env = environment(PYTHONPATH=f"{PROJECT}:{folder}")
    assert run(*RUN, "-m", "asking", "-f", "mnt", env=env) == FOUND


def test_a_program_is_looked_for_on_the_path(folder: Path) -> None:
    program = folder / "asking"
    program.write_text("#!/usr/bin/env python\n" + ASKING)
    program.chmod(0o755)
    assert run(*RUN, "asking", "-f", "mnt", env=environment(PATH=str(folder))) == FOUND


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ((), 2, "usage: "),
        (("--help",), 0, "usage: "),
        (("-m",), 2, "usage: "),
        (("no-such-program",), 2, "no-such-program: no such file, and no such program on the PATH"),
    ],
)
def test_what_cannot_be_run_is_said(words: tuple[str, ...], status: int, told: str) -> None:
    done = subprocess.run(
        [*RUN, *words],
        check=False,
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == status
    assert done.stderr.startswith(told)
