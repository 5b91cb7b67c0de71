"""Who looks at a server and says anything; and a server that says anything to who looks at it."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from rich.console import Console

from puffpy.cli.screen import Screen
from puffpy.errors import PuffpyError
from puffpy.latency import Histogram
from puffpy.live import Operation, Pending, Snapshot, Watch, listener, listening
from puffpy.live.place import Mounted
from puffpy.record import MAGIC, What, counted, packed
from puffpy.wire import Opcode
from tests.hostile import health
from tests.hostile.cases import Case
from tests.hostile.health import Lines
from tests.live.server import Channel, Looked, Slow, serving

MOUNT: Final = Mounted("/mnt", "0:99", "fuse.slow", os.geteuid())
GREETING: Final = b'{"pid": 1, "mountpoint": "/mnt", "title": "Slow"}\n'


class Looking:
    """A connection to the socket that a server can be looked at through."""

    name = "looking"
    _lines: Lines
    _server: Looked
    _channel: Channel
    _path: Path

    def samples(self) -> list[Case]:
        """See :class:`Target`."""
        numbers = (b"0.05", b"0", b"-1", b"nan", b"inf", b"-inf", b"1e308", b"x", b"", b"1_0", b"\xff")
        return [(word + b" " + number + b"\n",) for word in (b"top", b"trace", b"") for number in numbers]

    def settle(self, message: bytes) -> bytes:
        """See :class:`Target`."""
        return message

    @contextlib.contextmanager
    def serving(self, lines: Lines) -> Iterator[None]:
        """See :class:`Target`."""
        self._lines = lines
        slow = Slow()
        slow.go.set()
        with (
            tempfile.TemporaryDirectory() as place,
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setenv("XDG_RUNTIME_DIR", place)
            patch.setattr(listener, "mounted_at", lambda _: MOUNT)
            with serving(slow) as (self._server, self._channel), listening(self._server, "/mnt", "Slow"):
                (self._path,) = Path(place).glob("*/*.sock")
                yield

    def play(self, case: Case) -> None:
        """See :class:`Target`."""
        with health.nothing_left(), socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(health.PATIENCE)
            sock.connect(str(self._path))
            with contextlib.suppress(ConnectionError):
                for message in case:
                    sock.sendall(message)
                self._channel.ask(Opcode.GETATTR)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(1 << 16):
                    pass
        assert not self._channel.ask(Opcode.GETATTR).error
        while not self._server.changes.empty():
            self._server.changes.get()
        self._lines.check(1)


class Watching:
    """What asks a server: it is told anything."""

    name = "watching"
    _lines: Lines

    def samples(self) -> list[Case]:
        """See :class:`Target`."""
        times = Histogram.of([5, 10**6])
        pending = Pending("READ", 2, 3, 0, 1, "cat", 10**9, "x.py:1", ["x.py:1", "y.py:2"])
        shot = Snapshot(10**9, {"READ": Operation("READ", 2, 1, 10, times)}, [pending]).packed()
        records = [packed(counted(5, what, 1)) for what in (What.TRIMMED, What.LOST)]
        odd = [b"null\n", b"[]\n", b"{}\n", b"1\n", b"[" * 9999 + b"\n", b'{"pid": [], "title": {}}\n']
        return [
            (b"s", GREETING, shot, shot),
            (b"s", GREETING, shot, shot.replace(b"2", b"0")),
            (b"r", GREETING, MAGIC, *records),
            *((b"s", each) for each in odd),
            *((b"s", GREETING, each) for each in odd),
            *((b"s", GREETING, shot.replace(b"1", b"-1").replace(b"5", b"1e400")) for _ in range(1)),
        ]

    def settle(self, message: bytes) -> bytes:
        """See :class:`Target`."""
        return message

    @contextlib.contextmanager
    def serving(self, lines: Lines) -> Iterator[None]:
        """See :class:`Target`."""
        self._lines = lines
        yield

    def play(self, case: Case) -> None:
        """See :class:`Target`."""
        ours, theirs = socket.socketpair()
        with theirs, Watch(MOUNT, ours) as watching, contextlib.suppress(PuffpyError):
            theirs.setblocking(False)
            with contextlib.suppress(OSError):
                theirs.sendall(b"".join(case[1:]))
            theirs.shutdown(socket.SHUT_WR)
            heard: Iterator[Any]
            heard = watching.records(0.01) if case and case[0] == b"r" else watching.snapshots(0.01)
            screen, console = Screen("fuzz"), Console(file=io.StringIO(), width=100)
            for _, each in zip(range(100), heard, strict=False):
                if each is None or isinstance(each, Snapshot):
                    screen.heard(each)
                    console.print(screen.drawn(100, 30))
            assert isinstance(watching.pid, int)
            assert isinstance(watching.title, str)
        self._lines.check(1)
