"""The wheel and the source distribution: built, installed each in an environment of its own, and used."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).parents[2]

LIMIT: Final = 180
"""Seconds that pip may take."""

USE: Final = """
import puffpy, filesystems.detrempe
from puffpy.userkernel import UserKernel
assert "site-packages" in puffpy.__file__, puffpy.__file__
with UserKernel.over(filesystems.detrempe.Detrempe()) as kernel:
    kernel.mkdir("/directory")
    print(kernel.listdir("/"), puffpy.__version__)
"""


def run(*words: str | Path, cwd: Path) -> str:
    """Run a command away from the project, so that what is installed is what is used."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        list(map(str, words)),
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both; return where they are."""
    dist = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-t", "sdist", "-d", dist, cwd=PROJECT)
    return dist


def only(directory: Path, pattern: str) -> Path:
    (found,) = directory.glob(pattern)
    return found


def test_the_wheel_holds_the_two_packages_and_their_types(built: Path) -> None:
    with zipfile.ZipFile(only(built, "*.whl")) as wheel:
        names = wheel.namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"puffpy", "filesystems"}
    assert "puffpy/py.typed" in names
    assert any(name.startswith("puffpy/cli/template/") for name in names)
    for source in [*(PROJECT / "puffpy").rglob("*.py"), *(PROJECT / "filesystems").rglob("*.py")]:
        assert source.relative_to(PROJECT).as_posix() in names


def test_the_source_distribution_can_be_tested(built: Path) -> None:
    with tarfile.open(only(built, "*.tar.gz")) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGES", "Makefile", "tests/conftest.py"} <= names
    assert not any(name.startswith((".ci", "build/", "docs/_build")) for name in names)


@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"], ids=["wheel", "sdist"])
def test_what_is_built_is_installed_in_a_clean_environment_and_works(
    built: Path, kind: str, tmp_path: Path
) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    python = home / "bin/python"
    run(python, "-m", "pip", "install", "--quiet", only(built, kind), cwd=tmp_path)
    assert run(python, "-c", USE, cwd=tmp_path).startswith("['directory'] ")
    installed = run(python, "-m", "pip", "list", "--format", "freeze", cwd=tmp_path)
    others = {line.partition("==")[0] for line in installed.split()} - {"pip", "setuptools", "wheel"}
    assert others == {"attrs", "puffpy", "typing_extensions"}, "the core needs nothing else"
    assert run(home / "bin/puffpy", "--version", cwd=tmp_path).startswith("puffpy ")
    assert "detrempe" in run(home / "bin/puffpy", "list", cwd=tmp_path)
    assert "usage" in run(python, "-m", "filesystems.tunnel", "--help", cwd=tmp_path)
