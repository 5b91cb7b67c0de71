"""A split virtqueue, from the device's side: chains out of it, and back into it when they are answered.

What is in a chain is not known here; the guest that fills the ring is not trusted with anything.

Theory of operation.  The guest writes the number of a chain's first descriptor into *avail* and counts up its
index; the device reads both, and when the chain is done writes its number and how many bytes it wrote into
*used* and counts up that index.  Each element must be seen before the index that counts it.  The processors
that :data:`ORDERLY` names keep the order of loads and that of stores, and every access here is one load or
one store of its own width; on others Python has no means of it.  Nothing is read twice: what was checked may
change.
"""

from __future__ import annotations

import os
from typing import Final

from typing_extensions import Buffer

from puffpy.bridges.vhostuser.chains import Chain, scatter
from puffpy.bridges.vhostuser.memory import Memory
from puffpy.bridges.vhostuser.messages import QUEUE_SIZE
from puffpy.errors import WireError

ORDERLY: Final = frozenset({"x86_64", "i386", "i686", "AMD64"})
"""Machines (``platform.machine()``) whose memory order the rings can rely on, and that are little-endian."""

NEXT, WRITE, INDIRECT = 1, 2, 4
DESCRIPTOR_SIZE: Final = 16
LONGEST: Final = 1024
"""How many buffers a chain may have, which is also the most that one system call takes (IOV_MAX)."""

WRAP: Final = 0xFFFF
NONE: Final = -1


