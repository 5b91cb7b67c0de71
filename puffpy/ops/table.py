"""The operation table: one row per operation, and the only place that knows its default answer.

No behaviour lives here; the vectors, the routes, the inspection, the documentation and the tests read it.

To add an operation, add its row, its method with its contract in ``vnodeops.py`` or ``vfsops.py``, and its
handler in ``dispatch``; the tests name whatever is still missing.
"""

from __future__ import annotations

import enum
import errno
from collections.abc import Mapping
from types import MappingProxyType

import attrs

from puffpy.errors import FsError


class Answer(enum.Enum):
    """Who answers an operation that a vector leaves out."""

    MANDATORY = "must be written"
    SUCCEED = "the library says yes"
    REFUSE = "the library refuses with the row's errno"
    KERNEL = "the kernel is told once, with ENOSYS, and from then on answers alone"
    LOCAL = "the kernel keeps this to itself and never asks"
    LIBRARY = "the library works it out"


@attrs.frozen
class Operation:
    """One operation: its name and parameters, what stands in for it, and where it comes from.

    *params* are the names after ``self``, in order.  *opcodes* are the requests that lead to it, by the names
    of ``puffpy.wire.Opcode``.  *meaning* says what a caller sees when the operation is left out.
    """

    name: str
    params: tuple[str, ...]
    answer: Answer
    meaning: str
    opcodes: tuple[str, ...] = ()
    errno: int = 0
    puffs: str = ""
    vector: str = "VnodeOps"

    @property
    def inline(self) -> bool:
        """Whether it always runs where it is asked for, never in a worker or an event loop."""
        return self.name in _INLINE

    @property
    def signature(self) -> str:
        """The signature as a person would write it."""
        return f"{self.name}({', '.join(('self', *self.params))})"


_INLINE = frozenset({"pathconf", "advlock", "inactive", "reclaim", "root", "nodetofh", "fhtonode"})
"""What nobody waits for, or everybody would."""


def _row(
    name: str,
    params: str,
    answer: Answer,
    meaning: str,
    opcodes: str = "",
    *,
    err: int = 0,
    puffs: str | None = None,
    vector: str = "VnodeOps",
) -> Operation:
    prefix = "node" if vector == "VnodeOps" else "fs"
    return Operation(
        name=name,
        params=tuple(params.split()),
        answer=answer,
        meaning=meaning,
        opcodes=tuple(opcodes.split()),
        errno=err,
        puffs=f"puffs_{prefix}_{name}" if puffs is None else puffs,
        vector=vector,
    )


_REFUSED = "EOPNOTSUPP"
_ALONE = "the kernel answers alone: "

