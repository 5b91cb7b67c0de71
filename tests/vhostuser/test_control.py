"""The control connection: what is agreed on, what is refused, and that no descriptor is lost."""

from __future__ import annotations

import gc
import logging
import os
import socket
import stat
from pathlib import Path

import pytest

from filesystems.detrempe import Detrempe
from puffpy.bridges.vhostuser import VhostUser, commands
from puffpy.bridges.vhostuser.messages import (
    ADDRESSES,
    FEATURES,
    HEADER,
    PROTOCOL_FEATURES,
    QUEUES,
    REGION,
    SLOT,
    SLOTS,
    STATE,
    TABLE,
    U64,
    Feature,
    ProtocolFeature,
    Request,
)
from puffpy.errors import MountError
from puffpy.options import MountOptions
from tests.vhostuser.conftest import Serve, Served, wait_for
from tests.vhostuser.front_end import REGIONS, USER

PAGE = 4096


@pytest.fixture
def served(serve: Serve) -> Served:
    """A file system that nobody uses."""
    return serve(Detrempe())


def alive(served: Served) -> None:
    """The server serves the next machine as if nothing had been."""
    kernel = served.guest().mount()
    assert kernel.listdir("/") == []
    kernel.unmount()


def test_a_front_end_is_told_what_there_is(served: Served) -> None:
    machine = served.connect()
    assert machine.number(Request.GET_FEATURES) == FEATURES
    assert machine.number(Request.GET_PROTOCOL_FEATURES) == PROTOCOL_FEATURES
    assert machine.number(Request.GET_QUEUE_NUM) == QUEUES
    assert machine.number(Request.GET_MAX_MEM_SLOTS) == SLOTS
    machine.close()
    alive(served)


def test_what_needs_a_full_barrier_is_not_offered() -> None:
    assert not FEATURES & 1 << 29, "EVENT_IDX"


def test_an_acknowledgement_is_sent_where_it_was_agreed_on_and_wanted(served: Served) -> None:
    machine = served.connect()
    machine.send(Request.SET_OWNER, flags=1 | 8)
    assert machine.number(Request.GET_QUEUE_NUM) == QUEUES, "no acknowledgement came between"
    machine.send(Request.SET_PROTOCOL_FEATURES, U64.pack(ProtocolFeature.REPLY_ACK))
    assert machine.acknowledged(Request.SET_OWNER) == 0
    machine.close()


def test_memory_may_come_region_by_region_and_go(served: Served) -> None:
    machine = served.connect()
    machine.send(Request.SET_PROTOCOL_FEATURES, U64.pack(PROTOCOL_FEATURES))
    regions = [SLOT.pack() + REGION.pack(start, size, USER + start, 0) for start, size in REGIONS]
    for region, fd in zip(regions, machine.files, strict=True):
        assert machine.acknowledged(Request.ADD_MEM_REG, region, (fd,)) == 0
    assert machine.acknowledged(Request.REM_MEM_REG, regions[0]) == 0
    machine.send(Request.REM_MEM_REG, regions[0])
    assert machine.left
    alive(served)


def region(guest: int = 0, size: int = PAGE, offset: int = 0) -> bytes:
    """Return a memory region."""
    return REGION.pack(guest, size, USER + guest, offset)


def state(index: int = 1, number: int = 0) -> bytes:
    """Return a number about a queue."""
    return STATE.pack(index, number)


