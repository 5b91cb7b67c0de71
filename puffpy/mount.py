"""mount(): the call that puts a mount together, and the handle of what is mounted.

For programs; the command line is ``puffpy.main``.
"""

from __future__ import annotations

import os
import threading
import weakref
from types import TracebackType

import attrs
from typing_extensions import Self

from puffpy import bridges
from puffpy.errors import MountError
from puffpy.ops import Kernel, VfsOps, VnodeOps
from puffpy.options import MountOptions
from puffpy.record import Recorder
from puffpy.runners import Runner
from puffpy.serve import Server

PATIENCE = 10.0
"""Seconds to wait for the serving thread once its device is closed."""


class Mount:
    """A mounted file system, served in a thread of its own; a context manager that unmounts.

    The program that serves a mount may use it from its other threads, but for what does not let Python's
    other threads run meanwhile, so that nobody would answer: memory maps of its files, and
    :mod:`subprocess` with a program or working directory on the mount.
    """

    def __init__(self, server: Server, mountpoint: str) -> None:
        self.mountpoint = mountpoint
        self._server = server
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name=f"puffpy {mountpoint}", daemon=True)
        self._thread.start()
        self._finalizer = weakref.finalize(self, _forgotten, server, os.getpid())

    @property
    def kernel(self) -> Kernel:
        """What the kernel can be told: cached names and data to be dropped."""
        return self._server.session.kernel

    def unmount(self) -> None:
        """Unmount and wait for the end; whoever still uses the mount is cut off after a short grace.

        Once is enough, and more does no harm.  Not from inside an operation, which has to return first.

        Raises:
            MountError: an operation does not return; the mount is taken away from under it.
            RuntimeError: called from inside an operation.

        And whatever ended the serving thread before its time.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError(f"{self.mountpoint}: unmount() inside an operation; call it in another thread")
        self._finalizer.detach()
        self._server.stop()
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            self._server.abandon()
            raise MountError(f"{self.mountpoint}: an operation does not return, so its thread cannot end")
        if self._failure is not None:
            raise self._failure

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until somebody has unmounted; at most *timeout* seconds.  Tell whether that is so."""
        return self._server.ended.wait(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unmount()

    def _serve(self) -> None:
        try:
            self._server.run()
        except BaseException as exc:  # noqa: BLE001  handed to whoever unmounts
            self._failure = exc


def _forgotten(server: Server, pid: int) -> None:
    """Unmount what a program forgot to; the interpreter is ending.  A fork of the program mounted nothing."""
    if os.getpid() == pid:
        server.stop()


def prepared(
    vnodeops: VnodeOps, vfsops: VfsOps | None, options: MountOptions | None
) -> tuple[VfsOps, MountOptions]:
    """Return the vector and the options that go with *vnodeops* where none are given."""
    if vfsops is None:
        own = getattr(vnodeops, "vfsops", None)
        vfsops = own if own is not None else vnodeops if isinstance(vnodeops, VfsOps) else VfsOps()
    chosen = options if options is not None else getattr(vnodeops, "options", MountOptions())
    subtype = chosen.subtype or type(vnodeops).__name__.lower()
    return vfsops, attrs.evolve(chosen, subtype=subtype, fsname=chosen.fsname or f"puffs:{subtype}")


def mount(
    vnodeops: VnodeOps,
    mountpoint: str | os.PathLike[str],
    *,
    vfsops: VfsOps | None = None,
    options: MountOptions | None = None,
    bridge: str = "devfuse",
    recorder: Recorder | None = None,
    loop: Runner | None = None,
) -> Mount:
    """Mount *vnodeops* at *mountpoint* and serve it in the background.

    When this returns, the mount works.  *vfsops* is ``vnodeops.vfsops`` where it is left out, *options* are
    ``vnodeops.options``.  *recorder* writes every message down (see :mod:`puffpy.record`).  *loop* runs
    what is ``async def`` (see :mod:`puffpy.aio` for programs with a loop); by default an asyncio loop in a
    thread of its own does.

    Raises:
        VectorError: the vectors cannot work.
        MountError: something is missing or was refused; the message says what to do.
    """
    vfsops, options = prepared(vnodeops, vfsops, options)
    server = Server(vnodeops, vfsops, options, bridges.make(bridge), recorder=recorder, loop=loop)
    path = os.path.abspath(os.fspath(mountpoint))
    server.attach(path, options)
    return Mount(server, path)
