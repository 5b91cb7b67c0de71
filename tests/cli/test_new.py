"""``puffpy new``: what it makes works, as it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run

PROJECT = Path(__file__).parents[2]


def inside(package: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module in the new package."""
    return subprocess.run(
        [sys.executable, "-m", *words],
        check=False,
        cwd=package,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": f"{package}{os.pathsep}{PROJECT}", "NO_COLOR": "1"},
    )


@pytest.fixture
def package(run: Run, tmp_path: Path) -> Path:
    status, out, err = run("new", "My-notes", "--into", str(tmp_path))
    assert (status, err) == (0, "")
    made = tmp_path / "My-notes"
    listed = [Path(line) for line in out.splitlines() if line.startswith(str(made))]
    assert sorted(listed) == sorted(path for path in made.rglob("*") if path.is_file())
    return made


def test_a_new_package_passes_its_own_tests(package: Path) -> None:
    done = inside(package, "pytest", "-q", "-p", "puffpy.testing.plugin", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "failed" not in done.stdout


def test_a_new_package_can_be_named_to_puffpy(package: Path) -> None:
    done = inside(package, "puffpy", "check", "my_notes", "-k", "written", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    text = (package / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.entry-points."puffpy.filesystems"]\nMy-notes = "my_notes:MyNotes"\n' in text


def test_a_new_package_is_clean(package: Path) -> None:
    for words in (("ruff", "check", "--no-cache", "."), ("ruff", "format", "--no-cache", "--check", ".")):
        done = inside(package, *words)
        assert done.returncode == 0, done.stdout + done.stderr
    assert not [path for path in package.rglob("*") if path.is_file() and "$" in path.read_text("utf-8")]


@pytest.mark.parametrize("name", ["9lives", "class", "a b", "../up", "x", "puffpy", "tests"])
def test_a_name_that_cannot_be_a_package_is_refused(run: Run, tmp_path: Path, name: str) -> None:
    status, out, err = run("new", name, "--into", str(tmp_path))
    assert (status, out) == (2, "")
    assert err.startswith("puffpy: ")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_already_is_left_alone(run: Run, package: Path) -> None:
    status, _, err = run("new", "My-notes", "--into", str(package.parent))
    assert status == 2
    assert "is there already" in err
