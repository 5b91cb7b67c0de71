"""``puffpy mount``: any file system's own command line.

All of it is ``puffpy.main``'s.
"""

from __future__ import annotations

import argparse
from typing import Final

import puffpy
from puffpy.cli.locate import locate
from puffpy.cli.words import Subparsers, add_target, subcommand

EXAMPLES: Final = """
puffpy mount filesystems.detrempe MNT -o size=1G
puffpy mount ./myfs.py:MyFs ARGUMENT MNT -f
puffpy mount myfs --help                  the file system's own arguments and options
"""


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    says = "mount a file system"
    parser = subcommand(subparsers, "mount", run, says, EXAMPLES)
    add_target(parser)
    parser.add_argument(
        "words", metavar="...", nargs=argparse.REMAINDER, help="its arguments, the mount point, its options"
    )


def run(args: argparse.Namespace) -> int:
    """Hand the words over; does not return."""
    puffpy.main(locate(args.target), argv=args.words, prog=f"puffpy mount {args.target}")