_ROWS = (
    # names
    _row("lookup", "dvp cn call", Answer.MANDATORY, "there is no file system without it", "LOOKUP"),
    _row("create", "dvp cn va call", Answer.REFUSE, _REFUSED, "CREATE", err=errno.EOPNOTSUPP),
    _row("tmpfile", "dvp va call", Answer.KERNEL, _ALONE + "EOPNOTSUPP", "TMPFILE", puffs=""),
    _row("mknod", "dvp cn va call", Answer.REFUSE, _REFUSED, "MKNOD", err=errno.EOPNOTSUPP),
    _row("mkdir", "dvp cn va call", Answer.REFUSE, _REFUSED, "MKDIR", err=errno.EOPNOTSUPP),
    _row("symlink", "dvp cn va target call", Answer.REFUSE, _REFUSED, "SYMLINK", err=errno.EOPNOTSUPP),
    _row("link", "dvp vp cn call", Answer.KERNEL, _ALONE + "EPERM", "LINK"),
    _row(
        "rename",
        "fdvp fcn tdvp tcn flags call",
        Answer.REFUSE,
        _REFUSED,
        "RENAME RENAME2",
        err=errno.EOPNOTSUPP,
    ),
    _row("remove", "dvp cn call", Answer.REFUSE, _REFUSED, "UNLINK", err=errno.EOPNOTSUPP),
    _row("rmdir", "dvp cn call", Answer.REFUSE, _REFUSED, "RMDIR", err=errno.EOPNOTSUPP),
    _row("readdir", "dvp call", Answer.REFUSE, _REFUSED, "READDIR READDIRPLUS", err=errno.EOPNOTSUPP),
    _row("readlink", "vp call", Answer.REFUSE, _REFUSED, "READLINK", err=errno.EOPNOTSUPP),
    _row(
        "abortop", "dvp cn call", Answer.LOCAL, "nothing: Linux announces no intent that could be withdrawn"
    ),
    # attributes
    _row("getattr", "vp call", Answer.LIBRARY, "the node's own ``vattr``", "GETATTR STATX"),
    _row("setattr", "vp change call", Answer.REFUSE, _REFUSED, "SETATTR", err=errno.EOPNOTSUPP),
    _row("access", "vp mode call", Answer.KERNEL, _ALONE + "permitted", "ACCESS"),
    _row("getextattr", "vp name call", Answer.KERNEL, _ALONE + "EOPNOTSUPP", "GETXATTR"),
    _row("setextattr", "vp name value flags call", Answer.KERNEL, _ALONE + "EOPNOTSUPP", "SETXATTR"),
    _row("listextattr", "vp call", Answer.KERNEL, _ALONE + "EOPNOTSUPP", "LISTXATTR"),
    _row("deleteextattr", "vp name call", Answer.KERNEL, _ALONE + "EOPNOTSUPP", "REMOVEXATTR"),
    _row("pathconf", "vp name call", Answer.LIBRARY, "names of up to 255 bytes"),
    # data
    _row(
        "open",
        "vp flags call",
        Answer.LIBRARY,
        "success; EROFS for writing where ``write`` is left out",
        "OPEN",
        puffs="puffs_node_open2",
    ),
    _row("close", "vp flags call", Answer.SUCCEED, "nothing to be done", "RELEASE"),
    _row("flush", "vp call", Answer.KERNEL, _ALONE + "success", "FLUSH", puffs=""),
    _row("read", "vp offset size call", Answer.REFUSE, _REFUSED, "READ", err=errno.EOPNOTSUPP),
    _row("write", "vp offset data call", Answer.REFUSE, "EROFS, at open already", "WRITE", err=errno.EROFS),
    _row("fsync", "vp dataonly call", Answer.KERNEL, _ALONE + "success", "FSYNC FSYNCDIR"),
    _row("seek", "vp offset whence call", Answer.KERNEL, _ALONE + "all is data up to the end", "LSEEK"),
    _row("fallocate", "vp offset length mode call", Answer.KERNEL, _ALONE + "EOPNOTSUPP", "FALLOCATE"),
    _row("fdiscard", "vp offset length call", Answer.REFUSE, _REFUSED, "FALLOCATE", err=errno.EOPNOTSUPP),
    _row(
        "copy_file_range",
        "vp offset tvp toffset length call",
        Answer.KERNEL,
        _ALONE + "it copies through the page cache",
        "COPY_FILE_RANGE COPY_FILE_RANGE_64",
        puffs="",
    ),
    _row("poll", "vp events waker call", Answer.KERNEL, _ALONE + "always ready", "POLL"),
    _row(
        "ioctl",
        "vp cmd arg data call",
        Answer.REFUSE,
        "ENOTTY",
        "IOCTL",
        err=errno.ENOTTY,
        puffs="",
    ),
    _row("bmap", "vp block blocksize call", Answer.KERNEL, _ALONE + "block 0", "BMAP", puffs=""),
    _row(
        "advlock",
        "vp owner lock test call",
        Answer.LOCAL,
        "the kernel keeps locks itself",
        "GETLK SETLK SETLKW",
    ),
    # life
    _row("inactive", "vp", Answer.SUCCEED, "nothing to be done"),
    _row("reclaim", "vp", Answer.SUCCEED, "nothing to be done", "FORGET BATCH_FORGET"),
    # the mount
    _row("root", "", Answer.LIBRARY, "the attribute ``root`` of the ``VnodeOps``", vector="VfsOps"),
    _row("start", "kernel", Answer.SUCCEED, "nothing to be done", "INIT", puffs="", vector="VfsOps"),
    _row("statvfs", "vp call", Answer.LIBRARY, "all figures 0", "STATFS", vector="VfsOps"),
    _row("sync", "call", Answer.SUCCEED, "nothing to be done", "SYNCFS", vector="VfsOps"),
    _row("unmount", "", Answer.SUCCEED, "nothing to be done", "DESTROY", vector="VfsOps"),
    _row("nodetofh", "vp", Answer.LOCAL, "no file handles outlive their node", "LOOKUP", vector="VfsOps"),
    _row("fhtonode", "fileid", Answer.LOCAL, "no file handles outlive their node", "LOOKUP", vector="VfsOps"),
)

OPERATIONS: Mapping[str, Operation] = MappingProxyType({row.name: row for row in _ROWS})
"""Every operation by name."""


def dummy(name: str) -> FsError:
    """Return the refusal that stands in for the operation *name*."""
    row = OPERATIONS[name]
    return FsError(row.errno or errno.EOPNOTSUPP, f"{row.vector}.{name} is left out: {row.meaning}")


OTHER_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "unlink": "remove",
        "release": "close",
        "releasedir": "close",
        "opendir": "open",
        "forget": "reclaim",
        "statfs": "statvfs",
        "destroy": "unmount",
        "init": "start",
        "getxattr": "getextattr",
        "setxattr": "setextattr",
        "listxattr": "listextattr",
        "removexattr": "deleteextattr",
        "lseek": "seek",
        "truncate": "setattr",
        "ftruncate": "setattr",
        "chmod": "setattr",
        "chown": "setattr",
        "utimens": "setattr",
        "fsyncdir": "fsync",
        "syncfs": "sync",
        "readdirplus": "readdir",
        "lock": "advlock",
        "flock": "advlock",
        "getlk": "advlock",
        "setlk": "advlock",
        "punch_hole": "fdiscard",
        "statx": "getattr",
    }
)
"""What other systems call an operation, so that a newcomer is told our word for it."""
