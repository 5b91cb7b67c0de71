"""A program's attributes, a dict with the keys of ``stat``, as the library's: what is shown of a file.

When they are asked for is the vector's business.
"""

from __future__ import annotations

import stat
from typing import Any

from puffpy.compat.fusepy.records import fuse_config
from puffpy.types import Vattr

NANO = 1_000_000_000
BLKSIZE = 4096
TIMES = ("st_atime", "st_mtime", "st_ctime", "st_birthtime")


def nanoseconds(value: Any) -> int:
    """Return seconds since 1970 as nanoseconds, as exactly as fusepy does."""
    whole = int(value)
    return whole * NANO + int((value - whole) * NANO)


def seconds(ns: int, *, use_ns: bool) -> int | float:
    """Return nanoseconds since 1970 as a time of the program's."""
    if use_ns:
        return ns
    whole, rest = divmod(ns, NANO)
    return whole + rest / NANO


def vattr_of(st: dict[str, Any], config: fuse_config, *, use_ns: bool) -> Vattr:
    """Return the attributes that the dict *st* tells, as *config* has them shown.

    What is missing is 0, but for one link, blocks as the size needs, and blocks of 4096 bytes.
    """
    tell = st.get
    mode = int(tell("st_mode", 0))
    if config.set_mode:
        mask = (config.dmask if stat.S_ISDIR(mode) else config.fmask) | config.umask
        mode = stat.S_IFMT(mode) | (0o777 & ~mask)
    blocks = tell("st_blocks")
    read = int if use_ns else nanoseconds
    atime, mtime, ctime, btime = [read(tell(key, 0)) for key in TIMES]
    return Vattr(
        mode,
        int(tell("st_nlink", 1)),
        config.uid if config.set_uid else int(tell("st_uid", 0)),
        config.gid if config.set_gid else int(tell("st_gid", 0)),
        int(tell("st_size", 0)),
        atime,
        mtime,
        ctime,
        btime,
        int(tell("st_ino", 0)) if config.use_ino else 0,
        int(tell("st_rdev", 0)),
        None if blocks is None else int(blocks),
        int(tell("st_blksize", 0)) or BLKSIZE,
    )
