"""Who asks: what ``fuse_get_context`` and ``fuse_exit`` find out from inside an operation.

What is asked is the vector's business.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

from puffpy.types import Call

NOBODY: Final = Call(0, 0, 0)
"""Who asks where nobody in particular does."""

# Each thread has its own, and an operation runs in one thread.
_ASKING: Final[ContextVar[tuple[Call, Callable[[], object]] | None]] = ContextVar("asking", default=None)

asks: Final = _ASKING.set
"""Note the call at hand, and what ends its mount."""


def fuse_get_context() -> tuple[int, int, int]:
    """Return who asks, as ``(uid, gid, pid)``; zeros where nobody in particular does."""
    asking = _ASKING.get()
    call = NOBODY if asking is None else asking[0]
    return call.uid, call.gid, call.pid


def fuse_exit() -> None:
    """End the mount whose operation this is called in, once the operation has returned.

    Raises:
        RuntimeError: not in an operation.
    """
    asking = _ASKING.get()
    if asking is None:
        raise RuntimeError("fuse_exit() outside of an operation: there is no telling which mount is meant")
    asking[1]()
