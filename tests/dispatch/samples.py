"""One well-formed request of each opcode, about the nodes of :func:`conversation`.

What is asked is ordinary; the extremes are made from these by the fuzzing tests.
"""

from __future__ import annotations

import fcntl
import os
import stat
from typing import Any, Final

import attrs

from puffpy.options import MountOptions
from puffpy.types import Dirent, Node, StatVfs
from puffpy.wire import Opcode, Reply
from puffpy.wire.structs import FORGET_ONE
from tests.dispatch.speaker import ROOT, Scribe, Speaker

FILE, DIRECTORY = 2, 3
"""What the two nodes are called after :func:`conversation`, in the order it looks them up."""


@attrs.frozen
class Sample:
    """A request without its unique; *fh* says which open file it names: a file's, a directory's, or none."""

    nodeid: int = FILE
    names: tuple[bytes, ...] = ()
    fields: dict[str, int] = attrs.field(factory=dict)
    data: bytes = b""
    fh: int = 0


def _of(nodeid: int = FILE, *names: bytes, data: bytes = b"", fh: int = 0, **fields: int) -> Sample:
    return Sample(nodeid, names, fields, data, fh)


SAMPLES: Final[dict[Opcode, Sample]] = {
    Opcode.LOOKUP: _of(ROOT, b"f"),
    Opcode.FORGET: _of(FILE, nlookup=1),
    Opcode.GETATTR: _of(),
    Opcode.SETATTR: _of(valid=1, mode=0o600),
    Opcode.READLINK: _of(),
    Opcode.SYMLINK: _of(ROOT, b"new", b"target"),
    Opcode.MKNOD: _of(ROOT, b"new", mode=stat.S_IFIFO | 0o600),
    Opcode.MKDIR: _of(ROOT, b"new", mode=0o700),
    Opcode.UNLINK: _of(ROOT, b"f"),
    Opcode.RMDIR: _of(ROOT, b"d"),
    Opcode.RENAME: _of(ROOT, b"f", b"g", newdir=DIRECTORY),
    Opcode.LINK: _of(ROOT, b"new", oldnodeid=FILE),
    Opcode.OPEN: _of(flags=os.O_RDONLY),
    Opcode.READ: _of(fh=FILE, offset=1, size=3),
    Opcode.WRITE: _of(fh=FILE, offset=1, data=b"abc"),
    Opcode.STATFS: _of(ROOT),
    Opcode.RELEASE: _of(fh=FILE),
    Opcode.FSYNC: _of(fh=FILE),
    Opcode.SETXATTR: _of(FILE, b"user.name", data=b"value"),
    Opcode.GETXATTR: _of(FILE, b"user.name", size=100),
    Opcode.LISTXATTR: _of(FILE, size=100),
    Opcode.REMOVEXATTR: _of(FILE, b"user.name"),
    Opcode.FLUSH: _of(fh=FILE),
    Opcode.INIT: _of(0, major=7, minor=45),
    Opcode.OPENDIR: _of(ROOT),
    Opcode.READDIR: _of(ROOT, fh=DIRECTORY, size=4096),
    Opcode.RELEASEDIR: _of(ROOT, fh=DIRECTORY),
    Opcode.FSYNCDIR: _of(ROOT, fh=DIRECTORY),
    Opcode.GETLK: _of(fh=FILE, owner=9, end=99, type=fcntl.F_WRLCK),
    Opcode.SETLK: _of(fh=FILE, owner=9, end=99, type=fcntl.F_WRLCK),
    Opcode.SETLKW: _of(fh=FILE, owner=9, end=99, type=fcntl.F_WRLCK),
    Opcode.ACCESS: _of(mask=os.R_OK),
    Opcode.CREATE: _of(ROOT, b"new", flags=os.O_RDWR, mode=0o640),
    Opcode.INTERRUPT: _of(0, unique=999),
    Opcode.BMAP: _of(block=5, blocksize=512),
    Opcode.DESTROY: _of(0),
    Opcode.IOCTL: _of(fh=FILE, cmd=1, out_size=16, data=b"in"),
    Opcode.POLL: _of(fh=FILE, kh=5, events=1),
    Opcode.NOTIFY_REPLY: _of(FILE, data=b"cached"),
    Opcode.BATCH_FORGET: _of(0, data=FORGET_ONE.pack(FILE, 1)),
    Opcode.FALLOCATE: _of(fh=FILE, length=10),
    Opcode.READDIRPLUS: _of(ROOT, fh=DIRECTORY, size=4096),
    Opcode.RENAME2: _of(ROOT, b"f", b"g", newdir=DIRECTORY, flags=1),
    Opcode.LSEEK: _of(fh=FILE, offset=2, whence=os.SEEK_DATA),
    Opcode.COPY_FILE_RANGE: _of(nodeid_out=FILE, len=10),
    Opcode.SETUPMAPPING: _of(),
    Opcode.REMOVEMAPPING: _of(),
    Opcode.SYNCFS: _of(ROOT),
    Opcode.TMPFILE: _of(ROOT, b"/", flags=os.O_RDWR, mode=0o600),
    Opcode.STATX: _of(),
    Opcode.COPY_FILE_RANGE_64: _of(nodeid_out=FILE, len=10),
    Opcode.CUSE_INIT: _of(),
}

