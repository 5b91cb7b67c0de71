"""Starts a file system in a child process, waits until it is mounted, and never leaves it mounted.

Nothing here knows what is mounted.  A test may block in a system call on the
mount for as long as it likes: when the server has run for its limit it is
killed, and with it the connection, and the call fails with ENOTCONN.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

PROJECT: Final = Path(__file__).parents[2]

LIMIT: Final = 120
"""Seconds that a file system may stay mounted, unless a test says otherwise."""

PATIENCE: Final = 20
"""Seconds to wait for what should come at once."""

NOBODY: Final = 65534
"""An ordinary user's uid and gid."""


@attrs.frozen
class MountRow:
    """One row of the kernel's mount table."""

    mnt: str
    minor: int
    options: frozenset[str]
    fstype: str
    source: str
    super_options: frozenset[str]


def mount_table() -> dict[str, MountRow]:
    """Return the mount table by mount point (the uppermost, where several mounts share one)."""
    rows = {}
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        for line in table:
            # proc_pid_mountinfo(5): six fields, any number of tags, "-", three fields.
            left, right = line.rstrip("\n").split(" - ", 1)
            _, _, device, _, mnt, options = left.split(" ")[:6]
            fstype, source, super_options = right.split(" ")
            row = MountRow(
                mnt=unescape(mnt),
                minor=int(device.split(":")[1]),
                options=frozenset(options.split(",")),
                fstype=fstype,
                source=unescape(source),
                super_options=frozenset(super_options.split(",")),
            )
            rows[row.mnt] = row
    return rows


def unescape(field: str) -> str:
    r"""Undo the kernel's ``\040`` for a blank, and its like."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def wait_for(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Return as soon as *condition* holds; AssertionError naming *what* if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {seconds} s: {what}"
        time.sleep(0.005)


def as_user(uid: int) -> tuple[str, ...]:
    """Return the words to put before a command that is to run as *uid*.

    The one capability that is kept reads files whatever their mode says: the
    interpreter under test may live in a home directory closed to others.  It
    neither mounts, nor opens /dev/fuse for writing, nor survives a set-uid program.
    """
    return (
        *(shutil.which("setpriv") or "setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"),
        *("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"),
    )


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment with the project importable and messages untranslated."""
    return {**os.environ, "PYTHONPATH": str(PROJECT), "LC_ALL": "C.UTF-8", **more}


def run(
    *command: str | Path,
    cwd: Path | None = None,
    status: int = 0,
    seconds: float = LIMIT,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run *command*, check its exit status, and return what it wrote on standard output."""
    done = subprocess.run(
        [str(word) for word in command],
        check=False,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=seconds,
        env=env or environment(),
    )
    assert done.returncode == status, f"{command}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@attrs.define
class Server:
    """A file system in a child process, mounted on :attr:`mnt`."""

    mnt: Path
    process: subprocess.Popen[bytes]
    log: Path
    limit: float
    was_mounted: bool = False
    overran: bool = False
    watchdog: threading.Timer = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.watchdog = threading.Timer(self.limit, self._overrun)
        self.watchdog.daemon = True
        self.watchdog.start()

    def _overrun(self) -> None:
        self.overran = True
        self.process.kill()

    @property
    def row(self) -> MountRow:
        """The file system's row of the mount table."""
        return mount_table()[str(self.mnt)]

    @property
    def is_mounted(self) -> bool:
        """Whether the mount table still has it."""
        return str(self.mnt) in mount_table()

    def said(self) -> str:
        """Return what the server has written so far."""
        return self.log.read_text(errors="surrogateescape")

    def wait_until_mounted(self) -> None:
        """Return once the mount is there; AssertionError if the server ends first, or takes too long."""
        deadline = time.monotonic() + PATIENCE
        child = os.pidfd_open(self.process.pid)
        try:
            with open("/proc/self/mountinfo", "rb") as table:
                # The kernel wakes a poll of the mount table when the table changes.
                events = select.poll()
                events.register(table, select.POLLPRI | select.POLLERR)
                events.register(child, select.POLLIN)
                while not self.is_mounted:
                    assert self.process.poll() is None, f"ended before it was mounted:\n{self.said()}"
                    left = deadline - time.monotonic()
                    assert left > 0, f"nothing mounted on {self.mnt} after {PATIENCE} s:\n{self.said()}"
                    events.poll(left * 1000)
                self.was_mounted = True
        finally:
            os.close(child)

    def wait(self) -> int:
        """Wait until the server has ended and return its exit status."""
        return self.process.wait(PATIENCE)

    def end(self, number: signal.Signals) -> int:
        """Send a signal, wait, and return the exit status (negative: the signal it died of)."""
        self.process.send_signal(number)
        return self.wait()

    def unmount(self) -> int:
        """Unmount from outside and return the server's exit status."""
        run(*UNMOUNT, self.mnt, seconds=PATIENCE)
        return self.wait()

    def close(self) -> None:
        """End the server, whatever state it is in, and see to it that nothing stays mounted.

        AssertionError if it does not end cleanly on SIGTERM.
        """
        self.watchdog.cancel()
        try:
            if self.process.poll() is None:
                status = self.end(signal.SIGTERM)
                assert status == 0, f"SIGTERM ended it with status {status}, not 0"
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            detach(self.mnt)


UNMOUNT: Final = ("umount",) if os.geteuid() == 0 else ("fusermount3", "-u")


def detach(mnt: Path) -> None:
    """Take a mount away that nobody serves, or that nobody should serve any more."""
    row = mount_table().get(str(mnt))
    if row is None:
        return
    abort = Path(f"/sys/fs/fuse/connections/{row.minor}/abort")
    if abort.exists():
        abort.write_text("1")
    lazily = [*UNMOUNT, "-l" if os.geteuid() == 0 else "-z", str(mnt)]
    done = subprocess.run(lazily, check=False, capture_output=True, text=True, timeout=PATIENCE)
    # A dying server's own last act may have been quicker.
    assert done.returncode == 0 or str(mnt) not in mount_table(), done.stderr


def launch(
    command: Sequence[str | Path],
    mnt: Path,
    *options: str,
    log: Path,
    limit: float = LIMIT,
    prefix: Sequence[str] = (),
) -> Server:
    """Start *command* on *mnt* in the foreground, with *options*, and return it, mounted or not yet.

    The server is in a session of its own (a Ctrl-C meant for the tests is not
    meant for it) and dies with the tests, however they die.
    """
    words: list[str | Path] = [*prefix, *command, mnt, "--foreground", *options]
    if shutil.which("setpriv"):
        words = ["setpriv", "--pdeathsig", "KILL", *words]
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [str(word) for word in words],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment(PYTHONUNBUFFERED="1"),
        )
    return Server(mnt=mnt, process=process, log=log, limit=limit)


DETREMPE: Final = (sys.executable, "-m", "filesystems.detrempe")


def processes_naming(path: Path) -> list[int]:
    """Return the processes that have *path* on their command line: those that serve it."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if os.fsencode(path) in words:
                found.append(int(entry.name))
    return found
