"""The harness at its smallest: that it measures, reports and leaves nothing behind; never how fast."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOM = Path(__file__).parents[2]
SMALLEST = ("--rounds", "2", "--seconds", "0.01", "--quick")
LIMIT = 120

pytestmark = pytest.mark.mounted


def benchmarks(private: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the harness with *private* as the place for its temporary directories."""
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOM,
        env={**os.environ, "TMPDIR": str(private)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_nothing_is_left(private: Path) -> None:
    assert str(private) not in Path("/proc/self/mountinfo").read_text()
    assert list(private.iterdir()) == []


@pytest.fixture
def private(tmp_path: Path) -> Path:
    directory = tmp_path / "private"
    directory.mkdir()
    return directory


def test_a_small_run_reports_every_subject_at_every_work_in_both_modes(tmp_path: Path, private: Path) -> None:
    written, drawn = tmp_path / "out.json", tmp_path / "out.svg"
    run = benchmarks(
        private, *SMALLEST, "--only", "puffpy,libfuse,bare,tmpfs", "--json", str(written), "--svg", str(drawn)
    )
    table, said = run.communicate(timeout=LIMIT)
    assert run.returncode == 0, said
    assert_nothing_is_left(private)

    result = json.loads(written.read_text())
    assert set(result) == {"format", "reference", "settings", "machine", "works", "subjects", "results"}
    assert [s["name"] for s in result["subjects"]] == ["puffpy", "libfuse", "bare", "tmpfs"]
    assert [s["absent"] for s in result["subjects"]] == [None] * 4
    cells = [(row["mode"], row["work"], row["subject"]) for row in result["results"]]
    assert len(set(cells)) == len(cells) == 2 * 4 * len(result["works"])
    for row in result["results"]:
        assert row["error"] is None, row
        assert len(row["samples"]) == 2
        assert 0 < row["median"] <= row["best"] == max(row["samples"])
        assert row["ratio"] > 0
        assert row["ratio"] == 1 or row["subject"] != "libfuse"

    assert all(work["title"] in table for work in result["works"])
    picture = ElementTree.parse(drawn).getroot()
    assert picture.tag.endswith("svg")
    assert len(picture.findall("{*}g")) == len(result["works"])


@pytest.mark.parametrize(
    ("suite", "works", "subjects"),
    [
        ("clients", "stat-by-4,create-by-4", ["puffpy", "libfuse"]),
        ("passthrough", "fio-read-4k,fio-mmap-write", ["detrempe", "tmpfs", "tunnel", "directory"]),
        ("walks", "find,stat", ["detrempe", "tunnel", "tmpfs"]),
        ("chores", "untar,copy,git", ["detrempe", "tunnel", "pyfuse3-cached", "tmpfs"]),
    ],
)
def test_every_suite_can_be_run(
    tmp_path: Path, private: Path, suite: str, works: str, subjects: list[str]
) -> None:
    written = tmp_path / "out.json"
    small = ("--quick", "--rounds", "1", "--seconds", "0.01", "--files", "100", "--share", str(ROOM / "docs"))
    run = benchmarks(private, "--suite", suite, "--works", works, *small, "--json", str(written))
    table, said = run.communicate(timeout=LIMIT)
    assert not said.count("Traceback"), said
    assert_nothing_is_left(private)
    result = json.loads(written.read_text())
    measured = {(row["subject"], row["work"]): row for row in result["results"]}
    absent = {subject["name"] for subject in result["subjects"] if subject["absent"]}
    assert set(subjects) - absent <= {subject for subject, _ in measured}
    assert not absent - {"passthrough_ll", "pyfuse3-cached"}  # their packages need not be there
    for row in measured.values():
        assert row["error"] is None, row
        assert len(row["samples"]) == 1
    assert ("all of it, in seconds" in table) == (suite == "chores")


def test_the_price_of_very_many_files_is_measured() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.growth", "detrempe", "600"],
        cwd=ROOM,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    title, heads, in_one, in_many = done.stdout.splitlines()
    assert title.startswith("detrempe")
    assert in_one.split()[:2] == ["600", "600"]
    assert in_many.split()[:2] == ["600", "500"]
    assert len(in_one.split()) == len(in_many.split()) == len(heads.replace("in each", "each").split())
    assert all(float(cost) > 0 for line in (in_one, in_many) for cost in line.split()[2:6])


def test_starting_is_measured(private: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.starting", "1"],
        cwd=ROOM,
        env={**os.environ, "TMPDIR": str(private)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    row = next(line for line in done.stdout.splitlines() if line.startswith("detrempe"))
    best, median, _ = map(int, row.split()[1:])
    assert 0 < best <= median
    assert_nothing_is_left(private)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_leaves_nothing_behind(private: Path, signum: signal.Signals) -> None:
    run = benchmarks(private, "--only", "libfuse,bare,tmpfs", "--rounds", "1000")
    assert run.stderr is not None
    deadline = time.monotonic() + LIMIT
    while "round 1 " not in run.stderr.readline():
        assert run.poll() is None
        assert time.monotonic() < deadline
    assert str(private) in Path("/proc/self/mountinfo").read_text()
    run.send_signal(signum)
    run.communicate(timeout=LIMIT)
    assert run.returncode == 128 + signum
    assert_nothing_is_left(private)
