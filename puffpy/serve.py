"""The loop that drives a mount: receive, answer, send; and the threads and signals around it.

What a message means is the session's, how it travels the bridge's.

One thread receives and answers: threads make Python's file systems slower, not faster.  A second one only
sends what is not the reply to the message at hand (notifications, locks granted later), because the kernel
may make the sender of a notification wait for the answer to a request.  A third looks after the first
(``watchdog``).

Theory of operation of the end.  Whoever wants an end unmounts, and the loop goes on until the kernel lets go,
because unmounting may ask for things.  A mount in use cannot be unmounted; after a grace it is cut: once the
sender has nothing else to send it leaves, and then the bridge has nothing more to receive.  The loop must
outlive the sender, or a notification would wait for a lock whose holder waits for an answer that never comes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Sequence

from typing_extensions import Buffer

from puffpy.bridges import Bridge, Listening
from puffpy.errors import MountError
from puffpy.nodes import Commons
from puffpy.ops import VfsOps, VnodeOps
from puffpy.options import MountOptions
from puffpy.outbox import Outbox
from puffpy.record import Answer, Message, Observer, Recorder, Reply, What
from puffpy.runners import Runner
from puffpy.session import Memory, Session
from puffpy.types import BackingDevice
from puffpy.watchdog import Served, Watchdog
from puffpy.wire import NotifyCode, dump
from puffpy.wire.opcodes import UNIQUE_NOTIFY
from puffpy.wire.structs import IN_HEADER, NOTIFY_RETRIEVE_OUT, OUT_HEADER

log = logging.getLogger("puffpy")

GRACE = 1.0
"""Seconds that a mount still in use is served on after it was asked to end."""

RETRY = 0.05
"""Seconds between two attempts to unmount what is in use."""


class Server:
    """One mounted file system being served.

    *debug* shows every message and reply as a line on stderr; *recorder* writes them down.  *loop* runs what
    is ``async def``.  Servers of the same vectors share *commons*, and *turn* lets one of them in at a time.
    With a *memory* that knows of an earlier server, it goes on where that was cut off.
    """

    def __init__(
        self,
        vnodeops: VnodeOps,
        vfsops: VfsOps,
        options: MountOptions,
        bridge: Bridge,
        *,
        debug: bool = False,
        recorder: Recorder | None = None,
        loop: Runner | None = None,
        commons: Commons | None = None,
        turn: threading.Lock | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._later = Outbox(self._give_up)
        backing: BackingDevice | None = bridge if isinstance(bridge, BackingDevice) else None
        if backing is not None and recorder is not None:
            backing = recorder.backing_device(backing)
        self.session = Session(
            vnodeops,
            vfsops,
            options,
            self._later.put,
            backing,
            deliver=self._deliver,
            loop=loop,
            commons=commons,
            memory=memory,
        )
        self.bridge = bridge
        self._memory = memory
        self.ended = threading.Event()
        self._running = threading.Event()
        self._sender = threading.Thread(target=self._send_later, name="puffpy-sender", daemon=True)
        self._debug, self._recorder = debug, recorder
        self._answer: Answer = self.session.receive
        if turn is not None:
            self._answer = _by_turns(self._answer, turn)
        if debug:
            self._answer = shown(self._answer)
        if recorder is not None:
            self._answer = recorder.answering(self._answer)
        self._unobserved = self._answer
        self._observers: Sequence[Observer] = ()
        self._served = Served(Session.receive.__code__, self._refuse, self._replace)
        self._watchdog = Watchdog(
            self._served, bridge, self.session.buffer_size, options.timeout, self.session.expire
        )
        # What is done in turns, or written down as it is done, is done in one thread.
        self._lent = self.session.lend() if turn is None and memory is None else None
        self._receiver = 0
        self._closing = threading.Lock()  # a bridge is not cut while it is being closed

    def attach(self, mountpoint: str, options: MountOptions) -> None:
        """Mount, and answer INIT: when this returns, the mount works, unless somebody has unmounted it.

        A bridge that listens has only begun to: whoever comes, and whenever, is answered by :meth:`run`.

        Raises:
            MountError: something is missing or was refused, or the file system will not start.
        """
        self.bridge.attach(mountpoint, options)
        if isinstance(self.bridge, Listening):
            return
        try:
            if self._memory is not None and self._memory.terms is not None:
                self.session.resume()
                self.session.kernel.resend()
                return
            buffer = bytearray(self.session.buffer_size)
            while not self.session.ready:
                error = self._greet(buffer)
                if error is None:
                    return  # unmounted already, as could be in the next moment: the loop will find out
                if error:
                    raise MountError(
                        f"cannot serve {mountpoint}: {os.strerror(error)}: start() of the file system "
                        "failed, or the kernel is too old (then the log says so)",
                        error,
                    )
        except BaseException:
            self.bridge.close()
            self.session.close()
            raise

    def run(self) -> None:
        """Serve until the kernel has let go, or :meth:`cut`; then end the session."""
        self._sender.start()
        threading.Thread(
            target=self._watchdog.run, args=(self.ended,), name="puffpy-watchdog", daemon=True
        ).start()
        self._have_one_stand_by()
        self._serve()
        self.ended.wait()

    def _serve(self) -> None:
        """Serve in this thread; unless another one takes its place, the end is its affair as well."""
        me = self._receiver = self._served.begin()
        self._running.set()
        try:
            self._loop(me)
        finally:
            if self._served.ident == me:
                self._end()

    def _end(self) -> None:
        try:
            self._later.end()
            self._sender.join(GRACE)
            self.abandon()
            self.session.close()
        finally:
            self.ended.set()

    def _replace(self) -> None:
        """Have another thread serve on; the one that did so far leaves when it comes back."""
        threading.Thread(target=self._serve, name="puffpy-server", daemon=True).start()

    def _have_one_stand_by(self) -> None:
        if self._lent is not None:
            threading.Thread(target=self._stand_by, name="puffpy-standby", daemon=True).start()

    def _stand_by(self) -> None:
        """Take the serving thread's place as soon as an operation that it was lent to takes long."""
        lent = self._lent
        assert lent is not None
        while (call := lent.overdue()) is not None:
            if lent.take_back(call, self._served.begin):
                self._have_one_stand_by()
                self._serve()
                return

    def _refuse(self, message: bytes, code: int) -> None:
        """Answer *message* with an errno, from any thread."""
        unique = IN_HEADER.struct.unpack_from(message)[2]
        self._deliver(message, OUT_HEADER.pack(OUT_HEADER.size, -code, unique))

    def stop(self) -> None:
        """Unmount; a mount that is in use is served on for a grace and then cut.

        From any thread but the serving one, which has to answer what unmounting asks.
        """
        self._running.wait()
        deadline = time.monotonic() + GRACE
        while not self.bridge.detach():
            if self.ended.wait(RETRY) or time.monotonic() > deadline:
                break
        else:
            if self.ended.wait(GRACE):
                return
        self.cut()
        self.ended.wait(GRACE)

    def cut(self) -> None:
        """End the loop now, whoever uses the mount: as soon as the operation at hand returns."""
        self._later.end()
        threading.Thread(target=self._cut, name="puffpy-cut", daemon=True).start()

    def observe(self, observers: Sequence[Observer]) -> None:
        """Have *observers*, and no others, hear every message from the next one on.  From any thread."""
        answer = self._unobserved
        for observer in observers:
            answer = observer.answering(answer)
        self._answer, self._observers = answer, observers

    def abandon(self) -> None:
        """Take the mount away, even from under an operation that does not return."""
        with self._closing:
            self._receiver = 0
            self.bridge.close()

    def _loop(self, me: int) -> None:
        served, backlog, next_buffer = self._served, self._served.backlog, self.session.buffer
        buffer = served.buffer = bytearray(self.session.buffer_size)
        receive, send = self.bridge.receive, self.bridge.send
        while True:
            if backlog:
                size = served.next()
                buffer = served.buffer
            else:
                size = receive(buffer)
            if not size:
                return
            reply = self._answer(buffer, size)
            if reply is None:
                if served.ident != me:
                    return
                buffer = served.buffer = next_buffer(buffer)
                continue
            try:
                if not send(reply):
                    if served.ident != me:
                        return
                    self.session.undelivered(buffer, reply)
            except OSError as exc:
                self._refused(buffer, size, reply, exc)
            reply = None  # it may hold a file's storage, which the next request may want to resize

    def _greet(self, buffer: bytearray) -> int | None:
        """Receive and answer one message; return the errno of the reply, None once the kernel has let go."""
        size = self.bridge.receive(buffer)
        if not size:
            return None
        reply = self._answer(buffer, size)
        if reply is None:
            return 0
        self.bridge.send(reply)
        return -int(OUT_HEADER.unpack_from(_whole(reply))[1])

    def _refused(self, message: bytearray, size: int, reply: Reply, exc: OSError) -> None:
        """The kernel found *reply* impossible; its caller has got an error, and the mount lives."""
        log.error("the kernel refused the reply to %s: %s", dump(message[:size]), exc)
        self.session.undelivered(message, reply)

    def _deliver(self, message: Message, reply: Reply) -> bool:
        """Send a reply that the loop does not send, from any thread; tell whether it was taken."""
        assert reply is not None
        if self._debug:
            show_reply(message, _whole(reply))
        self._heard_later(reply)
        try:
            return self.bridge.send(reply)
        except OSError as exc:
            log.error("the kernel refused %s: %s", dump(_whole(reply)), exc)
            return False

    def _heard_later(self, message: bytes | tuple[Buffer, ...]) -> None:
        """Tell whoever listens; where nobody does, nothing is put together."""
        if self._recorder is not None or self._observers:
            whole = _whole(message)
            if self._recorder is not None:
                self._recorder.write(What.LATER, whole)
            for observer in self._observers:
                observer.later(whole)

    def _send_later(self) -> None:
        while (message := self._later.take()) is not None:
            if self._debug:
                show(dump(message))
            self._heard_later(message)
            try:
                if not self.bridge.send(message):
                    self._unwanted(message)
            except OSError as exc:
                log.error("the kernel refused %s: %s", dump(message), exc)
                self._unwanted(message)

    def _give_up(self) -> None:
        log.error("%d notifications wait, and none is taken: the connection ends", len(self._later))
        self._running.wait()
        self._cut_now()

    def _cut(self) -> None:
        self._running.wait()
        self._sender.join()
        self._cut_now()

    def _cut_now(self) -> None:
        with self._closing:
            if self._receiver:
                self.bridge.cut(self._receiver)

    def _unwanted(self, message: bytes) -> None:
        """The kernel knows nothing of what *message* is about; whoever waits for an answer is told."""
        _, code, unique = OUT_HEADER.unpack_from(message)
        if unique == UNIQUE_NOTIFY and code == NotifyCode.RETRIEVE:
            self.session.kernel.refused(NOTIFY_RETRIEVE_OUT.unpack_from(message, OUT_HEADER.size)[0])


def _whole(message: bytes | tuple[Buffer, ...]) -> bytes:
    return b"".join(message) if isinstance(message, tuple) else message


def _by_turns(answer: Answer, turn: threading.Lock) -> Answer:
    def wait_and_answer(message: Message, size: int) -> Reply:
        with turn:
            reply = answer(message, size)
            # Others may change the storage that the pieces point into before they have been sent.
            return None if reply is None else _whole(reply)

    return wait_and_answer


def shown(answer: Answer) -> Answer:
    """Return *answer* with every message and its reply shown, a line each."""

    def show_both(message: Message, size: int) -> Reply:
        show(dump(message[:size]))
        reply = answer(message, size)
        if reply is not None:
            show_reply(message, _whole(reply))
        return reply

    return show_both


def show_reply(message: Message, reply: bytes) -> None:
    """Write a line about *reply*, which *message* got."""
    opcode, unique = IN_HEADER.struct.unpack_from(message)[1:3]
    show(dump(reply, opcode_of={unique: opcode}.get))


def show(line: str) -> None:
    """Write *line* for a person who watches; one who stopped watching is no reason to stop serving."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
