"""``puffpy completion``: each shell completes what the command line has, tried in the shell itself."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from puffpy.cli.main import SUBCOMMANDS
from tests.cli.conftest import Run

Complete = Callable[[str], set[str]]


def shell(name: str) -> str:
    """Return where the shell is."""
    found = shutil.which(name)
    assert found, f"{name} is not installed: apt install {name}"
    return found


def output(*command: str) -> set[str]:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, cwd="/")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return {line.split("\t")[0] for line in done.stdout.split("\n") if line}


@pytest.fixture(params=["bash", "fish"])
def complete(request: pytest.FixtureRequest, run: Run, tmp_path: Path) -> Complete:
    """Return what a shell offers at the end of a line."""
    status, script, _ = run("completion", request.param)
    assert status == 0
    path = tmp_path / "script"
    path.write_text(script, encoding="utf-8")

    def in_bash(line: str) -> set[str]:
        words = line.split(" ")
        ask = f"COMP_WORDS=({' '.join(map(repr, words))}); COMP_CWORD={len(words) - 1}; _puffpy"
        show = 'printf "%s\\n" "${COMPREPLY[@]}"'
        return output(shell("bash"), "--norc", "-c", f"source {path}; {ask}; {show}")

    def in_fish(line: str) -> set[str]:
        return output(shell("fish"), "--no-config", "-c", f"source {path}; complete -C '{line}'")

    return in_bash if request.param == "bash" else in_fish


def test_subcommands_are_completed(complete: Complete) -> None:
    assert complete("puffpy tra") == {"trace"}
    assert {"check", "completion"} <= complete("puffpy c")


def test_options_are_completed(complete: Complete) -> None:
    assert {"--slowest", "--save"} <= complete("puffpy trace --s")
    assert complete("puffpy report --ou") == {"--output"}


def test_words_that_an_argument_takes_are_completed(complete: Complete) -> None:
    assert complete("puffpy completion z") == {"zsh"}
    assert complete("puffpy ops loo") == {"lookup"}


def test_the_script_for_zsh_loads_and_names_every_subcommand(run: Run, tmp_path: Path) -> None:
    status, script, _ = run("completion", "zsh")
    assert status == 0
    path = tmp_path / "_puffpy"
    path.write_text(script, encoding="utf-8")
    loaded = output(
        shell("zsh"), "-f", "-c", f"autoload -U compinit; compinit -D -u; source {path}; whence -w _puffpy"
    )
    assert loaded == {"_puffpy: function"}
    for subcommand in SUBCOMMANDS:
        name = subcommand.__name__.rpartition(".")[2]
        name = "list" if name == "listing" else name
        assert f"\n    '{name}:" in script
        assert f"\n    {name})\n" in script


def test_a_shell_that_nobody_knows_is_refused(run: Run) -> None:
    status, _, err = run("completion", "csh")
    assert status == 2
    assert "invalid choice" in err
