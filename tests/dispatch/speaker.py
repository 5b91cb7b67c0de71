"""A kernel's mouth for the tests: requests as bytes to a Session, its replies taken apart.

No device, no thread, and no memory of what was said: what the answers ought to be is the tests' business.
"""

from __future__ import annotations

import errno
import itertools
from collections.abc import Callable
from typing import Any

from puffpy.ops import VfsOps, VnodeOps
from puffpy.options import MountOptions
from puffpy.session import Session
from puffpy.types import BackingDevice, Node
from puffpy.wire import (
    DirentPlusRecord,
    DirentRecord,
    Opcode,
    Reply,
    Request,
    decode_reply,
    encode_request,
    unpack_dirents,
    unpack_direntsplus,
)
from puffpy.wire.flags import InitFlag
from puffpy.wire.structs import FORGET_ONE, OUT_HEADER

UID, GID, PID = 1000, 100, 4711
"""Who asks, unless a test says otherwise."""

ROOT = 1
EVERYTHING = InitFlag((1 << 43) - 1) & ~InitFlag.INIT_RESERVED


class Tree(VnodeOps):
    """The smallest vector there is: names in one flat directory, each with its node."""

    def __init__(self, **names: Any) -> None:
        self.root: Any = Node.directory()
        self.names = names

    def lookup(self, dvp: Any, cn: Any, call: Any) -> Any:
        if cn.name in self.names:
            return self.names[cn.name]
        raise FileNotFoundError


class Scribe(Tree, VfsOps):
    """Both vectors in one: has the operations it is given answers for, and writes down who called them.

    An answer that is an exception is raised, one that is a function is called with what the operation got.
    """

    def __init__(self, names: dict[str, Any] | None = None, **answers: Any) -> None:
        super().__init__(**(names or {}))
        self.heard: list[tuple[str, tuple[Any, ...]]] = []
        for name, answer in answers.items():
            setattr(self, name, self._operation(name, answer))

    def _operation(self, name: str, answer: Any) -> Callable[..., Any]:
        def operation(*args: Any) -> Any:
            self.heard.append((name, args))
            if isinstance(answer, BaseException):
                raise answer
            return answer(*args) if callable(answer) else answer

        return operation

    def calls(self) -> list[str]:
        """Return the names of the operations that were called, in order, and forget them."""
        heard, self.heard = self.heard, []
        return [name for name, _ in heard]

    def last(self, name: str) -> tuple[Any, ...]:
        """Return what *name* got when it was called last; the last thing that happened."""
        assert self.heard, f"{name} was not called"
        assert self.heard[-1][0] == name
        return self.heard[-1][1]


