"""What a kernel says, as it should: one conversation for each opcode, and how a reply must look."""

from __future__ import annotations

import os
import struct
from typing import Any, Final

from puffpy.wire import MESSAGES, Opcode, Request, decode_reply, encode_request
from puffpy.wire.structs import GETXATTR_IN, IN_HEADER, OUT_HEADER, READ_IN
from tests.dispatch.samples import SAMPLES
from tests.dispatch.speaker import EVERYTHING, ROOT, init_flags
from tests.hostile.cases import Case

FILE, DIRECTORY = 2, 3
"""What FOREWORD makes, in this order, as the samples have it."""

FILE_HANDLE, DIRECTORY_HANDLE = 1, 2
LOST: Final = 1 << 40
"""Set in the unique of a request whose reply is not taken."""

SIZED: Final = frozenset({Opcode.READ, Opcode.READDIR, Opcode.READDIRPLUS})
PROBES: Final = frozenset({Opcode.GETXATTR, Opcode.LISTXATTR})


def message(opcode: Opcode, number: int, nodeid: int = ROOT, /, *names: bytes, **more: Any) -> bytes:
    """Return a request of some user's."""
    data = more.pop("data", b"")
    request = Request(
        opcode, unique=number, nodeid=nodeid, uid=1000, gid=100, pid=1, fields=more, names=names, data=data
    )
    return encode_request(request, setxattr_ext=True)


INIT: Final = message(Opcode.INIT, 2, 0, major=7, minor=45, **init_flags(EVERYTHING))
FOREWORD: Final = (
    INIT,
    message(Opcode.CREATE, 4, ROOT, b"f", flags=os.O_RDWR, mode=0o644),
    message(Opcode.MKDIR, 6, ROOT, b"d", mode=0o755),
    message(Opcode.OPENDIR, 8),
)


def sample(opcode: Opcode, unique: int = 10) -> bytes:
    """Return what may be asked behind FOREWORD."""
    row = SAMPLES[opcode]
    fields = dict(row.fields)
    if row.fh:
        fields["fh"] = FILE_HANDLE if row.fh == FILE else DIRECTORY_HANDLE
    return message(opcode, unique, row.nodeid, *row.names, data=row.data, **fields)


def conversations() -> list[Case]:
    """Return one for each opcode, each also with a reply that is not taken, and all in one."""
    each = [(*FOREWORD, sample(opcode)) for opcode in Opcode]
    lost = [(*FOREWORD, sample(opcode, LOST | 10)) for opcode in Opcode]
    many = (*FOREWORD, *(sample(opcode, 10 + 2 * int(opcode)) for opcode in Opcode))
    return [*each, *lost, many]


def settle(said: bytes) -> bytes:
    """Return *said* with its true length in front."""
    return struct.pack("=I", len(said)) + said[4:] if len(said) >= IN_HEADER.size else said


def check_reply(said: bytes, whole: bytes) -> int:
    """Return the errno of the reply to *said*; one that the kernel would refuse is a failure."""
    length, error, unique = OUT_HEADER.unpack_from(whole)
    opcode, asked = IN_HEADER.unpack_from(said)[1:3]
    assert length == len(whole)
    assert unique == asked
    assert -511 <= error <= 0
    assert opcode not in MESSAGES or MESSAGES[Opcode(opcode)].answered, Opcode(opcode).name
    if error or opcode not in MESSAGES:
        assert length == OUT_HEADER.size
        return -error
    probe = opcode in PROBES and not GETXATTR_IN.unpack_from(said, IN_HEADER.size)[0]
    reply = decode_reply(Opcode(opcode), whole, size_probe=probe)
    if opcode in SIZED:
        assert len(reply.data) <= READ_IN.unpack_from(said, IN_HEADER.size)[2]
    return 0
