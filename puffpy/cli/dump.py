"""``puffpy dump``: a recording, one line a message.

What a line says is ``puffpy.wire.dump``'s, what a recording holds ``puffpy.record``'s.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from typing import Final

from puffpy.cli.colour import DIM, painted
from puffpy.cli.words import Subparsers, subcommand
from puffpy.record import Record, What, number, read
from puffpy.wire import IN_HEADER, Direction, dump

EXAMPLES: Final = """
puffpy mount myfs MNT -f --record session.puffs
puffpy dump session.puffs
puffpy dump session.puffs --clock    with what the clock said to the file system
"""

MORE: Final = """
> is a request, < its reply, ! a notification; the number behind it is the request's.
Times are seconds since the recording began."""

SECOND: Final = 10**9


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subcommand(subparsers, "dump", run, "print a recording, one line a message", EXAMPLES, MORE)
    parser.add_argument("file", metavar="FILE", help="a recording")
    parser.add_argument("--clock", action="store_true", help="also what the clock and passthrough said")


def run(args: argparse.Namespace) -> int:
    """Print the recording."""
    with open(args.file, "rb") as file:
        for line in lines(read(file), clock=args.clock):
            print(line)
    return 0


def lines(records: Iterable[Record], *, clock: bool = False) -> Iterator[str]:
    """Yield a line for each of *records*; *clock*: also for those that are no messages."""
    opcodes: dict[int, int] = {}
    begin = None
    for record in records:
        if begin is None:
            begin = record.when
            date = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(begin // SECOND))
            yield painted(f"recorded from {date} on", DIM)
        at = painted(f"{(record.when - begin) / SECOND:12.6f}", DIM)
        if record.what not in (What.REQUEST, What.REPLY, What.LATER):
            if clock:
                yield f"{at} = {record.what.name} {number(record)}"
            continue
        if record.what is What.REQUEST:
            opcode, unique = IN_HEADER.unpack_from(record.data)[1:3]
            opcodes[unique] = opcode
        direction = Direction.TO_SERVER if record.what is What.REQUEST else Direction.TO_KERNEL
        yield f"{at} {dump(record.data, direction=direction, opcode_of=opcodes.get)}"
