"""Handlers of the requests that treat a file like a device: poll, ioctl, bmap.

Each factory binds one opcode's handler over a mounted file system.
"""

from __future__ import annotations

from puffpy.dispatch.binding import Binding, Handler, Message, Reply
from puffpy.dispatch.shape import HEADER_SIZE, Shaper, untrue
from puffpy.errors import WireError
from puffpy.types import Call, Waker
from puffpy.wire.flags import PollFlag
from puffpy.wire.structs import (
    BMAP_IN,
    BMAP_OUT,
    IN_HEADER,
    IOCTL_IN,
    IOCTL_OUT,
    POLL_IN,
    POLL_OUT,
    reply_struct,
)

BODY = IN_HEADER.size
IOCTL_DATA = BODY + IOCTL_IN.size

pack_poll = reply_struct(POLL_OUT).pack
pack_ioctl = reply_struct(IOCTL_OUT).pack
pack_bmap = reply_struct(BMAP_OUT).pack


def poll(b: Binding, shaper: Shaper) -> Handler:
    """POLL: what holds now; a waker goes along if somebody sleeps on it."""
    state = b.must("poll")
    cookies, handles, wake = b.nodes.cookies, b.handles, b.wake
    unpack = POLL_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        fh, kh, flags, events = unpack(message, BODY)
        call = Call(uid, gid, pid, handles[fh].handle, unique)
        waker = Waker(lambda: wake(kh)) if flags & PollFlag.SCHEDULE_NOTIFY else None
        ready = state(cookies[nodeid].node, events, waker, call)
        if type(ready) is not int or not 0 <= ready < 1 << 32:
            untrue(b, "poll", ready, "a sum of select.POLL... bits")
        return pack_poll(HEADER_SIZE + POLL_OUT.size, 0, unique, ready)

    return handle


def ioctl(b: Binding, shaper: Shaper) -> Handler:
    """IOCTL: restricted, so the size of what goes in and out is in the command itself."""
    control = b.must("ioctl")
    cookies, handles = b.nodes.cookies, b.handles
    unpack = IOCTL_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        fh, _, cmd, arg, in_size, out_size = unpack(message, BODY)
        if IOCTL_DATA + in_size != size:
            raise WireError(f"IOCTL of {in_size} bytes holds {size - IOCTL_DATA}")
        call = Call(uid, gid, pid, handles[fh].handle, unique)
        with memoryview(message)[IOCTL_DATA:size] as data:
            answer = control(cookies[nodeid].node, cmd, arg, data, call)
            if type(answer) is int:
                if not 0 <= answer < 1 << 31:
                    untrue(b, "ioctl", answer, "a number from 0 to 2**31 - 1; raise an OSError to refuse")
                return pack_ioctl(HEADER_SIZE + IOCTL_OUT.size, 0, unique, answer, 0, 0, 0)
            try:
                out = bytes(memoryview(answer))
            except TypeError:
                untrue(b, "ioctl", answer, "bytes, or the number to return")
        if len(out) > out_size:
            untrue(b, "ioctl", f"{len(out)} bytes", f"at most the {out_size} that the command takes back")
        return pack_ioctl(HEADER_SIZE + IOCTL_OUT.size + len(out), 0, unique, 0, 0, 0, 0) + out

    return handle


def bmap(b: Binding, shaper: Shaper) -> Handler:
    """BMAP: block-device mounts only."""
    locate = b.must("bmap")
    cookies = b.nodes.cookies
    unpack = BMAP_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        block, blocksize = unpack(message, BODY)
        found = locate(cookies[nodeid].node, block, blocksize, Call(uid, gid, pid, None, unique))
        if type(found) is not int or not 0 <= found < 1 << 64:
            untrue(b, "bmap", found, "the number of a block")
        return pack_bmap(HEADER_SIZE + BMAP_OUT.size, 0, unique, found)

    return handle
