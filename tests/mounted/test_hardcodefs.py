"""Hardcodefs mounted: what a shell does with it, and what is left after the mount."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from filesystems.hardcodefs import FILES
from tests.filesystems.direct import refuses
from tests.mounted.conftest import StartServer
from tests.mounted.harness import as_user, run

HARDCODEFS = (sys.executable, "-m", "filesystems.hardcodefs")


def shell(line: str, cwd: Path) -> str:
    return run("sh", "-ec", line, cwd=cwd)


def test_a_shell_lists_reads_replaces_and_appends(start: StartServer) -> None:
    mnt = start(command=HARDCODEFS).mnt
    assert sorted(os.listdir(mnt)) == sorted(row.name for row in FILES)
    assert (mnt / "readme").read_bytes() == FILES[0].says
    assert shell("echo the lunatic > notes; cat notes", mnt) == "the lunatic\n"
    assert shell("echo pink > notes; echo floyd >> notes; cat notes; wc -c < notes", mnt) == (
        "pink\nfloyd\n11\n"
    )
    assert shell("echo $(($(cat counter) + 1)) > counter; cat counter", mnt) == "1\n"


def test_what_it_has_not_is_refused_and_what_is_too_much_is_enospc(start: StartServer) -> None:
    mnt = start(command=HARDCODEFS).mnt
    notes, syd, counter = mnt / "notes", mnt / "syd", mnt / "counter"
    for refused in (syd.touch, syd.mkdir, notes.unlink):
        with refuses(errno.EOPNOTSUPP):
            refused()
    with refuses(errno.EOPNOTSUPP):
        notes.rename(syd)
    with refuses(errno.ENOENT):
        syd.stat()
    with refuses(errno.ENOSPC):
        counter.write_bytes(b"0123456789" * 10)
    assert counter.stat().st_size == FILES[2].room


def test_modes_hold_for_everybody_but_root(start: StartServer, root: None) -> None:
    mnt = start("-o", "allow_other", command=HARDCODEFS).mnt
    run(*as_user(65534), "sh", "-c", "echo pink > notes", cwd=mnt)
    assert (mnt / "notes").read_text() == "pink\n"
    run(*as_user(65534), "sh", "-c", "echo 7 > counter", cwd=mnt, status=2)
    assert (mnt / "counter").read_bytes() == FILES[2].says


def test_with_a_store_the_contents_survive_a_remount(start: StartServer, tmp_path: Path) -> None:
    store = tmp_path / "store"
    for turn in range(3):
        server = start("-o", f"store={store}", command=HARDCODEFS)
        assert (server.mnt / "counter").read_text() == f"{turn}\n"
        shell(f"echo {turn + 1} > counter; echo turn {turn} >> notes", server.mnt)
        assert server.unmount() == 0
    server = start("-o", f"store={store}", command=HARDCODEFS)
    assert (server.mnt / "notes").read_text() == "turn 0\nturn 1\nturn 2\n"


def test_without_one_each_mount_starts_anew(start: StartServer) -> None:
    for _ in range(2):
        server = start(command=HARDCODEFS)
        assert (server.mnt / "notes").read_text() == ""
        shell("echo pink > notes", server.mnt)
        assert server.unmount() == 0


def test_a_store_of_something_else_is_no_mount(mnt: Path, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("the dark side")
    run(*HARDCODEFS, "-o", f"store={tmp_path / 'store'}", mnt, status=1)
    assert not os.path.ismount(mnt)
