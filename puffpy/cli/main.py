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
from puffpy.cli import (
    attach,
    check,
    completion,
    doctor,
    dump,
    listing,
    mount,
    new,
    ops,
    replay,
    report,
    serve,
    top,
    trace,
)
from puffpy.cli.locate import LocateError
from puffpy.making import UsageError

FAILED: Final = 1
USAGE: Final = 2

SUBCOMMANDS: Final = (
    new,
    check,
    mount,
    serve,
    attach,
    listing,
    ops,
    doctor,
    trace,
    top,
    report,
    dump,
    replay,
    completion,
)

DESCRIPTION: Final = "Begin, check, mount and look at file systems written with puffpy."

EXAMPLES: Final = """\
examples:
  puffpy new myfs                         a package with a file system that works, to begin with
  puffpy check filesystems.detrempe       does it keep what file systems promise?
  puffpy check ./myfs.py:MyFs -o ro       of one class in a file, mounted read-only
  puffpy mount filesystems.detrempe MNT   mount it (umount MNT unmounts)
  puffpy serve filesystems.detrempe --listen SOCKET     ... in a process of its own
  puffpy attach SOCKET MNT                and its mount in another
  puffpy list                             the file systems and bridges there are
  puffpy ops lookup                       what an operation must do
  puffpy doctor                           can file systems be mounted on this machine?
  puffpy top MNT                          what a mount does now, and where it is stuck
  puffpy trace MNT                        how often, how long, and what is slow
  puffpy report FILE                      a recording (mount --record FILE) as a page
  puffpy dump FILE                        a recording, line by line
  puffpy replay FILE myfs                 does myfs still answer as it was recorded?

exit status:
  0  done, and all is well
  1  it failed, or all is not well: a promise broken, an answer that differs, no way to mount
  2  the command line makes no sense, or names no file system
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
