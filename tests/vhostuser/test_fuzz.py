"""Front ends and guests that send anything at all: the next machine is served as if nothing had been."""

from __future__ import annotations

import contextlib
import os
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filesystems.detrempe import Detrempe
from puffpy.bridges.vhostuser.messages import HEADER, ROWS, Request
from puffpy.wire.opcodes import Opcode
from puffpy.wire.structs import IN_HEADER
from tests.vhostuser.conftest import Serve, Served
from tests.vhostuser.driver import DESCRIPTOR, INDIRECT, NEXT, WRITE
from tests.vhostuser.front_end import MIB

few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

numbers = st.sampled_from([0, 1, 2, 3, 63, 64, 128, 255, 256, 4096, 1 << 20, 1 << 31, 1 << 40, (1 << 64) - 1])


@pytest.fixture
def served(serve: Serve) -> Served:
    """A file system that nobody uses."""
    return serve(Detrempe())


def alive(served: Served) -> None:
    """The next machine is served."""
    kernel = served.guest().mount()
    assert kernel.listdir("/") == []
    kernel.unmount()


@few
@given(noise=st.binary(min_size=1, max_size=200))
def test_noise_on_the_control_connection(served: Served, noise: bytes) -> None:
    machine = served.connect()
    machine.sock.sendall(noise)
    machine.close()
    alive(served)


@st.composite
def messages(draw: st.DrawFn) -> tuple[int, bytes, int]:
    """A message that is nearly right: a request that there is, of the right size, with likely numbers."""
    request = draw(st.sampled_from(list(Request)))
    row = ROWS[request]
    size = row.payload.size if row.payload else 0
    if row.repeated:
        size += row.repeated.size * draw(st.integers(0, 3))
    words = [draw(numbers) for _ in range(-(-size // 8))]
    payload = struct.pack(f"<{len(words)}Q", *words)[:size]
    return request, payload, draw(st.integers(0, min(row.descriptors, 3)))


@few
@given(said=st.lists(messages(), min_size=1, max_size=12))
def test_messages_that_are_nearly_right(served: Served, said: list[tuple[int, bytes, int]]) -> None:
    machine = served.connect()
    fds = (*machine.files, os.eventfd(0))
    with contextlib.suppress(ConnectionError):
        for request, payload, descriptors in said:
            machine.send(request, payload, fds[:descriptors], flags=9)
    machine.close()
    os.close(fds[-1])
    alive(served)


buffers = st.tuples(
    st.one_of(st.integers(MIB, MIB + 8192), numbers),
    st.one_of(st.sampled_from([16, 40, 80, 104, 128, 4096]), numbers.map(lambda n: n & 0xFFFFFFFF)),
    st.sampled_from([0, NEXT, NEXT, NEXT, WRITE, WRITE | NEXT, INDIRECT, INDIRECT | NEXT, 0xFFFF]),
    st.integers(0, 12),
)
requests = st.builds(
    lambda length, opcode, nodeid, body: IN_HEADER.pack(length, opcode, 6, nodeid, 0, 0, 0, 0) + body,
    st.one_of(st.integers(40, 200), st.just(1 << 31)),
    st.sampled_from([*Opcode, 0, 7, 9999]).map(int),
    st.sampled_from([0, 1, 2, 1 << 63]),
    st.binary(max_size=120),
)


@few
@given(rows=st.lists(buffers, min_size=1, max_size=10), request=requests, offers=st.integers(1, 3))
def test_a_guest_that_writes_anything_into_its_queue(
    served: Served, rows: list[tuple[int, int, int, int]], request: bytes, offers: int
) -> None:
    guest = served.guest(indirect=False)
    guest.mount()
    queue = guest.queues[1]
    guest.machine.write(MIB, request)
    guest.machine.write(
        queue.descriptors, b"".join(DESCRIPTOR.pack(at, size, flags, to) for at, size, flags, to in rows)
    )
    for _ in range(offers):
        queue._offer(0)
    guest.close()
    alive(served)


def test_a_message_is_taken_apart_at_any_place(served: Served) -> None:
    whole = HEADER.pack(Request.SET_FEATURES, 1, 8) + struct.pack("<Q", 1 << 32)
    for end in range(len(whole)):
        machine = served.connect()
        machine.sock.sendall(whole[:end])
        machine.close()
    alive(served)
