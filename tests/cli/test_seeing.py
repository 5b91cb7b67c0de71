"""``puffpy trace``, ``report`` and ``dump`` of a recording: what is printed and written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from puffpy.record import MAGIC, What, counted, packed
from tests.cli.conftest import Run


def test_trace_prints_figures_and_the_slowest_with_path_and_process(run: Run, session: Path) -> None:
    status, out, err = run("trace", "--record", str(session), "-n", "3")
    assert (status, err) == (0, "")
    first, blank, head, *rest = out.splitlines()
    assert " requests in " in first
    assert " refused, 0 unanswered" in first
    assert blank == ""
    assert head.split()[:4] == ["operation", "count", "errors", "/s"]
    assert any(line.startswith("GETXATTR") and line.split()[1:3] == ["1", "1"] for line in rest)
    slow = out.partition("the 3 slowest\n")[2].splitlines()
    assert len(slow) == 4
    assert slow[0].split() == ["took", "at", "operation", "process", "error", "path"]


def test_trace_writes_json_for_viewers(run: Run, session: Path, tmp_path: Path) -> None:
    target = tmp_path / "trace.json"
    assert run("trace", "--record", str(session), "--json", str(target))[0] == 0
    events = json.loads(target.read_text(encoding="utf-8"))["traceEvents"]
    assert any(each["name"] == "CREATE" for each in events)


def test_report_writes_a_page_beside_the_recording_or_where_it_is_told(
    run: Run, session: Path, tmp_path: Path
) -> None:
    status, out, _ = run("report", str(session))
    assert (status, out) == (0, f"{session.with_suffix('.html')}\n")
    assert "session.puffs" in session.with_suffix(".html").read_text(encoding="utf-8")
    other = tmp_path / "page.html"
    assert run("report", str(session), "-o", str(other))[0] == 0
    assert other.read_text(encoding="utf-8") == session.with_suffix(".html").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [("trace", "--record"), ("report",)])
def test_a_recording_that_was_cut_off_shows_what_it_has(
    run: Run, session: Path, raw: bytes, command: tuple[str, ...]
) -> None:
    session.write_bytes(raw[:-3])
    status, out, err = run(*command, str(session))
    assert status == 0
    assert out
    assert "the recording ends in the middle of a record" in err
    assert "shown is what came before" in err


@pytest.mark.parametrize("command", [("trace", "--record"), ("report",)])
def test_what_is_no_recording_is_told(run: Run, command: tuple[str, ...]) -> None:
    status, out, err = run(*command, __file__)
    assert (status, out) == (1, "")
    assert err.startswith("puffpy: this is no recording")


def test_a_recording_of_nothing_has_no_figures(run: Run, tmp_path: Path) -> None:
    empty = tmp_path / "empty.puffs"
    empty.write_bytes(MAGIC)
    assert run("trace", "--record", str(empty)) == (0, "no requests\n", "")


def test_records_that_were_lost_are_told(run: Run, tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "lossy.puffs"
    path.write_bytes(raw + packed(counted(1, What.LOST, 12)))
    assert "12 records are missing" in run("trace", "--record", str(path))[1]


def test_dump_shows_what_is_no_message_only_if_asked(run: Run, tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "trimmed.puffs"
    path.write_bytes(MAGIC + packed(counted(1, What.TRIMMED, 0)) + raw[len(MAGIC) :])
    assert "TRIMMED" not in run("dump", str(path))[1]
    assert "= TRIMMED 0" in run("dump", str(path), "--clock")[1]


def test_a_trace_without_file_data_cannot_be_replayed(run: Run, tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "trimmed.puffs"
    path.write_bytes(MAGIC + packed(counted(1, What.TRIMMED, 0)) + raw[len(MAGIC) :])
    status, _, err = run("replay", str(path), "filesystems.detrempe")
    assert status == 1
    assert "cannot be run again" in err


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("trace",), 2, "say which mount to listen to, or --record FILE"),
        (("trace", "/mnt", "--record", "file"), 2, "one of the two"),
        (("trace", "--record", "file", "--save", "other"), 2, "a recording is there already"),
        (("trace", "/proc", "--for", "-1"), 2, "invalid seconds value"),
        (("trace", "/proc"), 1, "/proc is not on a FUSE file system (it is on /proc, proc)"),
        (("top", "/proc"), 1, "/proc is not on a FUSE file system"),
        (("report", "/no/such/file"), 1, "/no/such/file: No such file"),
    ],
)
def test_mistakes_are_told_in_a_line(run: Run, words: tuple[str, ...], status: int, says: str) -> None:
    got, out, err = run(*words)
    assert (got, out) == (status, "")
    assert says in err
    assert "Traceback" not in err
