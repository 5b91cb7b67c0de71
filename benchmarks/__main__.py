"""``python -m benchmarks``: the command line.  What is measured and how is in the tables beside it."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Protocol, TypeVar

import attrs

from benchmarks import plot, report
from benchmarks.build import BuildError
from benchmarks.run import measure
from benchmarks.subjects import Subject
from benchmarks.suites import SUITES, Suite
from benchmarks.works import Work


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Row = TypeVar("_Row", bound=_Named)


def _chosen(table: Sequence[_Row], names: str | None) -> list[_Row]:
    """Return the rows of *names*, with commas between them, in the table's own order; all if it is None."""
    if names is None:
        return list(table)
    wanted = names.split(",")
    unknown = sorted(set(wanted) - {row.name for row in table})
    if unknown:
        known = ", ".join(row.name for row in table)
        raise SystemExit(f"{', '.join(unknown)}: not one of {known}")
    return [row for row in table if row.name in wanted]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure puffpy beside other ways to serve a file system."
    )
    parser.add_argument(
        "--suite",
        choices=[suite.name for suite in SUITES],
        default="requests",
        help="what (default: requests)",
    )
    parser.add_argument("--quick", action="store_true", help="few and short samples: does it work at all?")
    parser.add_argument("--only", metavar="SUBJECTS", help="these, with commas")
    parser.add_argument("--works", metavar="WORKS", help="these, with commas")
    parser.add_argument("--rounds", type=int, help="samples of each")
    parser.add_argument("--seconds", type=float, help="length of a sample")
    parser.add_argument("--files", type=int, help="how many files the chores unpack")
    parser.add_argument("--share", metavar="DIRECTORY", help="what the chores copy")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write everything there")
    parser.add_argument("--svg", metavar="FILE", type=Path, help="draw the ratios there")
    parser.add_argument(
        "--list", action="store_true", help="name suites, subjects and works, measure nothing"
    )
    return parser


def _suite(options: argparse.Namespace) -> Suite:
    """Return the suite that was asked for, with the changes that were."""
    suite = next(suite for suite in SUITES if suite.name == options.suite)
    base = suite.quick if options.quick else suite.settings
    planted = attrs.evolve(
        base.planted,
        files=base.planted.files if options.files is None else options.files,
        share=options.share or base.planted.share,
    )
    return attrs.evolve(
        suite,
        subjects=_chosen(suite.subjects, options.only),
        works=_chosen(suite.works, options.works),
        settings=attrs.evolve(
            base,
            rounds=base.rounds if options.rounds is None else options.rounds,
            seconds=base.seconds if options.seconds is None else options.seconds,
            planted=planted,
        ),
    )


def _leave(signum: int, frame: FrameType | None) -> None:
    # As an exception, so that everything is unmounted on the way out.
    sys.exit(128 + signum)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write what was asked for; 1 if the reference or the client is not there."""
    options = _parser().parse_args(arguments)
    if options.list:
        for suite in SUITES:
            print(f"{suite.name}: {suite.title}")
            rows: list[Subject | Work] = [*suite.subjects, *suite.works]
            for row in rows:
                print(f"    {row.name:20} {row.title}")
        return 0
    suite = _suite(options)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    try:
        result = measure(suite.subjects, suite.works, suite.settings, _say)
    except BuildError as error:
        _say(f"no client, nothing can be measured: {error}")
        return 1
    except KeyboardInterrupt:
        _say("interrupted; everything is unmounted")
        return 130
    print(report.table(result, total=suite.total))
    if options.json is not None:
        options.json.write_text(json.dumps(report.as_json(result), indent=1) + "\n")
    if options.svg is not None:
        options.svg.write_text(plot.svg(result))
    references = {suite.settings.reference_of(subject.name) for subject in suite.subjects}
    return 1 if references & set(result.absent) else 0


if __name__ == "__main__":
    sys.exit(main())
