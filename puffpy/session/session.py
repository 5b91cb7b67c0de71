"""One conversation with one kernel: messages in, replies out.

No I/O and no thread: whoever drives it hands messages over one at a time and sends what comes back.

Theory of operation.  The first message is INIT; until it has been answered nothing else is understood.  The
answer settles the terms, and over these every opcode's handler is bound, once.  From then on a message is
looked up in the routes, answered, and forgotten: since one message is answered before the next is received,
an INTERRUPT can only concern a request that waits for a lock.  Whatever a file system raises ends here, as
the errno of an error reply; only what no author can have meant is logged.
"""

from __future__ import annotations

import errno
import logging
import os
import traceback
from collections.abc import Callable
from typing import Any

from puffpy.dispatch import Backings, Binding, Bound, LockQueue, Message, Reply, Terms, bind
from puffpy.errors import PuffpyError, WireError, errno_of
from puffpy.nodes import Handles, NodeTable
from puffpy.ops import VfsOps, VnodeOps, inspect, written
from puffpy.options import MountOptions
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
from puffpy.session.undo import take_back
from puffpy.types import BackingDevice, Call
from puffpy.wire import MESSAGES, Opcode
from puffpy.wire.flags import InitFlag
from puffpy.wire.structs import IN_HEADER, INTERRUPT_IN, NOTIFY_RETRIEVE_IN, OUT_HEADER

log = logging.getLogger("puffpy")

_MISSING = "no such opcode in the protocol"


