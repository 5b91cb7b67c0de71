"""What operations are handed besides paths and numbers: open files, the mount's settings, locks.

Programs read and set the fields; what comes of that is the vector's.
"""

from __future__ import annotations

import ctypes
from typing import Any

import attrs


@attrs.define(eq=False)
class fuse_file_info:  # noqa: N801  the name that programs know
    """An open file, as ``raw_fi=True`` shows it; ``open`` sets *fh*, and what else it likes."""

    flags: int = 0
    fh: Any = 0
    direct_io: int = 0
    keep_cache: int = 0
    nonseekable: int = 0
    parallel_direct_writes: int = 0
    cache_readdir: int = 0
    noflush: int = 0
    flush: int = 0
    flock_release: int = 0
    writepage: int = 0
    padding: int = 0
    fh_old: int = 0
    lock_owner: int = 0
    poll_events: int = 0


@attrs.define
class fuse_config:  # noqa: N801  the name that programs know
    """How paths and attributes are treated; ``init_with_config`` may change it, and it is in force then.

    Timeouts are seconds.  *set_mode*, *set_uid* and *set_gid* have every file show *umask*, *uid* and *gid*.
    """

    set_gid: int = 0
    gid: int = 0
    set_uid: int = 0
    uid: int = 0
    set_mode: int = 0
    umask: int = 0
    fmask: int = 0
    dmask: int = 0
    entry_timeout: float = 1.0
    negative_timeout: float = 0.0
    attr_timeout: float = 1.0
    use_ino: int = 0
    readdir_ino: int = 0
    direct_io: int = 0
    kernel_cache: int = 0
    auto_cache: int = 0
    hard_remove: int = 0
    nullpath_ok: int = 0
    intr: int = 0
    intr_signal: int = 0
    remember: int = 0
    ac_attr_timeout_set: int = 0
    ac_attr_timeout: float = 0.0
    no_rofd_flush: int = 0
    parallel_direct_writes: int = 0
    show_help: int = 0
    modules: Any = None
    debug: int = 0


@attrs.define(eq=False)
class fuse_conn_info:  # noqa: N801  the name that programs know
    """What was agreed on with the kernel; it is settled by the time a program sees it."""

    proto_major: int = 7
    proto_minor: int = 31
    max_write: int = 0
    max_read: int = 0
    max_readahead: int = 0
    max_background: int = 0
    congestion_threshold: int = 0
    time_gran: int = 1
    capable: int = 0
    want: int = 0


class c_flock_t(ctypes.Structure):  # noqa: N801  the name that programs know
    """A byte range lock, as fcntl(2) has it; a length of 0 is up to the end."""

    _fields_ = (
        ("l_type", ctypes.c_short),
        ("l_whence", ctypes.c_short),
        ("l_start", ctypes.c_int64),
        ("l_len", ctypes.c_int64),
        ("l_pid", ctypes.c_int),
    )
