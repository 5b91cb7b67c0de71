"""``puffpy list``: the file systems, layers and bridges that are shipped or installed.

None is made or attached; each is imported, to see whether it can be.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from typing import Final

from puffpy import bridges, layers
from puffpy.cli.colour import BOLD, RED, painted
from puffpy.cli.locate import SHIPPED, LocateError, the_one
from puffpy.cli.plugins import BRIDGES, FILE_SYSTEMS, LAYERS, Plugin, plugins
from puffpy.cli.words import Subparsers, subcommand

EXAMPLES: Final = "puffpy list"

Row = tuple[str, str]


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    says = "list the file systems, layers and bridges that are installed"
    more = f"\nOther packages add theirs under the entry points {FILE_SYSTEMS}, {LAYERS} and {BRIDGES}."
    subcommand(subparsers, "list", run, says, EXAMPLES, more)


def run(_: argparse.Namespace) -> int:
    """Print the three lists, with what other packages bring at the end of each."""
    _show("file systems", [*_shipped(), *_brought(FILE_SYSTEMS)])
    theirs = {plugin.name for plugin in plugins(LAYERS)}
    own = [row for row in layers.described() if row[0] not in theirs]
    _show("layers", [*own, *_brought(LAYERS)])
    theirs = {plugin.name for plugin in plugins(BRIDGES)}
    _show("bridges", [*((name, "") for name in bridges.names() if name not in theirs), *_brought(BRIDGES)])
    return 0


def _show(what: str, rows: Iterable[Row]) -> None:
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    print(painted(what, BOLD))
    for name, says in rows:
        print(f"  {name:{width}}  {says}".rstrip())


def _shipped() -> Iterator[Row]:
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
            yield info.name, painted(f"cannot be imported: {exc}", RED)
            continue
        yield info.name, (inspect.getdoc(made) or "").partition("\n")[0]


def _brought(group: str) -> Iterator[Row]:
    """What other packages bring, each with the reason if it is broken."""
    names: set[str] = set()
    for plugin in plugins(group):
        yield plugin.name, _about(plugin, hidden=plugin.name in names)
        names.add(plugin.name)


def _about(plugin: Plugin, *, hidden: bool) -> str:
    reason = plugin.reason()
    if reason:
        return painted(f"of {plugin.origin}, which is broken: {reason}", RED)
    return f"of {plugin.origin} ({plugin.point.value})" + (", hidden by the one before" if hidden else "")
