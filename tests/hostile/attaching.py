"""A server that says anything to whoever mounts what it has: the greeting, and the replies of a relay."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import threading
from collections.abc import Iterator
from typing import Any

from typing_extensions import Buffer

from puffpy.errors import MountError
from puffpy.options import MountOptions
from puffpy.session.negotiate import buffer_size
from puffpy.unixsocket import attaching
from puffpy.unixsocket.greeting import OK, VERSION, Greeting, complaint
from puffpy.wire import OUT_HEADER
from tests.hostile import health
from tests.hostile.cases import Case
from tests.hostile.health import Lines


class Device:
    """Stands in for the kernel's device: what is written to it must be a whole reply."""

    def __init__(self) -> None:
        self.options: MountOptions | None = None
        self.fd, self._quit = os.pipe()

    def attach(self, mountpoint: str, options: MountOptions) -> None:
        """As a mount would."""
        self.options = options

    def receive(self, buffer: bytearray) -> int:
        """Nobody uses the mount."""
        select.select([self.fd], [], [])
        return 0

    def send(self, message: tuple[Buffer, ...]) -> bool:
        """Be as particular as the kernel is."""
        (whole,) = message
        assert len(bytes(whole)) >= OUT_HEADER.size
        length, error, unique = OUT_HEADER.unpack_from(bytes(whole))
        assert length == len(bytes(whole))
        if not unique or error > 0 or error <= -512:
            raise OSError(22, "the kernel takes it for nonsense")
        return True

    def connected(self) -> bool:
        """It is mounted until it is closed."""
        return self._quit >= 0

    def detach(self) -> bool:
        """Unmount."""
        return True

    def close(self) -> None:
        """As often as one likes."""
        if self._quit >= 0:
            os.close(self._quit)
            self._quit = -1

    def end(self) -> None:
        """Nobody is left who waits for it."""
        self.close()
        os.close(self.fd)


class Attaching:
    """One mount of what a hostile server has; the first byte of a case says whether it relays."""

    name = "attaching"
    _lines: Lines

    def samples(self) -> list[Case]:
        """See :class:`Target`."""
        greeting = Greeting("fuzz", MountOptions()).encode()
        replies = [
            OUT_HEADER.pack(16, -5, 2),
            OUT_HEADER.pack(24, 0, 4) + bytes(8),
            OUT_HEADER.pack(16, 1, 0),
        ]
        values: list[Any] = [True, 0, -1, 1e300, "x,allow_other", "x\n\x1b[2J", None, [], {}, "NaN", 1 << 40]
        few = [
            {"puffpy": VERSION, "name": "x", "options": {name: value}}
            for name in ("ro", "max_write", "max_read", "fsname", "subtype", "attr_timeout", "max_background")
            for value in values
        ]
        odd = [
            b"[" * 60000,
            b'{"puffpy":1,"name":[],"options":[]}',
            b"null",
            b"1",
            b'"' + b"\\u0000" * 99 + b'"',
        ]
        lines = [*odd, *(json.dumps(each).encode() for each in few)]
        return [
            (b"\1", greeting, *replies),
            (b"\0", greeting, OK + b"\n"),
            (b"\0", complaint("no")),
            *((b"\1", line + b"\n", *replies[:1]) for line in lines),
        ]

    def settle(self, message: bytes) -> bytes:
        """See :class:`Target`."""
        if message[:1] in (b"{", b"[", b"\0", b"\1") and len(message) < OUT_HEADER.size:
            return message
        return message if message[:1] == b"{" else len(message).to_bytes(4, "little") + message[4:]

    @contextlib.contextmanager
    def serving(self, lines: Lines) -> Iterator[None]:
        """See :class:`Target`."""
        self._lines = lines
        yield

    def play(self, case: Case) -> None:
        """See :class:`Target`."""
        with health.nothing_left():
            self._play(case)
        self._lines.check(1)

    def _play(self, case: Case) -> None:
        ours, theirs = socket.socketpair()
        device: Any = Device()
        attachment = attaching.Attachment(ours, "/mnt", relay=bool(case) and case[0] == b"\1")
        attachment._device = device
        refusal = ""
        with ours, theirs:
            theirs.setblocking(False)
            with contextlib.suppress(OSError):
                theirs.sendall(b"".join(case[1:]))
            theirs.shutdown(socket.SHUT_WR)
            try:
                attachment.mount()
                attachment.run()
            except MountError as exc:
                device.close()
                refusal = str(exc)
        assert "\n" not in refusal, "it is shown as one line"
        options: MountOptions | None = device.options
        if options is not None:
            assert (options.allow_other, options.suid, options.dev) == (False,) * 3
            assert buffer_size(options) < 1 << 30
        health.wait_for(lambda: not _relaying(), lambda: "the relay goes on")
        device.end()


def _relaying() -> bool:
    return any(thread.name == "puffpy-relay" for thread in threading.enumerate())
