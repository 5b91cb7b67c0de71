"""Those who wait for an advisory lock.

``advlock`` never waits: whoever may wait is kept here, and asked for again when a lock of the same node has
been dropped.  So a blocked lock holds up nothing else.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable

import attrs
from typing_extensions import Buffer

from puffpy.errors import FsError, errno_of
from puffpy.wire.structs import OUT_HEADER

log = logging.getLogger("puffpy")

MOST = 65536
"""How many may wait; a kernel has a process for each, whoever plays one has not."""

Retry = Callable[[], "bytes | tuple[Buffer, ...] | None"]


@attrs.define
class LockQueue:
    """Who waits for a lock, by the unique of the request; *send* takes the replies when they come."""

    send: Callable[[bytes], object]
    _waiting: dict[int, tuple[int, Retry]] = attrs.field(factory=dict, init=False)

    def wait(self, unique: int, nodeid: int, retry: Retry) -> None:
        """Keep a request; *retry* answers it, or returns ``None`` to go on waiting.

        Raises:
            ENOLCK: there are too many already.
        """
        if len(self._waiting) >= MOST:
            raise FsError(errno.ENOLCK, f"{MOST} wait for locks")
        self._waiting[unique] = (nodeid, retry)

    def released(self, nodeid: int) -> None:
        """Locks of *nodeid* have been dropped: whoever waits for one tries again, first come first served."""
        for unique in [unique for unique, (node, _) in self._waiting.items() if node == nodeid]:
            _, retry = self._waiting[unique]
            try:
                reply = retry()
            except Exception as refusal:  # whoever unlocked has no part in it
                if not isinstance(refusal, OSError):
                    log.error("advlock for node %d, waited for: %r", nodeid, refusal, exc_info=refusal)
                reply = OUT_HEADER.pack(OUT_HEADER.size, -errno_of(refusal), unique)
            if reply is not None:
                del self._waiting[unique]
                self.send(b"".join(reply) if isinstance(reply, tuple) else reply)

    def interrupt(self, unique: int) -> bool:
        """The caller of *unique* has been signalled; it waits no longer.  False if it was not waiting."""
        if self._waiting.pop(unique, None) is None:
            return False
        self.send(OUT_HEADER.pack(OUT_HEADER.size, -errno.EINTR, unique))
        return True

    def __len__(self) -> int:
        return len(self._waiting)
