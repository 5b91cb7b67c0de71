"""``puffpy check``: does a file system keep what file systems promise?

What is promised, and how that is tried, is in ``puffpy.testing``.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

import puffpy
from puffpy.cli.colour import BOLD, DIM, GREEN, RED, painted
from puffpy.cli.locate import locate
from puffpy.cli.progress import Progress, announced
from puffpy.cli.words import Subparsers, add_layers, add_making, subcommand
from puffpy.layers import layered
from puffpy.making import UsageError, factory
from puffpy.testing import PROMISES, Promise, Result, Verdict, results

EXAMPLES: Final = """
puffpy check filesystems.detrempe
puffpy check ./myfs.py:MyFs ARGUMENT -o option=value
puffpy check filesystems.detrempe -k rename -k link    only what has to do with these
puffpy check myfs --at /scratch                        try everything in that directory
puffpy check filesystems.detrempe --layer cache:ttl=60 a layer breaks no promise either
puffpy check filesystems.tunnel {tmp}                  over a new directory for every promise
"""

MORE: Final = """
Nothing is mounted: every promise is tried on a new file system of its own, under a
kernel in user space.  {tmp} in an argument or option stands for an empty temporary
directory, a new one every time."""

EMPTY_DIRECTORY: Final = "{tmp}"

COLOURS: Final = {Verdict.HOLDS: GREEN, Verdict.FAILS: RED, Verdict.NOT_APPLICABLE: DIM}


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    says = "try whether a file system keeps what file systems promise"
    parser = subcommand(subparsers, "check", run, says, EXAMPLES, MORE)
    add_making(parser)
    add_layers(parser)
    parser.add_argument("--at", metavar="DIR", default="/", help="where in it to try (/)")
    parser.add_argument(
        "-k", dest="words", metavar="WORD", action="append", default=[], help="only promises with this word"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show failures only, and the sums")


def run(args: argparse.Namespace) -> int:
    """Try every promise, print what became of it, and return 1 if one is not kept."""
    chosen = _chosen(args.words)
    with contextlib.ExitStack() as directories:
        progress = Progress(f"checking {args.target}", len(chosen))
        following = announced(chosen, progress, lambda promise: promise.sentence)
        counts = _tried(args, progress, results(_making(args, directories), at=args.at, only=following))
    sums = ", ".join(f"{counts[verdict]} {_words(verdict, counts[verdict])}" for verdict in Verdict)
    print(painted(sums, RED if counts[Verdict.FAILS] else GREEN))
    return 1 if counts[Verdict.FAILS] else 0


def _making(args: argparse.Namespace, directories: contextlib.ExitStack) -> Callable[[], puffpy.VnodeOps]:
    """Return what makes the file system, with a new directory each time where one is asked for."""
    make = layered(locate(args.target), args.layers, locate)
    words = [args.arguments, args.options]

    def fresh() -> puffpy.VnodeOps:
        directories.close()
        directory = directories.enter_context(tempfile.TemporaryDirectory(prefix="puffpy-check-"))
        arguments, options = ([word.replace(EMPTY_DIRECTORY, directory) for word in each] for each in words)
        return factory(make, arguments, options)()

    asked = any(EMPTY_DIRECTORY in word for each in words for word in each)
    return fresh if asked else factory(make, *words)


def _tried(args: argparse.Namespace, progress: Progress, tried: Iterable[Result]) -> Counter[Verdict]:
    """Print each result as it comes; return how many there were of each verdict."""
    counts: Counter[Verdict] = Counter()
    subject = ""
    for result in tried:
        counts[result.verdict] += 1
        if args.quiet and result.verdict is not Verdict.FAILS:
            continue
        progress.clear()
        if result.promise.subject != subject:
            subject = result.promise.subject
            print(painted(subject, BOLD))
        print(_lines(result), flush=True)
    return counts


def _chosen(words: list[str]) -> list[Promise]:
    chosen = [
        each
        for each in PROMISES
        if not words
        or any(word in each.sentence or word == each.name or word == each.subject for word in words)
    ]
    if not chosen:
        raise UsageError(f"no promise has the word {' or '.join(words)} in it")
    return chosen


def _lines(result: Result) -> str:
    first, *rest = str(result).splitlines()
    verdict, _, says = first.partition(": ")
    coloured = painted(f"{verdict:14}", COLOURS[result.verdict])
    if result.verdict is Verdict.NOT_APPLICABLE:
        says = painted(says, DIM)
    return "\n".join([f"  {coloured}  {says}", *(f"  {'':12}{line}" for line in rest)])


def _words(verdict: Verdict, count: int) -> str:
    one = {Verdict.HOLDS: "holds", Verdict.FAILS: "fails", Verdict.NOT_APPLICABLE: "does not apply"}
    many = {Verdict.HOLDS: "hold", Verdict.FAILS: "fail", Verdict.NOT_APPLICABLE: "do not apply"}
    return (one if count == 1 else many)[verdict]
