"""The kernel's half of the conversation: a request out, its reply back, and what ENOSYS taught.

Files, names and caches are not known here, only messages.  How they travel is the link's.
"""

from __future__ import annotations

import errno
import functools
import itertools
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from puffpy.errors import WireError
from puffpy.types import Credentials
from puffpy.userkernel.link import Link, unique_of
from puffpy.userkernel.negotiate import Offer, Terms, settle
from puffpy.wire import MESSAGES, Opcode, Reply, Request, decode_reply, encode_request
from puffpy.wire.flags import InitFlag
from puffpy.wire.opcodes import UNIQUE_NOTIFY
from puffpy.wire.structs import FORGET_ONE, IN_HEADER

ANSWERS_ALONE: Final[Mapping[Opcode, int]] = MappingProxyType(
    {
        Opcode.OPEN: 0,
        Opcode.OPENDIR: 0,
        Opcode.CREATE: 0,
        Opcode.TMPFILE: errno.EOPNOTSUPP,
        Opcode.RENAME2: errno.EINVAL,
        Opcode.LINK: errno.EPERM,
        Opcode.ACCESS: 0,
        Opcode.FLUSH: 0,
        Opcode.FSYNC: 0,
        Opcode.FSYNCDIR: 0,
        Opcode.GETXATTR: errno.EOPNOTSUPP,
        Opcode.SETXATTR: errno.EOPNOTSUPP,
        Opcode.LISTXATTR: errno.EOPNOTSUPP,
        Opcode.REMOVEXATTR: errno.EOPNOTSUPP,
        Opcode.LSEEK: 0,
        Opcode.FALLOCATE: errno.EOPNOTSUPP,
        Opcode.COPY_FILE_RANGE_64: 0,
        Opcode.COPY_FILE_RANGE: 0,
        Opcode.STATX: 0,
        Opcode.POLL: 0,
        Opcode.BMAP: 0,
        Opcode.SYNCFS: 0,
    }
)
"""What is not asked a second time after ENOSYS, and the errno the caller gets from then on.

0 is no error: the caller does without, or another way.
"""

FORGETS_AT_ONCE: Final = (8192 - IN_HEADER.size - 8) // FORGET_ONE.size
"""As many records as fit the smallest buffer that a server may read with."""

INTERRUPT_BIT: Final = 1
"""An INTERRUPT's own unique is its target's with this set; all others are even."""

AGAIN: Final = 0.01
"""Seconds until an INTERRUPT is repeated that came before its target."""


class Caller(Protocol):
    """Who asks."""

    @property
    def credentials(self) -> Credentials:
        """Its ids."""

    @property
    def tid(self) -> int:
        """Its thread, or 0 where that would say nothing true."""