ANSWERS: Final[dict[str, Any]] = {
    "create": lambda dvp, cn, va, call: Node(va),
    "tmpfile": lambda dvp, va, call: Node(va),
    "mknod": lambda dvp, cn, va, call: Node(va),
    "mkdir": lambda dvp, cn, va, call: Node(va),
    "symlink": lambda dvp, cn, va, target, call: Node(va),
    "link": None,
    "rename": None,
    "remove": None,
    "rmdir": None,
    "readdir": [Dirent("a", 7)],
    "readlink": "target",
    "getattr": lambda vp, call: vp.vattr,
    "setattr": None,
    "access": None,
    "getextattr": b"value",
    "setextattr": None,
    "listextattr": ["user.name"],
    "deleteextattr": None,
    "open": "handle",
    "close": None,
    "flush": None,
    "read": b"abc",
    "write": None,
    "fsync": None,
    "seek": 2,
    "fallocate": None,
    "fdiscard": None,
    "copy_file_range": 10,
    "poll": 1,
    "ioctl": b"out",
    "bmap": 5,
    "advlock": None,
    "inactive": None,
    "reclaim": None,
    "start": None,
    "statvfs": StatVfs(),
    "sync": None,
    "unmount": None,
}
"""A true answer of each operation that can be left out; ``lookup`` is the Scribe's own."""


class Conversation(Speaker):
    """A Speaker that knows FILE and DIRECTORY and has one of each open."""

    def __init__(self, *ops: str, options: MountOptions | None = None, **answers: Any) -> None:
        names = {"f": Node.file(size=6), "d": Node.directory()}
        self.scribe = Scribe(names, **{op: ANSWERS[op] for op in ops} | answers)
        super().__init__(self.scribe, options=options)
        assert (self.lookup(b"f"), self.lookup(b"d")) == (FILE, DIRECTORY)
        self.handles = {FILE: self.open(FILE), DIRECTORY: self.open(ROOT, 0, Opcode.OPENDIR), 0: 0}
        self.scribe.heard.clear()

    def sample(self, opcode: Opcode, **changes: Any) -> bytes:
        """Return the bytes of the sample, with *changes* to its fields."""
        sample = SAMPLES[opcode]
        fields = {**sample.fields, **changes}
        if sample.fh:
            fields.setdefault("fh", self.handles[sample.fh])
        return self.request(opcode, sample.nodeid, *sample.names, data=sample.data, **fields)

    def say(self, opcode: Opcode, **changes: Any) -> Reply:
        """Ask the sample, and return the answer."""
        sample = SAMPLES[opcode]
        fields = {**sample.fields, **changes}
        if sample.fh:
            fields.setdefault("fh", self.handles[sample.fh])
        return self.ask(opcode, sample.nodeid, *sample.names, data=sample.data, **fields)
