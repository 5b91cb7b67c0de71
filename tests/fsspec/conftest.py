"""Fixtures of the tests of fsspec's file systems as ours."""

from __future__ import annotations

from typing import Any

import pytest

from filesystems.fsspecfs import FsspecFS
from puffpy.userkernel import UserKernel
from tests.fsspec.memory import OWN_MEMORY, MakeKernel


@pytest.fixture
def memory(userkernel: MakeKernel) -> tuple[UserKernel, Any]:
    """A kernel over a memory of its own, and fsspec's own view of that."""
    fs = FsspecFS("memory://", storage=OWN_MEMORY)
    return userkernel(fs), fs.nodes.backend.fs
