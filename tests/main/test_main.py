"""The command line that a class makes: what it takes, what it refuses, what it says of itself."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import puffpy
from puffpy.making import parameters
from tests.mounted.harness import PROJECT, environment

if TYPE_CHECKING:
    from decimal import Decimal


class Empty(puffpy.VnodeOps):
    """An empty directory.

    This line is not for the help.
    """

    def __init__(
        self,
        source: str,
        count: int,
        *,
        size: puffpy.Size | None = None,
        ratio: float = 1.0,
        quiet: bool = False,
        depth: int = 0,
        label: str = "",
        place: Path = Path(),
        **_: Any,
    ) -> None:
        given.append((source, count, size, ratio, quiet, depth, label, place))
        self.root = puffpy.Node.directory()

    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        raise FileNotFoundError


given: list[tuple[Any, ...]] = []


@pytest.fixture(autouse=True)
def forgotten() -> None:
    given.clear()


def called(make: Any, *argv: str) -> int:
    """Call main in the foreground, where nothing can be mounted, and return its exit status."""
    with pytest.raises(SystemExit) as caught:
        puffpy.main(make, argv=argv, prog="empty")
    return int(caught.value.code or 0)


def said(capsys: pytest.CaptureFixture[str], status: int, *argv: str, make: Any = Empty) -> str:
    """Return what is printed by a call that ends with *status*."""
    assert called(make, *argv) == status
    captured = capsys.readouterr()
    assert not (captured.out and captured.err)
    return captured.out + captured.err


NOWHERE = ("-f", "--bridge", "rope", "source", "3", "/nowhere")
"""Arguments that are right up to the bridge: what the class is given can be seen, and nothing is mounted."""


@pytest.mark.parametrize(
    ("options", "index", "value"),
    [
        ("size=10M", 2, 10 << 20),
        ("ratio=0.5", 3, 0.5),
        ("quiet", 4, True),
        ("quiet=yes", 4, True),
        ("quiet=OFF", 4, False),
        ("quiet=0", 4, False),
        ("depth=12", 5, 12),
        ("depth=0x10", 5, 16),
        ("depth=-1", 5, -1),
        (r"label=a\,b=c", 6, "a,b=c"),
        ("label=", 6, ""),
        ("place=/srv", 7, Path("/srv")),
        ("size=1,size=2", 2, 2),
    ],
)
def test_an_option_is_converted_as_its_parameter_is_annotated(options: str, index: int, value: Any) -> None:
    assert called(Empty, *NOWHERE, "-o", options) == 1
    assert given[0][index] == value
    assert type(given[0][index]) is (puffpy.Size if index == 2 else type(value))


def test_required_parameters_are_arguments_in_order() -> None:
    assert called(Empty, *NOWHERE) == 1
    assert given == [("source", 3, None, 1.0, False, 0, "", Path())]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("size=big", ("size", "'big'", "10M")),
        ("size", ("size", "needs a value")),
        ("ratio=much", ("ratio", "'much' is no number")),
        ("quiet=perhaps", ("quiet", "neither yes nor no")),
        ("depth=1.5", ("depth", "no whole number")),
        ("siez=1", ("siez", "did you mean size")),
        ("alow_other", ("alow_other", "did you mean allow_other")),
        ("rosebud", ("no option rosebud", "--help")),
        ("source=x", ("no option source",)),
        ("attr_timeout=soon", ("attr_timeout=soon", "seconds")),
        ("allow_root", ("allow_root", "allow_other")),
        ("ro=1", ("ro=1", "no value")),
    ],
)
def test_a_wrong_option_is_wrong_usage(
    options: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    message = said(capsys, 2, *NOWHERE, "-o", options)
    assert message.startswith("empty: ")
    assert message.count("\n") == 1
    for word in words:
        assert word in message
    assert given == []


@pytest.mark.parametrize("argv", [(), ("source",), ("source", "3"), ("-x",), ("a", "3", "c", "d"), ("-o",)])
def test_wrong_arguments_are_wrong_usage(argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert "usage: empty" in said(capsys, 2, *argv)


def test_an_argument_of_the_wrong_type_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert "count: 'many' is no whole number" in said(capsys, 2, "-f", "source", "many", "/nowhere")


def test_missing_arguments_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "COUNT, MNT" in said(capsys, 2, "-f", "source")


def test_an_unknown_bridge_is_a_failed_mount(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no bridge called rope" in said(capsys, 1, *NOWHERE)


def test_help_shows_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, 0, "--help")
    assert "An empty directory." in text
    assert "not for the help" not in text
    for example in ("empty SOURCE COUNT MNT ", "-f ", "-d ", "-o allow_other", "fusermount3 -u MNT"):
        assert example in text
    for option in ("size", "ratio", "quiet", "entry_timeout", "exit status"):
        assert option in text


def test_version_names_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, 0, "-V").startswith("puffpy ")


class Options(Empty):
    """Parameters with the names of main's own arguments."""

    def __init__(self, options: str, mountpoint: str, foreground: str, debug: str) -> None:
        super().__init__(options + mountpoint + foreground + debug, 0)


