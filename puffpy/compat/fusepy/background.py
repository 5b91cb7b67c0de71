"""Going into the background as libfuse does: a mount that fails is told to the program, where it is.

What is done in the background is the caller's business.
"""

from __future__ import annotations

import os
import warnings

from puffpy.daemon import Daemon, flush_standard_streams

SUCCEEDED = b"\0"


class Background(Daemon):
    """A process in the background, and the pipe on which the program waits for word of the mount."""

    def begin(self) -> None:
        """Fork.  The child returns and mounts; the program exits with 0 once it has.

        Raises:
            RuntimeError: the child could not mount, for the reason it gives; in the program itself.
        """
        reading, writing = os.pipe()
        flush_standard_streams()
        with warnings.catch_warnings():
            # Threads of the program's do not come along, as they do not with libfuse.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:
            os.close(reading)
            self._report = writing
            return
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read()
        if said == SUCCEEDED:
            os._exit(0)
        os.waitpid(child, 0)
        raise RuntimeError(
            said.decode("utf-8", "surrogateescape") or "fuse: the process that mounts has died"
        )

    def failed_with(self, reason: str) -> None:
        """Let the program have *reason*, and end; only where there is a program that waits."""
        if self._report >= 0:
            os.write(self._report, reason.encode("utf-8", "surrogateescape"))
            os._exit(1)
