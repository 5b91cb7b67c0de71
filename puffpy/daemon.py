"""Going into the background, with the shell learning whether the mount succeeded; and the standard streams.

What is done in the background is the caller's business.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

STANDARD = (0, 1, 2)


class Daemon:
    """A process in the background, and the pipe on which its parent waits for word.

    The parent never returns from :meth:`begin`: it exits with what the child reports.
    """

    def __init__(self) -> None:
        self._report = -1

    def begin(self) -> None:
        """Fork; the child returns, still on the terminal, where it may ask and complain."""
        reading, writing = os.pipe()
        flush_standard_streams()
        if os.fork():
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.close(writing)
            with os.fdopen(reading, "rb") as pipe:
                said = pipe.read()
            os._exit(said[0] if said else 1)
        os.close(reading)
        self._report = writing

    def succeeded(self) -> None:
        """Let the parent exit with 0, and let go of the terminal and the working directory."""
        if self._report >= 0:
            self._let_go()
            os.chdir("/")
            self._tell(0)

    def forked(self) -> None:
        """Be a child of the process in the background, which alone reports."""
        if self._report >= 0:
            self._let_go()
            os.close(self._report)
            self._report = -1

    def _let_go(self) -> None:
        os.setsid()
        flush_standard_streams()
        null = os.open(os.devnull, os.O_RDWR)
        for fd in STANDARD:
            os.dup2(null, fd)
        os.close(null)

    def failed(self, status: int) -> None:
        """Let the parent exit with *status*; the reason has been printed."""
        if self._report >= 0:
            self._tell(status)

    def _tell(self, status: int) -> None:
        with contextlib.suppress(BrokenPipeError):  # the parent may have been interrupted
            os.write(self._report, bytes([status]))
        os.close(self._report)
        self._report = -1


def open_standard_streams() -> None:
    """Open those that were closed when the program started on nothing.

    Otherwise the next descriptor, perhaps the kernel's device, would take their place and be written to.
    """
    while (fd := os.open(os.devnull, os.O_RDWR)) in STANDARD:
        os.set_inheritable(fd, True)
    os.close(fd)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)


def flush_standard_streams() -> None:
    """Write out what is held back; where that is impossible, drop it.

    The interpreter would end with status 120 if it could not (Py_FinalizeEx).
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            with contextlib.suppress(OSError, ValueError):
                os.dup2(null, stream.fileno())
                stream.flush()
            os.close(null)
