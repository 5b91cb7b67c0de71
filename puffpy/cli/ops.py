"""``puffpy ops``: the operation table, and the contract of an operation.

The table is ``puffpy.ops``'s.
"""

from __future__ import annotations

import argparse
import difflib
import inspect
from typing import Final

from puffpy.cli.colour import BOLD, DIM, painted
from puffpy.cli.words import Subparsers, completes, subcommand
from puffpy.making import UsageError
from puffpy.ops import OPERATIONS, OTHER_NAMES, Operation, VfsOps, VnodeOps

EXAMPLES: Final = """
puffpy ops           all of them: parameters, and what happens if one is left out
puffpy ops rename    what rename is given, must do, may refuse
puffpy ops unlink    other systems' names are understood
"""


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = subcommand(subparsers, "ops", run, "show what a file system can be asked", EXAMPLES)
    name = parser.add_argument("name", metavar="NAME", nargs="?", help="one operation")
    completes(name, OPERATIONS)


def run(args: argparse.Namespace) -> int:
    """Print the table, or one operation's contract."""
    print(_contract(_named(args.name)) if args.name else _table())
    return 0


def _named(name: str) -> Operation:
    row = OPERATIONS.get(OTHER_NAMES.get(name, name))
    if row is None:
        near = difflib.get_close_matches(name, [*OPERATIONS, *OTHER_NAMES], n=1)
        hint = f"; did you mean {near[0]}?" if near else " (puffpy ops lists them)"
        raise UsageError(f"there is no operation {name}{hint}")
    return row


def _table() -> str:
    lines = []
    for vector in ("VnodeOps", "VfsOps"):
        rows = [row for row in OPERATIONS.values() if row.vector == vector]
        width = max(len(_signature(row)) for row in rows)
        lines += [painted(f"{vector:{width}}  if left out", BOLD)]
        lines += [f"{_signature(row):{width}}  {painted(row.meaning, DIM)}" for row in rows]
        lines.append("")
    return "\n".join(lines[:-1])


def _signature(row: Operation) -> str:
    return f"{row.name}({', '.join(row.params)})"


def _contract(row: Operation) -> str:
    vector = VnodeOps if row.vector == "VnodeOps" else VfsOps
    requests = ", ".join(row.opcodes) or "none"
    lines = [
        painted(f"{row.vector}.{row.signature}", BOLD),
        "",
        inspect.getdoc(getattr(vector, row.name)) or "",
        "",
        f"FUSE requests: {requests}.  In puffs: {row.puffs or 'not there'}.",
    ]
    return "\n".join(lines)
