"""Virtual machines: a vhost-user-fs device, which gives a guest the file system as virtiofs.

Of a message, only what the device itself has to know is looked at.

Theory of operation.  A front end (QEMU, cloud-hypervisor, crosvm) connects to a socket, sends the guest's
memory and says where the queues are; from then on the guest puts requests into them and kicks an eventfd.
One thread, in ``receive``, waits for all of this.  A request gets a number of our own in place of the
guest's: the guest starts anew with each boot, and an answer that comes late must not meet a question that
only looks like its own.

The front end may leave, and the next one come, for as long as the bridge is attached.  A guest that goes
without a word (it was reset, or its machine ended) is taken leave of here: the session gets the DESTROY that
did not come, and so may expect an INIT after it.  Whatever a guest or a front end does wrong ends the
connection, with a line in the log; the same thing again and again has a few (``puffpy.complaints``).
"""

from __future__ import annotations

import errno
import itertools
import logging
import os
import platform
import select
import threading
from collections import deque
from typing import Final

import attrs
from typing_extensions import Buffer

from puffpy.bridges.vhostuser import listening
from puffpy.bridges.vhostuser.chains import Chain, cut, gather, scatter
from puffpy.bridges.vhostuser.commands import commands
from puffpy.bridges.vhostuser.device import Device
from puffpy.bridges.vhostuser.greeting import Greeting
from puffpy.bridges.vhostuser.passthrough import HEAD, OPENED_AT, Passthrough, flags_of
from puffpy.bridges.vhostuser.readonly import changes
from puffpy.bridges.vhostuser.rings import ORDERLY, Ring
from puffpy.complaints import Complaints, place_of
from puffpy.errors import MountError, WireError
from puffpy.options import MountOptions
from puffpy.wire import MESSAGES, Opcode
from puffpy.wire.structs import IN_HEADER, INTERRUPT_IN, OUT_HEADER

log = logging.getLogger("puffpy")

UNANSWERED: Final = frozenset(
    {Opcode.INTERRUPT, *(opcode for opcode, row in MESSAGES.items() if not row.answered)}
)
"""What a guest leaves no room for an answer to, or gets none in it (virtio 1.2, 5.11.6.2)."""

PASSED: Final = (Opcode.READ, Opcode.WRITE)

AT_A_STRETCH: Final = 64
"""How many requests are taken before the control connection is looked at again."""

HEADER: Final = OUT_HEADER.size
NOBODY: Final = 0
"""In place of a pid: a process of the guest's is not one of ours."""

_unpack_in = IN_HEADER.struct.unpack_from
_pack_in = IN_HEADER.struct.pack_into
_unpack_out = OUT_HEADER.struct.unpack_from
_pack_out = OUT_HEADER.struct.pack


@attrs.define(eq=False)
class Asked:
    """A request that waits for its answer; *chain* is None for one that is ours and not the guest's."""

    ring: Ring | None
    chain: Chain | None
    unique: int
    opcode: int
    flags: int = 0


