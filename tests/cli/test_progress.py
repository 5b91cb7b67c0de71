"""Progress of a long work: on a terminal only, and gone at its end."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

from puffpy.cli.progress import ERASE, Progress, announced

PROJECT = Path(__file__).parents[2]


class Terminal(io.StringIO):
    """Somebody looks."""

    def isatty(self) -> bool:
        return True


def test_each_work_is_announced_and_the_line_is_gone_at_the_end() -> None:
    terminal = Terminal()
    works = announced(["one", "two"], Progress("working", 2, terminal), str.upper)
    assert next(works) == "one"
    assert terminal.getvalue() == f"{ERASE}working 1/2 ONE"
    assert list(works) == ["two"]
    assert terminal.getvalue().endswith(f"{ERASE}working 2/2 TWO{ERASE}")


def test_nothing_is_written_where_nobody_looks() -> None:
    stream = io.StringIO()
    assert list(announced([1, 2], Progress("working", 2, stream), str)) == [1, 2]
    assert stream.getvalue() == ""


def test_check_shows_how_far_it_is_on_a_terminal() -> None:
    parent, child = os.openpty()
    with os.fdopen(parent, "rb", buffering=0) as terminal:
        done = subprocess.run(
            [sys.executable, "-m", "puffpy", "check", "detrempe", "-k", "case", "-q"],
            check=True,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=child,
            timeout=60,
            text=True,
        )
        os.close(child)
        shown = terminal.read(100_000).decode()
    assert "checking detrempe 1/" in shown
    assert shown.endswith(ERASE)
    assert "checking" not in done.stdout
