"""Runs a program that imports fusepy or mfusepy on puffpy, without a change in it.

What the program does with the names it finds is in the rest of the room.
"""

from __future__ import annotations

import os
import runpy
import shutil
import sys
from collections.abc import Sequence
from typing import Final

import puffpy.compat.fusepy

NAMES: Final = ("fuse", "fusepy", "mfusepy")
"""What programs import."""

USAGE: Final = """\
usage: python -m puffpy.compat.fusepy PROGRAM [ARGUMENT ...]
       python -m puffpy.compat.fusepy -m MODULE [ARGUMENT ...]

Run a Python program that uses fusepy or mfusepy on puffpy instead.
PROGRAM is a file, or the name of one on the PATH.
"""


def install() -> None:
    """Have ``import fuse``, ``import fusepy`` and ``import mfusepy`` find puffpy's names, from now on."""
    for name in NAMES:
        sys.modules[name] = puffpy.compat.fusepy


def main(words: Sequence[str]) -> None:
    """Run what *words* name, with the rest of them as its arguments; it is ``__main__``."""
    module = words[0] == "-m" if words else False
    words = words[1:] if module else words
    if not words or words[0].startswith("-"):
        sys.stderr.write(USAGE)
        sys.exit(0 if words and words[0] in ("-h", "--help") else 2)
    install()
    if module:
        sys.argv[:] = words
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
        return
    program = words[0] if os.path.exists(words[0]) else shutil.which(words[0])
    if program is None:
        sys.stderr.write(f"{words[0]}: no such file, and no such program on the PATH\n")
        sys.exit(2)
    sys.argv[:] = [program, *words[1:]]
    sys.path.insert(0, os.path.dirname(os.path.abspath(program)))
    runpy.run_path(program, run_name="__main__")