class VhostUser:
    """One vhost-user-fs device, listening at a socket whose path is what it is attached to.

    The lock guards the queues, for answers come from any thread; it is taken last, and no more is done under
    it than to fill and hand back a chain, or to handle a control message.
    """

    name = "vhost-user"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._over = False
        self._read_only = False
        self._listener: listening.Listener | None = None
        self._poller = select.epoll()
        self._waker = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poller.register(self._waker, select.EPOLLIN)
        self._device: Device | None = None
        self._busy: deque[Ring] = deque()
        self._stretch = 0
        self._postponed: tuple[Ring, Chain] | None = None
        self._asked: dict[int, Asked] = {}
        self._numbers = itertools.count(2, 2)
        self._greeting = Greeting()
        self._passthrough = Passthrough()
        self._conversing = False
        self._leaving = False
        self._told = False
        self._complaints = Complaints()

    @property
    def invitation(self) -> str:
        """What to tell QEMU, and the guest."""
        return commands(self._listener.path if self._listener is not None else "PATH")

    def attach(self, mountpoint: str, options: MountOptions) -> None:
        """Listen at the path *mountpoint*."""
        if platform.machine() not in ORDERLY:
            raise MountError(
                "virtual machines need a processor that keeps the order of stores, which "
                f"{platform.machine()} does not: use an x86 machine",
                errno.EOPNOTSUPP,
            )
        self._read_only = options.ro
        self._listener = listening.Listener(mountpoint)
        self._poller.register(self._listener.sock, select.EPOLLIN)

    def receive(self, buffer: bytearray) -> int:
        """Return the next request of whichever guest there is."""
        with memoryview(buffer) as whole:
            while not self._over:
                try:
                    if self._leaving:
                        return self._take_leave(whole)
                    size = self._next(whole)
                    if size:
                        return size
                    self._wait()
                except WireError as exc:
                    self._complaints.error(place_of(exc), "vhost-user: %s; the connection ends", exc)
                    self._hang_up()
                except (OSError, ValueError):
                    if not self._over:  # else it was closed from under us
                        raise
            return 0

    def send(self, message: bytes | tuple[Buffer, ...]) -> bool:
        """Hand over one answer; from any thread."""
        rest: tuple[Buffer, ...] = ()
        if type(message) is tuple:
            first, rest = bytes(message[0]), message[1:]
        else:
            first = message  # type: ignore[assignment]  # bytes, the only other form
        size, error, number = _unpack_out(first)
        asked = self._asked.pop(number, None)
        if asked is None:
            return self._unasked(number)
        ring, chain = asked.ring, asked.chain
        if ring is None or chain is None:
            return True
        if not error:
            if asked.opcode == Opcode.INIT:
                self._conversing = True
                first = self._greeting.answer(first)
            elif asked.opcode == Opcode.DESTROY:
                self._conversing = False
                self._passthrough.forget()
            elif asked.opcode in OPENED_AT:
                first = self._passthrough.opened(asked.opcode, asked.flags, first)
        fits = size <= chain.room
        if fits:
            pieces = (_pack_out(size, error, asked.unique) + first[HEADER:], *rest)
        else:
            pieces = (_pack_out(HEADER, -errno.EIO, asked.unique),)
        with self._lock:
            return ring.answer(chain, pieces) and fits

    def backing_open(self, fd: int) -> int:
        """Have *fd* read and written here, straight to and from the guest's memory."""
        return self._passthrough.register(fd)

    def backing_close(self, backing_id: int) -> None:
        """Let go of it."""
        self._passthrough.unregister(backing_id)

    def detach(self) -> bool:
        """End, unless a machine is connected."""
        if self._device is None:
            self._end()
        return self._over

    def cut(self, receiver: int) -> None:  # noqa: ARG002  the waker wakes whoever receives
        """Have ``receive`` return 0 from now on."""
        self._end()

    def close(self) -> None:
        """Leave the machine and the socket; the guest's further requests wait for ever."""
        self._end()
        with self._lock:
            if self._listener is not None:
                self._listener.close()
                self._listener = None
            if self._device is not None:
                self._device.close()
                self._device = None
            self._poller.close()
            waker, self._waker = self._waker, -1
            if waker >= 0:
                os.close(waker)
        self._asked.clear()
        self._complaints.sum_up()

    # receiving

    def _next(self, buffer: memoryview) -> int:
        """Put the next request of a busy ring into *buffer*; return its size, 0 if there is none for now."""
        postponed, self._postponed = self._postponed, None
        if postponed is not None:
            return self._accept(*postponed, buffer)
        while self._busy:
            self._stretch += 1
            if self._stretch >= AT_A_STRETCH:
                return 0
            ring = self._busy[0]
            chain = ring.take() if ring.running else None
            if chain is None:
                self._busy.popleft()
                continue
            self._busy.rotate(-1)
            size = self._accept(ring, chain, buffer)
            if size:
                return size
        return 0

    def _accept(self, ring: Ring, chain: Chain, buffer: memoryview) -> int:
        """Answer the request in *chain*, or put it into *buffer* and return its size."""
        if not IN_HEADER.size <= chain.size <= len(buffer):
            raise WireError(f"{ring}: a request of {chain.size} bytes; there is room for {len(buffer)}")
        head = buffer[: min(chain.size, HEAD)]
        gather(chain.readable if chain.size <= HEAD else cut(chain.readable, 0, HEAD), head)
        length, opcode, unique, nodeid, uid, gid, _, extra = _unpack_in(head)
        flags = flags_of(head) if opcode in OPENED_AT else 0
        if chain.room < HEADER:
            if opcode not in UNANSWERED:
                raise WireError(f"{ring}: request {opcode} leaves {chain.room} bytes for its answer")
        elif self._read_only and changes(opcode, flags):
            return self._refuse(ring, chain, unique, errno.EROFS)
        elif opcode in PASSED:
            written = self._passthrough.answer(opcode, head, chain, unique)
            if written:
                return self._return(ring, chain, written)
        elif opcode == Opcode.INIT and self._conversing:
            self._postponed, self._leaving = (ring, chain), True
            return self._take_leave(buffer)
        message = buffer[: chain.size]
        if chain.size > HEAD:
            gather(cut(chain.readable, HEAD, chain.size), message[HEAD:])
        number = next(self._numbers)
        _pack_in(message, 0, length, opcode, number, nodeid, uid, gid, NOBODY, extra)
        self._watch(opcode, message)
        if opcode in UNANSWERED:
            self._return(ring, chain, 0)
        else:
            self._asked[number] = Asked(ring, chain, unique, opcode, flags)
        return chain.size

    def _watch(self, opcode: int, message: memoryview) -> None:
        """Take note of what the session is about to hear."""
        if opcode == Opcode.RELEASE:
            self._passthrough.released(message)
        elif opcode == Opcode.INIT:
            self._greeting.offer(message)
        elif opcode == Opcode.INTERRUPT and len(message) >= IN_HEADER.size + INTERRUPT_IN.size:
            (unique,) = INTERRUPT_IN.struct.unpack_from(message, IN_HEADER.size)
            known = (number for number, asked in list(self._asked.items()) if asked.unique == unique)
            INTERRUPT_IN.struct.pack_into(message, IN_HEADER.size, next(known, 0))

    def _refuse(self, ring: Ring, chain: Chain, unique: int, code: int) -> int:
        return self._return(ring, chain, scatter((_pack_out(HEADER, -code, unique),), chain.writable))

    def _return(self, ring: Ring, chain: Chain, written: int) -> int:
        with self._lock:
            ring.give(chain, written)
        return 0

    def _take_leave(self, buffer: memoryview) -> int:
        """Put the DESTROY into *buffer* that a guest did not send."""
        self._leaving = self._conversing = False
        self._passthrough.forget()
        number = next(self._numbers)
        self._asked[number] = Asked(None, None, 0, Opcode.DESTROY)
        _pack_in(buffer, 0, IN_HEADER.size, Opcode.DESTROY, number, 0, 0, 0, NOBODY, 0)
        return IN_HEADER.size

    # waiting

    def _wait(self) -> None:
        """Wait until there is something to do; only look, if some ring is known to be busy."""
        self._stretch = 0
        for fd, _ in self._poller.poll(0 if self._busy or self._postponed else -1):
            device = self._device
            if device is None:
                self._greet()
            elif fd in device.kicks:
                ring = device.kicks[fd]
                try:
                    os.read(fd, 8)
                except BlockingIOError:
                    pass  # the front end has looked itself
                if ring not in self._busy:
                    self._busy.append(ring)
            elif fd == device.control.fileno():
                self._obey(device)

    def _greet(self) -> None:
        """Take on the next front end; one at a time, for there is one session."""
        if self._listener is None or self._over:
            return
        control = self._listener.accept()
        if control is not None:
            self._poller.unregister(self._listener.sock)
            self._poller.register(control, select.EPOLLIN)
            self._device = Device(control, self._poller)

    def _obey(self, device: Device) -> None:
        message = device.control.receive()
        if message is None:
            self._hang_up()
            return
        with self._lock:
            device.handle(message)
            started, device.started = device.started, []
        # Requests may have been put there, and kicked for, before the ring ran.
        self._busy.extend(ring for ring in started if ring not in self._busy)

    def _hang_up(self) -> None:
        """The front end is gone, or is sent away."""
        with self._lock:
            device, self._device = self._device, None
            if device is not None:
                self._poller.unregister(device.control.fileno())
                device.close()
        self._busy.clear()
        self._postponed = None
        self._asked.clear()
        self._leaving = self._conversing
        if device is not None and self._listener is not None:
            self._poller.register(self._listener.sock, select.EPOLLIN)

    def _end(self) -> None:
        with self._lock:
            self._over = True
            if self._waker >= 0:
                os.eventfd_write(self._waker, 1)

    def _unasked(self, number: int) -> bool:
        """Drop what no guest asked for; there is no queue for what the guest is told by itself."""
        if not number and not self._told:
            self._told = True
            log.info("vhost-user: a guest cannot be told of changes; it finds out when its caches expire")
        return False
