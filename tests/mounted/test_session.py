"""The session of the demo, and copies of a real tree by every tool that copies trees."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from filesystems.demo import STEPS, Stage, pick_bin, pick_tree, play
from tests.mounted.conftest import OrdinaryUser
from tests.mounted.harness import PROJECT, Server, environment, mount_table, run

COPIES = {
    "cp": "cp -a {tree}/. {copy}",
    "pax": "cd {tree} && pax -rw -pe . {copy}",
    "tar": "tar -C {tree} -cf - . | tar -C {copy} -xpf -",
    "rsync": "rsync -aH {tree}/ {copy}/",
}


def test_the_session_of_the_demo_shows_what_it_should(detrempe: Server) -> None:
    stage = Stage(mnt=detrempe.mnt, tree=pick_tree(), bin=pick_bin())
    for step in STEPS:
        play(step, stage)
    assert detrempe.unmount() == 0


def demo(*arguments: str | Path, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, sys.executable, "-m", "filesystems.demo", *arguments],
        check=False,
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        env=environment(),
    )


@pytest.fixture
def small_bin(tmp_path: Path) -> Path:
    """A directory with a hard link and a symbolic link."""
    made = tmp_path / "bin"
    made.mkdir()
    (made / "pink").write_text("the lunatic is on the grass")
    (made / "floyd").hardlink_to(made / "pink")
    (made / "dire").symlink_to("straits")
    return made


def test_the_demo_ends_with_status_0_and_leaves_no_mount(small_bin: Path) -> None:
    done = demo("--bin", small_bin)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all as they should be" in done.stdout
    assert not [mnt for mnt in mount_table() if "puffpy-demo-" in mnt]


def test_the_demo_says_which_step_went_wrong_and_ends_with_status_1(small_bin: Path) -> None:
    done = demo("--tree", "/nonexistent/tree", "--bin", small_bin)
    assert done.returncode == 1
    assert "This went wrong: exit status 1, not 0: cp: cannot stat '/nonexistent/tree/.'" in done.stderr
    assert "Copy a tree" in done.stdout
    assert "Compare it" not in done.stdout
    assert not [mnt for mnt in mount_table() if "puffpy-demo-" in mnt]


def test_the_demo_is_the_same_for_an_ordinary_user(user: OrdinaryUser, tmp_path: Path) -> None:
    done = demo("--bin", pick_bin(), prefix=user.prefix)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("tool", COPIES)
def test_a_tree_is_the_same_after_it_was_copied_by(
    tool: str, detrempe: Server, program: Callable[[str], str]
) -> None:
    program(tool)
    copy, tree = detrempe.mnt / "copy", pick_bin()
    copy.mkdir()
    run("sh", "-ec", COPIES[tool].format(tree=tree, copy=copy))
    assert run("diff", "-r", "--no-dereference", tree, copy) == ""
    for original in tree.iterdir():
        mine, theirs = (copy / original.name).lstat(), original.lstat()
        assert (mine.st_mode, mine.st_nlink, mine.st_size) == (
            theirs.st_mode,
            len(list_names(tree, theirs.st_ino)) if theirs.st_nlink > 1 else 1,
            theirs.st_size,
        ), original.name


def list_names(top: Path, ino: int) -> list[str]:
    """The names that the file *ino* has in *top*."""
    return [path.name for path in top.iterdir() if path.lstat().st_ino == ino]
