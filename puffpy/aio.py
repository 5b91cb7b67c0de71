"""Mounts for programs that run an event loop: the operations that are ``async def`` run in that very loop.

A plain program uses :func:`puffpy.mount`; operations that are ``async def`` then get a loop of their own.

Theory of operation.  The mount is served by a thread as every mount is, because a read of ``/dev/fuse`` is
quicker than any loop's look at it; that thread hands each ``async def`` to the loop and goes on.  Operations
that are no coroutines therefore run in that thread, not in the loop's.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Protocol, TypeVar

from typing_extensions import Self

from puffpy.mount import Mount, mount
from puffpy.ops import VnodeOps
from puffpy.runners import Runner
from puffpy.runners.portal import Portal
from puffpy.runners.tasks import Tasks

T = TypeVar("T")


class AsyncMount:
    """A mount for an event loop, asyncio's or (with the extra ``puffpy[trio]``) trio's.

    Either ``await AsyncMount(fs, mnt).serve()``, or ``async with AsyncMount(fs, mnt) as mnt``.  The arguments
    are those of :func:`puffpy.mount`.
    """

    def __init__(self, vnodeops: VnodeOps, mountpoint: str | os.PathLike[str], **settings: Any) -> None:
        self.mountpoint = os.path.abspath(os.fspath(mountpoint))
        self._vnodeops, self._settings = vnodeops, settings
        self._mount: Mount | None = None
        self._stack = AsyncExitStack()

    async def serve(self) -> None:
        """Wait until somebody has unmounted; mount first, unless that is done.  Cancelled, it unmounts.

        Raises: what :func:`puffpy.mount` and :meth:`Mount.unmount` raise.
        """
        if self._mount is None:
            async with self:
                await self.serve()
            return
        await _backend().in_thread(self._mount.wait)

    async def __aenter__(self) -> Self:
        backend = _backend()
        loop = await self._stack.enter_async_context(backend)

        def attach() -> None:
            self._mount = mount(self._vnodeops, self.mountpoint, loop=loop, **self._settings)

        try:
            await backend.to_the_end(attach)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def _end(self) -> None:
        served, self._mount = self._mount, None
        try:
            if served is not None:
                await _backend().to_the_end(served.unmount)
        finally:
            await self._stack.aclose()


class _Backend(Protocol):
    async def __aenter__(self) -> Runner: ...
    async def __aexit__(self, *_: object) -> None: ...
    def in_thread(self, function: Callable[[], T]) -> Awaitable[T]: ...
    def to_the_end(self, function: Callable[[], T]) -> Awaitable[T]: ...


def _backend() -> _Backend:
    """Return what belongs to the loop that runs here; whoever uses trio has sniffio."""
    sniffio = sys.modules.get("sniffio")
    if sniffio is not None and sniffio.current_async_library() != "asyncio":
        return _Anyio()
    return _Asyncio()


class _Asyncio:
    async def __aenter__(self) -> Runner:
        return Tasks(asyncio.get_running_loop())

    async def __aexit__(self, *_: object) -> None:
        pass

    async def in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.to_thread(function)

    async def to_the_end(self, function: Callable[[], T]) -> T:
        """A thread cannot be cancelled, so a cancellation waits for its end."""
        work = asyncio.ensure_future(asyncio.to_thread(function))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work])
            raise


class _Anyio:
    async def __aenter__(self) -> Runner:
        from anyio.from_thread import BlockingPortal  # an extra: puffpy[trio]

        self._portal = await BlockingPortal().__aenter__()
        return Portal(self._portal)

    async def __aexit__(self, *_: object) -> None:
        await self._portal.__aexit__(None, None, None)

    async def in_thread(self, function: Callable[[], T]) -> T:
        from anyio.to_thread import run_sync

        return await run_sync(function, abandon_on_cancel=True)

    async def to_the_end(self, function: Callable[[], T]) -> T:
        from anyio import CancelScope

        scope = CancelScope(shield=True)
        with scope:
            return await self.in_thread(function)
        raise AssertionError("unreachable: what is shielded is not cancelled")
