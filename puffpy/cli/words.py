"""What the subcommands' command lines have in common: help with examples, and how a file system is named.

Nothing is looked up here; see ``locate`` and ``making``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    Subparsers: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Subparsers: TypeAlias = argparse._SubParsersAction  # it cannot be subscripted when run


STATUSES: Final = "exit status: 0 done, 1 it failed, 2 the command line makes no sense"


def subcommand(
    subparsers: Subparsers,
    name: str,
    run: Callable[[argparse.Namespace], int],
    says: str,
    examples: str,
    more: str = "",
    statuses: str = STATUSES,
) -> argparse.ArgumentParser:
    """Add the subcommand *name*; *says* is one line, *examples* one a line."""
    shown = "".join(f"  {line.strip()}\n" for line in examples.strip().splitlines())
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=says,
        description=f"{says[0].upper()}{says[1:]}.{more}",
        epilog=f"examples:\n{shown}\n{statuses}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names a file system."""
    parser.add_argument(
        "target",
        metavar="MODULE[:NAME]",
        help="a module, or a file ending in .py, and the class in it if there are several",
    )


def add_making(parser: argparse.ArgumentParser) -> None:
    """Add a file system's name, its own arguments, and its options."""
    add_target(parser)
    parser.add_argument("arguments", metavar="ARG", nargs="*", help="the file system's own arguments")
    parser.add_argument(
        "-o",
        dest="options",
        metavar="OPTION[,...]",
        action="append",
        default=[],
        help="options of the file system and of the mount, as for mounting it",
    )


def seconds(text: str) -> float:
    """Return the time that *text* says; ValueError if it says none."""
    number = float(text)
    if not 0 < number < 10**6:
        raise ValueError(f"{text} is no time to wait")
    return number


def add_layers(parser: argparse.ArgumentParser) -> None:
    """Add the layers that lie on a file system."""
    parser.add_argument(
        "--layer",
        dest="layers",
        metavar="NAME[:OPTION=VALUE,...]",
        action="append",
        default=[],
        help="a layer on it (see puffpy list), and one more on that if given again",
    )


def completes(action: argparse.Action, words: Iterable[str]) -> None:
    """Have shells offer *words* for the argument *action*, which may be others as well."""
    vars(action)["completions"] = tuple(words)
