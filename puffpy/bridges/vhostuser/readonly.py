"""What a guest may not ask of a file system that was given to it read-only.

A mount's own kernel refuses these by itself; a guest's is not to be trusted with that.
"""

from __future__ import annotations

import os
from typing import Final

from puffpy.wire import Opcode

CHANGING: Final = frozenset(
    {
        Opcode.SETATTR,
        Opcode.SYMLINK,
        Opcode.MKNOD,
        Opcode.MKDIR,
        Opcode.UNLINK,
        Opcode.RMDIR,
        Opcode.RENAME,
        Opcode.RENAME2,
        Opcode.LINK,
        Opcode.WRITE,
        Opcode.SETXATTR,
        Opcode.REMOVEXATTR,
        Opcode.CREATE,
        Opcode.TMPFILE,
        Opcode.FALLOCATE,
        Opcode.COPY_FILE_RANGE,
        Opcode.COPY_FILE_RANGE_64,
        Opcode.IOCTL,
        Opcode.SETUPMAPPING,
    }
)


def changes(opcode: int, flags: int) -> bool:
    """Tell whether a request would change something; *flags* are those of an OPEN."""
    if opcode == Opcode.OPEN:
        return bool(flags & (os.O_ACCMODE | os.O_TRUNC))
    return opcode in CHANGING
