"""What no author can have meant: the errno that its caller gets, and the log, at length only once.

Ordinary refusals are the session's affair.
"""

from __future__ import annotations

import errno
import logging
import os
import traceback
from collections.abc import Callable
from typing import Any

from puffpy.complaints import Complaints, place_of
from puffpy.errors import PuffpyError, TimedOut, WireError, errno_of
from puffpy.wire import MESSAGES, Opcode

log = logging.getLogger("puffpy")


class Bugs:
    """The bugs of one file system, and which of them have been told; *complaints* are about its kernel."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str, int]] = set()
        self.complaints = Complaints()

    def log(self, exc: BaseException, where: str, code: int) -> None:
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
            _told(exc),
            errno.errorcode.get(code, os.strerror(code)),
            " (traceback above)" if known else "",
            exc_info=None if known else exc,
        )

    def blamed(self, exc: BaseException, opcode: int, nodeid: int) -> int:
        """Log what no author can have meant; return the errno for it."""
        name = Opcode(opcode).name if opcode in MESSAGES else str(opcode)
        if isinstance(exc, WireError):
            self.complaints.error(place_of(exc), "%s for node %d is malformed: %s", name, nodeid, exc)
            return errno.EINVAL
        if isinstance(exc, TimedOut):
            return errno.ETIMEDOUT  # the watchdog has said where and what
        if isinstance(exc, PuffpyError):
            log.error("%s for node %d: %s; the caller gets EIO", name, nodeid, exc)
            return errno.EIO
        code = errno_of(exc)
        self.log(exc, f"{name} for node {nodeid}", code)
        return code

    def guarded(self, op: Callable[..., object]) -> Callable[..., None]:
        """Return *op* for where nobody waits: what it raises is logged and goes no further."""

        def call(*args: Any) -> None:
            try:
                op(*args)
            except BaseException as exc:  # noqa: BLE001  as above
                self.log(exc, getattr(op, "__qualname__", "?"), errno_of(exc))

        return call


def _told(exc: BaseException) -> str:
    """Return what *exc* says, if that can be said: another bug must not hide this one."""
    try:
        return str(exc)
    except Exception as second:  # noqa: BLE001
        return f"({type(second).__name__} when asked what it says)"
