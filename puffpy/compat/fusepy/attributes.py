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


def nanoseconds(value: Any) -> int:
    """Return seconds since 1970 as nanoseconds, as exactly as fusepy does."""
    if type(value) is int:
        return value * NANO
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
    mode = tell("st_mode", 0)
    uid, gid, ino = tell("st_uid", 0), tell("st_gid", 0), 0
    if config.set_mode:
        mask = (config.dmask if stat.S_ISDIR(mode) else config.fmask) | config.umask
        mode = stat.S_IFMT(mode) | (0o777 & ~mask)
    if config.set_uid:
        uid = config.uid
    if config.set_gid:
        gid = config.gid
    if config.use_ino:
        ino = tell("st_ino", 0)
    read = int if use_ns else nanoseconds
    return Vattr(
        mode,
        tell("st_nlink", 1),
        uid,
        gid,
        tell("st_size", 0),
        read(tell("st_atime", 0)),
        read(tell("st_mtime", 0)),
        read(tell("st_ctime", 0)),
        read(tell("st_birthtime", 0)),
        ino,
        tell("st_rdev", 0),
        tell("st_blocks"),
        tell("st_blksize") or BLKSIZE,
    )
