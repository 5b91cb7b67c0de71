"""A virtual machine that does anything: its front end on the control connection, its guest in the queues.

The first byte of a message is what is done, the second says more: for memory that is not needed, for the
control connection it is which descriptors come along, for a kick which queue's.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from puffpy.bridges.vhostuser import VhostUser
from puffpy.bridges.vhostuser.messages import (
    ADDRESSES,
    HEADER,
    QUEUES,
    REGION,
    STATE,
    TABLE,
    U64,
    Feature,
    ProtocolFeature,
    Request,
)
from puffpy.mount import prepared
from puffpy.serve import Server
from puffpy.wire import Opcode
from tests.hostile import health, said
from tests.hostile.cases import Case
from tests.hostile.health import Lines
from tests.hostile.session import in_memory
from tests.vhostuser.driver import DESCRIPTOR, NEXT, WRITE, Guest
from tests.vhostuser.driver import INDIRECT as ELSEWHERE
from tests.vhostuser.front_end import REGIONS, USER, FrontEnd

MEMORY, CONTROL, KICK = range(3)
AT: Final = struct.Struct("<BxI")
"""The head of a message that writes to memory: where."""

NONE, SHARED, KICKED, CALLED, EMPTY, STRANGE, MANY, READ_ONLY = range(8)
"""The descriptors that come with a control message."""

SIZE: Final = 16
DESCRIPTORS, AVAIL, USED, INDIRECT, DATA = 0x1000, 0x2000, 0x3000, 0x4000, 0x10000
"""Where the guest has the one queue that it uses."""

FEATURES: Final = Feature.VERSION_1 | Feature.PROTOCOL_FEATURES | Feature.INDIRECT


class Machine:
    """One machine that connects, and leaves."""

    name = "machine"
    _lines: Lines
    _path: Path
    _bridge: VhostUser
    _server: Server
    _thread: threading.Thread

    def samples(self) -> list[Case]:
        """See :class:`Target`."""
        begin = [*_introduction(), *_queue(1)]
        cases = [
            (*begin, *_asked(case), _control(Request.GET_VRING_BASE, STATE.pack(1, 0)))
            for case in said.conversations()[::3]
        ]
        slots = [
            _control(Request.GET_MAX_MEM_SLOTS),
            _control(Request.ADD_MEM_REG, bytes(8) + REGION.pack(*_region(0)), SHARED),
            _control(Request.REM_MEM_REG, bytes(8) + REGION.pack(*_region(0))),
        ]
        return [*cases, (*begin, *_queue(0), *_queue(2)), tuple(slots)]

    def settle(self, message: bytes) -> bytes:
        """See :class:`Target`."""
        if message[:1] != bytes([CONTROL]) or len(message) < 2 + HEADER.size:
            return message
        request, flags, _ = HEADER.unpack_from(message, 2)
        body = message[2 + HEADER.size :]
        return message[:2] + HEADER.pack(request, flags & ~4 | 1, len(body)) + body

    @contextlib.contextmanager
    def serving(self, lines: Lines) -> Iterator[None]:
        """See :class:`Target`."""
        self._lines = lines
        with tempfile.TemporaryDirectory() as place:
            self._path = Path(place) / "socket"
            self._begin()
            try:
                yield
            finally:
                self._end()

    def play(self, case: Case) -> None:
        """See :class:`Target`."""
        try:
            with health.nothing_left():
                self._play(case)
                self._alive()
            session = self._server.session
            health.wait_for(
                lambda: (len(session.nodes), len(session.handles), len(self._bridge._asked)) == (1, 1, 0),
                lambda: f"{session.nodes.cookies} {session.handles} {self._bridge._asked}",
            )
        except BaseException:
            # Whatever is wrong with this server, the next case is not to be blamed for it.
            self._end()
            self._begin()
            raise
        self._lines.check(len(case) + 1)

    def _begin(self) -> None:
        vector = in_memory()
        vfsops, options = prepared(vector, None, None)
        self._bridge = VhostUser()
        self._server = Server(vector, vfsops, options, self._bridge)
        self._server.attach(str(self._path), options)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        self._alive()

    def _end(self) -> None:
        self._bridge.cut(0)
        self._thread.join(health.PATIENCE)
        assert not self._thread.is_alive(), "the server does not end"

    def _play(self, case: Case) -> None:
        machine = FrontEnd(self._path)
        kick, call = os.eventfd(0, os.EFD_NONBLOCK), os.eventfd(0, os.EFD_NONBLOCK)
        null, read_only = os.open(os.devnull, os.O_RDWR), os.open("/etc/passwd", os.O_RDONLY)
        empty = os.memfd_create("empty")
        shared = machine.files
        fds = {
            SHARED: shared,
            KICKED: [kick],
            CALLED: [call],
            EMPTY: [empty],
            STRANGE: [null],
            READ_ONLY: [read_only],
            MANY: [*shared, kick, call, empty, null, read_only],
        }
        try:
            machine.sock.settimeout(health.PATIENCE)
            for message in case:
                if not _done(machine, message, fds, kick):
                    break
            with contextlib.suppress(OSError):
                machine.sock.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while machine.sock.recv(1 << 16):
                    pass
        finally:
            machine.close()
            for fd in (kick, call, null, read_only, empty):
                os.close(fd)

    def _alive(self) -> None:
        """See that the next machine is served."""
        guest = Guest(FrontEnd(self._path))
        try:
            kernel = guest.mount()
            kernel.listdir("/")
            kernel.unmount()
        finally:
            guest.close()


def _done(machine: FrontEnd, message: bytes, fds: dict[int, list[int]], kick: int) -> bool:
    """Do what *message* says; tell whether the connection is still there."""
    what = message[0] if message else CONTROL
    if what == MEMORY and len(message) >= AT.size:
        address = AT.unpack_from(message)[1] % (REGIONS[-1][0] + REGIONS[-1][1])
        data = message[AT.size :][: REGIONS[-1][0] + REGIONS[-1][1] - address]
        machine.write(address, data)
        return True
    if what == KICK:
        with contextlib.suppress(OSError):
            os.eventfd_write(kick, 1)
        return True
    more = fds.get(message[1] if len(message) > 1 else 0, [])
    try:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, b"".join(struct.pack("i", fd) for fd in more))]
        machine.sock.sendmsg([message[2:] or b"\0"], rights if more else [])
    except OSError:
        return False
    return True


def _control(request: Request, payload: bytes = b"", fds: int = NONE, flags: int = 1) -> bytes:
    return bytes([CONTROL, fds]) + HEADER.pack(request, flags, len(payload)) + payload


def _memory(address: int, data: bytes) -> bytes:
    return AT.pack(MEMORY, address) + data


def _region(number: int) -> tuple[int, int, int, int]:
    start, size = REGIONS[number]
    return start, size, USER + start, 0


def _introduction() -> list[bytes]:
    table = TABLE.pack(len(REGIONS)) + b"".join(REGION.pack(*_region(at)) for at in range(len(REGIONS)))
    return [
        _control(Request.GET_FEATURES),
        _control(Request.GET_PROTOCOL_FEATURES),
        _control(Request.SET_PROTOCOL_FEATURES, U64.pack(ProtocolFeature.MQ | ProtocolFeature.REPLY_ACK)),
        _control(Request.GET_QUEUE_NUM),
        _control(Request.SET_OWNER),
        _control(Request.SET_FEATURES, U64.pack(FEATURES)),
        _control(Request.SET_MEM_TABLE, table, SHARED, 1 | 8),
    ]


def _queue(index: int) -> list[bytes]:
    assert index < QUEUES
    places = USER + DESCRIPTORS, USER + USED, USER + AVAIL
    return [
        _control(Request.SET_VRING_CALL, U64.pack(index), CALLED),
        _control(Request.SET_VRING_NUM, STATE.pack(index, SIZE)),
        _control(Request.SET_VRING_BASE, STATE.pack(index, 0)),
        _control(Request.SET_VRING_ADDR, ADDRESSES.pack(index, 0, *places, 0)),
        _control(Request.SET_VRING_KICK, U64.pack(index), KICKED),
        _control(Request.SET_VRING_ENABLE, STATE.pack(index, 1)),
    ]


def _asked(case: Case) -> list[bytes]:
    """Return what puts the requests of *case* into the queue, each a chain of two or a table elsewhere."""
    done = []
    for number, request in enumerate(case[:SIZE]):
        at = DATA + number * 0x1000
        rows = [
            DESCRIPTOR.pack(at, len(request), NEXT, number * 2 + 1),
            DESCRIPTOR.pack(at + 0x800, 0x800, WRITE, 0),
        ]
        if request[4] == Opcode.FORGET:
            rows = [DESCRIPTOR.pack(at, len(request), 0, 0)] * 2
        done.append(_memory(at, request))
        if number % 2 and number * 2 < SIZE:
            rows[0] = DESCRIPTOR.pack(at, len(request), NEXT, 1)
            done.append(_memory(INDIRECT + 64 * number, b"".join(rows)))
            rows = [DESCRIPTOR.pack(INDIRECT + 64 * number, 32, ELSEWHERE, 0)]
        slot = number * 2 % SIZE
        done.append(_memory(DESCRIPTORS + slot * 16, b"".join(rows)))
        done.append(_memory(AVAIL + 4 + 2 * (number % SIZE), struct.pack("<H", slot)))
        done.append(_memory(AVAIL + 2, struct.pack("<H", number + 1)))
        done.append(bytes([KICK, 1]))
        done.append(_control(Request.GET_FEATURES))
    return done
