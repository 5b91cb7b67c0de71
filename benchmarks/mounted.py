"""The life of a subject: a private mount point, a server in a child process, and always an end.

Nothing here measures.  This process never touches a mounted tree itself: a server that hangs would hang it
too.  What works on the tree is a child with a time limit, and killing the server frees it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import attrs

from benchmarks.subjects import Missing, Subject

START_SECONDS = 20.0
STOP_SECONDS = 5.0
ROOM = Path(__file__).parent.parent


@attrs.define(eq=False)
class Server:
    """A mounted subject.  *process* may have ended already where the kernel itself serves (tmpfs)."""

    subject: Subject
    tree: Path
    process: subprocess.Popen[bytes]
    log: Path

    def stay_on(self, cpus: set[int]) -> None:
        """Let every thread of the server run on *cpus* only."""
        if self.process.poll() is not None:
            return
        for thread in Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), cpus)

    def kill(self) -> None:
        """End the server at once; whoever waits on its mount gets an error."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(STOP_SECONDS)

    def last_words(self) -> str:
        """Return the end of what the server wrote to its standard error."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


@contextlib.contextmanager
def private_directory(place: str | None = None) -> Iterator[Path]:
    """Make a directory for programs, logs and mount points; remove it, with all that is in it, at the end.

    It is in *place*, by default where temporary files are.
    """
    directory = Path(tempfile.mkdtemp(prefix="puffpy-bench-", dir=place)).resolve()
    try:
        yield directory
    finally:
        # Should an unmount have failed, rmtree must not wander into what is still mounted.
        if not any(is_mounted(inside) for inside in directory.iterdir()):
            shutil.rmtree(directory)


def is_mounted(tree: Path) -> bool:
    """Tell whether something is mounted on *tree*, without touching it."""
    place = str(tree).replace("\\", "\\134").replace(" ", "\\040")
    mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    return any(line.split(" ")[4] == place for line in mounts.splitlines())


@contextlib.contextmanager
def serve(subject: Subject, directory: Path) -> Iterator[Server]:
    """Start *subject* below *directory* and yield its server once it is mounted.

    Raises :class:`Missing` if it cannot be had here, or ends or dawdles instead of mounting.  At the end it
    is unmounted and has ended, whatever happened in between.
    """
    command = subject.prepare(directory)
    tree = directory / f"{subject.name}-tree"
    tree.mkdir()
    log = directory / f"{subject.name}.log"
    environment = {**os.environ, **subject.environment, "PYTHONPATH": str(ROOM)}
    with log.open("wb") as stderr:
        # A session of its own: Ctrl-C is for us, the server ends when it is unmounted.
        process = subprocess.Popen(
            [*command, str(tree)],
            cwd=ROOM,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            start_new_session=True,
        )
    server = Server(subject, tree, process, log)
    try:
        _wait_until_mounted(server)
        yield server
    finally:
        _end(server)


def _wait_until_mounted(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not is_mounted(server.tree):
        status = server.process.poll()
        if status is not None and not is_mounted(server.tree):
            raise Missing(f"it ended with {status} instead of mounting: {server.last_words()}")
        if time.monotonic() > deadline:
            raise Missing(f"it did not mount within {START_SECONDS:.0f} s: {server.last_words()}")
        time.sleep(0.01)


def _end(server: Server) -> None:
    _unmount(server.tree, ["umount"])
    if is_mounted(server.tree):
        # It hangs, or somebody is in there: without a server every call into the tree fails, and lets go.
        server.kill()
        for program in (["umount", "-l"], ["fusermount3", "-u", "-z"], ["fusermount", "-u", "-z"]):
            _unmount(server.tree, program)
    try:
        server.process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()


def _unmount(tree: Path, program: list[str]) -> None:
    if is_mounted(tree):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run([*program, str(tree)], capture_output=True, timeout=STOP_SECONDS, check=False)
