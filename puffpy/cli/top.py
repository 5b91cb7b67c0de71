"""``puffpy top``: what a mount does at this moment, and what it is stuck in.

What is heard is ``puffpy.live``'s, the screen is ``screen``'s.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Final

from puffpy.cli.colour import BOLD, painted
from puffpy.cli.figures import table
from puffpy.cli.moment import HEAD, PENDING_HEAD, Moment, cells, pending_cells
from puffpy.cli.words import Subparsers, seconds, subcommand
from puffpy.live import Watch, watch
from puffpy.making import UsageError

EXAMPLES: Final = """
puffpy top MNT
puffpy top MNT -i 0.5            look twice a second
puffpy top MNT --once            one look, as plain text
puffpy top MNT --once --stack    with all the lines that led to where a request is
"""

MORE: Final = """
Rates and latencies are of the last interval.  A request that waits for its answer is
shown with who asked, since when (* is since before anybody looked), and the Python line
that its operation is at.  The server only counts while somebody looks.  Keys: q ends,
s sorts by something else, a blank holds on."""


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    says = "show what a mount does now, and where it is stuck"
    parser = subcommand(subparsers, "top", run, says, EXAMPLES, MORE)
    parser.add_argument("mnt", metavar="MNT", help="a mount point, or a path below it")
    parser.add_argument(
        "-i", dest="interval", type=seconds, default=1.0, metavar="SECONDS", help="how often to look (1)"
    )
    parser.add_argument("--once", action="store_true", help="look once, as plain text; needs no terminal")
    parser.add_argument("--stack", action="store_true", help="with --once: whole stacks")


def run(args: argparse.Namespace) -> int:
    """Show it until the user or the mount ends."""
    with watch(args.mnt) as watching:
        if args.once or not sys.stdout.isatty():
            for line in _once(watching, args.interval, args.stack):
                print(line)
            return 0
        try:
            from puffpy.cli.screen import live_screen  # rich is an extra
        except ModuleNotFoundError as exc:
            raise UsageError(
                f"a live screen needs {exc.name}: pip install 'puffpy[cli]'; --once does without"
            ) from None
        return live_screen(watching, args.interval)


def _once(watching: Watch, interval: float, stack: bool) -> Iterator[str]:
    snapshots = watching.snapshots(interval)
    first = next(snapshots, None)
    moment = Moment.between(first, next(snapshots, None))
    yield painted(f"{watching.mount.mountpoint}: {watching.title}, process {watching.pid}", BOLD)
    if moment is None:
        yield "the server has no time to say anything"
        return
    yield ""
    yield from table(HEAD, (cells(each, moment.seconds) for each in moment.by("time")), left=(0,))
    if moment.pending:
        yield ""
        yield from table(PENDING_HEAD, map(pending_cells, moment.pending), left=(1, 2, 3, 4))
    if stack:
        for each in moment.pending:
            yield ""
            yield painted(f"{each.name} of process {each.pid}", BOLD)
            yield from (f"  {line}" for line in each.stack)
