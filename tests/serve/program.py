"""Programs that mount, each in a child process that ends within a time limit."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import attrs

from tests.mounted.harness import PROJECT, environment, mount_table

LIMIT = 25

PRELUDE = """
import os, subprocess, sys, threading
import puffpy
from tests.serve.subject import Subject, SIZE

MNT, PLACE = sys.argv[1:]

def is_mounted(place=MNT):
    with open("/proc/self/mountinfo") as table:
        return any(line.split()[4] == place for line in table)
"""


@attrs.frozen
class Program:
    """A place to mount on, and what runs a program that does."""

    mnt: Path

    def start(self, text: str) -> subprocess.Popen[str]:
        """Start the program *text*."""
        return subprocess.Popen(
            [sys.executable, "-c", PRELUDE + textwrap.dedent(text), self.mnt, self.mnt.parent],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(PYTHONUNBUFFERED="1"),
        )

    def finish(self, process: subprocess.Popen[str], status: int = 0) -> str:
        """Wait for the end, and return what it printed; nothing may be mounted then."""
        try:
            out, err = process.communicate(timeout=LIMIT)
        finally:
            process.kill()
        assert process.returncode == status, out + err
        assert ("Traceback" in err) is (status == 1), err
        assert not self.left()
        return out

    def run(self, text: str, status: int = 0) -> str:
        """Run the program *text*."""
        return self.finish(self.start(text), status)

    def left(self) -> list[str]:
        """What is mounted still."""
        return [mnt for mnt in mount_table() if mnt.startswith(str(self.mnt.parent))]