class Connection:
    """One server, from INIT to the end.

    Many threads may ask at once.  The lock guards what ENOSYS taught and who is asleep; it is held for no
    request and taken after every other.

    Args:
        link: The way to the server; the connection closes it.
        offer: What INIT offers.
        max_read: The mount option of that name, in bytes; 0 for none.
        hear: Takes notifications, and must return at once.
    """

    def __init__(self, link: Link, *, offer: Offer, max_read: int = 0, hear: Callable[[bytes], None]) -> None:
        self.link = link
        self.offer = offer
        self._uniques = itertools.count(2, 2)
        self._lock = threading.Lock()
        self._learned: set[Opcode] = {
            opcode for opcode in ANSWERS_ALONE if MESSAGES[opcode].since > offer.minor
        }
        self._interruptible = True
        self._inflight: set[int] = set()
        self._asleep: dict[int, Callable[[], None]] = {}
        link.listen(functools.partial(self._listen, hear))
        self.terms: Terms = self._init(max_read)

    @property
    def inflight(self) -> int:
        """How many requests wait for their answer."""
        return len(self._inflight)

    def has(self, flag: InitFlag) -> bool:
        """Tell whether both sides agreed on *flag*."""
        return bool(self.terms.flags & flag)

    def lacks(self, opcode: Opcode) -> bool:
        """Tell whether the server is known not to answer *opcode*."""
        return opcode in self._learned

    def ask(
        self,
        opcode: Opcode,
        nodeid: int,
        fields: Mapping[str, int] = MappingProxyType({}),
        *,
        names: Sequence[bytes] = (),
        data: bytes | memoryview = b"",
        caller: Caller | None = None,
        groups: Sequence[int] = (),
        probe: bool = False,
    ) -> Reply | None:
        """Send a request, wait, and return the reply.

        Args:
            opcode, nodeid, fields, names, data: What is asked of what.
            caller: Who asks; nobody in particular if left out.
            groups: The supplementary group that goes with what is created.
            probe: Whether only the size of an extended attribute is asked for.

        Returns: ``None`` where the server does not do this and the kernel does without
            (:data:`ANSWERS_ALONE`).

        Raises:
            EIO: the reply is malformed.
            OSError: whatever the server refuses with; see also :meth:`Link.call`.
        """
        if opcode in self._learned:
            self._alone(opcode)
            return None
        request = Request(
            opcode,
            unique=next(self._uniques),
            nodeid=nodeid,
            uid=caller.credentials.uid if caller else 0,
            gid=caller.credentials.gid if caller else 0,
            pid=caller.tid if caller else 0,
            fields=fields,
            names=tuple(names),
            data=data,
            groups=tuple(groups),
        )
        reply = self._exchange(request, probe)
        if not reply.error:
            return reply
        if reply.error == errno.ENOSYS and opcode in ANSWERS_ALONE:
            with self._lock:
                self._learned.add(opcode)
            self._alone(opcode)
            return None
        raise OSError(reply.error, os.strerror(reply.error))

    def must(
        self,
        opcode: Opcode,
        nodeid: int,
        fields: Mapping[str, int] = MappingProxyType({}),
        *,
        names: Sequence[bytes] = (),
        data: bytes | memoryview = b"",
        caller: Caller | None = None,
        groups: Sequence[int] = (),
    ) -> Reply:
        """As :meth:`ask`, of what the kernel cannot do without: ENOSYS goes to the caller."""
        reply = self.ask(opcode, nodeid, fields, names=names, data=data, caller=caller, groups=groups)
        if reply is None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        return reply

    def forget(self, counts: Mapping[int, int]) -> None:
        """Give back lookup counts, by nodeid."""
        records = list(counts.items())
        if len(records) == 1:
            ((nodeid, nlookup),) = records
            self._post(Opcode.FORGET, nodeid, {"nlookup": nlookup})
            return
        for at in range(0, len(records), FORGETS_AT_ONCE):
            batch = records[at : at + FORGETS_AT_ONCE]
            data = b"".join(FORGET_ONE.pack(*record) for record in batch)
            self._post(Opcode.BATCH_FORGET, 0, {}, data)

    def retrieved(self, notify_unique: int, nodeid: int, offset: int, data: bytes) -> None:
        """Answer a RETRIEVE with *data* from *offset* on."""
        fields = {"offset": offset, "size": len(data)}
        self._post(Opcode.NOTIFY_REPLY, nodeid, fields, data, unique=notify_unique)

    def interrupt(self, thread: int) -> bool:
        """Signal *thread* (``threading.get_ident()``); False if it does not sleep in this kernel.

        What it waits for goes on until the server, told by INTERRUPT, answers; often with EINTR.
        """
        with self._lock:
            wake = self._asleep.get(thread)
        if wake is None:
            return False
        wake()
        return True

    def sleeping(self, wake: Callable[[], None] | None) -> None:
        """Note how the calling thread is to be woken by :meth:`interrupt`; ``None``: it is awake again."""
        with self._lock:
            if wake is None:
                self._asleep.pop(threading.get_ident(), None)
            else:
                self._asleep[threading.get_ident()] = wake

    def close(self) -> None:
        """Let go of the server; whoever waits for it gets ECONNABORTED, whoever comes later ENOTCONN."""
        self.link.close()

    def _init(self, max_read: int) -> Terms:
        reply = self._exchange(
            Request(Opcode.INIT, unique=next(self._uniques), fields=self.offer.fields), probe=False
        )
        if reply.error:
            raise OSError(errno.ECONNREFUSED, f"the server refused INIT: {os.strerror(reply.error)}")
        return settle(self.offer, reply.fields, max_read=max_read, limit=self.link.limit)

    def _exchange(self, request: Request, probe: bool) -> Reply:
        message = encode_request(request, setxattr_ext=self._setxattr_ext(request))
        self.sleeping(functools.partial(self._send_interrupt, request.unique))
        self._inflight.add(request.unique)
        try:
            answer = self.link.call(message)
        finally:
            self._inflight.discard(request.unique)
            self.sleeping(None)
        try:
            return decode_reply(request.opcode, answer, size_probe=probe)
        except WireError as exc:
            raise OSError(errno.EIO, f"{request.opcode.name}: {exc}") from exc

    def _setxattr_ext(self, request: Request) -> bool:
        return request.opcode is Opcode.SETXATTR and self.has(InitFlag.SETXATTR_EXT)

    def _alone(self, opcode: Opcode) -> None:
        code = ANSWERS_ALONE[opcode]
        if code:
            raise OSError(code, os.strerror(code))

    def _post(
        self,
        opcode: Opcode,
        nodeid: int,
        fields: Mapping[str, int],
        data: bytes = b"",
        unique: int | None = None,
    ) -> None:
        unique = next(self._uniques) if unique is None else unique
        self.link.post(
            encode_request(Request(opcode, unique=unique, nodeid=nodeid, fields=fields, data=data))
        )

    def _send_interrupt(self, unique: int) -> None:
        if self._interruptible and unique in self._inflight:
            self._post(Opcode.INTERRUPT, 0, {"unique": unique}, unique=unique | INTERRUPT_BIT)

    def _listen(self, hear: Callable[[bytes], None], message: bytes) -> None:
        unique = unique_of(message)
        if unique == UNIQUE_NOTIFY:
            hear(message)
        elif unique & INTERRUPT_BIT:
            self._interrupt_answered(decode_reply(Opcode.INTERRUPT, message).error, unique & ~INTERRUPT_BIT)
        # All else comes too late: who asked was woken without it.

    def _interrupt_answered(self, error: int, target: int) -> None:
        if error == errno.ENOSYS:
            self._interruptible = False
        elif error == errno.EAGAIN:
            # The server has not seen the target yet.  A moment later it has, or has answered it.
            again = threading.Timer(AGAIN, self._send_interrupt, [target])
            again.daemon = True
            again.start()
