"""What the tests of the puffpy command share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from puffpy.cli import main
from tests.tracing.sessions import recording, work

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command here and returns status, output and errors."""

    def run(*words: str) -> tuple[int, str, str]:
        try:
            status = main(words)
        except SystemExit as exc:
            status = int(exc.code or 0)
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


@pytest.fixture(scope="session")
def raw() -> bytes:
    """A recording of a little of everything."""
    return recording(work)


@pytest.fixture
def session(raw: bytes, tmp_path: Path) -> Path:
    """A file with a recording."""
    path = tmp_path / "session.puffs"
    path.write_bytes(raw)
    return path
