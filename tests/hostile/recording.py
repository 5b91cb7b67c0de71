"""A file that is no recording, or half of one: shown, drawn and run again, or refused in one sentence."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator
from typing import Final

from puffpy.cli.dump import lines as lines_of
from puffpy.cli.figures import process_of, shown
from puffpy.errors import WireError
from puffpy.record import MAGIC, Record, What, counted, packed, read, turned_back_clock
from puffpy.testing.replay import replay
from puffpy.tracing import traced
from puffpy.wire import dump
from puffpy.wire.opcodes import Opcode
from tests.dispatch.speaker import Speaker
from tests.hostile import said
from tests.hostile.cases import Case
from tests.hostile.health import Lines
from tests.hostile.session import in_memory

HEAD: Final = struct.Struct("<QBI")


class Recorded:
    """A recording; the records are the messages of a case."""

    name = "recording"
    _lines: Lines

    def samples(self) -> list[Case]:
        """See :class:`Target`."""
        records: list[Record] = [counted(1, What.CLOCK, 5), counted(2, What.BACKING, -1)]
        with turned_back_clock([1] * 1000):
            records += _talk()
        notices = [Record(900, What.LATER, struct.pack("=IiQ", 16, code, 0)) for code in range(10)]
        last = [counted(1000, What.LOST, 3), counted(1001, What.TRIMMED, 0)]
        whole = [packed(record) for record in (*records, *notices, *last)]
        few = [(MAGIC, *whole[at : at + 10]) for at in range(0, len(whole), 5)]
        return [(MAGIC, *whole), (MAGIC, *whole[: -len(last)]), *few]

    def settle(self, message: bytes) -> bytes:
        """See :class:`Target`."""
        if message == MAGIC or len(message) < HEAD.size:
            return message
        when, what, _ = HEAD.unpack_from(message)
        body = message[HEAD.size :]
        if what <= What.LATER and len(body) >= 4:
            body = struct.pack("=I", len(body)) + body[4:]
        return HEAD.pack(when, what % len(What), len(body)) + body

    @contextlib.contextmanager
    def serving(self, lines: Lines) -> Iterator[None]:
        """See :class:`Target`."""
        self._lines = lines
        yield

    def play(self, case: Case) -> None:
        """See :class:`Target`."""
        whole = b"".join(case)
        for message in case:
            assert "\n" not in dump(message)
        records: list[Record] = []
        with contextlib.suppress(WireError):
            records.extend(read(io.BytesIO(whole)))
        with contextlib.suppress(WireError):
            for line in lines_of(read(io.BytesIO(whole)), clock=True):
                assert "\n" not in line
        with contextlib.suppress(WireError):
            trace = traced(records)
            assert trace.seconds >= 0 or records
            for line in shown(trace, 3, process_of):
                assert "\n" not in line
        with contextlib.suppress(WireError):
            for difference in replay(records, in_memory):
                str(difference)
        self._lines.check(len(case))


def _talk() -> Iterator[Record]:
    """Yield what passes while a kernel asks everything once."""
    speaker = Speaker(in_memory(), minor=None)
    for number, request in enumerate((*said.FOREWORD, *map(said.sample, Opcode))):
        yield Record(10 * number, What.REQUEST, request)
        reply = speaker.tell(request)
        if reply is not None:
            yield Record(10 * number + 5, What.REPLY, reply)
