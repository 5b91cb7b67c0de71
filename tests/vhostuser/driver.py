"""Plays the guest's driver: queues in the guest's memory, and a link over them for the user kernel.

Theory of operation.  A queue has a few slots, each a piece of memory with descriptors of its own.  Whoever
asks takes a slot, lays out request and room for the answer in pieces as Linux does or worse, kicks, and
sleeps until a thread that waits for the queue's calls finds the slot among the used ones.
"""

from __future__ import annotations

import os
import select
import struct
import threading
from queue import Empty, SimpleQueue
from typing import Final

from puffpy.userkernel import UserKernel
from puffpy.userkernel.link import Hear
from puffpy.wire.messages import MESSAGES
from puffpy.wire.opcodes import Opcode
from puffpy.wire.structs import IN_HEADER, OUT_HEADER
from tests.vhostuser.front_end import MIB, PATIENCE, FrontEnd

NEXT, WRITE, INDIRECT = 1, 2, 4
DESCRIPTOR: Final = struct.Struct("<QIHH")
RING: Final = 64 * 1024
"""The memory of one queue's rings, and its slots' descriptor tables."""

SLOT: Final = 3 * MIB
TABLE: Final = 16 * 1024
PIECES: Final = 100
"""Into how many pieces a part of a request is cut at most."""


