"""One conversation with one kernel: messages in, replies out.

No I/O and no thread: whoever drives it hands messages over one at a time and sends what comes back.

Theory of operation.  The first message is INIT; until it has been answered nothing else is understood.  The
answer settles the terms, and over these every opcode's handler is bound, once.  From then on a message is
looked up in the routes, answered, and forgotten, unless its operation is run beside it, in a worker thread
or an event loop: then it is parked until that is done, and its handler is run again by whoever finished it
(``puffpy.dispatch.parking``).  An INTERRUPT concerns a request that is parked or waits for a lock.  Whatever
a file system raises ends here, as the errno of an error reply; only what no author can have meant is logged.
"""

from __future__ import annotations

import errno
import itertools
import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import attrs

from puffpy.dispatch import Backings, Binding, Bound, LockQueue, Message, Parked, Parking, Reply, Terms, bind
from puffpy.errors import VectorError, WireError, errno_of
from puffpy.nodes import Commons, Handles, NodeTable
from puffpy.ops import VfsOps, VnodeOps, inspect, manners, written
from puffpy.options import MountOptions
from puffpy.runners import Runner
from puffpy.session.beside import PRIVATE, Beside, Deliver
from puffpy.session.bugs import Bugs
from puffpy.session.memory import Memory, restore
from puffpy.session.negotiate import (
    MAJOR,
    OLDEST_MINOR,
    Wishes,
    agree,
    buffer_size,
    init_reply,
    read_offer,
)
from puffpy.session.notifier import Notifier
from puffpy.session.renewal import Pausing, too_late
from puffpy.session.undo import take_back
from puffpy.types import BackingDevice, Call
from puffpy.wire import MESSAGES, Opcode
from puffpy.wire.flags import InitFlag
from puffpy.wire.structs import IN_HEADER, INTERRUPT_IN, NOTIFY_RETRIEVE_IN, OUT_HEADER, RELEASE_IN

log = logging.getLogger("puffpy")

EPOCHS = 44
"""The first minor in which all names can be doubted at once (FUSE_NOTIFY_INC_EPOCH)."""

UNANSWERED = frozenset(int(opcode) for opcode, message in MESSAGES.items() if not message.answered)


