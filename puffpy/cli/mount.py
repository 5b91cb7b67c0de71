"""``puffpy mount``: any file system's own command line, with layers on it.

All of it but the layers is ``puffpy.main``'s.
"""

from __future__ import annotations

import argparse
from typing import Final

import puffpy
from puffpy.cli.locate import locate, surviving
from puffpy.cli.words import Subparsers, add_layers, add_target, subcommand
from puffpy.layers import layered
from puffpy.making import UsageError

EXAMPLES: Final = """
puffpy mount filesystems.detrempe MNT -o size=1G
puffpy mount ./myfs.py:MyFs ARGUMENT MNT -f
puffpy mount filesystems.tunnel DIR MNT --layer readonly --layer 'filter:hide=*.key'
puffpy mount --fsspec zip://::archive.zip MNT     whatever fsspec can reach, by its URL
puffpy mount myfs --help                  the file system's own arguments and options
"""

FSSPEC: Final = "filesystems.fsspecfs"


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    says = "mount a file system"
    parser = subcommand(subparsers, "mount", run, says, EXAMPLES)
    add_layers(parser)
    add_target(parser)
    parser.add_argument(
        "--fsspec", metavar="URL", help="mount what fsspec finds there; what follows is MNT and options"
    )
    parser.add_argument(
        "words", metavar="...", nargs=argparse.REMAINDER, help="its arguments, the mount point, its options"
    )


def run(args: argparse.Namespace) -> int:
    """Hand the words over; does not return."""
    target, words, name = args.target, args.words, args.target
    if args.fsspec:
        # No file system is named: that word is the mount point.
        target, words, name = FSSPEC, [args.fsspec, args.target, *args.words], "--fsspec"
    layers, words = _parted(words)
    specs = [*args.layers, *layers]
    make, outliving = layered(locate(target), specs, locate), surviving(target)
    supervised = layered(outliving, specs, locate) if outliving is not None else None
    puffpy.main(make, argv=words, prog=f"puffpy mount {name}", supervised=supervised)


def _parted(words: list[str]) -> tuple[list[str], list[str]]:
    """Return what ``--layer`` was given among *words*, and the others, which are the file system's."""
    layers: list[str] = []
    others: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            others += [word, *rest]
        elif word == "--layer":
            layer = next(rest, None)
            if layer is None:
                raise UsageError("--layer needs a layer: see puffpy list")
            layers.append(layer)
        elif word.startswith("--layer="):
            layers.append(word.partition("=")[2])
        else:
            others.append(word)
    return layers, others
