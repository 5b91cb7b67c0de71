"""Looks after the thread that serves a mount: one that waits for itself, one that does not come back.

What is done about operations that run beside it is the session's (``puffpy.session.beside``).

Theory of operation.  The stack of the serving thread is looked at from time to time, which costs a request
nothing.  If it is still in the operation that it was in the last time, the requests that wait for it are read
in its stead.  One that comes from that very thread would wait for ever: the operation has touched its own
mount.  It is refused with EDEADLK, and the operation goes on with that error.  An INTERRUPT of what it is
doing is obeyed: the caller gets EINTR at once, and the operation's ``call`` says so.  All others are kept for
the thread in their order.  An operation that takes longer than PATIENCE is logged with its stack, once; one
that takes longer than the mount's ``timeout`` is answered with ETIMEDOUT and told to end by an exception.
Where not even that ends it, because it does not return from foreign code, another thread takes its place.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import struct
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Protocol, runtime_checkable

import attrs

from puffpy.errors import TimedOut
from puffpy.types import Call
from puffpy.wire import Opcode, dump
from puffpy.wire.structs import IN_HEADER, INTERRUPT_IN

log = logging.getLogger("puffpy")

PERIOD, CLOSER = 0.25, 0.03
"""Seconds between two looks, and between two at an operation that takes its time."""

PATIENCE = 10.0
"""Seconds after which an operation that runs inline is logged, for it holds up everybody."""

UNIQUE = struct.Struct("=Q")
UNIQUE_AT = 8
"""Where a message has its unique."""

MOST = 1024
"""How many messages are read in the serving thread's stead; the rest waits in the kernel."""


@runtime_checkable
class Glancing(Protocol):
    """A bridge that can say whether there is a message."""

    def receive_now(self, buffer: bytearray) -> int:
        """Put the next message into *buffer* and return its size; 0 if there is none at the moment."""


@attrs.define(eq=False)
class Served:
    """The thread that serves: what it is handling is in *buffer*, what was read for it in *backlog*.

    Its stack shows *handling* while it is in an operation.  *refuse* answers a message with an errno,
    *replace* has another thread go on.
    """

    handling: CodeType
    refuse: Callable[[bytes, int], object]
    replace: Callable[[], object]
    backlog: deque[tuple[bytearray, int]] = attrs.field(factory=deque)
    buffer: bytearray = attrs.field(factory=bytearray)
    ident: int = 0
    native_id: int = 0

    def begin(self) -> int:
        """The calling thread serves from now on; return its number."""
        self.ident, self.native_id = threading.get_ident(), threading.get_native_id()
        return self.ident

    def next(self) -> int:
        """Take the next message of the backlog as what is being handled; return its size."""
        self.buffer, size = self.backlog.popleft()
        return size

    def stack(self) -> FrameType | None:
        """Return the innermost frame of the thread if it is in an operation."""
        innermost = frame = sys._current_frames().get(self.ident)  # what debuggers use
        while frame is not None:
            if frame.f_code is self.handling:
                return innermost
            frame = frame.f_back
        return None

    def interrupted(self) -> None:
        """Tell the operation that its caller has gone: its handler's frame knows the ``call``."""
        frame, below = self.stack(), None
        while frame is not None and frame.f_code is not self.handling:
            frame, below = frame.f_back, frame
        call = below.f_locals.get("call") if below is not None else None
        if isinstance(call, Call):
            call.interrupted = True

    def message(self) -> bytes:
        """Return the message that is being handled."""
        size = IN_HEADER.struct.unpack_from(self.buffer)[0]
        return bytes(memoryview(self.buffer)[:size])


class Watchdog:
    """Looks after *served*, which reads from *bridge* into buffers of *size* bytes.

    *timeout* is in seconds, 0 is for ever; *expire* is called to have requests that run beside the thread
    keep it as well.
    """

    def __init__(
        self, served: Served, bridge: object, size: int, timeout: float, expire: Callable[[float], object]
    ) -> None:
        self._served, self._size, self._timeout, self._expire = served, size, timeout, expire
        self._bridge = bridge if isinstance(bridge, Glancing) else None
        self._unique = -1
        self._since = 0.0
        self._done: set[str] = set()

    def run(self, ended: threading.Event) -> None:
        """Look, until *ended*."""
        busy = False
        while not ended.wait(CLOSER if busy else PERIOD):
            try:
                busy = self.look()
                if self._timeout:
                    self._expire(self._timeout)
            except Exception:
                log.exception("the watchdog goes on")

    def look(self) -> bool:
        """Look once; tell whether there is an operation to be watched."""
        frame = self._served.stack()
        unique = UNIQUE.unpack_from(self._served.buffer, UNIQUE_AT)[0] if frame is not None else -1
        if frame is None or unique != self._unique:
            self._unique, self._since = unique, time.monotonic()
            self._done.clear()
            return frame is not None
        message = self._served.message()
        self._read_on(frame, message)
        self._judge(frame, message, time.monotonic() - self._since)
        return True

    def _first_time(self, what: str) -> bool:
        """Tell whether *what* is still to be done about the operation at hand."""
        new = what not in self._done
        self._done.add(what)
        return new

    def _read_on(self, frame: FrameType, handled: bytes) -> None:
        """Read what waits, and refuse what the serving thread itself waits for."""
        backlog = self._served.backlog
        while self._bridge is not None and len(backlog) < MOST:
            buffer = bytearray(self._size)
            size = self._bridge.receive_now(buffer)
            if not size:
                return
            _, opcode, _, _, _, _, pid, _ = IN_HEADER.struct.unpack_from(buffer)
            if opcode == Opcode.INTERRUPT and self._obeyed(buffer, handled):
                continue
            if pid != self._served.native_id:
                backlog.append((buffer, size))
                continue
            message = bytes(memoryview(buffer)[:size])
            log.error(
                "an operation touches its own mount, which waits for that operation: it gets EDEADLK\n"
                "  it answers   %s\n  and asks for %s\n%s",
                dump(handled),
                dump(message),
                _shown(frame),
            )
            self._served.refuse(message, errno.EDEADLK)

    def _obeyed(self, buffer: bytearray, handled: bytes) -> bool:
        """Answer the caller of *handled*, if *buffer* interrupts it; it does not wait any more."""
        if INTERRUPT_IN.unpack_from(buffer, IN_HEADER.size)[0] != self._unique:
            return False
        if self._first_time("interrupt"):
            self._served.refuse(handled, errno.EINTR)
            self._served.interrupted()
        return True

    def _judge(self, frame: FrameType, message: bytes, taken: float) -> None:
        if taken > PATIENCE and self._first_time("log"):
            advice = "everybody waits for an operation, unless it is @puffpy.blocking"
            log.warning("%s: %.0f s for %s\n%s", advice, taken, dump(message), _shown(frame))
        if not self._timeout or taken < self._timeout:
            return
        if self._first_time("refuse"):
            log.error(
                "no answer within %g s: ETIMEDOUT for %s\n%s", self._timeout, dump(message), _shown(frame)
            )
            self._served.refuse(message, errno.ETIMEDOUT)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._served.ident), ctypes.py_object(TimedOut)
            )
        elif self._first_time("replace"):
            log.error("it does not come back from foreign code: another thread serves on")
            self._served.replace()


def _shown(frame: FrameType) -> str:
    return "".join(traceback.format_stack(frame)).rstrip()
