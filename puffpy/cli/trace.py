"""``puffpy trace``: how often, how long, how slow at worst: of a running mount, or of a recording.

What the figures are is ``puffpy.tracing``'s, how a running mount is listened to ``puffpy.live``'s.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Final

from puffpy.cli.colour import DIM, painted
from puffpy.cli.figures import process_of, shown
from puffpy.cli.recording import trace_of
from puffpy.cli.words import Subparsers, seconds, subcommand
from puffpy.live import program_of, watch
from puffpy.making import UsageError
from puffpy.record import MAGIC, Record, packed
from puffpy.tracing import Exchange, Trace, perfetto, traced

EXAMPLES: Final = """
puffpy trace MNT                                       listen for 10 seconds, or until Ctrl-C
puffpy trace MNT --for 60 --save monday.puffs          and keep it, for puffpy report
puffpy trace --record session.puffs                    of a recording (mount --record FILE)
puffpy trace --record session.puffs --json trace.json  for ui.perfetto.dev or chrome://tracing
"""

MORE: Final = """
Counts, latencies (median, 90th and 99th percentile, longest), and the slowest requests
with path and process.  #7 is a file whose name was looked up before the trace began.
What --save keeps has no file data in it: it cannot be replayed."""


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    says = "count what a mount or a recording does, and show what is slow"
    parser = subcommand(subparsers, "trace", run, says, EXAMPLES, MORE)
    parser.add_argument("mnt", metavar="MNT", nargs="?", help="a mount point; not with --record")
    parser.add_argument("--record", metavar="FILE", help="look at a recording instead")
    parser.add_argument(
        "--for", dest="seconds", type=seconds, default=10.0, metavar="SECONDS", help="how long to listen (10)"
    )
    parser.add_argument("--save", metavar="FILE", help="keep what was heard, for puffpy report")
    parser.add_argument("--json", metavar="FILE", help="write it for Chrome's and Perfetto's viewers as well")
    parser.add_argument(
        "-n", "--slowest", type=int, default=10, metavar="N", help="so many of the slowest requests (10)"
    )


def run(args: argparse.Namespace) -> int:
    """Print the figures."""
    if (args.mnt is None) == (args.record is None):
        raise UsageError("say which mount to listen to, or --record FILE: one of the two")
    if args.record is not None and args.save is not None:
        raise UsageError("--save keeps what is heard of a mount; a recording is there already")
    trace, caller = (trace_of(args.record), process_of) if args.record else _heard(args)
    for line in shown(trace, args.slowest, caller):
        print(line)
    if args.mnt and not trace.exchanges:
        print(f"nothing began meanwhile; if something is stuck, puffpy top {args.mnt} shows where")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            file.write(perfetto(trace))
    return 0


def _heard(args: argparse.Namespace) -> tuple[Trace, Callable[[Exchange], str]]:
    """Return what passes on the mount, and what knows the programs that were there."""
    programs: dict[int, str] = {}
    with watch(args.mnt) as watching:
        records = watching.records(args.seconds)
        if args.save:
            records = _saved(records, args.save)
        if sys.stderr.isatty():
            about = f"listening to {watching.mount.mountpoint} ({watching.title}, process {watching.pid})"
            ends = f"for {args.seconds:g} s; Ctrl-C ends it earlier"
            print(painted(f"{about} {ends}", DIM, sys.stderr), file=sys.stderr)
        heard: list[Record] = []
        with contextlib.suppress(KeyboardInterrupt):
            for record in records:
                heard.append(record)
        trace = traced(heard)

    def caller(exchange: Exchange) -> str:
        if exchange.pid not in programs:
            programs[exchange.pid] = program_of(exchange.pid) if exchange.pid else ""
        program = programs[exchange.pid]
        return f"{program} {process_of(exchange)}" if program else process_of(exchange)

    return trace, caller


def _saved(records: Iterator[Record], path: str) -> Iterator[Record]:
    """Yield *records*, each written to the file *path* on the way."""
    with open(path, "wb") as file:
        file.write(MAGIC)
        for record in records:
            file.write(packed(record))
            yield record
