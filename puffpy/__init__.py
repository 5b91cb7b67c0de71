"""File systems in user space, in the manner of puffs: this is the front door, the names an author needs.

The rooms behind it, along the way of a request::

    bridges     ways to reach a kernel                     wire        bytes to messages and back
    session     one conversation with one kernel           dispatch    requests to operations to replies
    ops         what a file system can be asked            nodes       what is alive
    userkernel  a kernel in user space                     serve       the loop that drives a mount

Subclass :class:`VnodeOps`, write ``lookup`` and whatever else your file system has, and hand the class to
:func:`main`, or an instance to :func:`mount`.
"""

from puffpy.errors import Absent, FsError, MountError, PuffpyError, ReplyError, VectorError
from puffpy.main import main
from puffpy.mount import Mount, mount
from puffpy.ops import Kept, Kernel, ReadOnly, VfsOps, VnodeOps, blocking
from puffpy.options import MountOptions, OptionError, Size
from puffpy.types import (
    Call,
    ComponentName,
    Credentials,
    Dirent,
    Entry,
    Lock,
    Node,
    OpenFile,
    SetAttr,
    StatVfs,
    Vattr,
    Waker,
)

__version__ = "0.1.0"

__all__ = [
    "Absent",
    "Call",
    "ComponentName",
    "Credentials",
    "Dirent",
    "Entry",
    "FsError",
    "Kept",
    "Kernel",
    "Lock",
    "Mount",
    "MountError",
    "MountOptions",
    "Node",
    "OpenFile",
    "OptionError",
    "PuffpyError",
    "ReadOnly",
    "ReplyError",
    "SetAttr",
    "Size",
    "StatVfs",
    "Vattr",
    "VectorError",
    "VfsOps",
    "VnodeOps",
    "Waker",
    "blocking",
    "main",
    "mount",
]
