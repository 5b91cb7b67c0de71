"""Desks to follow the pages at; each has Python, pip and puffpy as somebody has them who begins."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.docs.desk import Desk
from tests.mounted.conftest import fuse_device, lacking  # noqa: F401  the pages mount
from tests.mounted.harness import PROJECT

NEEDED: Final = ("attrs", "typing-extensions", "pytest", "hatchling", "fsspec", "aiohttp", "rich")
"""What the pages install, or what puffpy needs."""


def _with_what_they_need(names: tuple[str, ...]) -> dict[str, importlib.metadata.Distribution]:
    """Return the installed distributions called *names*, and those that they require in turn."""
    found: dict[str, importlib.metadata.Distribution] = {}
    wanted = list(names)
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        for requirement in found[name].requires or ():
            if "extra ==" not in requirement:
                wanted.append(re.split(r"[^A-Za-z0-9._-]", requirement)[0])
    return found


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which pip finds puffpy, built from this tree, and all else, with no network."""
    top = tmp_path_factory.mktemp("index")
    there = top / "site"
    there.mkdir()
    for distribution in _with_what_they_need(NEEDED).values():
        tops = {
            file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")
        }
        for name in tops:
            if not (there / name).exists():
                (there / name).symlink_to(Path(str(distribution.locate_file(name))))
    pip = [sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(top), str(PROJECT)], check=True, timeout=120)
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PIP_", "VIRTUAL"))
    }
    return {
        **kept,
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(there),
        "PIP_FIND_LINKS": str(top),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
    }


@pytest.fixture
def at_desk(tmp_path: Path, index: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """An empty desk where nothing is installed yet, and somebody at it who is root."""
    if os.geteuid() != 0:
        lacking("the pages are written for root: umount, passthrough, --user")
    folder = tmp_path.resolve() / "desk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    desk = Desk(folder, dict(index))
    yield desk
    desk.clear()


@pytest.fixture
def desk(at_desk: Desk, index: dict[str, str], tmp_path: Path) -> Desk:
    """A desk where puffpy is installed."""
    command = tmp_path / "bin" / "puffpy"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m puffpy "$@"\n')
    command.chmod(0o755)
    at_desk.environment.update(
        PATH=f"{command.parent}:{index['PATH']}", PYTHONPATH=f"{PROJECT}:{index['PYTHONPATH']}"
    )
    return at_desk
