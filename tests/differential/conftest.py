"""The subjects: the machine's tmpfs, which is right, detrempe on a mount and under the user kernel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.mounted.conftest import lacking
from tests.posix.subjects import SUBJECTS, Subject


@pytest.fixture(scope="module")
def subjects() -> Iterator[list[Subject]]:
    """All of them, for a module's tests."""
    if os.geteuid() != 0:
        lacking("only root can be several users")
    if not os.path.exists("/dev/fuse"):
        lacking("there is no /dev/fuse here")
    with ExitStack() as begun:
        yield [begun.enter_context(SUBJECTS[name]()) for name in ("reference", "detrempe", "userkernel")]
