"""A file system that does what it must not: ``python -m tests.mounted.misbehaving WAY PLACE MNT``.

Looking up ``own`` touches the mount itself at PLACE, ``loop`` computes for ever, ``sleep`` sleeps for SLEEP
seconds in foreign code, ``fine`` is a file.
"""

from __future__ import annotations

import ctypes
import os
import time
from typing import Any

import puffpy

SLEEP = 8


class Inline(puffpy.VnodeOps):
    """Runs its operations one after the other."""

    options = puffpy.MountOptions(entry_timeout=0, attr_timeout=0)

    def __init__(self, place: str) -> None:
        self.place = place
        self.root = puffpy.Node.directory()
        self.fine = puffpy.Node.file()

    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        return self.found(cn.name)

    def found(self, name: str) -> Any:
        if name == "own":
            os.stat(f"{self.place}/fine")
        elif name == "loop":
            while True:
                pass
        elif name == "sleep":
            ctypes.CDLL(None).sleep(SLEEP)
        elif name == "nap":
            time.sleep(SLEEP)
        elif name != "fine":
            raise FileNotFoundError
        return self.fine


class Workers(Inline):
    """Runs them in worker threads."""

    @puffpy.blocking
    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        return self.found(cn.name)


class Tasks(Inline):
    """Runs them as tasks, which must not block, and do."""

    async def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        return self.found(cn.name)


WAYS: dict[str, type[Inline]] = {"inline": Inline, "workers": Workers, "tasks": Tasks}


def chosen(way: str, place: str) -> Inline:
    """Return the file system that runs its operations in the way called *way*."""
    return WAYS[way](place)


if __name__ == "__main__":
    puffpy.main(chosen)
