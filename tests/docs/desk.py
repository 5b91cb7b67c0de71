"""A desk to follow a page at: a directory with the page's files, and one shell that is typed into.

What is mounted there is gone when the desk is cleared, and so is whatever was started from it.
"""

from __future__ import annotations

import doctest
import os
import re
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

import attrs

from tests.docs.pages import Block, Typed, typed, written
from tests.mounted.harness import detach, mount_table, wait_for

MARK: Final = "PUFFPY_DESK"
"""The variable by which a process is known to come from a desk."""

LIMIT: Final = 60
"""Seconds that one command may take."""

END: Final = "--8<-- the command has ended --8<--"

_same = doctest.OutputChecker().check_output


@attrs.define
class Desk:
    """A directory, and a shell in it with *environment*."""

    folder: Path
    environment: dict[str, str]
    names: dict[str, object] = attrs.field(factory=lambda: {"__name__": "docs"})
    _shell: subprocess.Popen[bytes] | None = None

    def follow(self, block: Block) -> None:
        """Do what *block* shows."""
        if block.kind == "console":
            for entered in typed(block):
                self.enter(entered, block.where)
        elif block.caption:
            written(block, self.folder)
        elif block.kind == "python":
            exec(compile(block.text, block.where, "exec"), self.names)
        elif block.kind not in ("text", "none"):
            raise ValueError(f"{block.where}: nobody knows how to run a block of {block.kind}")

    def enter(self, entered: Typed, where: str) -> None:
        """Type one command, and compare what the shell says with what the page says."""
        said = self._said(entered.command, where)
        # A shell that is typed into does not count lines.
        said = re.sub(r"^bash: line \d+: ", "bash: ", said, flags=re.MULTILINE)
        assert _same(entered.says + "\n", said.strip("\n") + "\n", doctest.ELLIPSIS), (
            f"{where}\n$ {entered.command}\nthe page says:\n{entered.says}\nthe shell says:\n{said}"
        )
        if "umount" in entered.command or "fusermount3 -u" in entered.command:
            wait_for(lambda: not self._servers(), f"{where}: what served the mount has ended")

    def clear(self) -> None:
        """Unmount whatever is mounted here, and end whatever was started here."""
        for mnt in [mnt for mnt in mount_table() if Path(mnt).is_relative_to(self.folder)]:
            detach(Path(mnt))
        if self._shell is not None:
            self._shell.kill()
            self._shell.wait()
            for pipe in (self._shell.stdin, self._shell.stdout):
                if pipe is not None:
                    pipe.close()  # not read to its end: whatever was started here holds the other one
        for pid in self._processes():
            os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not self._processes(), "what was started at the desk has ended")

    def _said(self, command: str, where: str) -> str:
        if self._shell is None:
            self._shell = subprocess.Popen(
                ["bash", "--norc", "--noprofile"],
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**self.environment, MARK: str(self.folder)},
            )
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{{\n{command}\n}} </dev/null\necho '{END}'\n".encode())
        self._shell.stdin.flush()
        said = b""
        deadline = time.monotonic() + LIMIT
        while not said.endswith(f"{END}\n".encode()):
            ready, _, _ = select.select([self._shell.stdout], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{where}: $ {command}\ndid not end in {LIMIT} s:\n{said.decode(errors='replace')}"
            piece = os.read(self._shell.stdout.fileno(), 65536)
            assert piece, f"{where}: $ {command}\nended the shell:\n{said.decode(errors='replace')}"
            said += piece
        return said.decode(errors="replace").removesuffix(f"{END}\n")

    def _processes(self) -> list[int]:
        """Return the processes that were started at this desk, but for the shell."""
        mark = os.fsencode(f"{MARK}={self.folder}")
        own = self._shell.pid if self._shell is not None else 0
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != own:
                try:
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
                except (FileNotFoundError, ProcessLookupError, PermissionError):
                    continue
        return found

    def _servers(self) -> list[int]:
        """Return those of them that have a FUSE device open and no mount here any more."""
        if any(Path(mnt).is_relative_to(self.folder) for mnt in mount_table()):
            return []
        found = []
        for pid in self._processes():
            try:
                if any(os.readlink(fd) == "/dev/fuse" for fd in Path(f"/proc/{pid}/fd").iterdir()):
                    found.append(pid)
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found
