"""Handlers of the end of an open file: FLUSH, of which there may be several, and RELEASE, which is the last.

Each factory binds one opcode's handler over a mounted file system.
"""

from __future__ import annotations

from collections.abc import Callable

from puffpy.dispatch.binding import Binding, Handler, Message, Reply
from puffpy.dispatch.parking import Parked
from puffpy.dispatch.shape import HEADER_SIZE, Shaper, pack_header
from puffpy.nodes import Vnode
from puffpy.types import Call
from puffpy.wire.flags import ReleaseFlag
from puffpy.wire.structs import FLUSH_IN, IN_HEADER, RELEASE_IN

BODY = IN_HEADER.size


def flush(b: Binding, shaper: Shaper) -> Handler:
    """FLUSH: one descriptor is closed; POSIX gives up its owner's record locks with it."""
    push, advlock = b.op("flush"), b.op("advlock")
    cookies, handles = b.nodes.cookies, b.handles
    unpack = FLUSH_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        fh, lock_owner = unpack(message, BODY)
        node = cookies[nodeid].node
        call = Call(uid, gid, pid, handles[fh].handle, unique)
        failure = None
        if push is not None:
            try:
                push(node, call)
            except Parked:
                raise
            except BaseException as exc:  # noqa: BLE001  raised below
                failure = exc
        if advlock is not None:
            advlock(node, lock_owner, None, False, call)
            b.locks.released(nodeid)
        if failure is not None:
            raise failure
        return pack_header(HEADER_SIZE, 0, unique)

    return handle


def close(b: Binding, shaper: Shaper) -> Handler:
    """RELEASE: the open file is gone; nobody sees an error, so one is a bug to be logged."""
    end = _closing(b)
    nodes, handles, backings = b.nodes, b.handles, b.backings
    unpack = RELEASE_IN.struct.unpack_from

    def handle(message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int) -> Reply:
        fh, flags, release_flags, lock_owner = unpack(message, BODY)
        opened = handles[fh]
        vnode = opened.vnode
        if vnode is None:
            return pack_header(HEADER_SIZE, 0, unique)
        failure = None
        if end is not None:
            call = Call(uid, gid, pid, opened.handle, unique)
            try:
                end(vnode, flags, release_flags, lock_owner, call)
            except Parked:
                raise
            except BaseException as exc:  # noqa: BLE001  raised below
                failure = exc
        del handles[fh]
        if backings is not None:
            backings.end(opened)
        nodes.closed(vnode)
        if failure is not None:
            raise failure
        return pack_header(HEADER_SIZE, 0, unique)

    return handle


def _closing(b: Binding) -> Callable[[Vnode, int, int, int, Call], None] | None:
    """Return what the file system does when an open file goes; None where it does nothing."""
    shut, advlock = b.op("close"), b.op("advlock")
    unlock = int(ReleaseFlag.FLOCK_UNLOCK)

    def end(vnode: Vnode, flags: int, release_flags: int, lock_owner: int, call: Call) -> None:
        try:
            if advlock is not None and release_flags & unlock:
                advlock(vnode.node, lock_owner, None, False, call)
                b.locks.released(vnode.cookie)
        finally:
            if shut is not None:
                shut(vnode.node, flags, call)

    return None if shut is None and advlock is None else end
