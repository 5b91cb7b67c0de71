"""``puffpy replay``: does a file system still answer as it was recorded?

How a recording is run again is ``puffpy.testing``'s.
"""

from __future__ import annotations

import argparse
from typing import Final

from puffpy.cli.colour import GREEN, RED, painted
from puffpy.cli.locate import locate
from puffpy.cli.words import Subparsers, add_making, subcommand
from puffpy.making import factory
from puffpy.record import What
from puffpy.testing import load, replay

EXAMPLES: Final = """
puffpy replay session.puffs filesystems.detrempe
puffpy replay session.puffs ./myfs.py:MyFs -o the=same,options=as,when=recorded
"""

MORE: Final = """
Every recorded request is sent to a new file system, with the clock turned back; replies
that differ are shown.  No difference: status 0."""


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    says = "run a recording again, and show what is answered differently"
    parser = subcommand(subparsers, "replay", run, says, EXAMPLES, MORE)
    parser.add_argument("file", metavar="FILE", help="a recording")
    add_making(parser)


def run(args: argparse.Namespace) -> int:
    """Run the recording again; 1 if anything is answered differently."""
    records = load(args.file)
    differences = replay(records, factory(locate(args.target), args.arguments, args.options))
    for difference in differences:
        print(difference)
    requests = sum(record.what is What.REQUEST for record in records)
    if differences:
        print(painted(f"{len(differences)} of {requests} requests are answered differently", RED))
        return 1
    print(painted(f"all {requests} requests are answered as recorded", GREEN))
    return 0