WRONG: dict[str, tuple[int, bytes, int, str]] = {
    "an unknown request": (99, b"", 0, "request 99"),
    "a payload that is too short": (Request.SET_FEATURES, b"1234", 0, "payload of 4 bytes"),
    "a payload that is too long": (Request.SET_OWNER, bytes(8), 0, "payload of 8 bytes"),
    "a descriptor where none belongs": (Request.SET_OWNER, b"", 1, "brings 1 descriptors"),
    "a driver of old": (Request.SET_FEATURES, U64.pack(Feature.PROTOCOL_FEATURES), 0, "a modern one"),
    "a feature of its own": (
        Request.SET_FEATURES,
        U64.pack(Feature.VERSION_1 | 1 << 29),
        0,
        "chose the features",
    ),
    "a protocol feature of its own": (Request.SET_PROTOCOL_FEATURES, U64.pack(1 << 9), 0, "were not offered"),
    "memory without descriptors": (Request.SET_MEM_TABLE, TABLE.pack(1) + region(), 0, "0 descriptors"),
    "fewer regions than announced": (Request.SET_MEM_TABLE, TABLE.pack(2) + region(), 1, "announces 2"),
    "half a region": (Request.SET_MEM_TABLE, TABLE.pack(1) + region()[:16], 1, "payload of 24"),
    "a region of nothing": (Request.SET_MEM_TABLE, TABLE.pack(1) + region(size=0), 1, "no size"),
    "a region beyond its file": (
        Request.SET_MEM_TABLE,
        TABLE.pack(1) + region(size=1 << 40),
        1,
        "cannot be mapped",
    ),
    "a region at a mad offset": (
        Request.SET_MEM_TABLE,
        TABLE.pack(1) + region(offset=1 << 63),
        1,
        "cannot be mapped",
    ),
    "regions that overlap": (
        *(Request.SET_MEM_TABLE, TABLE.pack(2) + region(size=2 * PAGE) + region(PAGE)),
        *(2, "overlap"),
    ),
    "two regions at once": (
        Request.ADD_MEM_REG,
        SLOT.pack() + region() + region(PAGE),
        1,
        "needs one region",
    ),
    "the removal of no region": (Request.REM_MEM_REG, SLOT.pack() + region(), 0, "is no region"),
    "a queue that there is not": (Request.SET_VRING_NUM, state(QUEUES, 128), 0, f"queue {QUEUES}"),
    "a queue of no descriptors": (Request.SET_VRING_NUM, state(number=0), 0, "of 0 descriptors"),
    "a queue of odd size": (Request.SET_VRING_NUM, state(number=100), 0, "of 100 descriptors"),
    "a queue that is too large": (Request.SET_VRING_NUM, state(number=1 << 16), 0, "of 65536"),
    "a queue that is not aligned": (
        Request.SET_VRING_ADDR,
        ADDRESSES.pack(1, 0, 8, 0, 0, 0),
        0,
        "not aligned",
    ),
    "a kick by polling": (Request.SET_VRING_KICK, U64.pack(1 | 1 << 8), 0, "to be polled"),
    "a kick without its descriptor": (Request.SET_VRING_KICK, U64.pack(1), 0, "to be polled"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_ends_the_connection_with_a_line_in_the_log(
    served: Served, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    request, payload, descriptors, said = WRONG[what]
    machine = served.connect()
    machine.send(request, payload, tuple(machine.files[:descriptors]))
    assert machine.left
    machine.close()
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert said in record.getMessage()
    assert record.getMessage().endswith("the connection ends")
    alive(served)


def test_a_message_of_another_version_ends_the_connection(served: Served) -> None:
    machine = served.connect()
    machine.send(Request.SET_OWNER, flags=2)
    assert machine.left
    alive(served)


def test_a_front_end_that_leaves_in_the_middle_of_a_message_is_gone(served: Served) -> None:
    machine = served.connect()
    machine.send(Request.SET_FEATURES, b"123", size=8)
    machine.close()
    alive(served)


def test_a_message_may_end_at_any_byte(served: Served) -> None:
    whole = HEADER.pack(Request.SET_FEATURES, 1, 8) + U64.pack(1 << 32)
    for end in range(len(whole)):
        machine = served.connect()
        machine.sock.sendall(whole[:end])
        machine.close()
    alive(served)


def test_a_payload_without_end_is_not_read(served: Served) -> None:
    machine = served.connect()
    machine.send(Request.SET_FEATURES, b"", size=1 << 31)
    assert machine.left
    alive(served)


def test_a_queue_is_not_started_without_a_place(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    machine = served.connect()
    machine.introduce()
    machine.share()
    kick = os.eventfd(0)
    machine.send(Request.SET_VRING_ENABLE, state(number=1))
    machine.send(Request.SET_VRING_KICK, U64.pack(1), (kick,))
    assert machine.left
    assert "started without addresses" in caplog.text
    os.close(kick)
    alive(served)


def test_a_queue_must_lie_in_memory(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    machine = served.connect()
    machine.introduce()
    machine.share()
    end = sum(REGIONS[-1])
    kick, call = os.eventfd(0), os.eventfd(0)
    machine.place(1, 128, (end - 16, 0, 4096), kick, call)
    assert machine.left
    assert "not in memory" in caplog.text
    for fd in (kick, call):
        os.close(fd)
    alive(served)


def descriptors() -> int:
    """Return how many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


def test_no_descriptor_is_left_open(served: Served) -> None:
    gc.collect()  # what the tests before have left
    before = descriptors()
    for _ in range(3):
        guest = served.guest(requests=2)
        kernel = guest.mount()
        guest.machine.send(Request.SET_VRING_ERR, U64.pack(1), (guest.queues[1].call,))
        assert kernel.listdir("/") == []
        kernel.unmount()
        machine = served.connect()
        machine.send(99, b"", tuple(machine.files))
        assert machine.left
        machine.close()
    wait_for(lambda: descriptors() == before, "as many descriptors are open as before")


def test_one_machine_is_served_at_a_time(served: Served) -> None:
    first = served.guest()
    kernel = first.mount()
    second = served.connect()
    assert kernel.listdir("/") == []
    assert not served.bridge.detach(), "it is in use"
    kernel.unmount()
    assert second.number(Request.GET_FEATURES) == FEATURES
    second.close()


def test_only_its_owner_may_connect(served: Served) -> None:
    assert stat.S_IMODE(os.stat(served.path).st_mode) == 0o600


def test_a_socket_that_a_dead_server_left_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)
    bridge = VhostUser()
    bridge.attach(path, MountOptions())
    bridge.close()
    assert not os.path.exists(path)


def test_a_place_that_is_taken_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    first, second = VhostUser(), VhostUser()
    first.attach(path, MountOptions())
    with pytest.raises(MountError, match="another server does"):
        second.attach(path, MountOptions())
    second.close()
    assert os.path.exists(path), "it is the other's"
    first.close()
    (tmp_path / "file").touch()
    with pytest.raises(MountError, match="something else than a socket"):
        VhostUser().attach(str(tmp_path / "file"), MountOptions())
    with pytest.raises(MountError, match="106 bytes"):
        VhostUser().attach(str(tmp_path / ("long" * 40)), MountOptions())


def test_a_machine_that_cannot_keep_order_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(MountError, match="aarch64 does not"):
        VhostUser().attach(str(tmp_path / "socket"), MountOptions())


def test_a_person_is_told_what_to_tell_qemu(served: Served) -> None:
    said = served.bridge.invitation
    assert f"-chardev socket,id=puffpy,path={served.path} " in said
    assert "share=on" in said
    assert "mount -t virtiofs puffpy /mnt" in said
    assert "'socket,id=puffpy,path=/a b,,c'" in commands("/a b,c"), "QEMU and the shell get it whole"
