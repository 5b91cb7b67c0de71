"""Plays the session: mounts detrempe in a directory of its own, runs the steps, unmounts.

What a step has to show is not decided here; see ``steps``.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filesystems.demo.steps import STEPS, Outcome, Stage, Step, Surprise, expect, linked_names

LIMIT: Final = 300
"""Seconds any one command may take."""

PROJECT: Final = Path(__file__).parents[2]
"""Where ``python -m filesystems.detrempe`` is sure to be found."""

TREES: Final = ("/usr/share/doc", "/usr/share/zoneinfo", os.path.dirname(os.__file__))
"""Trees to copy, in order of preference; the last one is on every machine that runs this."""

BINARIES: Final = ("/usr/bin", "/usr/sbin", "/usr/lib/git-core")
"""Directories that hold links of both kinds, in order of preference."""

ENOUGH: Final = 1000
"""A tree of fewer files than this proves little."""


def play(step: Step, stage: Stage) -> str:
    """Run *step* in the mount and return what it showed; :class:`Surprise` if that is not what it should."""
    try:
        done = subprocess.run(
            ["sh", "-c", stage.fill(step.command)],
            check=False,
            cwd=stage.mnt,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        raise Surprise(f"it has not ended after {LIMIT} s") from None
    outcome = Outcome(done.returncode, done.stdout, done.stderr)
    expect(
        outcome.status == step.status,
        f"exit status {outcome.status}, not {step.status}: {outcome.err.strip() or 'it says nothing'}",
    )
    return step.check(stage, outcome)


def is_mounted(mnt: Path) -> bool:
    """Say whether something is mounted on *mnt*, without touching it."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        return any(line.split(" ")[4] == str(mnt) for line in table)


@contextmanager
def serving(mnt: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Mount detrempe on *mnt* in a child process, and leave neither behind."""
    command = [sys.executable, "-m", "filesystems.detrempe", str(mnt), "--foreground"]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, cwd=PROJECT)
    try:
        deadline = time.monotonic() + 20
        while not is_mounted(mnt):
            expect(
                server.poll() is None,
                f"the file system ended with status {server.returncode} before it was mounted",
            )
            expect(time.monotonic() < deadline, f"nothing is mounted on {mnt} after 20 s")
            time.sleep(0.01)
        yield server
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        if is_mounted(mnt):
            subprocess.run([*unmounter(), "-l" if os.geteuid() == 0 else "-z", str(mnt)], check=False)


def unmounter() -> list[str]:
    """Return the command that unmounts: root's, or everybody else's."""
    return ["umount"] if os.geteuid() == 0 else ["fusermount3", "-u"]


def unmount(mnt: Path, server: subprocess.Popen[bytes]) -> str:
    """Unmount from outside and look for a clean end."""
    subprocess.run([*unmounter(), str(mnt)], check=True, timeout=LIMIT)
    try:
        status = server.wait(20)
    except subprocess.TimeoutExpired:
        raise Surprise("the file system is unmounted, its process runs on") from None
    expect(status == 0, f"the file system ended with status {status}, not 0")
    expect(not is_mounted(mnt), f"{mnt} is still mounted")
    return "the file system has ended, exit status 0"


def pick_tree() -> Path:
    """Return the first of :data:`TREES` that has files enough."""
    for name in TREES:
        if sum(len(files) for _, _, files in os.walk(name)) > ENOUGH:
            return Path(name)
    raise Surprise(f"none of {', '.join(TREES)} holds more than {ENOUGH} files; name a tree with --tree")


def pick_bin() -> Path:
    """Return the first of :data:`BINARIES` with hard links and symbolic links, or the first there is."""
    there = [Path(name) for name in BINARIES if os.path.isdir(name) and not os.path.islink(name)]
    expect(bool(there), f"there is none of {', '.join(BINARIES)} here; name a directory with --bin")
    return next((path for path in there if linked_names(path)), there[0])


def session(tree: Path, programs: Path) -> None:
    """Mount, play every step, unmount, and say so; :class:`Surprise` at the first step that goes wrong."""
    began = time.monotonic()
    top = Path(tempfile.mkdtemp(prefix="puffpy-demo-")).resolve()
    try:
        stage = Stage(mnt=top / "mnt", tree=tree, bin=programs)
        stage.mnt.mkdir()
        say("Mount", f"python -m filesystems.detrempe {stage.mnt} --foreground &")
        with serving(stage.mnt) as server:
            answer("mounted")
            for step in STEPS:
                say(step.title, stage.fill(step.command))
                answer(play(step, stage))
            say("Unmount", shlex.join([*unmounter(), str(stage.mnt)]))
            answer(unmount(stage.mnt, server))
    finally:
        # Only empty directories go: should the mount still be there, its files are not ours to remove.
        for path in (top / "mnt", top):
            if path.exists():
                path.rmdir()
    print(
        f"\n{len(STEPS) + 2} steps, all as they should be, in {time.monotonic() - began:.0f} s. "
        "Nothing is left behind."
    )


def say(title: str, command: str) -> None:
    """Announce a step."""
    print(f"\n{title}\n  $ {command}", flush=True)


def answer(text: str) -> None:
    """Print what a step showed."""
    width = max(40, shutil.get_terminal_size().columns - 4)
    print(f"  {text if len(text) <= width else text[: width - 3] + '...'}", flush=True)
