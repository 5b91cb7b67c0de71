"""Tasks of any event loop that anyio knows, trio's above all, by way of anyio's blocking portal.

asyncio alone needs nothing of this: see ``tasks``.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from puffpy.runners.base import Cancel, Done

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal


class Portal:
    """A task for each operation in the loop that *portal* leads to, or in one of the kind *backend*.

    Raises:
        ImportError: anyio, or the backend, is not installed.
    """

    def __init__(self, portal: BlockingPortal | None = None, *, backend: str = "trio") -> None:
        self._own: AbstractContextManager[BlockingPortal] | None = None
        if portal is None:
            from anyio.from_thread import start_blocking_portal  # an extra: puffpy[trio]

            self._own = start_blocking_portal(backend)
            portal = self._own.__enter__()
        self._portal = portal
        self._native_id = 0
        self._open = True

    def start(self, operation: Callable[..., Any], args: tuple[Any, ...], done: Done) -> Cancel:
        """See :meth:`Runner.start`."""
        if not self._open:
            raise RuntimeError("the event loop of the async operations has ended")

        async def do() -> Any:
            self._native_id = threading.get_native_id()
            return await operation(*args)

        future = self._portal.start_task_soon(do)

        def over(_: Any) -> None:
            if future.cancelled():
                done(None, InterruptedError(errno.EINTR, "cancelled"))
            elif (exc := future.exception()) is not None:
                done(None, exc)
            else:
                done(future.result(), None)

        future.add_done_callback(over)
        return future.cancel

    def depends_on(self, native_id: int) -> bool:
        """See :meth:`Runner.depends_on`: the loop's own thread asks, and does nothing else meanwhile."""
        return native_id == self._native_id

    def close(self) -> None:
        """See :meth:`Runner.close`."""
        self._open = False
        if self._own is not None:
            own, self._own = self._own, None
            end = threading.Thread(target=own.__exit__, args=(None, None, None), daemon=True)
            end.start()
