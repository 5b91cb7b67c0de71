"""A small file system for the tests of serving: ``python -m tests.serve.subject MNT``.

It keeps still: what is counted on a mount of it was asked for by the kernel.  Reading ``slow`` waits until
somebody opens the fifo *gate*.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import puffpy

SIZE = 1 << 18


class Subject(puffpy.VnodeOps):
    """A plain file, a slow file, and a directory."""

    def __init__(self, gate: str = "") -> None:
        self.gate = gate
        self.root = puffpy.Node.directory()
        self.file = puffpy.Node.file(0o644, size=SIZE)
        self.slow = puffpy.Node.file(0o644, size=4)
        self.secret = puffpy.Node.file(0o600, size=SIZE)
        self.names: dict[str, puffpy.Node] = {
            "file": self.file,
            "slow": self.slow,
            "secret": self.secret,
            "directory": puffpy.Node.directory(),
        }
        self.content = bytearray(SIZE)

    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        if dvp is not self.root or cn.name not in self.names:
            raise FileNotFoundError
        return self.names[cn.name]

    def readdir(self, dvp: Any, call: puffpy.Call) -> Iterator[tuple[str, Any]]:
        if dvp is self.root:
            yield from self.names.items()

    def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> bytes:
        if vp is self.slow and offset == 0:
            with open(self.gate, "rb") as gate:
                gate.read(1)
            return b"slow"
        return bytes(self.content[offset : min(offset + size, vp.vattr.size)])

    def write(self, vp: Any, offset: int, data: memoryview, call: puffpy.Call) -> int:
        self.content[offset : offset + len(data)] = data
        return len(data)

    def setattr(self, vp: Any, change: puffpy.SetAttr, call: puffpy.Call) -> None:
        vp.vattr.apply(change)


if __name__ == "__main__":
    os.umask(0o022)
    puffpy.main(Subject)
