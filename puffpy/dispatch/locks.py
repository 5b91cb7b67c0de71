"""Handlers of advisory locks.

Each factory binds one opcode's handler over a mounted file system; who has to wait is in ``lockqueue``.
"""

from __future__ import annotations

import errno
import fcntl
import struct

from puffpy.dispatch.binding import Binding, Handler, Message, Reply
from puffpy.dispatch.shape import HEADER_SIZE, Shaper, pack_header, untrue
from puffpy.errors import errno_of
from puffpy.types import Call, Lock
from puffpy.wire.flags import LockFlag
from puffpy.wire.structs import IN_HEADER, LK_IN, LK_OUT, reply_struct

BODY = IN_HEADER.size
WOULD_BLOCK = (errno.EAGAIN, errno.EACCES)
LAST_BYTE = (1 << 63) - 1
IN_THE_WAY = "the Lock in the way, of a kind of fcntl's and within a file, or None"

pack_lk = reply_struct(LK_OUT).pack


def _lock(values: tuple[int, ...]) -> Lock:
    _, _, start, end, kind, pid, lk_flags = values
    return Lock(kind, start, end, pid, bool(lk_flags & LockFlag.FLOCK))


def getlk(b: Binding, shaper: Shaper) -> Handler:
    """GETLK: which lock would be in the way."""
    advlock = b.must("advlock")
    cookies, handles = b.nodes.cookies, b.handles
    unpack = LK_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        values = unpack(message, BODY)
        call = Call(uid, gid, pid, handles[values[0]].handle, unique)
        asked = _lock(values)
        found = advlock(cookies[nodeid].node, values[1], asked, True, call)
        if found is None:
            return pack_lk(HEADER_SIZE + LK_OUT.size, 0, unique, asked.start, asked.end, fcntl.F_UNLCK, 0)
        if not isinstance(found, Lock) or not 0 <= found.start <= found.end <= LAST_BYTE:
            untrue(b, "advlock", found, IN_THE_WAY)
        values = (found.start, found.end, found.kind, found.pid)
        try:
            return pack_lk(HEADER_SIZE + LK_OUT.size, 0, unique, *values)
        except struct.error:
            untrue(b, "advlock", found, IN_THE_WAY)

    return handle


def setlk(b: Binding, shaper: Shaper) -> Handler:
    """SETLK: take, change or drop a lock, now or not at all."""
    return _setting(b, wait=False)


def setlkw(b: Binding, shaper: Shaper) -> Handler:
    """SETLKW: the same, and the caller waits until it can be had."""
    return _setting(b, wait=True)


def _setting(b: Binding, *, wait: bool) -> Handler:
    advlock, locks = b.must("advlock"), b.locks
    cookies, handles = b.nodes.cookies, b.handles
    unpack = LK_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        values = unpack(message, BODY)
        call = Call(uid, gid, pid, handles[values[0]].handle, unique)
        lock = _lock(values)
        node = cookies[nodeid].node

        def attempt() -> Reply:
            try:
                advlock(node, values[1], lock, False, call)
            except OSError as refusal:
                if wait and errno_of(refusal) in WOULD_BLOCK:
                    return None
                raise
            return pack_header(HEADER_SIZE, 0, unique)

        reply = attempt()
        if reply is None:
            locks.wait(unique, nodeid, attempt)
        elif lock.kind != fcntl.F_WRLCK:
            locks.released(nodeid)
        return reply

    return handle
