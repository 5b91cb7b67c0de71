"""The loop that drives a mount: receive, answer, send; and the threads and signals around it.

What a message means is the session's, how it travels the bridge's.

One thread receives and answers: threads make Python's file systems slower, not faster.  A second one only
sends what is not the reply to the message at hand (notifications, locks granted later), because the kernel
may make the sender of a notification wait for the answer to a request.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from puffpy.bridges import Bridge
from puffpy.errors import MountError
from puffpy.ops import VfsOps, VnodeOps
from puffpy.options import MountOptions
from puffpy.record import Message, Recorder, Reply, What
from puffpy.session import Session
from puffpy.types import BackingDevice
from puffpy.wire import dump
from puffpy.wire.structs import IN_HEADER

Answer = Callable[[Message, int], Reply]

log = logging.getLogger("puffpy")

GRACE = 1.0
"""Seconds that a mount still in use is served on after it was asked to end."""

RETRY = 0.05
"""Seconds between two attempts to unmount what is in use."""

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Server:
    """One mounted file system being served.

    *debug* shows every message and reply as a line on stderr; *recorder* writes them down.
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
    ) -> None:
        self._later: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        backing: BackingDevice | None = bridge if isinstance(bridge, BackingDevice) else None
        if backing is not None and recorder is not None:
            backing = recorder.backing_device(backing)
        self.session = Session(vnodeops, vfsops, options, self._later.put, backing)
        self.bridge = bridge
        self.ended = threading.Event()
        self._debug, self._recorder = debug, recorder
        self._answer: Answer = self.session.receive
        if debug:
            self._answer = shown(self._answer)
        if recorder is not None:
            self._answer = recorder.answering(self._answer)
        self._cutting = False

    def attach(self, mountpoint: str, options: MountOptions) -> None:
        """Mount, and answer INIT: when this returns, the mount works."""
        self.bridge.attach(mountpoint, options)
        try:
            buffer = bytearray(self.session.buffer_size)
            while not self.session.ready:
                if not self._turn(buffer):
                    raise MountError(f"{mountpoint} was unmounted before it was ready: try again")
        except BaseException:
            self.bridge.close()
            self.session.close()
            raise

    def run(self) -> None:
        """Serve until the kernel has let go, or :meth:`cut`; then end the session."""
        sender = threading.Thread(target=self._send_later, name="puffpy-sender", daemon=True)
        sender.start()
        try:
            self._loop()
        finally:
            self._later.put(None)
            sender.join()
            self.bridge.close()
            self.session.close()
            self.ended.set()

    def stop(self) -> None:
        """Unmount; a mount that is in use is served on for a grace and then cut.

        From any thread but the serving one, which has to answer what unmounting asks.
        """
        deadline = time.monotonic() + GRACE
        while not self.bridge.detach():
            if self.ended.wait(RETRY) or time.monotonic() > deadline:
                break
        else:
            if self.ended.wait(GRACE):
                return
        self.cut()

    def cut(self) -> None:
        """End the loop now, whoever uses the mount.  From any thread but the serving one."""
        if not self.ended.is_set():
            self._cutting = True
            self.bridge.poke()

    def _loop(self) -> None:
        buffer = bytearray(self.session.buffer_size)
        receive, answer, send = self.bridge.receive, self._answer, self.bridge.send
        while True:
            size = receive(buffer)
            if not size or self._cutting:
                return
            reply = answer(buffer, size)
            if reply is not None:
                if not send(reply):
                    self.session.undelivered(buffer, reply)
                reply = None  # it may hold a file's storage, which the next request may want to resize

    def _turn(self, buffer: bytearray) -> bool:
        """Receive and answer one message; False once the kernel has let go."""
        size = self.bridge.receive(buffer)
        if not size:
            return False
        reply = self._answer(buffer, size)
        if reply is not None and not self.bridge.send(reply):
            self.session.undelivered(buffer, reply)
        return True

    def _send_later(self) -> None:
        while (message := self._later.get()) is not None:
            if self._debug:
                show(dump(message))
            if self._recorder is not None:
                self._recorder.write(What.LATER, message)
            try:
                self.bridge.send(message)
            except OSError as exc:
                log.error("the kernel refused %s: %s", dump(message), exc)


def shown(answer: Answer) -> Answer:
    """Return *answer* with every message and its reply shown, a line each."""

    def show_both(message: Message, size: int) -> Reply:
        show(dump(message[:size]))
        reply = answer(message, size)
        if reply is not None:
            opcode, unique = IN_HEADER.struct.unpack_from(message)[1:3]
            whole = b"".join(reply) if isinstance(reply, tuple) else reply
            show(dump(whole, opcode_of={unique: opcode}.get))
        return reply

    return show_both


def show(line: str) -> None:
    """Write *line* for a person who watches; one who stopped watching is no reason to stop serving."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


@contextlib.contextmanager
def signals_end(server: Server) -> Iterator[None]:
    """Have SIGINT, SIGTERM and SIGHUP unmount; for the main thread, which serves.

    Nothing is raised in whatever operation is running: the first signal unmounts from another thread while
    the loop goes on, a second one cuts the loop at once.  An operation that does not return even then ends
    with the process.
    """
    asked: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        action = server.stop if len(asked) == 1 else cut_or_exit
        threading.Thread(target=action, name="puffpy-unmount", daemon=True).start()

    def cut_or_exit() -> None:
        threading.Thread(target=server.cut, name="puffpy-cut", daemon=True).start()
        if not server.ended.wait(GRACE):
            log.error("an operation does not return; the process ends without it")
            server.bridge.close()
            os._exit(1)

    previous = {number: signal.signal(number, end) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
