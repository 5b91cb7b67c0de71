"""What the tests of successions are done on."""

from __future__ import annotations

from pathlib import Path

import pytest

from filesystems.tunnel.surviving import SurvivingTunnel
from tests.supervise.succession import Succession


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A directory with something of each kind."""
    made = tmp_path / "top"
    made.mkdir()
    (made / "file").write_text("contents")
    (made / "other").write_text("the other")
    (made / "empty").mkdir()
    return made


@pytest.fixture
def kernel(top: Path) -> Succession:
    """A kernel that shows it."""
    return Succession(lambda: SurvivingTunnel(str(top)))
