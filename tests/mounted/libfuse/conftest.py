"""Everything here runs with fusepy on libfuse 2 and with mfusepy on libfuse 3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mounted.conftest import StartServer, judge
from tests.mounted.harness import DETREMPE, Server, launch

BINDINGS = {"fusepy": "fuse", "mfusepy": "fuse3"}


@pytest.fixture(scope="module", params=BINDINGS)
def binding(request: pytest.FixtureRequest) -> Iterator[str]:
    """A binding of libfuse; mfusepy is made to take libfuse 3."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FUSE_LIBRARY_NAME", BINDINGS[request.param])
        yield request.param


@pytest.fixture(scope="module")
def bridge(binding: str) -> tuple[str, str]:
    return ("--bridge", f"libfuse:{binding}")


@pytest.fixture(scope="module")
def shared(bridge: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Detrempe through libfuse, for everybody, and for many tests."""
    top = tmp_path_factory.mktemp("libfuse")
    (top / "mnt").mkdir()
    server = launch(DETREMPE, top / "mnt", *bridge, "-o", "allow_other", log=top / "log")
    try:
        server.wait_until_mounted()
        yield server
    finally:
        server.close()
        judge(server)


@pytest.fixture
def place(shared: Server, request: pytest.FixtureRequest) -> Path:
    """An empty directory in it."""
    made = shared.mnt / str(abs(hash(request.node.name)))
    made.mkdir()
    return made


@pytest.fixture
def server(start: StartServer, bridge: tuple[str, str]) -> Server:
    """Detrempe through libfuse, for everybody."""
    return start(*bridge, "-o", "allow_other")
