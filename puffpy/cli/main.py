"""The command line: chooses the subcommand, and turns whatever goes wrong into a line and an exit status.

What a subcommand does is in its own file: it has ``add`` for its arguments, and ``run`` for its work.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

import puffpy
from puffpy.cli import check, dump, listing, mount, ops, replay
from puffpy.cli.locate import LocateError
from puffpy.making import UsageError

FAILED: Final = 1
USAGE: Final = 2

SUBCOMMANDS: Final = (check, mount, listing, ops, dump, replay)

DESCRIPTION: Final = "Check, mount and look at file systems written with puffpy."

EXAMPLES: Final = """\
examples:
  puffpy check filesystems.detrempe       does it keep what file systems promise?
  puffpy check ./myfs.py:MyFs -o ro       of one class in a file, mounted read-only
  puffpy mount filesystems.detrempe MNT   mount it (umount MNT unmounts)
  puffpy list                             the file systems and bridges there are
  puffpy ops lookup                       what an operation must do
  puffpy dump FILE                        a recording (mount --record FILE), line by line
  puffpy replay FILE myfs                 does myfs still answer as it was recorded?

exit status: 0 all is well, 1 it is not, 2 the command line makes no sense
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Be the ``puffpy`` command; return the exit status."""
    args = _parser().parse_args(argv)
    try:
        status: int = args.run(args)
        sys.stdout.flush()
    except (UsageError, LocateError) as exc:
        return _said(exc, USAGE)
    except BrokenPipeError:
        # Whoever read has had enough; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except puffpy.PuffpyError as exc:
        return _said(exc, FAILED)
    except OSError as exc:
        return _said(f"{exc.filename}: {exc.strerror}" if exc.filename else exc, FAILED)
    except KeyboardInterrupt:
        return _said("interrupted", FAILED)
    return status


def _said(what: object, status: int) -> int:
    sys.stdout.flush()
    for line in str(what).splitlines() or [repr(what)]:
        print(f"puffpy: {line}", file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="puffpy",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-V", "--version", action="version", version=f"puffpy {puffpy.__version__}")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for subcommand in SUBCOMMANDS:
        subcommand.add(subparsers)
    return parser