class Session:
    """A file system and the kernel it talks to.

    *send* takes what is not the reply to the message at hand: a lock granted later, a notification.  It is
    called from any thread and must not wait for the kernel.  *deliver* takes the reply to a message that was
    parked, from whoever finished it, and tells whether the kernel took it; by default that is sent as well.
    *backing* registers files for passthrough.  *loop* runs what is ``async def``; by default an asyncio loop
    of its own does.  *commons* is shared by the sessions of several kernels over the same vectors.
    *memory* is for another session to go on from (:meth:`resume`).

    Raises:
        VectorError: the vectors cannot work (see :func:`puffpy.ops.inspect`).
    """

    def __init__(
        self,
        vnodeops: VnodeOps,
        vfsops: VfsOps,
        options: MountOptions,
        send: Callable[[bytes], object],
        backing: BackingDevice | None = None,
        *,
        deliver: Deliver | None = None,
        loop: Runner | None = None,
        commons: Commons | None = None,
        memory: Memory | None = None,
    ) -> None:
        inspect(vnodeops, vfsops)
        self.buffer_size = buffer_size(options)
        self.ready = False
        self.closed = False
        self._started = False
        self._backings: Backings | None = None
        self._memory = memory
        self.terms: Terms | None = None
        self._vnodeops, self._vfsops, self._options = vnodeops, vfsops, options
        ours = written(vnodeops) | written(vfsops)
        waiting = manners(ours, vnodeops, vfsops, everything=options.workers > 0)
        parking = Parking(waiting) if waiting else None
        self._wishes = Wishes(ours, options, backing is not None, frozenset(waiting))
        self._backing = backing
        self._beside: Beside | None = None
        self._turn: AbstractContextManager[None] = nullcontext() if parking is None else parking
        if parking is not None:
            self._beside = Beside(
                parking,
                partial(Session.receive, self),
                deliver or _sending(send),
                self.undelivered,
                workers=options.workers,
                loop=loop,
            )
            self.receive = self._beside.receive  # type: ignore[method-assign]  # costs nothing where nobody waits
        root = vfsops.root() if "root" in ours else vnodeops.root
        self._commons = commons
        self._bugs = Bugs()
        self.nodes = NodeTable(
            root,
            *self._hooks(ours),
            postpone=parking.postpone if parking is not None else None,
            entered=commons.entered if commons is not None else None,
        )
        self.handles = Handles()
        self.kernel = Notifier(self.nodes, send)
        self._locks = LockQueue(send)
        self._routes: dict[int, Bound] = {Opcode.INIT: (IN_HEADER.size, self._init)}
        self._private = itertools.count()

    def _hooks(self, ours: frozenset[str]) -> tuple[Any, Any, Any]:
        """Return what the node table calls of the operations *ours*: inactive, reclaim and nodetofh."""
        vnodeops, commons, guarded = self._vnodeops, self._commons, self._bugs.guarded
        inactive = guarded(_unless_shared(vnodeops.inactive, commons)) if "inactive" in ours else None
        wanted = "reclaim" in ours or commons is not None
        reclaim = _last_one(guarded(vnodeops.reclaim), commons) if wanted else None
        return inactive, reclaim, self._vfsops.nodetofh if "nodetofh" in ours else None

    def receive(self, message: Message, size: int) -> Reply:
        """Answer one whole message, the first *size* bytes of *message*.

        Returns: the reply, to be sent and dropped before the next message is handed over (it may point into
        the file system's own storage); ``None`` where the kernel does not wait for one now.

        Never raises for what a kernel or a file system does wrong.
        """
        if size < IN_HEADER.size:
            self._bugs.complaints.error("size", "a message of %d bytes is no request; dropped", size)
            return None
        length, opcode, unique, nodeid, uid, gid, pid, _ = IN_HEADER.struct.unpack_from(message)
        try:
            bound = self._routes.get(opcode)
            if bound is None:
                return self._unrouted(opcode, unique)
            least, handle = bound
            if size < least or size != length:
                raise WireError(f"says {length} bytes, holds {size}, needs {least}")
            return handle(message, size, unique, nodeid, uid, gid, pid)
        except BaseException as exc:  # noqa: BLE001  a bug must not end the mount
            return self._refusal(exc, message, size)

    def lend(self) -> Beside | None:
        """See :meth:`Beside.lend`; None as well where nothing runs beside the conversation."""
        return None if self._beside is None else self._beside.lend()

    def expire(self, seconds: float) -> None:
        """Answer requests that have been parked for longer than *seconds* with ETIMEDOUT; from any thread."""
        if self._beside is not None:
            self._beside.expire(seconds)

    def buffer(self, last: bytearray) -> bytearray:
        """Return a buffer for the next message: *last*, unless its message was parked in it."""
        return last if self._beside is None else self._beside.buffer(last)

    def parked(self) -> list[tuple[bytes, Call | None]]:
        """Return the requests whose operation runs beside the conversation: head, and what that was given."""
        requests = [] if self._beside is None else self._beside.parking.requests()
        return [(bytes(each.message[: IN_HEADER.size]), each.call) for each in requests]

    def undelivered(self, message: Message, reply: Reply) -> None:
        """The kernel would not take *reply* to *message*: nobody knows what it named or opened."""
        if reply is not None:
            with self._turn:
                try:
                    take_back(message, _whole(reply), self.nodes, self._release)
                except Exception:
                    log.exception("taking back an undelivered reply")

    def close(self) -> None:
        """The kernel is gone: close every open file, reclaim every node, end the mount.  Once only."""
        if self.closed:
            return
        self.closed = True
        self._close_files()
        self.nodes.clear()
        self._bugs.guarded(self._through("unmount", self._vfsops.unmount))()
        self._bugs.complaints.sum_up()
        if self._beside is not None:
            self._beside.close()

    def _close_files(self) -> None:
        """Close what the kernel has open, and will send no RELEASE for."""
        if self._beside is not None:
            self._beside.settle()
        shut = self._bugs.guarded(self._through("close", self._vnodeops.close))
        for opened in self.handles.drain():
            if opened.vnode is not None:
                if not opened.flags & os.O_DIRECTORY and "close" in self._wishes.written:
                    shut(opened.vnode.node, opened.flags, Call(0, 0, 0, opened.handle))
                if self._backings is not None:
                    self._backings.end(opened)
                self.nodes.closed(opened.vnode)

    def _init(
        self, message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int
    ) -> Reply:
        major, minor, readahead, offered = read_offer(message, size, IN_HEADER.size)
        if major < MAJOR or (major == MAJOR and minor < OLDEST_MINOR):
            raise WireError(
                f"the kernel speaks FUSE {major}.{minor}; expected {MAJOR}.{OLDEST_MINOR} or newer"
            )
        self.terms = agree(self._wishes, minor, offered)
        reply = init_reply(unique, self.terms, self._wishes, readahead)
        if major > MAJOR:
            return reply  # the kernel asks again, with a major that both know
        if self._memory is not None:
            self._memory.settled(self.terms)
        self._begin(self.terms)
        return reply

    def resume(self) -> None:
        """Go on where an earlier session was cut off, of which the memory tells."""
        memory = self._memory
        if memory is None or memory.terms is None:
            raise ValueError("there is no earlier session to go on from")
        self.terms = memory.terms
        binding = self._begin(self.terms)
        restore(memory, binding, self._through)

    def unsettled(self, vnodeops: VnodeOps, vfsops: VfsOps) -> list[str]:
        """Return what these vectors would have agreed on with the kernel, and it is too late for.

        Raises:
            VectorError: they cannot take the place of those that are mounted.
        """
        ours = written(vnodeops) | written(vfsops)
        waiting = manners(ours, vnodeops, vfsops, everything=self._options.workers > 0)
        if waiting and self._beside is None:
            raise VectorError(f"{min(waiting)} waits, and nothing did when this was mounted: mount it again")
        return too_late(self._wishes, ours)

    def between_requests(self, action: Callable[[], object]) -> None:
        """Do *action* before the next request is answered, in the thread that answers; from any thread.

        The kernel is told to ask again for all that it remembers.
        """
        routes = self._routes

        def once() -> None:
            self._routes = routes
            action()

        self._routes = Pausing(once, lambda: self._routes)
        if self.terms is not None and self.terms.minor >= EPOCHS:
            self.kernel.inc_epoch()
        for vnode in self.nodes:
            self.kernel.inval_inode(vnode.node)

    def rebind(self) -> None:
        """Take the operations of the vectors as they are now; for :meth:`between_requests`."""
        ours = written(self._vnodeops) | written(self._vfsops)
        self._wishes = attrs.evolve(self._wishes, written=ours)
        if self._beside is not None:
            everything = self._options.workers > 0
            self._beside.parking.manners = manners(ours, self._vnodeops, self._vfsops, everything=everything)
        self.nodes.hook(*self._hooks(ours))
        if self.terms is not None:
            self._bind(self.terms)

    def _begin(self, terms: Terms) -> Binding:
        """Bind the routes over *terms*, and have the file system start."""
        self._backings = Backings(self._backing) if terms.flags & InitFlag.PASSTHROUGH else None
        binding = self._bind(terms)
        if not self._started:
            self._through("start", self._vfsops.start)(self.kernel)
            self._started = True
        self.ready = True
        return binding

    def _bind(self, terms: Terms) -> Binding:
        """Bind the routes over *terms*."""
        binding = Binding(
            vnodeops=self._vnodeops,
            vfsops=self._vfsops,
            nodes=self.nodes,
            handles=self.handles,
            locks=self._locks,
            backings=self._backings,
            parking=self._beside.parking if self._beside is not None else None,
            options=self._options,
            terms=terms,
            wake=self.kernel.wake,
        )
        self._routes = bind(binding)
        for opcode, handler in (
            (Opcode.INTERRUPT, self._interrupt),
            (Opcode.NOTIFY_REPLY, self._notify_reply),
            (Opcode.DESTROY, self._destroy),
        ):
            self._routes[opcode] = (self._routes[opcode][0], handler)
        if self._memory is not None:
            self._routes = self._memory.over(self._routes, self.nodes, self.handles)
        return binding

    def _interrupt(
        self, message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int
    ) -> Reply:
        (interrupted,) = INTERRUPT_IN.struct.unpack_from(message, IN_HEADER.size)
        if not self._locks.interrupt(interrupted) and self._beside is not None:
            self._beside.interrupt(interrupted)
        return None

    def _notify_reply(
        self, message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int
    ) -> Reply:
        _, held = NOTIFY_RETRIEVE_IN.struct.unpack_from(message, IN_HEADER.size)
        start = IN_HEADER.size + NOTIFY_RETRIEVE_IN.size
        self.kernel.retrieved(unique, bytes(message[start : min(start + held, size)]))
        return None

    def _destroy(
        self, message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int
    ) -> Reply:
        # Virtual machines send it when they unmount, and INIT when they mount again: the mount lives on.
        self._close_files()
        self.nodes.begin_anew()
        self._locks = LockQueue(self._locks.send)
        self._routes = {Opcode.INIT: (IN_HEADER.size, self._init)}
        self.ready = False
        return OUT_HEADER.pack(OUT_HEADER.size, 0, unique)

    def _park(self, parked: Parked, message: Message, size: int) -> Reply:
        """Have the operation run beside the conversation; the reply comes later."""
        assert self._beside is not None
        try:
            self._beside.begin(parked, message, size, IN_HEADER.struct.unpack_from(message)[2])
        except Exception as exc:  # noqa: BLE001  nothing can be run any more
            return self._refusal(exc, message, size)
        return None

    def _through(self, name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        """Return *operation* for where the session itself waits for its end."""
        return operation if self._beside is None else self._beside.through(name, operation)

    def _release(self, opcode: Opcode, nodeid: int, fh: int) -> None:
        """Close an open file that the kernel does not know of."""
        body = RELEASE_IN.pack(fh, 0, 0, 0)
        length = IN_HEADER.size + len(body)
        header = IN_HEADER.pack(length, opcode, PRIVATE | next(self._private), nodeid, 0, 0, 0, 0)
        Session.receive(self, header + body, length)

    def _unrouted(self, opcode: int, unique: int) -> Reply:
        if not self.ready and opcode in MESSAGES:
            self._bugs.complaints.error(opcode, "%s came before INIT; refused", Opcode(opcode).name)
            return _error(unique, errno.EIO) if MESSAGES[Opcode(opcode)].answered else None
        told = "opcode %d: no such opcode in the protocol; the kernel is told so"
        self._bugs.complaints.say(logging.INFO, "opcode", told, opcode)
        return _error(unique, errno.ENOSYS)

    def _refusal(self, exc: BaseException, message: Message, size: int) -> Reply:
        """Turn what was raised into the reply, and into the log if no author can have meant it."""
        if isinstance(exc, Parked):
            return self._park(exc, message, size)
        _, opcode, unique, nodeid, *_ = IN_HEADER.struct.unpack_from(message)
        # Refusals are daily business: nothing is made up for the log where nothing is logged.
        code = errno_of(exc) if isinstance(exc, OSError) else self._bugs.blamed(exc, opcode, nodeid)
        return None if opcode in UNANSWERED else _error(unique, code)


def _error(unique: int, code: int) -> bytes:
    return OUT_HEADER.pack(OUT_HEADER.size, -code, unique)


def _whole(reply: Reply) -> bytes:
    return b"".join(reply) if isinstance(reply, tuple) else reply or b""


def _sending(send: Callable[[bytes], object]) -> Deliver:
    def deliver(_message: Message, reply: Reply) -> bool:
        send(_whole(reply))
        return True

    return deliver


def _unless_shared(inactive: Callable[[Any], object], commons: Commons | None) -> Callable[[Any], object]:
    return inactive if commons is None else lambda node: commons.alone(node) and inactive(node)


def _last_one(reclaim: Callable[[Any], object], commons: Commons | None) -> Callable[[Any], object]:
    return reclaim if commons is None else lambda node: commons.left(node) and reclaim(node)
