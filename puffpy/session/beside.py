"""What is answered beside the conversation: requests whose operation a worker or an event loop runs.

What a parked request is, and why its handler is run twice, is in ``puffpy.dispatch.parking``.
"""

from __future__ import annotations

import errno
import logging
import queue
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

from puffpy.complaints import Complaints
from puffpy.dispatch import Message, Parked, Parking, Reply, Request, Taken
from puffpy.errors import FsError
from puffpy.ops import Manner
from puffpy.runners import Runner, Workers, stack_of
from puffpy.types import Call
from puffpy.wire import MESSAGES, dump
from puffpy.wire.structs import IN_HEADER, OUT_HEADER

log = logging.getLogger("puffpy")

WORKERS = 8
"""How many worker threads there are at most where nobody says."""

UNANSWERED = frozenset(int(opcode) for opcode, message in MESSAGES.items() if not message.answered)
"""What has no number of its own that counts; NOTIFY_REPLY has that of the notification."""

PRIVATE = 1 << 62
"""Marks the unique of a request of the session's own, whose reply nobody waits for."""

SPARE = 8
"""How many receive buffers are kept for reuse."""

PATIENCE = 1.0
"""Seconds to wait at the end for operations that still run."""

Deliver: TypeAlias = Callable[[Message, Reply], bool]
"""Takes a message and its reply, which comes late; False: the kernel did not want it any more."""


