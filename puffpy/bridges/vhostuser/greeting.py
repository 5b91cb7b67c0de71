"""INIT as it passes by: what a guest's kernel offers is not quite what the device can be asked for.

The terms themselves are the session's to settle.
"""

from __future__ import annotations

from typing import Final

from puffpy.wire.flags import InitFlag
from puffpy.wire.structs import IN_HEADER, INIT_IN, INIT_OUT, OUT_HEADER

BODY: Final = IN_HEADER.size
HEADER: Final = OUT_HEADER.size

GIVEN: Final = InitFlag.INIT_EXT | InitFlag.PASSTHROUGH
"""What the device can do though the guest's kernel cannot."""

WITHHELD: Final = InitFlag.READDIRPLUS_AUTO
"""What is not worth it: to ask twice, for names and then for each node, costs a guest much more than once."""

WORD: Final = 0xFFFFFFFF


class Greeting:
    """One INIT, and its answer: what was given is taken away again."""

    def __init__(self) -> None:
        self._given = InitFlag(0)

    def offer(self, message: memoryview) -> None:
        """Change what *message* offers, where it has the longer form that leaves room for it."""
        self._given = InitFlag(0)
        if len(message) < BODY + INIT_IN.size:
            return
        values = INIT_IN.named(INIT_IN.struct.unpack_from(message, BODY))
        offered = InitFlag(values["flags"])
        if offered & InitFlag.INIT_EXT:
            offered |= InitFlag(values["flags2"] << 32)
        self._given = GIVEN & ~offered
        offered = (offered | GIVEN) & ~WITHHELD
        values["flags"], values["flags2"] = int(offered) & WORD, int(offered) >> 32
        INIT_IN.struct.pack_into(message, BODY, *values.values())

    def answer(self, reply: bytes) -> bytes:
        """Return the answer to INIT as the guest may see it."""
        if len(reply) != HEADER + INIT_OUT.size:
            return reply
        values = INIT_OUT.named(INIT_OUT.unpack_from(reply, HEADER))
        values["flags"] &= ~int(self._given) & WORD
        values["flags2"] &= ~(int(InitFlag.PASSTHROUGH) >> 32)  # the guest's own would need ids of its own
        values["max_stack_depth"] = 0
        return reply[:HEADER] + INIT_OUT.pack(*values.values())
