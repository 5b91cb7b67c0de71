"""Going into the background, with the shell learning whether the mount succeeded.

What is done there is the caller's business.
"""

from __future__ import annotations

import os
import sys


class Daemon:
    """A process in the background, and the pipe on which its parent waits for word.

    The parent never returns from :meth:`begin`: it exits with what the child reports.
    """

    def __init__(self) -> None:
        self._report = -1

    def begin(self) -> None:
        """Fork; the child returns, in a session of its own."""
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        if os.fork():
            os.close(writing)
            with os.fdopen(reading, "rb") as pipe:
                said = pipe.read()
            os._exit(said[0] if said else 1)
        os.close(reading)
        os.setsid()
        self._report = writing

    def succeeded(self) -> None:
        """Let the parent exit with 0, and let go of the terminal and the working directory."""
        os.chdir("/")
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.close(null)
        self._tell(0)

    def failed(self, status: int) -> None:
        """Let the parent exit with *status*; the reason has been printed."""
        self._tell(status)

    def _tell(self, status: int) -> None:
        if self._report >= 0:
            os.write(self._report, bytes([status]))
            os.close(self._report)
            self._report = -1