class Beside:
    """The parked requests of one session, and what runs their operations.

    *answer* runs a message's handler, *deliver* sends a late reply, *take_back* undoes one that nobody got.
    """

    def __init__(
        self,
        parking: Parking,
        answer: Callable[[Message, int], Reply],
        deliver: Deliver,
        take_back: Callable[[Message, Reply], object],
        *,
        workers: int = 0,
        loop: Runner | None = None,
    ) -> None:
        self.parking = parking
        self._answer, self._deliver, self._take_back = answer, deliver, take_back
        self._most = workers or WORKERS
        self._workers = Workers(self._most)
        self._loop = loop
        self._spare: list[bytearray] = []
        self._kept: Message | None = None
        self._over = False
        self._lends = False
        self._complaints = Complaints()

    def receive(self, message: Message, size: int) -> Reply:
        """As :meth:`Session.receive`, where others may be finishing parked requests at the same time."""
        parking = self.parking
        with parking:
            if len(parking) and size >= IN_HEADER.size:
                _, opcode, unique, *_ = IN_HEADER.struct.unpack_from(message)
                if parking.holds(unique) and opcode not in UNANSWERED:
                    # No kernel does that; the handler would take the other one's answers for its own.
                    self._complaints.error(
                        "unique", "request %d came twice, and has no answer yet; dropped", unique
                    )
                    return None
            parking.hand_over(message, size)
            try:
                return self._answer(message, size)
            finally:
                parking.answered()

    def lend(self) -> Beside | None:
        """Let operations that are quick as a rule run in the thread that calls :meth:`receive`.

        Returns: ourselves, for whoever waits for :meth:`overdue`, has :meth:`take_back` done and serves on;
        None where there are no such operations.
        """
        # One worker means one operation at a time.
        self._lends = self._most != 1 and Manner.WORKER in self.parking.manners.values()
        return self if self._lends else None

    def overdue(self) -> Call | None:
        """See :meth:`Lending.overdue`."""
        return self.parking.lending.overdue()

    def take_back(self, call: Call, begin: Callable[[], object]) -> bool:
        """Take the serving thread from the operation that sees *call*, and *begin* to serve in its stead.

        Returns: False if the operation has ended.
        """
        with self.parking.lock:
            if not self.parking.take_back(call):
                return False
            self.parking.lending.distrust()
            begin()
            return True

    def begin(self, parked: Parked, message: Message, size: int, unique: int) -> None:
        """Park the request and start its operation.

        Raises:
            EDEADLK: an operation has touched its own mount, and would wait for itself.
            RuntimeError: nothing runs operations any more.
        """
        name, operation, args = parked.name, parked.operation, parked.args
        parked.__traceback__ = None  # its frames hold on to whatever called us
        if isinstance(parked, Taken):
            self._kept = message
            self._finished(self.parking.taken_back(parked.call), name, parked.answer, parked.exc)
            return
        request = self.parking.park(message, size, unique, args[-1])
        self._kept = message
        if self._lends and self.parking.manners[name] is Manner.WORKER:
            operation = self.parking.lending.timed(name, operation)

        def done(answer: Any, exc: BaseException | None) -> None:
            for arg in args:
                if type(arg) is memoryview:
                    with suppress(BufferError):  # somebody keeps a part of it, at their own risk
                        arg.release()
            self._finished(request, name, answer, exc)

        try:
            runner = self._runner(name)
            self._check_caller(runner, message, size)
            request.running = True
            request.cancel = runner.start(operation, args, done)
        except BaseException:
            request.running = False
            self.parking.leave(request)
            raise

    def interrupt(self, unique: int, code: int = errno.EINTR) -> None:
        """The caller of *unique* is answered now, with *code*, and its operation is told."""
        request = self.parking.interrupt(unique)
        if request is not None:
            self._deliver(request.message, OUT_HEADER.pack(OUT_HEADER.size, -code, unique))

    def expire(self, seconds: float) -> None:
        """Answer whoever has waited for longer than *seconds* with ETIMEDOUT."""
        with self.parking.lock:
            for unique in self.parking.late(seconds):
                log.error("no answer within %g s: request %d gets ETIMEDOUT", seconds, unique)
                self.interrupt(unique, errno.ETIMEDOUT)

    def buffer(self, last: bytearray) -> bytearray:
        """Return a buffer for the next message: *last* unless a parked request keeps that."""
        if self._kept is not last:
            return last
        self._kept = None
        return self._spare.pop() if self._spare else bytearray(len(last))

    def through(self, name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        """Return what runs *operation* to its end, for where the session itself waits for it."""
        if self.parking.manners.get(name) is not Manner.TASK:
            return operation

        def call(*args: Any) -> Any:
            box: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
            self._runner(name).start(operation, args, lambda *end: box.put(end))
            answer, exc = box.get()
            if exc is not None:
                raise exc
            return answer

        return call

    def settle(self) -> None:
        """Interrupt everything, and wait a little for it to end."""
        self.parking.interrupt_all(PATIENCE)

    def close(self) -> None:
        """Answer nothing more."""
        self._over = True
        self.parking.lending.close()
        self._workers.close()
        if self._loop is not None:
            self._loop.close()

    @staticmethod
    def _check_caller(runner: Runner, message: Message, size: int) -> None:
        """See that it is not one of the operations that *runner* runs which asks, and waits for itself.

        Raises:
            EDEADLK: it would.
        """
        caller = IN_HEADER.struct.unpack_from(message)[6]
        if runner.depends_on(caller):
            log.error(
                "an operation touches its own mount, and what would answer it waits for that operation: "
                "it gets EDEADLK\n  it asks for %s\n%s",
                dump(bytes(memoryview(message)[:size])),
                stack_of(caller),
            )
            raise FsError(errno.EDEADLK)

    def _runner(self, name: str) -> Runner:
        if self.parking.manners[name] is Manner.WORKER:
            return self._workers
        if self._loop is None:
            from puffpy.runners.tasks import Tasks  # asyncio takes longer to import than all the rest

            self._loop = Tasks()
        return self._loop

    def _finished(self, request: Request, name: str, answer: Any, exc: BaseException | None) -> None:
        """Run the handler again, now that its operation has ended; in the thread that has run it."""
        with self.parking:
            if self._over:
                return
            request.running = False
            request.answered.append((name, answer, exc))
            reply = self._answer(request.message, request.size)
            if request.running:
                return
            self.parking.leave(request)
            if reply is not None:
                wanted = request.wanted and not request.unique & PRIVATE
                if not wanted or not self._deliver(request.message, reply):
                    self._take_back(request.message, reply)
            if type(request.message) is bytearray and len(self._spare) < SPARE:
                self._spare.append(request.message)