def test_parameters_may_be_called_as_mains_own_are() -> None:
    assert called(Options, "-f", "--bridge", "rope", "a", "b", "c", "d", "/nowhere") == 1
    assert given[0][0] == "abcd"


class Broken(Empty):
    """Cannot be made."""

    def __init__(self, exc: str) -> None:
        raise {"OSError": OSError(2, "no such source"), "ValueError": ValueError("odd")}[exc]


@pytest.mark.parametrize(("exc", "reason"), [("OSError", "no such source"), ("ValueError", "odd")])
def test_a_file_system_that_cannot_be_made_says_why(
    exc: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message = said(capsys, 1, "-f", exc, "/nowhere", make=Broken)
    assert message.startswith("empty: ")
    assert reason in message


class Misspelt(Empty):
    """Has an operation that is none."""

    def __init__(self) -> None:
        super().__init__("", 0)

    def raed(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> bytes:
        return b""


def test_a_vector_that_cannot_work_is_a_failed_mount(capsys: pytest.CaptureFixture[str]) -> None:
    assert "raed" in said(capsys, 1, "-f", "/nowhere", make=Misspelt)


def test_what_makes_something_else_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "not a VnodeOps" in said(capsys, 1, "-f", "/nowhere", make=lambda: "no vector")


def function(source: str, *, deep: bool = False) -> Empty:
    """Make it by a function."""
    return Empty(source, 7, quiet=deep)


@attrs.define
class Attrs(puffpy.VnodeOps):
    """Its __init__ is made by attrs."""

    count: int
    size: puffpy.Size | None = None

    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        raise FileNotFoundError


class NoInit(puffpy.VnodeOps):
    """Takes nothing."""


@pytest.mark.parametrize(
    ("make", "takes"),
    [
        (function, [("source", str, True), ("deep", bool, False)]),
        (functools.partial(function, deep=True), [("source", str, True), ("deep", bool, False)]),
        (functools.partial(function, "source"), [("deep", bool, False)]),
        (functools.partial(Options, "a", "b", "c"), [("debug", str, True)]),
        (Attrs, [("count", int, True), ("size", puffpy.Size | None, False)]),
        (NoInit, []),
        (lambda anything: NoInit(), [("anything", str, True)]),
    ],
)
def test_whatever_can_be_called_says_what_it_takes(make: Any, takes: list[tuple[str, Any, bool]]) -> None:
    assert [(p.name, p.kind, p.required) for p in parameters(make)] == takes


def unknowable(price: Decimal) -> Empty:
    """Take what does not exist at run time."""
    return Empty(str(price), 0)


def test_an_annotation_that_exists_for_type_checkers_only_is_refused_by_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "'Decimal' is not defined" in said(capsys, 1, "-f", "1", "/nowhere", make=unknowable)


SUBJECT = "exec {python} -m tests.serve.subject {arguments}"


@pytest.mark.parametrize(
    ("redirection", "status"),
    [("2>&-", 1), ("<&- >&- 2>&-", 1), ("2>/dev/full", 1), (">/dev/full 2>/dev/full", 1)],
)
@pytest.mark.parametrize("mode", ["-f", "-d", ""])
def test_a_complaint_that_nobody_can_read_changes_no_exit_status(
    tmp_path: Path, redirection: str, status: int, mode: str
) -> None:
    command = SUBJECT.format(python=sys.executable, arguments=f"{tmp_path}/nowhere {mode} {redirection}")
    done = subprocess.run(["sh", "-c", command], check=False, cwd=PROJECT, env=environment(), timeout=20)
    assert done.returncode == status


def test_an_option_of_the_file_system_may_be_given_with_dashes(capsys: pytest.CaptureFixture[str]) -> None:
    made: list[tuple[object, ...]] = []

    def make(place: str, read_only: bool = False, hide: str = "") -> puffpy.VnodeOps:
        made.append((place, read_only, hide))
        raise OSError("far enough")

    with pytest.raises(SystemExit) as end:
        puffpy.main(make, argv=["-f", "--read-only", "--hide", "*.key,*.pem", "there", "/nowhere"])
    assert end.value.code == 1
    assert made == [("there", True, "*.key,*.pem")]
    assert "far enough" in capsys.readouterr().err
