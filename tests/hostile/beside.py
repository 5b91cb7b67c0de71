"""A kernel that says anything, while operations run in worker threads or as tasks."""

from __future__ import annotations

from puffpy.dispatch import Message, Reply
from puffpy.ops import VfsOps
from puffpy.session import Session
from puffpy.wire.structs import IN_HEADER
from tests.hostile import health, said
from tests.hostile.cases import Case
from tests.hostile.session import Answering, answering
from tests.runners.ways import WAYS, in_this_way


class Beside(Answering):
    """A session whose vector waits; the first byte of a case says how."""

    name = "beside"

    def samples(self) -> list[Case]:
        """See :class:`Target`."""
        return [(bytes([way]), *case) for case in said.conversations() for way in range(len(WAYS))]

    def settle(self, message: bytes) -> bytes:
        """See :class:`Target`."""
        return said.settle(message)

    def play(self, case: Case) -> None:
        """See :class:`Target`."""
        with health.nothing_left():
            self._play(case)

    def _play(self, case: Case) -> None:
        way = WAYS[(case[0] or b"\0")[0] % len(WAYS) if case else 0]
        vector = in_this_way(way, answering)()
        assert isinstance(vector, VfsOps)
        later: list[tuple[bytes, bytes]] = []

        def deliver(message: Message, reply: Reply) -> bool:
            head = bytes(message)
            later.append((head[: IN_HEADER.unpack_from(head)[0]], _whole(reply)))
            return not IN_HEADER.unpack_from(head)[2] & said.LOST

        session = Session(vector, vector, vector.options, lambda _: None, deliver=deliver)
        buffer = bytearray(session.buffer_size)
        try:
            for message in case[1:]:
                buffer[: len(message)] = message
                reply = session.receive(buffer, len(message))
                if reply is not None:
                    said.check_reply(message, _whole(reply))
                    reply = None
                buffer = session.buffer(buffer)
            health.wait_for(lambda: not session.parked(), lambda: f"parked: {session.parked()}")
            for message, whole in later:
                said.check_reply(message, whole)
        finally:
            session.close()
        assert not session.parked()
        assert len(session.nodes) == 0
        assert len(session.handles) == 1
        self._lines.check(len(case))


def _whole(reply: Reply) -> bytes:
    assert reply is not None
    return b"".join(reply) if isinstance(reply, tuple) else reply