class Session:
    """A file system and the kernel it talks to.

    *send* takes what is not the reply to the message at hand: a lock granted later, a notification.  It is
    called from any thread and must not wait for the kernel.  *backing* registers files for passthrough.

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
    ) -> None:
        inspect(vnodeops, vfsops)
        self.buffer_size = buffer_size(options)
        self.ready = False
        self.closed = False
        self.terms: Terms | None = None
        self._vnodeops, self._vfsops, self._options = vnodeops, vfsops, options
        ours = written(vnodeops) | written(vfsops)
        self._wishes = Wishes(ours, options, backing is not None)
        self._backing = backing
        root = vfsops.root() if "root" in ours else vnodeops.root
        self.nodes = NodeTable(
            root,
            inactive=self._guarded(vnodeops.inactive) if "inactive" in ours else None,
            reclaim=self._guarded(vnodeops.reclaim) if "reclaim" in ours else None,
            handle=vfsops.nodetofh if "nodetofh" in ours else None,
        )
        self.handles = Handles()
        self.kernel = Notifier(self.nodes, send)
        self._locks = LockQueue(send)
        self._routes: dict[int, Bound] = {Opcode.INIT: (IN_HEADER.size, self._init)}
        self._seen: set[tuple[str, str, int]] = set()

    def receive(self, message: Message, size: int) -> Reply:
        """Answer one whole message, the first *size* bytes of *message*.

        Returns: the reply, to be sent and dropped before the next message is handed over (it may point into
        the file system's own storage); ``None`` where the kernel does not wait for one now.

        Never raises for what a kernel or a file system does wrong.
        """
        if size < IN_HEADER.size:
            log.error("a message of %d bytes is no request; dropped", size)
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
            return self._refusal(exc, opcode, unique, nodeid)

    def undelivered(self, message: Message, reply: Reply) -> None:
        """The kernel would not take *reply* to *message*: nobody knows what it named or opened."""
        if reply is not None:
            whole = b"".join(reply) if isinstance(reply, tuple) else reply
            try:
                take_back(message, whole, self.nodes, self._routes)
            except Exception:
                log.exception("taking back an undelivered reply")

    def close(self) -> None:
        """The kernel is gone: close every open file, reclaim every node, end the mount.  Once only."""
        if self.closed:
            return
        self.closed = True
        shut = self._guarded(self._vnodeops.close)
        for opened in self.handles.drain():
            if opened.vnode is not None:
                if not opened.flags & os.O_DIRECTORY and "close" in self._wishes.written:
                    shut(opened.vnode.node, opened.flags, Call(0, 0, 0, opened.handle))
                self.nodes.closed(opened.vnode)
        self.nodes.clear()
        self._guarded(self._vfsops.unmount)()

    def _init(
        self, message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int
    ) -> Reply:
        major, minor, readahead, offered = read_offer(message, size, IN_HEADER.size)
        if major < MAJOR or (major == MAJOR and minor < OLDEST_MINOR):
            raise WireError(
                f"the kernel speaks FUSE {major}.{minor}; expected {MAJOR}.{OLDEST_MINOR} or newer"
            )
        self.terms = agree(self._wishes, minor, offered)
        reply = init_reply(unique, self.terms, self._options, readahead)
        if major > MAJOR:
            return reply  # the kernel asks again, with a major that both know
        binding = Binding(
            vnodeops=self._vnodeops,
            vfsops=self._vfsops,
            nodes=self.nodes,
            handles=self.handles,
            locks=self._locks,
            backings=Backings(self._backing) if self.terms.flags & InitFlag.PASSTHROUGH else None,
            options=self._options,
            terms=self.terms,
            wake=self.kernel.wake,
        )
        self._routes = bind(binding)
        for opcode, handler in (
            (Opcode.INTERRUPT, self._interrupt),
            (Opcode.NOTIFY_REPLY, self._notify_reply),
            (Opcode.DESTROY, self._destroy),
        ):
            self._routes[opcode] = (self._routes[opcode][0], handler)
        self._vfsops.start(self.kernel)
        self.ready = True
        return reply

    def _interrupt(
        self, message: Message, size: int, unique: int, nodeid: int, uid: int, gid: int, pid: int
    ) -> Reply:
        self._locks.interrupt(INTERRUPT_IN.struct.unpack_from(message, IN_HEADER.size)[0])
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
        self.close()
        return OUT_HEADER.pack(OUT_HEADER.size, 0, unique)

    def _unrouted(self, opcode: int, unique: int) -> Reply:
        if not self.ready and opcode in MESSAGES:
            log.error("%s came before INIT; refused", Opcode(opcode).name)
            return _error(unique, errno.EIO) if MESSAGES[Opcode(opcode)].answered else None
        log.info("opcode %d: %s; the kernel is told so", opcode, _MISSING)
        return _error(unique, errno.ENOSYS)

    def _refusal(self, exc: BaseException, opcode: int, unique: int, nodeid: int) -> Reply:
        """Turn what was raised into the reply, and into the log if no author can have meant it."""
        name = Opcode(opcode).name if opcode in MESSAGES else str(opcode)
        if isinstance(exc, WireError):
            log.error("%s for node %d is malformed: %s", name, nodeid, exc)
            code = errno.EINVAL
        elif isinstance(exc, PuffpyError) and not isinstance(exc, OSError):
            log.error("%s for node %d: %s; the caller gets EIO", name, nodeid, exc)
            code = errno.EIO
        else:
            code = errno_of(exc)
            if not isinstance(exc, OSError):
                self._log_bug(exc, f"{name} for node {nodeid}", code)
        if opcode in MESSAGES and not MESSAGES[Opcode(opcode)].answered:
            return None
        return _error(unique, code)

    def _log_bug(self, exc: BaseException, where: str, code: int) -> None:
        """Log a file system's bug: with its traceback the first time, in one line from then on."""
        frames = traceback.extract_tb(exc.__traceback__)
        last = frames[-1] if frames else None
        key = (type(exc).__name__, last.filename if last else "", (last.lineno or 0) if last else 0)
        known = key in self._seen
        self._seen.add(key)
        log.error(
            "%s: %s: %s; the caller gets %s%s",
            where,
            type(exc).__name__,
            exc,
            errno.errorcode.get(code, os.strerror(code)),
            " (traceback above)" if known else "",
            exc_info=None if known else exc,
        )

    def _guarded(self, op: Callable[..., object]) -> Callable[..., None]:
        """Return *op* for where nobody waits: what it raises is logged and goes no further."""

        def call(*args: Any) -> None:
            try:
                op(*args)
            except BaseException as exc:  # noqa: BLE001  as above
                self._log_bug(exc, getattr(op, "__qualname__", "?"), errno_of(exc))

        return call


def _error(unique: int, code: int) -> bytes:
    return OUT_HEADER.pack(OUT_HEADER.size, -code, unique)
