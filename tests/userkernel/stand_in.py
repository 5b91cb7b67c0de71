"""A server written by hand, for what a good one never does: it answers every request with what it is told.

No file system; a file, a directory and a link under fixed nodeids.
"""

from __future__ import annotations

import errno
import stat
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from puffpy.userkernel import Mount, Offer, SessionLink, UserKernel
from puffpy.wire import Opcode, Reply, Request, decode_request, encode_reply
from puffpy.wire.flags import InitFlag
from puffpy.wire.messages import MESSAGES
from puffpy.wire.structs import IN_HEADER

Answer = Callable[[Request], Reply | None]

ROOT, FILE, DIRECTORY, LINK = 1, 2, 3, 4

NODES: Mapping[int, tuple[int, int]] = MappingProxyType(
    {
        ROOT: (stat.S_IFDIR | 0o755, 0),
        FILE: (stat.S_IFREG | 0o644, 10),
        DIRECTORY: (stat.S_IFDIR | 0o755, 0),
        LINK: (stat.S_IFLNK | 0o777, 4),
    }
)
NAMES: Mapping[bytes, int] = MappingProxyType({b"file": FILE, b"directory": DIRECTORY, b"link": LINK})


def attributes(nodeid: int, **others: int) -> dict[str, int]:
    """Return the attributes of one of the nodes."""
    mode, size = NODES.get(nodeid, (stat.S_IFREG | 0o644, 0))
    return {"ino": nodeid, "mode": mode, "size": size, "nlink": 1} | others


def entry(nodeid: int, **others: int) -> dict[str, int]:
    """Return the fields of an ENTRY_OUT that may be remembered for ten seconds."""
    return {"nodeid": nodeid, "entry_valid": 10, "attr_valid": 10, **attributes(nodeid), **others}


class StandIn:
    """A session: keeps every request in :attr:`requests`, and answers by opcode.

    *answers* replace the ones below; an errno stands for the refusal.
    """

    def __init__(self, answers: Mapping[Opcode, Answer | int], init: Mapping[str, int]) -> None:
        self.requests: list[Request] = []
        self.closed = False
        self.send: Callable[[bytes], object] = print
        self.setxattr_ext = False
        self._init_fields = {
            "major": 7,
            "minor": 45,
            "max_readahead": 65536,
            "flags": InitFlag.BIG_WRITES | InitFlag.INIT_EXT | InitFlag.PARALLEL_DIROPS | InitFlag.MAX_PAGES,
            "max_write": 8192,
            "max_pages": 4,
            **init,
        }
        self._answers: dict[Opcode, Answer | int] = {**self._defaults(), **answers}

    def receive(self, message: bytearray, size: int) -> bytes | None:
        request = decode_request(bytes(message[:size]), setxattr_ext=self.setxattr_ext)
        self.requests.append(request)
        if not MESSAGES[request.opcode].answered:
            return None
        answer = self._answers.get(request.opcode, errno.ENOSYS)
        reply = Reply(request.unique, error=answer) if isinstance(answer, int) else answer(request)
        return None if reply is None else self.encode(request, reply)

    @staticmethod
    def encode(request: Request, reply: Reply) -> bytes:
        probe = request.opcode in (Opcode.GETXATTR, Opcode.LISTXATTR) and not request.fields["size"]
        return encode_reply(request.opcode, reply, size_probe=probe)

    def close(self) -> None:
        self.closed = True

    def set(self, opcode: Opcode, answer: Answer | int) -> None:
        self._answers[opcode] = answer

    def seen(self, *opcodes: Opcode) -> list[Request]:
        """Return the requests of these opcodes, and forget them."""
        found = [request for request in self.requests if request.opcode in opcodes]
        self.requests = [request for request in self.requests if request.opcode not in opcodes]
        return found

    def _defaults(self) -> dict[Opcode, Answer | int]:
        return {
            Opcode.INIT: lambda request: Reply(request.unique, fields=self._init_fields),
            Opcode.LOOKUP: self._lookup,
            Opcode.GETATTR: lambda request: Reply(
                request.unique, fields={"attr_valid": 10, **attributes(request.nodeid)}
            ),
            Opcode.READLINK: lambda request: Reply(request.unique, data=b"file"),
            Opcode.OPEN: lambda request: Reply(request.unique, fields={"fh": 7}),
            Opcode.OPENDIR: lambda request: Reply(request.unique, fields={"fh": 8}),
            Opcode.RELEASE: lambda request: Reply(request.unique),
            Opcode.RELEASEDIR: lambda request: Reply(request.unique),
            Opcode.FLUSH: lambda request: Reply(request.unique),
            Opcode.READ: lambda request: Reply(request.unique, data=bytes(request.fields["size"])),
            Opcode.WRITE: lambda request: Reply(request.unique, fields={"size": len(request.data)}),
            Opcode.SETATTR: lambda request: Reply(
                request.unique, fields={"attr_valid": 10, **attributes(request.nodeid)}
            ),
        }

    @staticmethod
    def _lookup(request: Request) -> Reply:
        nodeid = NAMES.get(request.names[0])
        if nodeid is None:
            return Reply(request.unique, error=errno.ENOENT)
        return Reply(request.unique, fields=entry(nodeid))


def fields(**values: int) -> Answer:
    """Return the answer that has these fields."""
    return lambda request: Reply(request.unique, fields=values)


def stand_in(
    answers: Mapping[Opcode, Answer | int] = MappingProxyType({}),
    *,
    init: Mapping[str, int] = MappingProxyType({}),
    mount: Mount | None = None,
    offer: Offer | None = None,
    **options: Any,
) -> tuple[UserKernel, StandIn]:
    """Return a kernel, and the server it talks to."""
    server = StandIn(answers, init)

    def make(send: Callable[[bytes], object]) -> StandIn:
        server.send = send
        return server

    return UserKernel(SessionLink(make), mount, offer=offer, **options), server


def header_of(request: bytes) -> tuple[int, ...]:
    """Return the values of a request's header."""
    return IN_HEADER.unpack_from(request)