class Ring:
    """One queue: what the front end has said of it, and where it stands.

    It *runs* while it has addresses, a kick descriptor and leave to.  While it does not, nobody knows whether
    its machine is paused or rebooting, so answers are held, and no byte of the guest's memory is written.
    *life* counts its drivers: a ring that goes on where it was stopped keeps its chains and gets the answers,
    any other belongs to a new driver, whose memory holds other things by now.
    """

    def __init__(self, index: int) -> None:
        self.index = index
        self.size = 0
        self.addresses: tuple[int, int, int] | None = None
        self.kick = NONE
        self.call = NONE
        self.enabled = False
        self.running = False
        self.life = 0
        self._next = 0
        self._done = 0
        self._out = 0
        self._base: int | None = None
        self._memory = Memory()
        self._held: list[tuple[Chain, bytes]] = []

    def __repr__(self) -> str:
        return f"queue {self.index}"

    def resize(self, size: int) -> None:
        """Have *size* descriptors from now on."""
        if not 0 < size <= QUEUE_SIZE or size & (size - 1):
            raise WireError(f"{self} of {size} descriptors; expected a power of two up to {QUEUE_SIZE}")
        if self.running:
            raise WireError(f"{self} is given another size while it runs")
        self.size = size

    def place(self, descriptors: int, used: int, avail: int, memory: Memory) -> None:
        """Be at these addresses of the front end's."""
        if descriptors % DESCRIPTOR_SIZE or used % 4 or avail % 2:
            raise WireError(f"{self} is not aligned: {descriptors:#x}, {used:#x}, {avail:#x}")
        self.addresses = descriptors, used, avail
        if self.running:
            self.map(memory)

    def begin_at(self, base: int) -> None:
        """The next chain to be taken is the *base*-th."""
        if self.running:
            raise WireError(f"{self} is sent elsewhere while it runs")
        self._base = base & WRAP

    def map(self, memory: Memory) -> None:
        """Find the ring in *memory*."""
        if self.addresses is None or not self.size:
            raise WireError(f"{self} is started without {'a size' if self.addresses else 'addresses'}")
        descriptors, used, avail = self.addresses
        self._memory = memory
        self._table = memory.user(descriptors, DESCRIPTOR_SIZE * self.size).cast("Q")
        self._avail = memory.user(avail, 4 + 2 * self.size).cast("H")
        used_bytes = memory.user(used, 4 + 8 * self.size)
        self._used, self._used_index = used_bytes.cast("I"), used_bytes.cast("H")

    def start(self, memory: Memory) -> None:
        """Run, from where the front end said or where it stopped."""
        self.map(memory)
        base = self._next if self._base is None else self._base
        done = self._used_index[1]
        if base != self._next or done != self._done:
            self.life += 1
            self._out = 0
            self._held.clear()
        self._next, self._done, self._base = base, done, None
        self.running = True
        held, self._held = self._held, []
        for chain, reply in held:
            self.answer(chain, (reply,))

    def stop(self) -> int:
        """Stop; return the number of the next chain that would have been taken."""
        self.running = False
        return self._next

    def take(self) -> Chain | None:
        """Return the next chain, None if there is none.

        Raises:
            WireError: the ring or the chain is not as it must be.
        """
        waiting = (self._avail[1] - self._next) & WRAP
        if not waiting:
            return None
        if waiting > self.size:
            raise WireError(f"{self} claims {waiting} chains, and has {self.size} descriptors")
        if self._out >= self.size:
            # Each chain has a descriptor that is in no other until it is handed back.
            raise WireError(f"{self} hands over chains that were not handed back")
        head = self._avail[2 + self._next % self.size]
        chain = self._walk(head)
        self._next = (self._next + 1) & WRAP
        self._out += 1
        return chain

    def answer(self, chain: Chain, pieces: tuple[Buffer, ...]) -> bool:
        """Put *pieces* into *chain* and hand it back; later, if the ring does not run.

        Returns: False if nobody waits for it any more.
        """
        if chain.life != self.life:
            return False
        if self.running:
            self.give(chain, scatter(pieces, chain.writable))
        else:
            self._held.append((chain, b"".join(pieces)))
        return True

    def give(self, chain: Chain, written: int) -> None:
        """Hand back *chain*, *written* bytes of it filled; the ring runs."""
        slot = self._done % self.size * 2
        self._used[1 + slot] = chain.head
        self._used[2 + slot] = written
        self._done = (self._done + 1) & WRAP
        self._used_index[1] = self._done
        self._out -= 1
        if self.call != NONE:
            try:
                os.eventfd_write(self.call, 1)
            except OSError:
                pass  # as full of wake-ups as can be, or no descriptor to wake by: the guest's loss

    def _walk(self, head: int) -> Chain:
        readable: list[memoryview] = []
        writable: list[memoryview] = []
        size = room = 0
        table, count, index = self._table, self.size, head
        reach = self._memory.reach
        for _ in range(LONGEST):
            if index >= count:
                raise WireError(f"{self}: descriptor {index} of {count}")
            address, word = table[2 * index], table[2 * index + 1]
            length, flags = word & 0xFFFFFFFF, word >> 32 & 0xFFFF
            if flags & INDIRECT:
                if count != self.size or table is not self._table or flags & NEXT:
                    raise WireError(f"{self}: an indirect descriptor inside another, or before another")
                table, count, index = self._indirect(address, length), length // DESCRIPTOR_SIZE, 0
                continue
            if not length:
                raise WireError(f"{self}: a buffer of no length")
            if flags & WRITE:
                reach(address, length, writable)
                room += length
            else:
                if room:
                    raise WireError(f"{self}: a buffer to be read behind one to be written")
                reach(address, length, readable)
                size += length
            if not flags & NEXT:
                return Chain(head, self.life, readable, size, writable, room)
            index = word >> 48
        raise WireError(f"{self}: a chain of more than {LONGEST} buffers, or one that bites its tail")

    def _indirect(self, address: int, length: int) -> memoryview:
        """Return a copy of the table of *length* bytes at the guest's *address*."""
        if length % DESCRIPTOR_SIZE or not 0 < length <= LONGEST * DESCRIPTOR_SIZE:
            raise WireError(f"{self}: a table of {length} bytes")
        views: list[memoryview] = []
        self._memory.reach(address, length, views)
        return memoryview(b"".join(views)).cast("Q")
