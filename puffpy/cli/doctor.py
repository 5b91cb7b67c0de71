"""``puffpy doctor``: what this machine can do, and how to get what it cannot.

What is found out is ``machine``'s and ``trial``'s; here it is printed.
"""

from __future__ import annotations

import argparse
from typing import Final

from puffpy.cli.colour import BOLD, DIM, GREEN, RED, YELLOW, painted
from puffpy.cli.machine import Finding, Verdict, findings
from puffpy.cli.trial import tried
from puffpy.cli.words import Subparsers, subcommand

EXAMPLES: Final = """
puffpy doctor
puffpy doctor --no-mount     look only
"""

MORE: Final = """
Looks at the kernel, /dev/fuse, fusermount3 and the extras, and mounts a file system on a
temporary directory for a moment, to hear what the kernel offers."""

STATUSES: Final = "exit status: 0 file systems can be mounted here, 1 they cannot, 2 wrong usage"

MARKS: Final = {Verdict.GOOD: ("ok", GREEN), Verdict.WITHOUT: ("no", YELLOW), Verdict.BAD: ("BAD", RED)}


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    says = "tell what this machine can do, and how to get what is missing"
    parser = subcommand(subparsers, "doctor", run, says, EXAMPLES, MORE, STATUSES)
    parser.add_argument("--no-mount", action="store_true", help="mount nothing, not even for a moment")


def run(args: argparse.Namespace) -> int:
    """Print what was found; 1 if something is in the way of mounting."""
    found = findings()
    if not args.no_mount:
        found += tried()
    width = max(len(each.subject) for each in found)
    for each in found:
        _print(each, width)
    bad = [each.subject for each in found if each.verdict is Verdict.BAD]
    if bad:
        print(painted(f"\nfile systems cannot be mounted here: {', '.join(bad)}", RED))
        return 1
    print(painted("\nfile systems can be mounted here", GREEN))
    return 0


def _print(finding: Finding, width: int) -> None:
    mark, colour = MARKS[finding.verdict]
    print(f"{painted(f'{mark:3}', colour)}  {painted(f'{finding.subject:{width}}', BOLD)}  {finding.says}")
    if finding.remedy:
        print(f"{'':{width + 7}}{painted(finding.remedy, DIM)}")
