"""Whoever runs the operations, a file system keeps its promises and gives back all nodes and open files."""

from __future__ import annotations

import pytest

from filesystems.detrempe import Detrempe
from puffpy.testing import check_filesystem
from tests.runners.ways import WAYS, in_this_way


@pytest.mark.parametrize("way", WAYS)
def test_every_promise_holds_in_every_way_of_running(way: str) -> None:
    report = check_filesystem(in_this_way(way, Detrempe))
    assert not report.failures, "\n".join(map(str, report.failures))
    inline = check_filesystem(Detrempe)
    assert [r.verdict for r in report.results] == [r.verdict for r in inline.results]