class Speaker:
    """One conversation: *offered* and *minor* are what INIT says; ``minor=None`` leaves INIT unsaid."""

    def __init__(
        self,
        vnodeops: VnodeOps,
        vfsops: VfsOps | None = None,
        options: MountOptions | None = None,
        *,
        offered: int = EVERYTHING,
        minor: int | None = 45,
        backing: BackingDevice | None = None,
    ) -> None:
        self.later: list[bytes] = []
        self.vnodeops = vnodeops
        vfsops = vfsops or (vnodeops if isinstance(vnodeops, VfsOps) else VfsOps())
        self.session = Session(vnodeops, vfsops, options or vnodeops.options, self.later.append, backing)
        self.buffer = bytearray(self.session.buffer_size)
        self.uniques = itertools.count(2, 2)
        self.unique = 0
        self.init = Reply(0)
        if minor is not None:
            self.init = self.ask(Opcode.INIT, 0, major=7, minor=minor, **init_flags(offered))

    @property
    def flags(self) -> InitFlag:
        """What was agreed on."""
        return InitFlag(self.init.fields["flags"] | self.init.fields["flags2"] << 32)

    def request(
        self,
        opcode: Opcode,
        nodeid: int = ROOT,
        *names: bytes,
        data: bytes = b"",
        who: tuple[int, int, int] = (UID, GID, PID),
        **fields: int,
    ) -> bytes:
        """Return the bytes of a request, with a unique of its own (``self.unique``)."""
        self.unique = next(self.uniques)
        uid, gid, pid = who
        terms = self.session.terms
        return encode_request(
            Request(
                opcode,
                unique=self.unique,
                nodeid=nodeid,
                uid=uid,
                gid=gid,
                pid=pid,
                fields=fields,
                names=names,
                data=data,
            ),
            setxattr_ext=bool(terms and terms.flags & InitFlag.SETXATTR_EXT),
        )

    def tell(self, message: bytes) -> bytes | None:
        """Say *message* through the reused buffer of a real loop; return the whole reply."""
        self.buffer[: len(message)] = message
        reply = self.session.receive(self.buffer, len(message))
        return b"".join(reply) if isinstance(reply, tuple) else reply

    def ask(
        self, opcode: Opcode, nodeid: int = ROOT, *names: bytes, probe: bool = False, **more: Any
    ) -> Reply:
        """Ask, and return the answer; one that the kernel would refuse is a WireError."""
        whole = self.tell(self.request(opcode, nodeid, *names, **more))
        assert whole is not None, f"no reply to {opcode.name}"
        reply = decode_reply(opcode, whole, size_probe=probe)
        assert reply.unique == self.unique
        return reply

    def refused(self, opcode: Opcode, nodeid: int = ROOT, *names: bytes, **more: Any) -> int:
        """Ask, and return the errno of the refusal."""
        reply = self.ask(opcode, nodeid, *names, **more)
        assert reply.error, f"{opcode.name} was answered {dict(reply.fields)}"
        return reply.error

    def mute(self, opcode: Opcode, nodeid: int = ROOT, *names: bytes, **more: Any) -> None:
        """Say what is not answered."""
        assert self.tell(self.request(opcode, nodeid, *names, **more)) is None

    def lookup(self, name: bytes, parent: int = ROOT) -> int:
        """Return the nodeid behind *name*."""
        reply = self.ask(Opcode.LOOKUP, parent, name)
        assert not reply.error, errno.errorcode[reply.error]
        return reply.fields["nodeid"]

    def open(self, nodeid: int, flags: int = 0, opcode: Opcode = Opcode.OPEN) -> int:
        """Return the file handle of an open file."""
        reply = self.ask(opcode, nodeid, flags=flags)
        assert not reply.error, errno.errorcode[reply.error]
        return reply.fields["fh"]

    def release(self, nodeid: int, fh: int, opcode: Opcode = Opcode.RELEASE, **fields: Any) -> None:
        """Close an open file."""
        assert not self.ask(opcode, nodeid, fh=fh, **fields).error

    def forget(self, nodeid: int, nlookup: int = 1) -> None:
        """Give lookups back."""
        self.mute(Opcode.FORGET, nodeid, nlookup=nlookup)

    def forget_many(self, *pairs: tuple[int, int]) -> None:
        """Give lookups of many nodes back in one message."""
        self.mute(Opcode.BATCH_FORGET, 0, data=b"".join(FORGET_ONE.pack(*pair) for pair in pairs))

    def readdir(self, fh: int, offset: int = 0, size: int = 4096) -> list[DirentRecord]:
        """Return the entries of one READDIR of the root."""
        reply = self.ask(Opcode.READDIR, ROOT, fh=fh, offset=offset, size=size)
        assert not reply.error, errno.errorcode[reply.error]
        assert len(reply.data) <= size
        return unpack_dirents(reply.data)

    def readdirplus(self, fh: int, offset: int = 0, size: int = 4096) -> list[DirentPlusRecord]:
        """Return the entries of one READDIRPLUS of the root."""
        reply = self.ask(Opcode.READDIRPLUS, ROOT, fh=fh, offset=offset, size=size)
        assert not reply.error, errno.errorcode[reply.error]
        assert len(reply.data) <= size
        return unpack_direntsplus(reply.data)

    def counts(self) -> dict[int, tuple[int, int]]:
        """Return the lookups and opens of every node but the root's own first one, by nodeid."""
        return {
            vnode.cookie: (vnode.nlookup, vnode.nopen)
            for vnode in self.session.nodes
            if (vnode.cookie, vnode.nlookup, vnode.nopen) != (ROOT, 1, 0)
        }

    def late(self) -> tuple[int, int]:
        """Take the oldest late reply; return its unique and errno."""
        message = self.later.pop(0)
        _, error, unique = OUT_HEADER.unpack_from(message)
        return unique, -error


def init_flags(offered: int) -> dict[str, Any]:
    """Return the two words of *offered*, as INIT has them."""
    return {"flags": offered & 0xFFFFFFFF, "flags2": offered >> 32, "max_readahead": 1 << 17}
