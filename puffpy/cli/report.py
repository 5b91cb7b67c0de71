"""``puffpy report``: a recording as a page to look at in a browser.

What is on the page is ``puffpy.tracing``'s.
"""

from __future__ import annotations

import argparse
import os
from typing import Final

from puffpy.cli.recording import trace_of
from puffpy.cli.words import Subparsers, subcommand
from puffpy.tracing import page

EXAMPLES: Final = """
puffpy mount myfs MNT -f --record session.puffs
puffpy report session.puffs                    session.html, for any browser
puffpy report session.puffs -o /tmp/monday.html
"""

MORE: Final = """
The page needs nothing else: latency histograms, a timeline, the slowest requests and
what was refused.  A recording that is being written still is shown as far as it goes."""


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    says = "make a page with histograms and a timeline from a recording"
    parser = subcommand(subparsers, "report", run, says, EXAMPLES, MORE)
    parser.add_argument("file", metavar="FILE", help="a recording")
    parser.add_argument("-o", "--output", metavar="PAGE", help="where the page goes (FILE with .html)")


def run(args: argparse.Namespace) -> int:
    """Write the page, and say where it is."""
    trace = trace_of(args.file)
    output = args.output or f"{os.path.splitext(args.file)[0]}.html"
    with open(output, "w", encoding="utf-8") as file:
        file.write(page(trace, os.path.basename(args.file)))
    print(output)
    return 0
