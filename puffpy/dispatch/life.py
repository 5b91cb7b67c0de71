"""Handlers of the requests that nobody waits for: the kernel gives lookup counts back.

What follows from a count of zero is the node table's.
"""

from __future__ import annotations

from puffpy.dispatch.binding import Binding, Handler, Message, Reply
from puffpy.dispatch.shape import HEADER_SIZE, Shaper, pack_header
from puffpy.errors import WireError
from puffpy.types import Call
from puffpy.wire.structs import BATCH_FORGET_IN, FORGET_IN, FORGET_ONE, IN_HEADER

BODY = IN_HEADER.size


def forget(b: Binding, shaper: Shaper) -> Handler:
    """FORGET: one node."""
    give_back = b.nodes.forget
    unpack = FORGET_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        give_back(nodeid, unpack(message, BODY)[0])
        return None

    return handle


def batch_forget(b: Binding, shaper: Shaper) -> Handler:
    """BATCH_FORGET: many nodes; the first that is wrong must not keep the others alive."""
    give_back = b.nodes.forget
    unpack = BATCH_FORGET_IN.struct.unpack_from
    records = FORGET_ONE.struct

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        (count,) = unpack(message, BODY)
        start = BODY + BATCH_FORGET_IN.size
        if start + count * records.size != size:
            raise WireError(f"BATCH_FORGET of {count} nodes holds {(size - start) / records.size}")
        wrong = None
        with memoryview(message)[start:size] as listed:
            for cookie, nlookup in records.iter_unpack(listed):
                try:
                    give_back(cookie, nlookup)
                except Exception as exc:  # noqa: BLE001  raised below
                    wrong = exc
        if wrong is not None:
            raise wrong
        return None

    return handle


def sync(b: Binding, shaper: Shaper) -> Handler:
    """SYNCFS: only virtual machines' and block-device mounts ask."""
    commit = b.must("sync")

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        commit(Call(uid, gid, pid, None, unique))
        return pack_header(HEADER_SIZE, 0, unique)

    return handle
