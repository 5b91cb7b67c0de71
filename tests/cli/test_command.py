"""The puffpy command: what it prints, what it says of mistakes, and its exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from puffpy.cli.main import SUBCOMMANDS
from puffpy.ops import OPERATIONS
from puffpy.testing import PROMISES
from tests.cli.conftest import Run

PROJECT = Path(__file__).parents[2]

BROKEN = '''
"""Detrempe, but for one thing."""
import errno
import puffpy
from filesystems.detrempe import Detrempe

class Full(Detrempe):
    """Nothing can be written."""

    def __init__(self, *, code: int = errno.ENOSPC) -> None:
        super().__init__()
        self.code = code

    def write(self, vp, offset, data, call):
        raise puffpy.FsError(self.code)
'''

LISTER = """
import pathlib
from filesystems.detrempe import Detrempe

class Lister(Detrempe):
    def __init__(self, directory: pathlib.Path) -> None:
        super().__init__()
        assert list(directory.iterdir()) == []
        (directory / "used").touch()
        with open({log!r}, "a", encoding="utf-8") as log:
            log.write(str(directory) + chr(10))
"""


@pytest.fixture
def full(tmp_path: Path) -> Path:
    path = tmp_path / "full.py"
    path.write_text(BROKEN, encoding="utf-8")
    return path


def process(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "puffpy", *words],
        check=False,
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **more},
    )


# check


def test_check_of_a_file_system_that_keeps_its_promises(run: Run) -> None:
    status, out, err = run("check", "filesystems.detrempe", "-k", "renam")
    assert (status, err) == (0, "")
    assert "holds           a renamed file stays open" in out
    assert "does not apply  renaming is refused (it has rename)" in out
    assert " 0 fail, " in out.splitlines()[-1]
    assert "\x1b" not in out


def test_check_of_one_that_does_not_says_expected_and_got(run: Run, full: Path) -> None:
    status, out, _ = run("check", str(full), "-k", "what_is_written_is_read")
    assert status == 1
    assert "fails           what is written is read" in out
    assert "expected success" in out
    assert "got      ENOSPC (No space left on device)" in out
    assert out.splitlines()[-1] == "0 hold, 1 fails, 0 do not apply"


def test_check_hands_options_to_the_file_system(run: Run, full: Path) -> None:
    status, out, _ = run("check", f"{full}:Full", "-o", "code=27", "-k", "what_is_written_is_read", "-q")
    assert status == 1
    assert "EFBIG" in out


def test_check_hands_options_to_the_mount(run: Run) -> None:
    status, out, _ = run("check", "filesystems.detrempe", "-o", "ro", "-k", "what_is_written_is_read")
    assert status == 1
    assert "EROFS" in out


def test_check_of_everything_counts_everything(run: Run) -> None:
    status, out, _ = run("check", "detrempe", "--quiet")
    assert status == 0
    hold, fail, rest = (int(part.split()[0]) for part in out.strip().split(", "))
    assert (hold + fail + rest, fail) == (len(PROMISES), 0)


def test_check_gives_each_promise_a_directory_of_its_own(run: Run, tmp_path: Path) -> None:
    lister = tmp_path / "lister.py"
    lister.write_text(LISTER.format(log=str(tmp_path / "log")), encoding="utf-8")
    status, _, _ = run("check", str(lister), "{tmp}", "-k", "case")
    assert status == 0
    used = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert len(set(used)) == len(used) > 1
    assert not any(os.path.exists(path) for path in used)


def test_colour_is_for_terminals() -> None:
    parent, child = os.openpty()
    with os.fdopen(parent, "rb", buffering=0) as terminal:
        subprocess.run(
            [sys.executable, "-m", "puffpy", "check", "detrempe", "-k", "case"],
            check=True,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=child,
            timeout=60,
            env={**os.environ, "TERM": "xterm", "NO_COLOR": ""},
        )
        os.close(child)
        assert b"\x1b[32mholds" in terminal.read(10_000)


# mistakes


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("check", "no.such.module"), "there is no module no.such.module"),
        (("check", "no/such/file.py"), "there is no file no/such/file.py"),
        (("check", "filesystems"), "filesystems offers no file system"),
        (("check", "filesystems.detrempe:Nothing"), "has no Nothing; it has Detrempe"),
        (("check", "os:PathLike"), "no puffpy.VnodeOps"),
        (("check", "os:sep"), "expected a class"),
        (("check", "detrempe", "-o", "sise=1"), "there is no option sise; did you mean size?"),
        (("check", "detrempe", "-o", "size=many"), "'many' is no size"),
        (("check", "detrempe", "-o", "size=-1"), "no size"),
        (("check", "detrempe", "-o", "attr_timeout=soon"), "expected seconds"),
        (("check", "detrempe", "superfluous"), "takes these arguments: none"),
        (("check", "detrempe", "-k", "no promise says this"), "no promise has the word"),
        (("ops", "raed"), "there is no operation raed; did you mean read?"),
        (("replay",), "required"),
        ((), "required"),
        (("frobnicate",), "invalid choice"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_status_2(run: Run, words: tuple[str, ...], says: str) -> None:
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert says in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("dump", "/no/such/file"), "puffpy: /no/such/file: No such file or directory"),
        (("dump", __file__), "puffpy: this is no recording"),
        (("replay", __file__, "detrempe"), "puffpy: this is no recording"),
        (("check", "detrempe", "--at", "/nowhere"), "puffpy: /nowhere: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_status_1(run: Run, words: tuple[str, ...], says: str) -> None:
    status, _, err = run(*words)
    assert status == 1
    assert err.startswith(says)


def test_a_module_with_several_file_systems_asks_which(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "several.py"
    path.write_text(
        "from filesystems.detrempe import Detrempe\nclass One(Detrempe): pass\nclass Two(Detrempe): pass\n",
        encoding="utf-8",
    )
    status, _, err = run("check", str(path))
    assert status == 2
    assert "say several:NAME, with one of One, Two" in err
    assert run("check", f"{path}:Two", "-k", "case")[0] == 0


def test_a_module_that_breaks_is_told_in_a_line(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "breaks.py"
    path.write_text("import no_such_package\n", encoding="utf-8")
    status, _, err = run("check", str(path))
    assert status == 2
    assert "breaks.py cannot be run: ModuleNotFoundError: No module named 'no_such_package'" in err


# the rest


def test_help_shows_examples(run: Run) -> None:
    names = [each.__name__.rpartition(".")[2].replace("listing", "list") for each in SUBCOMMANDS]
    for words in ((), *((name,) for name in names)):
        status, out, _ = run(*words, "--help")
        assert status == 0
        assert "examples:\n  " in out
        assert "exit status:" in out


def test_list_shows_what_there_is(run: Run) -> None:
    status, out, _ = run("list")
    assert status == 0
    assert "filesystems.detrempe" in out
    assert "A complete POSIX file system in memory." in out
    assert "  devfuse" in out.partition("bridges")[2]


def test_ops_shows_every_operation(run: Run) -> None:
    status, out, _ = run("ops")
    assert status == 0
    for row in OPERATIONS.values():
        assert f"{row.name}({', '.join(row.params)})" in out
        assert row.meaning in out


def test_ops_shows_a_contract_also_by_another_systems_name(run: Run) -> None:
    status, out, _ = run("ops", "unlink")
    assert status == 0
    assert "VnodeOps.remove(self, dvp, cn, call)" in out
    assert "EISDIR: it is a directory." in out
    assert "UNLINK" in out


def test_mount_is_the_file_systems_own_command_line(run: Run) -> None:
    status, out, _ = run("mount", "filesystems.detrempe", "--help")
    assert status == 0
    assert "usage: puffpy mount filesystems.detrempe" in out
    assert "as -o NAME=VALUE or --NAME VALUE: size" in out


def test_python_m_puffpy_is_the_command() -> None:
    done = process("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("puffpy ")


def test_a_reader_that_has_had_enough_is_no_error() -> None:
    done = subprocess.run(
        f"'{sys.executable}' -m puffpy ops | head -1",
        shell=True,
        check=False,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.startswith("VnodeOps")
    assert done.stderr == ""
