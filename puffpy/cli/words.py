"""What the subcommands' command lines have in common: help with examples, and how a file system is named.

Nothing is looked up here; see ``locate`` and ``making``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    Subparsers: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Subparsers: TypeAlias = argparse._SubParsersAction  # it cannot be subscripted when run


def subcommand(
    subparsers: Subparsers,
    name: str,
    run: Callable[[argparse.Namespace], int],
    says: str,
    examples: str,
    more: str = "",
) -> argparse.ArgumentParser:
    """Add the subcommand *name*; *says* is one line, *examples* one a line."""
    shown = "".join(f"  {line.strip()}\n" for line in examples.strip().splitlines())
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=says,
        description=f"{says[0].upper()}{says[1:]}.{more}",
        epilog=f"examples:\n{shown}",
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
