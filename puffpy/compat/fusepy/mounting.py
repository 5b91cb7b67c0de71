"""``FUSE``: mounts in its constructor, serves, and returns when the mount has ended.

What operations do there is the vector's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

from puffpy import bridges
from puffpy.compat.fusepy.background import Background
from puffpy.compat.fusepy.settings import Settings, settings
from puffpy.compat.fusepy.vector import PathOps, vector
from puffpy.errors import MountError
from puffpy.serve import Server
from puffpy.signals import ENDING_SIGNALS, signals_end


class FUSE:
    """A mount of *operations* at *mountpoint*, from the beginning to the end of the constructor.

    Without ``foreground=True`` the process goes into the background once it has mounted: it forks, and the
    parent exits with 0.  In the main thread SIGINT, SIGTERM and SIGHUP unmount; in another one they do what
    they did before.

    Args:
        operations: An :class:`Operations`, or anything with its methods.
        mountpoint: A directory to mount on.
        raw_fi: ``open`` and what follows it are given a :class:`fuse_file_info` in place of the handle.
        encoding, errors: How names are decoded.
        keywords: ``foreground``, ``debug``, ``nothreads`` (run one operation at a time), and the options of
            ``-o``, as ``allow_other=True`` or ``fsname="archive"``.

    Raises:
        RuntimeError: it could not be mounted, or there is no such option.

    And whatever ended the mount from inside an operation: ``SystemExit``, ``KeyboardInterrupt``.
    """

    def __init__(
        self,
        operations: Any,
        mountpoint: str | os.PathLike[str],
        raw_fi: bool = False,
        encoding: str = "utf-8",
        errors: str = "surrogateescape",
        **keywords: Any,
    ) -> None:
        self.operations = operations
        self.raw_fi, self.encoding, self.errors = raw_fi, encoding, errors
        self.use_ns = bool(getattr(operations, "use_ns", False))
        asked = settings(type(operations).__name__, keywords)
        made = vector(
            operations,
            raw_fi=raw_fi,
            encoding=encoding,
            errors=errors,
            config=asked.config,
            threads=asked.threads,
        )
        _serve(made, os.path.abspath(os.fspath(mountpoint)), asked)
        del self.operations  # the program's end may hang on it, as it does with fusepy
        if made.program.fatal is not None:
            raise made.program.fatal


def _serve(made: PathOps, mountpoint: str, asked: Settings) -> None:
    background = Background()
    if not asked.foreground:
        # Before anything that a fork would not take along: threads, the watcher's parent.
        background.begin()
    server = Server(made, made, asked.options, bridges.make("devfuse"), debug=asked.debug)
    made.program.end = lambda: _end(server)
    # The program's init may have plans with the standard streams; they are let go of before.
    made.on_start = background.succeeded
    with _signals(server):
        try:
            server.attach(mountpoint, asked.options)
        except MountError as exc:
            if made.program.fatal is not None:
                return
            background.failed_with(f"fuse: {exc}")
            raise RuntimeError(f"fuse: {exc}") from exc
        background.succeeded()
        server.run()


def _end(server: Server) -> None:
    """Unmount, once the operation that asks for it has returned."""
    threading.Thread(target=server.stop, name="puffpy-fuse-exit", daemon=True).start()


@contextlib.contextmanager
def _signals(server: Server) -> Iterator[None]:
    """Have signals unmount while it is served, and do what they did before after that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING_SIGNALS}
    wakeup = signal.set_wakeup_fd(-1)
    try:
        with signals_end(server):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
