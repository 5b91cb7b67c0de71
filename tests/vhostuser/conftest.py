"""Fixtures: a file system served at a socket, and machines that connect to it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from puffpy import MountOptions, VnodeOps
from puffpy.bridges.vhostuser import VhostUser
from puffpy.mount import prepared
from puffpy.serve import Server
from tests.vhostuser.driver import Guest
from tests.vhostuser.front_end import PATIENCE, FrontEnd


@attrs.define
class Served:
    """A file system that is served to whatever machine connects."""

    path: Path
    bridge: VhostUser
    server: Server
    thread: threading.Thread
    machines: contextlib.ExitStack = attrs.field(factory=contextlib.ExitStack)

    def connect(self) -> FrontEnd:
        """Return a new machine that has said nothing yet."""
        machine = FrontEnd(self.path)
        self.machines.callback(machine.close)
        return machine

    def guest(self, *, requests: int = 1, piece: int = 4096, indirect: bool = True, slots: int = 2) -> Guest:
        """Return a new machine whose driver is loaded."""
        guest = Guest(self.connect(), requests=requests, piece=piece, indirect=indirect, slots=slots)
        self.machines.callback(guest.close)
        return guest

    def end(self) -> None:
        """Serve no more."""
        self.machines.close()
        if self.thread.is_alive():
            self.bridge.cut(0)
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        assert not self.path.exists()


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Return what serves a file system until the end of the test."""
    with contextlib.ExitStack() as ends:

        def start(vnodeops: VnodeOps, options: MountOptions | None = None) -> Served:
            vfsops, chosen = prepared(vnodeops, None, options)
            path = tmp_path / f"socket-{time.monotonic_ns()}"
            bridge = VhostUser()
            server = Server(vnodeops, vfsops, chosen, bridge)

            def run() -> None:
                server.attach(str(path), chosen)
                server.run()

            served = Served(path, bridge, server, threading.Thread(target=run, daemon=True))
            served.thread.start()
            ends.callback(served.end)
            wait_for(path.exists, "the socket is there")
            return served

        yield start


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Return as soon as *condition* holds; AssertionError naming *what* if it does not in time."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"still not so: {what}"
        time.sleep(0.002)
