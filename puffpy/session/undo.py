"""Takes back a reply that the kernel did not take.

A reply that names a node was counted, and one that opens a file opened it, before it was sent; if its caller
is gone, nobody will ever send the FORGET or the RELEASE.
"""

from __future__ import annotations

from collections.abc import Callable

from puffpy.dispatch import Message
from puffpy.nodes import NodeTable
from puffpy.wire import MESSAGES, Opcode, unpack_direntsplus
from puffpy.wire.structs import CREATE_OUT, ENTRY_OUT, IN_HEADER, OPEN_OUT, OUT_HEADER

CLOSING = {Opcode.OPEN: Opcode.RELEASE, Opcode.CREATE: Opcode.RELEASE, Opcode.TMPFILE: Opcode.RELEASE}


Release = Callable[[Opcode, int, int], object]


def take_back(message: Message, reply: bytes, nodes: NodeTable, release: Release) -> None:
    """Undo the counts and open files that *reply* to *message* stands for.

    *release* does what the opcode does that closes an open file, given node id and file handle.
    """
    _, error, _ = OUT_HEADER.struct.unpack_from(reply)
    if error:
        return
    _, number, _, nodeid, *_ = IN_HEADER.struct.unpack_from(message)
    opcode, body = Opcode(number), OUT_HEADER.size
    if opcode is Opcode.READDIRPLUS:
        for record in unpack_direntsplus(reply[body:]):
            if record.entry["nodeid"]:
                nodes.forget(record.entry["nodeid"], 1)
        return
    layout = MESSAGES[opcode].reply
    if layout in (OPEN_OUT, CREATE_OUT):
        fh_at = body if layout is OPEN_OUT else body + ENTRY_OUT.size
        vnodeid = nodeid if layout is OPEN_OUT else ENTRY_OUT.unpack_from(reply, body)[0]
        closing = CLOSING.get(opcode, Opcode.RELEASEDIR)
        release(closing, vnodeid, OPEN_OUT.unpack_from(reply, fh_at)[0])
    if layout in (ENTRY_OUT, CREATE_OUT):
        cookie = ENTRY_OUT.unpack_from(reply, body)[0]
        if cookie:
            nodes.forget(cookie, 1)
