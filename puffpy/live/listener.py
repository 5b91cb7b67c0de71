"""The serving side: a thread that waits for who wants to look, and one for each who does.

What is looked at and how is ``meter``'s, ``tap``'s and ``underway``'s.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

from puffpy.errors import WatchError
from puffpy.live.meter import Meter
from puffpy.live.observed import Served
from puffpy.live.place import Mounted, made_directory, mounted_at, socket_name
from puffpy.live.snapshot import Operation, Pending, Snapshot
from puffpy.live.tap import Tap
from puffpy.live.underway import Underway, program_of, underway
from puffpy.record import MAGIC, Observer, What, counted, packed
from puffpy.wire import IN_HEADER, Opcode

log = logging.getLogger("puffpy")

MOST = 8
"""So many may look at once."""

PATIENCE = 10.0
"""Seconds that somebody who looks may let us wait before they are dropped."""

LINE = 200
"""Bytes that a request to look may have."""

SHORTEST, LONGEST = 0.05, 3600.0
"""Seconds between two snapshots, at least and at most."""

UNREADY = ".new"
"""Ends the name of a socket that nobody can connect to yet."""

_CREDENTIALS = struct.Struct("3i")


@contextlib.contextmanager
def listening(server: Served, mountpoint: str, title: str = "") -> Iterator[None]:
    """Let *server*'s owner, and root, look at it meanwhile; *title* is what they see it called.

    A machine where no socket can be made is no reason not to serve: then nobody can look.
    """
    try:
        listener = Listener(server, mounted_at(mountpoint), title)
    except (OSError, WatchError) as exc:
        log.info("%s cannot be looked at: %s", mountpoint, exc)
        yield
        return
    try:
        yield
    finally:
        listener.close()


class Listener:
    """Waits for connections to the socket of *mount*, and serves them.

    Raises:
        OSError: there is no place for a socket.
    """

    def __init__(self, server: Served, mount: Mounted, title: str = "") -> None:
        self._server, self._mount, self._title = server, mount, title
        self._socket, self._path = _bound(socket_name(mount))
        self._lock = threading.Lock()
        self._observers: list[Observer] = []
        self._ends: set[socket.socket] = set()
        threading.Thread(target=self._accept, name="puffpy-look", daemon=True).start()

    def close(self) -> None:
        """Let nobody look any more."""
        with contextlib.suppress(OSError):
            os.unlink(self._path)
            os.rmdir(os.path.dirname(self._path))  # unless there are others
        with self._lock, contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # accept() returns, with an error
            for each in self._ends:
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with self._socket:
            while True:
                try:
                    end, _ = self._socket.accept()
                except OSError:
                    return
                with self._lock:
                    welcome = len(self._ends) < MOST and _peer(end) in (0, os.geteuid())
                    if welcome:
                        self._ends.add(end)
                if not welcome:
                    end.close()
                    continue
                threading.Thread(
                    target=self._serve, args=(end,), name="puffpy-looked-at", daemon=True
                ).start()

    def _serve(self, end: socket.socket) -> None:
        try:
            with end, contextlib.suppress(OSError, ValueError, UnicodeError):
                end.settimeout(PATIENCE)
                word, _, argument = end.recv(LINE).decode().strip().partition(" ")
                end.sendall(self._greeting())
                if word == "top":
                    self._top(end, min(max(SHORTEST, float(argument)), LONGEST))
                elif word == "trace":
                    self._trace(end, float(argument))
        finally:
            with self._lock:
                self._ends.discard(end)

    def _greeting(self) -> bytes:
        said = {"pid": os.getpid(), "mountpoint": self._mount.mountpoint, "title": self._title}
        return json.dumps(said).encode() + b"\n"

    def _top(self, end: socket.socket, interval: float) -> None:
        meter = Meter()
        with self._observed(meter):
            begin, due = time.monotonic_ns(), time.monotonic()
            while True:
                end.sendall(self._snapshot(meter, begin).packed())
                due = max(due + interval, time.monotonic())
                if _has_gone(end, due - time.monotonic()):
                    return

    def _trace(self, end: socket.socket, seconds: float) -> None:
        tap, deadline = Tap(), time.monotonic() + seconds
        end.sendall(MAGIC + packed(counted(time.time_ns(), What.TRIMMED, 0)))
        with self._observed(tap):
            while (left := deadline - time.monotonic()) > 0:
                for part in _gathered(tap.taken(min(left, SHORTEST))):
                    end.sendall(part)
                if _has_gone(end, 0):
                    return
        end.sendall(b"".join(tap.taken(0)))

    @contextlib.contextmanager
    def _observed(self, observer: Observer) -> Iterator[None]:
        self._changed(self._observers.append, observer)
        try:
            yield
        finally:
            self._changed(self._observers.remove, observer)

    def _changed(self, change: Callable[[Observer], object], observer: Observer) -> None:
        with self._lock:
            change(observer)
            self._server.observe(tuple(self._observers))

    def _snapshot(self, meter: Meter, begin: int) -> Snapshot:
        operations = {
            name: Operation(name, each.number, each.errors, each.size, each.latencies)
            for opcode, each in meter.counts()
            for name in [_name(opcode)]
        }
        return Snapshot(time.monotonic_ns() - begin, operations, list(self._pending(meter)))

    def _pending(self, meter: Meter) -> Iterator[Pending]:
        now = time.monotonic_ns()
        begun = {each.head: each.when for each in meter.begun()}
        doing = {each.head: each for each in underway(self._server.session)}
        # What began before anybody looked first, then by age.
        for head in [*(head for head in doing if head not in begun), *begun]:
            age = now - begun[head] if head in begun else None
            yield _pending(head, age, doing.get(head))


def _pending(head: bytes, age: int | None, doing: Underway | None) -> Pending:
    _, opcode, unique, nodeid, uid, _, pid, _ = IN_HEADER.unpack_from(head)
    line, stack = (doing.line, doing.stack) if doing else ("", [])
    return Pending(_name(opcode), unique, nodeid, uid, pid, program_of(pid), age, line, stack)


def _name(opcode: int) -> str:
    try:
        return Opcode(opcode).name
    except ValueError:
        return f"opcode {opcode}"


def _bound(name: str) -> tuple[socket.socket, str]:
    """Return a listening socket called *name*, and where it is."""
    reason = "no directory for it can be made"
    for directory in made_directory():
        path = os.path.join(directory, name)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _sweep(directory)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{path}{UNREADY}")
            bound.bind(f"{path}{UNREADY}")
            os.chmod(f"{path}{UNREADY}", 0o600)
            bound.listen(MOST)
            # The device is ours: whatever has its name is left over from a server that died.
            os.rename(f"{path}{UNREADY}", path)
        except OSError as exc:
            bound.close()
            reason = f"{path}: {exc}"
        else:
            return bound, path
    raise OSError(f"no socket to look through: {reason}")


def _sweep(directory: str) -> None:
    """Remove the sockets that servers left which were killed."""
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
            try:
                end.settimeout(0)
                if not name.endswith(UNREADY):
                    end.connect(path)
            except ConnectionRefusedError:
                os.unlink(path)


def _peer(end: socket.socket) -> int:
    """Return the uid of who is at the other end, as the kernel knows it."""
    raw = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(raw)[1])


def _has_gone(end: socket.socket, seconds: float) -> bool:
    """Wait *seconds*; tell at once if who looks wants no more.  They say nothing else."""
    return bool(select.select([end], [], [], max(0.0, seconds))[0])


def _gathered(parts: Iterator[bytes], size: int = 1 << 16) -> Iterator[bytes]:
    """Yield *parts* joined to pieces of *size* bytes or so."""
    held: list[bytes] = []
    length = 0
    for part in parts:
        held.append(part)
        length += len(part)
        if length >= size:
            yield b"".join(held)
            held, length = [], 0
    if held:
        yield b"".join(held)
