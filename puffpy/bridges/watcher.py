"""A small process that outlives the server and takes its mount away if it dies.

It knows nothing but a path and a pipe: when the pipe's other end closes and the mount point is dead, it
unmounts.
"""

from __future__ import annotations

import os
import subprocess

# Only a mount whose server is dead says ENOTCONN, or ECONNABORTED to whoever asks while it dies; somebody
# else's at the same place is left alone.  The figures (stat -f) are never answered from a cache.
_SCRIPT = """
read -r _
case "$(LC_ALL=C stat -f -- "$1" 2>&1)" in
*"endpoint is not connected"*|*"caused connection abort"*) shift; exec "$@" ;;
esac
"""


class Watcher:
    """Watches over the mount at *mountpoint*; *command* unmounts it (``umount -l``, where it is left out)."""

    def __init__(self, mountpoint: str, command: list[str] | None) -> None:
        unmount = command or ["umount", "-l", "--", mountpoint]
        reading, self._writing = os.pipe()
        try:
            self._child = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT, "sh", mountpoint, *unmount],
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )
        except BaseException:
            os.close(self._writing)
            raise
        finally:
            os.close(reading)

    def dismiss(self) -> None:
        """The server ends well: nothing is left to be taken away."""
        self._child.kill()
        self._child.wait()
        os.close(self._writing)
