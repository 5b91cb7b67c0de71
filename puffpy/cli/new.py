"""``puffpy new``: a package with a file system that works, its tests, and its name for ``puffpy mount``.

What is in the package stands in the folder ``template``, word for word but for the names.
"""

from __future__ import annotations

import argparse
import importlib.resources
import keyword
import os
import re
from collections.abc import Mapping
from string import Template
from types import MappingProxyType
from typing import Final

import puffpy
from puffpy.cli.words import Subparsers, subcommand
from puffpy.making import UsageError

EXAMPLES: Final = """
puffpy new notes
puffpy new notes --into ~/src
cd notes && pip install -e '.[test]' && pytest && puffpy check notes && puffpy mount notes MNT
"""

MORE: Final = """
Makes a directory called NAME.  What is in it can be mounted, passes its tests, and keeps
every promise of puffpy check: change it into what you want, and see that it stays so."""

FILES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pyproject.toml.txt": "pyproject.toml",
        "README.md.txt": "README.md",
        "__init__.py.txt": "$package/__init__.py",
        "__main__.py.txt": "$package/__main__.py",
        "test.py.txt": "tests/test_$package.py",
    }
)
"""The files of the template, and where each goes."""


def add(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    says = "make a package with a file system, to begin with"
    parser = subcommand(subparsers, "new", run, says, EXAMPLES, MORE)
    parser.add_argument(
        "name", metavar="NAME", help="letters, digits, - and _; what puffpy mount will call it"
    )
    parser.add_argument("--into", metavar="DIR", default=".", help="where the directory goes (here)")


def run(args: argparse.Namespace) -> int:
    """Make the package, and say what to do next."""
    words = _words(args.name)
    top = os.path.join(args.into, args.name)
    if os.path.lexists(top):
        raise UsageError(f"{top} is there already: choose another name, or another place with --into")
    template = importlib.resources.files("puffpy.cli") / "template"
    for source, target in FILES.items():
        path = os.path.join(top, Template(target).substitute(words))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        text = (template / source).read_text(encoding="utf-8")
        with open(path, "x", encoding="utf-8") as file:
            file.write(Template(text).substitute(words))
        print(path)
    print(f"\nnext: cd {top} && pip install -e '.[test]' && pytest")
    return 0


def _words(name: str) -> dict[str, str]:
    """Return what stands for what in the template."""
    package = name.lower().replace("-", "_")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*[A-Za-z0-9]", name, re.ASCII) or keyword.iskeyword(package):
        raise UsageError(
            f"{name!r} cannot be a package: letters, digits, - and _, two or more, a letter first, "
            "no word of Python's"
        )
    if package in ("puffpy", "filesystems", "tests"):
        raise UsageError(f"{name} is a package of puffpy's own: choose another name")
    class_ = "".join(part[:1].upper() + part[1:] for part in re.split(r"[-_]", name))
    return {"name": name, "package": package, "class_": class_, "version": puffpy.__version__}
