"""What becomes of a subject that is not there, or that does not answer."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import report, run
from benchmarks.run import Settings, measure
from benchmarks.subjects import SUBJECTS, Missing, Subject
from benchmarks.works import WORKS, Planted, Work

SMALLEST = Settings(rounds=2, seconds=0.01, planted=Planted(data_bytes=1 << 20, entries=10, crowd=20))
TMPFS = next(subject for subject in SUBJECTS if subject.name == "tmpfs")

MUTE = """
import sys, time
from benchmarks.peers import bare
memfs = bare.Memfs()
memfs.handlers[bare.CREATE] = lambda *_: time.sleep(1000)
bare.serve(bare.mount(sys.argv[1]), memfs)
"""


def quiet(text: str) -> None:
    """Say nothing."""


def subject(name: str, *argv: str) -> Subject:
    return Subject(name, name, lambda _: list(argv), lambda: "1")


def test_a_subject_that_cannot_be_had_is_named_with_its_reason() -> None:
    def prepare(directory: Path) -> list[str]:
        raise Missing("there is no such library")

    result = measure([Subject("ghost", "ghost", prepare, lambda: "1")], WORKS[:1], SMALLEST, quiet)
    assert result.absent == {"ghost": "there is no such library"}
    assert "absent: ghost: there is no such library" in report.table(result)
    assert report.as_json(result)["subjects"][0]["absent"] == "there is no such library"


def test_a_server_that_ends_instead_of_mounting_is_quoted() -> None:
    dying = subject("dying", sys.executable, "-c", "raise SystemExit('no such device')")
    result = measure([dying], WORKS[:1], SMALLEST, quiet)
    assert result.absent == {"dying": "it ended with 1 instead of mounting: no such device"}


@pytest.mark.mounted
def test_a_server_that_never_answers_is_ended_and_the_others_are_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run, "GRACE_SECONDS", 1.0)
    mute = subject("mute", sys.executable, "-c", MUTE)
    result = measure([mute, TMPFS], WORKS[:1], SMALLEST, quiet)
    assert result.absent == {"mute": "no answer within 1 s; its server was ended"}
    assert [series.subject for series in result.series] == ["tmpfs", "tmpfs"]
    assert all(len(series.samples) == 2 for series in result.series)


@pytest.mark.mounted
def test_a_work_that_fails_is_reported_and_not_tried_again() -> None:
    failing = Work("failing", "fails", "calls", ("{python}", "-c", "raise SystemExit('read: no such file')"))
    result = measure([TMPFS], [failing], SMALLEST, quiet)
    assert [series.error for series in result.series] == ["read: no such file"] * 2
    assert "stopped after 0 rounds: read: no such file" in report.table(result)
