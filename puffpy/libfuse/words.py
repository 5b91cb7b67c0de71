"""The options of a mount as libfuse's ``-o`` spells them.

What they mean is in ``options``; what the file system says file by file does not pass here.
"""

from __future__ import annotations

from typing import Final

from puffpy.bridges.mounting import escape
from puffpy.options import MountOptions

LIMITS_THREADS: Final = (3, 12)
"""From here on libfuse has no more than 10 threads unless it is told to."""

WAITING: Final = 1000
"""So many callbacks at once; all but one may wait for a lock, and that one can give it up."""

IDLE: Final = 10
"""So many threads are kept for the next callback, as libfuse 2 does."""


def words(options: MountOptions, version: tuple[int, int]) -> dict[str, bool | str]:
    """Return what libfuse of that *version* is told: ``{"ro": True, "fsname": "puffs"}``."""
    told: dict[str, bool | str] = {
        word: True
        for word in ("allow_other", "default_permissions", "ro", "sync", "dirsync", "noatime", "suid", "dev")
        if getattr(options, word)
    }
    if not options.exec:
        told["noexec"] = True
    if options.max_read:
        told["max_read"] = str(options.max_read)
    told["fsname"] = text(options.fsname or "puffs")
    if options.subtype:
        told["subtype"] = text(options.subtype)
    # The user kernel remembers names and attributes for as long as the file system says; libfuse knows one
    # time for all, and its kernel one inode for each name of a file.
    told |= {"attr_timeout": "0", "entry_timeout": "0", "negative_timeout": "0", "use_ino": True}
    if version < (3, 0):
        told |= {"big_writes": True, "nonempty": True}
    elif version >= LIMITS_THREADS:
        told |= {"max_threads": str(WAITING), "max_idle_threads": str(IDLE)}
    return told


def text(value: str) -> str:
    """Return *value* as one option's, in the bindings' encoding."""
    return escape(value).encode(errors="surrogateescape").decode("latin-1")
