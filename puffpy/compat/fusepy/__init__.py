"""fusepy's and mfusepy's names, for programs that use them: served by puffpy, without libfuse.

Not an interface for new file systems: those subclass ``puffpy.VnodeOps``.  ``from puffpy.compat.fusepy import
FUSE, Operations`` takes the place of ``from fuse import ...``, and ``python -m puffpy.compat.fusepy PROGRAM``
runs a program that nobody has changed.
"""

from puffpy.compat.fusepy.asking import fuse_exit, fuse_get_context
from puffpy.compat.fusepy.mounting import FUSE
from puffpy.compat.fusepy.operations import (
    ENOATTR,
    ENOTSUP,
    FuseOSError,
    LoggingMixIn,
    Operations,
    ReadDirResult,
    fuse_version_major,
    fuse_version_minor,
    log_callback,
    overrides,
)
from puffpy.compat.fusepy.records import c_flock_t, fuse_config, fuse_conn_info, fuse_file_info
from puffpy.compat.fusepy.vector import vector

__all__ = [
    "ENOATTR",
    "ENOTSUP",
    "FUSE",
    "FuseOSError",
    "LoggingMixIn",
    "Operations",
    "ReadDirResult",
    "c_flock_t",
    "fuse_config",
    "fuse_conn_info",
    "fuse_exit",
    "fuse_file_info",
    "fuse_get_context",
    "fuse_version_major",
    "fuse_version_minor",
    "log_callback",
    "overrides",
    "vector",
]
