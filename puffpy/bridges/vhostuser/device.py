"""The device that a front end sets up: features, memory and rings, message by message.

Nothing is read from a ring here.
"""

from __future__ import annotations

import os
import select
from typing import Final

from puffpy.bridges.vhostuser.control import Control, Message, close_all
from puffpy.bridges.vhostuser.memory import Memory, Region
from puffpy.bridges.vhostuser.messages import (
    FEATURES,
    INDEX_MASK,
    NO_DESCRIPTOR,
    PROTOCOL_FEATURES,
    QUEUES,
    ROWS,
    SLOTS,
    STATE,
    U64,
    Feature,
    ProtocolFeature,
)
from puffpy.bridges.vhostuser.rings import NONE, Ring
from puffpy.errors import WireError

DONE: Final = U64.pack(0)
"""The acknowledgement of what has been done."""


class Device:
    """What one front end has set up so far.

    The kick descriptors of rings that run are registered with *poller* and found in ``kicks``; rings that
    have just started are in ``started``, for they may hold requests already.
    """

    def __init__(self, control: Control, poller: select.epoll) -> None:
        self.control = control
        self.rings: list[Ring] = []
        self.kicks: dict[int, Ring] = {}
        self.started: list[Ring] = []
        self._poller = poller
        self._memory = Memory()
        self._features = Feature(0)
        self._protocol = ProtocolFeature(0)

    def handle(self, message: Message) -> None:
        """Do as *message* says, and answer it if it wants an answer.

        Raises:
            WireError: it cannot be done.
        """
        request = message.request
        try:
            payload: bytes | None = getattr(self, "_" + request.name.lower())(message)
        finally:
            close_all(message.fds)
        if ROWS[request].answered:
            self.control.answer(request, payload or b"")
        elif message.acknowledge and self._protocol & ProtocolFeature.REPLY_ACK:
            self.control.answer(request, DONE)

    def close(self) -> None:
        """The front end is gone: no ring runs any more, and nothing of its is kept."""
        for ring in self.rings:
            self._stop(ring)
            if ring.call != NONE:
                os.close(ring.call)
                ring.call = NONE
        self.control.close()
        self._memory = Memory()

    # features

    def _get_features(self, _message: Message) -> bytes:
        return U64.pack(FEATURES)

    def _set_features(self, message: Message) -> None:
        chosen = message.values[0]
        if chosen & ~FEATURES or not chosen & Feature.VERSION_1:
            raise WireError(
                f"the guest's driver chose the features {chosen:#x} of {FEATURES:#x}; it must be a modern one"
            )
        self._features = Feature(chosen)

    def _get_protocol_features(self, _message: Message) -> bytes:
        return U64.pack(PROTOCOL_FEATURES)

    def _set_protocol_features(self, message: Message) -> None:
        chosen = message.values[0]
        if chosen & ~PROTOCOL_FEATURES:
            raise WireError(f"the protocol features {chosen:#x} were not offered")
        self._protocol = ProtocolFeature(chosen)

    def _get_queue_num(self, _message: Message) -> bytes:
        return U64.pack(QUEUES)

    def _set_owner(self, _message: Message) -> None:
        """One connection has one owner anyhow."""

    def _reset_owner(self, _message: Message) -> None:
        for ring in self.rings:
            self._stop(ring)

    # memory

    def _get_max_mem_slots(self, _message: Message) -> bytes:
        return U64.pack(SLOTS)

    def _set_mem_table(self, message: Message) -> None:
        count = message.values[0]
        if not count == len(message.repeated) == len(message.fds) <= SLOTS:
            raise WireError(
                f"SET_MEM_TABLE announces {count} regions and brings {len(message.repeated)} with "
                f"{len(message.fds)} descriptors"
            )
        pairs = zip(message.repeated, message.fds, strict=True)
        self._remember(Memory(_mapped(region, fd) for region, fd in pairs))

    def _add_mem_reg(self, message: Message) -> None:
        if len(message.repeated) != 1 or len(message.fds) != 1 or len(self._memory.regions) >= SLOTS:
            raise WireError("ADD_MEM_REG needs one region, one descriptor, and a free slot")
        self._remember(Memory([*self._memory.regions, _mapped(message.repeated[0], message.fds[0])]))

    def _rem_mem_reg(self, message: Message) -> None:
        if len(message.repeated) != 1:
            raise WireError("REM_MEM_REG needs one region")
        guest, size, user, _ = message.repeated[0]
        kept = [r for r in self._memory.regions if (r.guest, r.size, r.user) != (guest, size, user)]
        if len(kept) == len(self._memory.regions):
            raise WireError(f"REM_MEM_REG of {size} bytes at {guest:#x}, which is no region")
        self._remember(Memory(kept))

    def _remember(self, memory: Memory) -> None:
        self._memory = memory
        for ring in self.rings:
            if ring.running:
                ring.map(memory)

    # rings

    def _set_vring_num(self, message: Message) -> None:
        index, size = message.values
        self._ring(index).resize(size)

    def _set_vring_addr(self, message: Message) -> None:
        index, _, descriptors, used, avail, _ = message.values
        self._ring(index).place(descriptors, used, avail, self._memory)

    def _set_vring_base(self, message: Message) -> None:
        index, base = message.values
        self._ring(index).begin_at(base)

    def _get_vring_base(self, message: Message) -> bytes:
        ring = self._ring(message.values[0])
        self._stop(ring)
        return STATE.pack(ring.index, ring.stop())

    def _set_vring_kick(self, message: Message) -> None:
        ring = self._ring(message.values[0] & INDEX_MASK)
        self._stop(ring)
        if message.values[0] & NO_DESCRIPTOR or not message.fds:
            raise WireError(f"{ring} is to be polled; only a kick by a descriptor is understood")
        ring.kick = message.fds.pop()
        if not self._features & Feature.PROTOCOL_FEATURES:
            ring.enabled = True
        self._settle(ring)

    def _set_vring_call(self, message: Message) -> None:
        ring = self._ring(message.values[0] & INDEX_MASK)
        old, ring.call = ring.call, message.fds.pop() if message.fds else NONE
        if old != NONE:
            os.close(old)

    def _set_vring_err(self, message: Message) -> None:
        self._ring(message.values[0] & INDEX_MASK)  # its errors end the connection, which is told anyhow

    def _set_vring_enable(self, message: Message) -> None:
        index, on = message.values
        ring = self._ring(index)
        ring.enabled = bool(on)
        self._settle(ring)

    def _ring(self, index: int) -> Ring:
        if index >= QUEUES:
            raise WireError(f"queue {index}; there are {QUEUES}")
        while len(self.rings) <= index:
            self.rings.append(Ring(len(self.rings)))
        return self.rings[index]

    def _settle(self, ring: Ring) -> None:
        """Have *ring* run if it may, and not if it may not."""
        if ring.enabled and ring.kick != NONE:
            if not ring.running:
                ring.start(self._memory)
                self.started.append(ring)
                self._watch(ring)
        elif ring.running:
            self._unwatch(ring)
            ring.stop()

    def _stop(self, ring: Ring) -> None:
        self._unwatch(ring)
        ring.stop()
        kick, ring.kick = ring.kick, NONE
        if kick != NONE:
            os.close(kick)

    def _watch(self, ring: Ring) -> None:
        try:
            self._poller.register(ring.kick, select.EPOLLIN)
        except OSError as exc:
            raise WireError(f"{ring} cannot be kicked by the descriptor that came: {exc}") from exc
        self.kicks[ring.kick] = ring

    def _unwatch(self, ring: Ring) -> None:
        # Closing alone would not end the polling: the front end has the same eventfd open.
        if self.kicks.pop(ring.kick, None) is not None:
            self._poller.unregister(ring.kick)


def _mapped(region: tuple[int, ...], fd: int) -> Region:
    guest, size, user, offset = region
    return Region.map(guest, size, user, offset, fd)
