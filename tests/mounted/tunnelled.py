"""A tunnel mounted: the directory underneath, the server, and how many messages of a kind it has seen."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Final

from tests.mounted.harness import Server

TUNNEL: Final = (sys.executable, "-m", "filesystems.tunnel")

NOT_PASSED: Final = (
    "import runpy; from puffpy.bridges.devfuse import DevFuse; del DevFuse.backing_open;"
    "runpy.run_module('filesystems.tunnel', run_name='__main__', alter_sys=True)"
)
"""The tunnel on a kernel that passes nothing through."""


def through(directory: Path) -> tuple[str | Path, ...]:
    """The command that mounts *directory*."""
    return (*TUNNEL, directory)


def messages(server: Server, *opcodes: str) -> int:
    """How many requests with one of *opcodes* the server, started with ``--debug``, has shown so far."""
    return len(re.findall(rf"^> \d+ (?:{'|'.join(opcodes)}) ", server.said(), re.MULTILINE))


def descriptors(server: Server) -> int:
    """How many descriptors the server has open."""
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))
