"""What the shipped file systems promise, they promise to a guest as well."""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from filesystems.detrempe import Detrempe
from filesystems.tunnel import TunnelFS
from puffpy import MountOptions, VnodeOps
from puffpy.bridges.vhostuser import VhostUser
from puffpy.testing import PROMISES, Verdict, check_filesystem
from puffpy.userkernel import SessionLike
from puffpy.wire.structs import IN_HEADER, OUT_HEADER
from tests.vhostuser.driver import Guest
from tests.vhostuser.front_end import PATIENCE, FrontEnd

NO_OPCODE = 4095

PROMISED = {
    "detrempe": PROMISES,
    # Others fill and empty the disk underneath meanwhile.
    "tunnel": [each for each in PROMISES if each.name != "a_removed_file_gives_its_room_back"],
}


class VirtualLink(Guest):
    """A machine, and the session that it talks to over its queues."""

    def __init__(self, make: Callable[[Callable[[bytes], object]], SessionLike]) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="vhost-user-")
        path = os.path.join(self._place.name, "socket")
        self._bridge = VhostUser()
        self._session = make(self._bridge.send)
        self._bridge.attach(path, MountOptions())
        self._server = threading.Thread(target=self._serve, daemon=True)
        self._server.start()
        super().__init__(FrontEnd(path))

    def post(self, message: bytes) -> None:
        """As a guest does, but return only when the session has seen it: some promises count its nodes."""
        super().post(message)
        nothing = IN_HEADER.pack(IN_HEADER.size, NO_OPCODE, 0, 0, 0, 0, 0, 0)
        self.queues[1].ask([nothing], [OUT_HEADER.size])

    def close(self) -> None:
        """The machine is switched off, and the server ended."""
        super().close()
        self._bridge.cut(0)
        self._server.join(PATIENCE)
        self._session.close()
        self._bridge.close()
        self._place.cleanup()

    def _serve(self) -> None:
        buffer = bytearray(2 << 20)
        while size := self._bridge.receive(buffer):
            reply = self._session.receive(buffer, size)
            if reply is not None:
                self._bridge.send(reply)
            if (next_buffer := getattr(self._session, "buffer", None)) is not None:
                buffer = next_buffer(buffer)


@pytest.fixture
def places(tmp_path: Path) -> Callable[[], str]:
    """Return what makes a new directory."""
    numbers = itertools.count()

    def place() -> str:
        made = tmp_path / str(next(numbers))
        made.mkdir()
        return str(made)

    return place


@pytest.mark.parametrize("name", PROMISED)
def test_every_promise_is_kept_over_the_queues(
    name: str, places: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    links: list[VirtualLink] = []

    def make() -> VnodeOps:
        return Detrempe() if name == "detrempe" else TunnelFS(places())

    def link(serve: Callable[[Callable[[bytes], object]], SessionLike]) -> VirtualLink:
        links.append(VirtualLink(serve))
        return links[-1]

    monkeypatch.setattr("puffpy.testing.trial.SessionLink", link)
    report = check_filesystem(make, only=PROMISED[name])
    assert report.ok, str(report)
    assert len(links) >= len(report.of(Verdict.HOLDS)) > 100
