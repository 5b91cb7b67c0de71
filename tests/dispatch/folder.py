"""A directory for the tests of listings, whose names can be changed under a reader."""

from __future__ import annotations

from typing import Any

from puffpy.options import MountOptions
from puffpy.types import Node
from puffpy.wire import DirentPlusRecord, Opcode
from tests.dispatch.speaker import ROOT, Scribe, Speaker

SMALL = 24 + 8
"""The room that one READDIR record with a short name takes."""

UNKNOWN = 0xFFFFFFFF
"""What is shown of a number that nobody knows."""


class Folder(Scribe):
    """A directory whose names can be changed under a listing."""

    def __init__(self, *names: str, **answers: Any) -> None:
        super().__init__(
            {name: Node.file() for name in names}, remove=self._remove, mkdir=self._mkdir, **answers
        )
        if "readdir" not in answers:
            self.readdir = self._operation("readdir", lambda dvp, call: iter(self.names.items()))  # type: ignore[method-assign]

    def _remove(self, dvp: Any, cn: Any, call: Any) -> None:
        del self.names[cn.name]

    def _mkdir(self, dvp: Any, cn: Any, va: Any, call: Any) -> Node:
        node = self.names[cn.name] = Node(va)
        return node


def opened(folder: Scribe, options: MountOptions | None = None) -> tuple[Speaker, int]:
    speaker = Speaker(folder, options=options)
    return speaker, speaker.open(ROOT, opcode=Opcode.OPENDIR)


def names_of(records: Any) -> list[str]:
    return [record.name.decode() for record in records]


def counted(records: list[DirentPlusRecord]) -> list[str]:
    return [record.name.decode() for record in records if record.entry["nodeid"]]
