"""Machines come and go, drivers are unloaded, guests reboot and pause; and some of them lie."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from typing import Any

import pytest

import puffpy
from filesystems.detrempe import Detrempe
from filesystems.tunnel import TunnelFS
from puffpy.bridges.vhostuser.bridge import UNANSWERED
from puffpy.userkernel import UserKernel
from puffpy.wire import MESSAGES, Opcode, Request, decode_reply, encode_request
from puffpy.wire.structs import FORGET_IN, IN_HEADER, OUT_HEADER
from tests.vhostuser.conftest import Serve, wait_for
from tests.vhostuser.driver import NEXT, WRITE, Guest, parts_of, room_for
from tests.vhostuser.front_end import FrontEnd


def populate(kernel: UserKernel) -> None:
    """Make a file, and leave it open."""
    with kernel.as_user(0, 0):
        fd = kernel.open("/kept", os.O_RDWR | os.O_CREAT)
        kernel.pwrite(fd, b"kept", 0)


def content(kernel: UserKernel) -> bytes:
    """Return what the file holds."""
    with kernel.as_user(0, 0):
        fd = kernel.open("/kept", os.O_RDONLY)
        data = bytes(kernel.pread(fd, 100, 0))
        kernel.close(fd)
    return data


def test_the_next_machine_finds_what_the_last_one_left(serve: Serve) -> None:
    served = serve(Detrempe())
    for _ in range(3):
        kernel = served.guest().mount()
        populate(kernel)
        kernel.abort()  # the machine is switched off, without a word
    kernel = served.guest().mount()
    assert content(kernel) == b"kept"
    nodes, handles = served.server.session.nodes, served.server.session.handles
    assert (len(nodes), len(handles)) == (2, 1), "nothing is left of the machines before"
    kernel.unmount()
    wait_for(lambda: len(nodes) == 1, "nothing is left of the last one")


def test_a_guest_that_reboots_begins_anew(serve: Serve) -> None:
    served = serve(Detrempe())
    guest = served.guest()
    populate(guest.mount())
    guest.unload()
    guest.load()
    kernel = guest.mount()
    assert content(kernel) == b"kept"
    assert len(served.server.session.handles) == 1
    kernel.unmount()


def test_a_guest_that_unmounts_may_mount_again(serve: Serve) -> None:
    served = serve(Detrempe())
    guest = served.guest()
    populate(guest.mount())
    destroy = encode_request(Request(Opcode.DESTROY, unique=100))
    assert not decode_reply(Opcode.DESTROY, guest.call(destroy)).error
    assert len(served.server.session.nodes) == 1
    kernel = guest.mount()
    assert content(kernel) == b"kept"
    kernel.unmount()


def test_a_guest_that_pauses_goes_on_where_it_was(serve: Serve) -> None:
    guest = serve(Detrempe()).guest()
    kernel = guest.mount()
    populate(kernel)
    for _ in range(2):
        bases = [guest.machine.stop(queue.index) for queue in guest.queues]
        assert bases[1] > 0
        for queue, base in zip(guest.queues, bases, strict=True):
            queue.resume(base)
        assert content(kernel) == b"kept"
    kernel.unmount()


def test_memory_may_be_shared_anew_while_the_queues_run(serve: Serve) -> None:
    guest = serve(Detrempe()).guest()
    kernel = guest.mount()
    populate(kernel)
    guest.machine.share()
    assert content(kernel) == b"kept"
    kernel.unmount()


def raw(opcode: Opcode, unique: int, nodeid: int = 1, **fields: int) -> bytes:
    """Return a request."""
    layout = MESSAGES[opcode].request
    values = dict.fromkeys(layout.fields, 0) | fields if layout else {}
    return encode_request(Request(opcode, unique=unique, nodeid=nodeid, fields=values))


def test_a_guest_is_answered_by_its_own_numbers(serve: Serve) -> None:
    guest = serve(Detrempe()).guest()
    kernel = guest.mount()
    for unique in (0, 7, 7, (1 << 64) - 1):
        reply = guest.call(raw(Opcode.GETATTR, unique))
        assert OUT_HEADER.unpack_from(reply)[1:] == (0, unique)
    kernel.unmount()


class Spy(Detrempe):
    """Keeps who called."""

    def __init__(self) -> None:
        super().__init__()
        self.pids: list[int] = []

    def getattr(self, vp: Any, call: puffpy.Call) -> Any:
        self.pids.append(call.pid)
        return super().getattr(vp, call)


def test_no_process_of_the_guests_is_taken_for_one_of_the_hosts(serve: Serve) -> None:
    spy = Spy()
    guest = serve(spy).guest()
    kernel = guest.mount()
    spy.pids.clear()
    message = bytearray(raw(Opcode.GETATTR, 8))
    IN_HEADER.struct.pack_into(message, 0, len(message), Opcode.GETATTR, 8, 1, 0, 0, os.getpid(), 0)
    guest.call(bytes(message))
    assert spy.pids == [0]
    kernel.unmount()


def test_an_answer_without_room_is_an_error_and_harms_nobody(serve: Serve) -> None:
    guest = serve(Detrempe()).guest()
    kernel = guest.mount()
    reply = guest.queues[1].ask(parts_of(raw(Opcode.GETATTR, 8)), [OUT_HEADER.size, 8])
    assert OUT_HEADER.unpack_from(reply) == (OUT_HEADER.size, -errno.EIO, 8)
    assert kernel.listdir("/") == []
    kernel.unmount()


def test_what_wants_no_answer_gets_none_whatever_room_there_is(serve: Serve) -> None:
    guest = serve(Detrempe()).guest()
    kernel = guest.mount()
    forget = raw(Opcode.FORGET, 0, 1)
    assert guest.queues[0].ask([forget], []) == b""
    assert guest.queues[1].ask([forget], [64]) == b""
    kernel.unmount()


HOSTILE = {
    "a request that is too short": ([bytes(39)], [16]),
    "a request that is too long": ([bytes(40), bytes(1 << 20), bytes(1 << 17)], [16]),
    "a question without room for an answer": ([raw(Opcode.GETATTR, 2)], []),
    "a question with too little room": ([raw(Opcode.GETATTR, 2)], [15]),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_cannot_be_answered_ends_the_connection_and_nothing_else(
    serve: Serve, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    served = serve(Detrempe())
    guest = served.guest()
    populate(guest.mount())
    guest.queues[1].offer(*HOSTILE[what])
    assert guest.machine.left
    guest.close()
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage().startswith("vhost-user: queue 1: ")
    kernel = served.guest().mount()
    assert content(kernel) == b"kept"
    kernel.unmount()


def test_a_farewell_that_is_none_leaves_the_next_machine_served(serve: Serve) -> None:
    served = serve(Detrempe())
    guest = served.guest()
    populate(guest.mount())
    destroy = encode_request(Request(Opcode.DESTROY, unique=100))
    lie = (len(destroy) + 8).to_bytes(4, "little") + destroy[4:]
    assert decode_reply(Opcode.DESTROY, guest.call(lie)).error == errno.EINVAL
    guest.close()
    kernel = served.guest().mount()
    assert content(kernel) == b"kept"
    kernel.unmount()


def test_a_ring_that_is_hostile_ends_the_connection_and_nothing_else(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    served = serve(Detrempe())
    for buffers in ([(1 << 60, 40, 0)], [(0, 40, WRITE), (0, 40, 0)], [(0, 0, NEXT)]):
        guest = served.guest(indirect=False)
        guest.mount()
        queue = guest.queues[1]
        queue._describe(0, 0, buffers)
        queue._offer(0)
        assert guest.machine.left
        guest.close()
    assert caplog.text.count("the connection ends") == 3
    kernel = served.guest().mount()
    assert kernel.listdir("/") == []
    kernel.unmount()


def test_requests_that_make_no_sense_are_refused_one_by_one(serve: Serve) -> None:
    guest = serve(Detrempe()).guest()
    kernel = guest.mount()
    for opcode in range(80):
        if opcode in (Opcode.INIT, Opcode.DESTROY) or opcode in UNANSWERED:
            continue
        for size in (0, 1, 8, 23, 24, 39, 40, 64, 200):
            for told in (40 + size, 40, 1 << 31):
                header = IN_HEADER.pack(told, opcode, 6, 99, 0, 0, 0, 0)
                reply = guest.queues[1].ask([header + b"\xff" * size], [16, 4096])
                assert OUT_HEADER.unpack_from(reply)[1] <= 0
    short = IN_HEADER.pack(44, Opcode.RELEASE, 6, 1, 0, 0, 0, 0) + bytes(4)
    assert OUT_HEADER.unpack_from(guest.queues[1].ask([short], [16]))[1] == -errno.EINVAL
    for opcode in (Opcode.INTERRUPT, Opcode.FORGET, Opcode.BATCH_FORGET):
        assert guest.queues[0].ask([IN_HEADER.pack(42, opcode, 6, 1, 0, 0, 0, 0) + b"12"], []) == b""
    assert (
        guest.queues[0].ask([IN_HEADER.pack(56, Opcode.FORGET, 6, 9, 0, 0, 0, 0) + FORGET_IN.pack(1)], [])
        == b""
    )
    assert kernel.listdir("/") == []
    kernel.unmount()


def refused_changes(kernel: UserKernel) -> None:
    """Nothing can be changed, and everything can be read."""
    assert kernel.listdir("/") == ["file"]
    fd = kernel.open("/file", os.O_RDONLY)
    assert kernel.pread(fd, 10, 0) == b"data"
    kernel.close(fd)


def test_a_read_only_file_system_is_read_only_for_a_guest_that_believes_otherwise(
    serve: Serve, tmp_path: Path
) -> None:
    place = tmp_path / "underneath"
    place.mkdir()
    (place / "file").write_bytes(b"data")
    guest: Guest = serve(TunnelFS(str(place)), puffpy.MountOptions(ro=True)).guest()
    kernel = guest.mount()
    with kernel.as_user(0, 0):
        refused_changes(kernel)
        for change in (
            lambda: kernel.mkdir("/d"),
            lambda: kernel.unlink("/file"),
            lambda: kernel.open("/file", os.O_WRONLY),
            lambda: kernel.open("/file", os.O_RDONLY | os.O_TRUNC),
            lambda: kernel.open("/new", os.O_WRONLY | os.O_CREAT),
            lambda: kernel.chmod("/file", 0o777),
            lambda: kernel.rename("/file", "/other"),
            lambda: kernel.link("/file", "/other"),
            lambda: kernel.symlink("file", "/other"),
            lambda: kernel.mkfifo("/fifo"),
            lambda: kernel.setxattr("/file", "user.a", b"b"),
        ):
            with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
                change()
        refused_changes(kernel)
    assert (place / "file").read_bytes() == b"data"
    kernel.unmount()


def test_a_program_may_serve_machines_too(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with puffpy.mount(Detrempe(), path, bridge="vhost-user") as mounted:
        kernel = Guest(FrontEnd(path)).mount()
        populate(kernel)
        assert content(kernel) == b"kept"
        kernel.unmount()
    assert not path.exists()
    mounted = puffpy.mount(Detrempe(), path, bridge="vhost-user")
    guest = Guest(FrontEnd(path))
    kernel = guest.mount()
    mounted.unmount()  # from under the machine, after a grace
    assert guest.machine.left
    guest.close()
    assert not path.exists()


def test_room_for_is_what_linux_leaves() -> None:
    assert room_for(raw(Opcode.READ, 2, size=8192)) == [16, 8192]
    assert room_for(raw(Opcode.GETATTR, 2)) == [16, 104]
    assert room_for(raw(Opcode.RELEASE, 2)) == [16]