class Queue:
    """One queue of *size* descriptors with *slots* slots, its rings at *rings*, its slots from *area* on."""

    def __init__(
        self,
        machine: FrontEnd,
        index: int,
        *,
        rings: int,
        area: int,
        slots: int = 2,
        size: int = 512,
        piece: int = 4096,
        indirect: bool = True,
    ) -> None:
        self.machine, self.index, self.size = machine, index, size
        self.kick, self.call = os.eventfd(0, os.EFD_CLOEXEC), os.eventfd(0, os.EFD_CLOEXEC)
        self.descriptors, self.avail, self.used = rings, rings + size * 16, rings + size * 16 + 8192
        self._area, self._piece, self._indirect = area, piece, indirect
        self._free: SimpleQueue[int] = SimpleQueue()
        for slot in range(slots):
            self._free.put(slot)
        self._per_slot = size // slots
        self._answers: dict[int, SimpleQueue[int]] = {
            slot * self._per_slot: SimpleQueue() for slot in range(slots)
        }
        self._lock = threading.Lock()
        self._offered = self._seen = 0
        self._quit = os.eventfd(0, os.EFD_CLOEXEC)
        self._fds = [self.kick, self.call, self._quit]
        self._waiter = threading.Thread(target=self._wait, daemon=True)

    def start(self) -> None:
        """As a driver does that has just been loaded: the rings are empty."""
        self.machine.write(self.avail, bytes(4))
        self.machine.write(self.used, bytes(4))
        self._offered = self._seen = 0
        self.resume(0)
        if not self._waiter.is_alive():
            self._waiter.start()

    def resume(self, base: int) -> None:
        """Have the device go on at *base*."""
        addresses = self.descriptors, self.avail, self.used
        self.machine.place(self.index, self.size, addresses, self.kick, self.call, base)

    def close(self) -> None:
        """Nobody waits any more."""
        if self._waiter.is_alive():
            os.eventfd_write(self._quit, 1)
            self._waiter.join()
        while self._fds:
            os.close(self._fds.pop())

    def ask(self, parts: list[bytes], room: list[int]) -> bytes:
        """Put *parts* in, with *room* for the answer; return the answer."""
        slot = self._free.get(timeout=PATIENCE)
        try:
            head, answer_at = self._lay_out(slot, parts, room)
            self._offer(head)
            written = self._answers[head].get(timeout=PATIENCE)
            return self.machine.read(answer_at, written)
        finally:
            self._free.put(slot)

    def offer(self, parts: list[bytes], room: list[int]) -> SimpleQueue[int]:
        """Put *parts* in and return at once what will get the size of the answer; uses up a slot."""
        head, _ = self._lay_out(self._free.get(timeout=PATIENCE), parts, room)
        self._offer(head)
        return self._answers[head]

    def _lay_out(self, slot: int, parts: list[bytes], room: list[int]) -> tuple[int, int]:
        base = self._area + slot * SLOT
        at = base + TABLE
        buffers = []
        for part in parts:
            self.machine.write(at, part)
            buffers += self._cut(at, len(part), 0)
            at += len(part)
        answer_at = at
        for size in room:
            buffers += self._cut(at, size, WRITE)
            at += size
        assert at <= base + SLOT
        head = slot * self._per_slot
        self._describe(head, base, buffers)
        return head, answer_at

    def _cut(self, address: int, size: int, flags: int) -> list[tuple[int, int, int]]:
        piece = max(self._piece, -(-size // PIECES))
        return [(address + at, min(piece, size - at), flags) for at in range(0, size, piece)]

    def _describe(self, head: int, base: int, buffers: list[tuple[int, int, int]]) -> None:
        first = 0 if self._indirect else head
        table = b"".join(
            DESCRIPTOR.pack(address, size, flags | NEXT, first + number)
            for number, (address, size, flags) in enumerate(buffers[:-1], 1)
        ) + DESCRIPTOR.pack(*buffers[-1], 0)
        if self._indirect:
            self.machine.write(base, table)
            table = DESCRIPTOR.pack(base, len(table), INDIRECT, 0)
        else:
            assert len(buffers) <= self._per_slot
        self.machine.write(self.descriptors + head * 16, table)

    def _offer(self, head: int) -> None:
        with self._lock:
            self.machine.write(self.avail + 4 + self._offered % self.size * 2, struct.pack("<H", head))
            self._offered = (self._offered + 1) & 0xFFFF
            self.machine.write(self.avail + 2, struct.pack("<H", self._offered))
        os.eventfd_write(self.kick, 1)

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self.call, select.POLLIN)
        poll.register(self._quit, select.POLLIN)
        while all(fd == self.call for fd, _ in poll.poll()):
            os.eventfd_read(self.call)
            (done,) = struct.unpack("<H", self.machine.read(self.used + 2, 2))
            while self._seen != done:
                head, written = struct.unpack(
                    "<II", self.machine.read(self.used + 4 + self._seen % self.size * 8, 8)
                )
                self._seen = (self._seen + 1) & 0xFFFF
                self._answers[head].put(written)


class Guest:
    """A machine with its driver loaded: a queue for what is urgent, and *requests* others."""

    limit = 0

    def __init__(
        self,
        machine: FrontEnd,
        *,
        requests: int = 1,
        piece: int = 4096,
        indirect: bool = True,
        slots: int = 2,
    ) -> None:
        self.machine = machine
        self.queues = [
            Queue(
                self.machine,
                index,
                rings=index * RING,
                # The first slot of queue 1 lies across the border of two regions.
                area=4 * RING + index * slots * SLOT,
                slots=slots,
                piece=piece,
                indirect=indirect,
            )
            for index in range(requests + 1)
        ]
        self._next = 0
        self.machine.introduce()
        self.load(indirect=indirect)

    def load(self, *, indirect: bool = True) -> None:
        """The driver is loaded: from now on there are queues."""
        self.machine.share(indirect=indirect)
        for queue in self.queues:
            queue.start()

    def unload(self) -> None:
        """The driver is unloaded, or the machine is reset."""
        for queue in self.queues:
            self.machine.stop(queue.index)

    def mount(self) -> UserKernel:
        """Return a kernel that has mounted what the device gives it."""
        return UserKernel(self)

    # a link

    def listen(self, hear: Hear) -> None:
        """Nothing comes unasked."""

    def call(self, request: bytes) -> bytes:
        """See :meth:`Link.call`."""
        self._next += 1
        queue = self.queues[1 + self._next % (len(self.queues) - 1)]
        try:
            return queue.ask(parts_of(request), room_for(request))
        except Empty:
            raise AssertionError("no answer") from None

    def post(self, message: bytes) -> None:
        """See :meth:`Link.post`."""
        assert self.queues[0].ask([message], []) == b""

    def resend(self) -> None:
        """See :meth:`Link.resend`."""

    def close(self) -> None:
        """The machine is switched off."""
        for queue in self.queues:
            queue.close()
        self.machine.close()


def parts_of(request: bytes) -> list[bytes]:
    """Return a request in the parts that Linux has: header, body, data."""
    opcode = IN_HEADER.unpack_from(request)[1]
    layout = MESSAGES[Opcode(opcode)].request
    end = IN_HEADER.size + (layout.size if layout else 0)
    return [
        part for part in (request[: IN_HEADER.size], request[IN_HEADER.size : end], request[end:]) if part
    ]


def room_for(request: bytes) -> list[int]:
    """Return the room that a guest leaves for the answer to *request*."""
    opcode = Opcode(IN_HEADER.unpack_from(request)[1])
    message = MESSAGES[opcode]
    layout = message.request
    data = 0
    if message.reply_data:
        fields = layout.named(layout.unpack_from(request, IN_HEADER.size)) if layout else {}
        data = fields.get("size", 4096) or 8  # the length alone of an extended attribute
    fixed = message.reply.size if message.reply and not (message.reply_data and data) else 0
    return [size for size in (OUT_HEADER.size, fixed, data) if size]
