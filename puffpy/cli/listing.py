"""``puffpy list``: the file systems that are shipped or installed, and the bridges to a kernel.

None is made or attached.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Final

from puffpy import bridges
from puffpy.cli.colour import BOLD, painted
from puffpy.cli.locate import ENTRY_POINTS, SHIPPED, LocateError, the_one
from puffpy.cli.words import Subparsers, subcommand

EXAMPLES: Final = "puffpy list"


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    says = "list the file systems and the bridges that are installed"
    more = f"\nOther packages add theirs under the entry points {ENTRY_POINTS} and puffpy.bridges."
    subcommand(subparsers, "list", run, says, EXAMPLES, more)


def run(_: argparse.Namespace) -> int:
    """Print both lists."""
    rows = [*_shipped(), *_installed()]
    width = max((len(name) for name, _ in rows), default=0)
    print(painted("file systems", BOLD))
    for name, says in rows:
        print(f"  {name:{width}}  {says}")
    print(painted("bridges", BOLD))
    for name in bridges.names():
        print(f"  {name}")
    return 0


def _shipped() -> Iterator[tuple[str, str]]:
    try:
        package = importlib.import_module(SHIPPED)
    except ImportError:
        return  # it need not be installed with the library
    for info in pkgutil.iter_modules(package.__path__, f"{SHIPPED}."):
        try:
            made = the_one(importlib.import_module(info.name))
        except LocateError:
            continue  # no file system, or one that cannot be named by its module alone
        except ImportError as exc:
            yield info.name, f"cannot be imported: {exc}"
            continue
        yield info.name, _says(made)


def _installed() -> Iterator[tuple[str, str]]:
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        yield point.name, f"of {point.dist.name if point.dist else 'another package'} ({point.value})"


def _says(made: type) -> str:
    """Return the first line of what *made* says of itself."""
    return (inspect.getdoc(made) or "").partition("\n")[0]
