"""``python -m benchmarks``: the command line.  What is measured and how is in the tables beside it."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Protocol, TypeVar

from benchmarks import plot, report
from benchmarks.build import BuildError
from benchmarks.run import Settings, measure
from benchmarks.subjects import REFERENCE, SUBJECTS
from benchmarks.works import WORKS, Planted

QUICK = Settings(rounds=3, seconds=0.05, planted=Planted(data_bytes=4 << 20))


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Row = TypeVar("_Row", bound=_Named)


def _rows_of(table: Sequence[_Row]) -> Callable[[str], list[_Row]]:
    """Return an argument type: names with commas between them, in the table's own order."""

    def choose(text: str) -> list[_Row]:
        wanted = text.split(",")
        unknown = sorted(set(wanted) - {row.name for row in table})
        if unknown:
            known = ", ".join(row.name for row in table)
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {known}")
        return [row for row in table if row.name in wanted]

    return choose


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure puffpy beside other ways to serve a file system."
    )
    parser.add_argument("--quick", action="store_true", help="few and short samples: does it work at all?")
    parser.add_argument("--only", metavar="SUBJECTS", type=_rows_of(SUBJECTS), help="these, with commas")
    parser.add_argument("--works", metavar="WORKS", type=_rows_of(WORKS), help="these, with commas")
    parser.add_argument("--rounds", type=int, help=f"samples of each (default {Settings().rounds})")
    parser.add_argument("--seconds", type=float, help=f"length of a sample (default {Settings().seconds})")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write everything there")
    parser.add_argument("--svg", metavar="FILE", type=Path, help="draw the ratios there")
    parser.add_argument(
        "--list", action="store_true", help="name the subjects and the works, measure nothing"
    )
    return parser


def _settings(options: argparse.Namespace) -> Settings:
    base = QUICK if options.quick else Settings()
    return Settings(
        base.rounds if options.rounds is None else options.rounds,
        base.seconds if options.seconds is None else options.seconds,
        base.planted,
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
        for row in (*SUBJECTS, *WORKS):
            print(f"{row.name:14} {row.title}")
        return 0
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    try:
        result = measure(options.only or SUBJECTS, options.works or WORKS, _settings(options), _say)
    except BuildError as error:
        _say(f"no client, nothing can be measured: {error}")
        return 1
    except KeyboardInterrupt:
        _say("interrupted; everything is unmounted")
        return 130
    print(report.table(result))
    if options.json is not None:
        options.json.write_text(json.dumps(report.as_json(result), indent=1) + "\n")
    if options.svg is not None:
        options.svg.write_text(plot.svg(result))
    return 1 if REFERENCE in result.absent else 0


if __name__ == "__main__":
    sys.exit(main())
