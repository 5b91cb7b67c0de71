"""What a page of the documentation shows: its blocks of code, in order.

How they are run is the desk's business.

A ``python`` block with a caption is a file, or a change of one; the caption says which, in one of these ways:

    shelf.py                            the file
    shelf.py, at the top                more imports, before those that are there
    shelf.py, in Shelf                  more of a class, at its end
    shelf.py, in place of Shelf.read    something that has a name, and what is to be there instead

A block of any other kind with a caption is a file too, and so is a whole file that is included.  A ``python``
block without one is run, and so is a ``console`` block: each line after ``$`` is typed into a shell, and what
follows it is what the shell says, with ``...`` for what nobody can know.
"""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path
from typing import Final

import attrs

DOCS: Final = Path(__file__).parents[2] / "docs"

_BLOCK: Final = re.compile(
    r"^(?P<indent> *)\.\. code-block:: *(?P<kind>\S*)\n"
    r"(?P<options>(?:(?P=indent)   +:.*\n)*)"
    r"\n"
    r"(?P<body>(?:(?P=indent)   +.*\n|[ \t]*\n)+)",
    re.MULTILINE,
)


_INCLUDE: Final = re.compile(r"^\.\. literalinclude:: (?P<name>\S+)\n(?!   :)", re.MULTILINE)


@attrs.frozen
class Block:
    """One block: its *kind* (``python``, ``console`` ...), its caption, its text, and where it is."""

    kind: str
    caption: str
    text: str
    where: str


@attrs.frozen
class Typed:
    """One command of a ``console`` block, and what the shell is to say."""

    command: str
    says: str


def pages() -> list[Path]:
    """Return every page that is written by hand, by name."""
    return sorted(page for page in DOCS.rglob("*.rst") if "_build" not in page.parts)


def blocks(page: Path) -> list[Block]:
    """Return the blocks of *page*, from top to bottom."""
    text = page.read_text(encoding="utf-8") + "\n"
    found = []
    for match in _INCLUDE.finditer(text):
        included = (page.parent / match["name"]).read_text(encoding="utf-8")
        where = f"{page.relative_to(DOCS.parent)}:{text.count(chr(10), 0, match.start()) + 1}"
        found.append((match.start(), Block("python", match["name"], included, where)))
    for match in _BLOCK.finditer(text):
        caption = re.search(r":caption: *(.*)", match["options"])
        line = text.count("\n", 0, match.start()) + 1
        block = Block(
            kind=match["kind"],
            caption=caption[1].strip() if caption else "",
            text=textwrap.dedent(match["body"]).strip("\n") + "\n",
            where=f"{page.relative_to(DOCS.parent)}:{line}",
        )
        found.append((match.start(), block))
    return [block for _, block in sorted(found, key=lambda pair: pair[0])]


def typed(block: Block) -> list[Typed]:
    """Return the commands of a ``console`` *block*; a line after ``>`` goes on with the one before it."""
    found: list[Typed] = []
    for session in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        lines = session.splitlines()
        more = 1
        while more < len(lines) and lines[more].startswith("> "):
            more += 1
        command = "\n".join([lines[0], *(line[2:] for line in lines[1:more])])
        found.append(Typed(command, "\n".join(lines[more:]).rstrip("\n")))
    return found


def written(block: Block, folder: Path) -> None:
    """Do to the files in *folder* what the caption of *block* says."""
    name, _, change = block.caption.partition(", ")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not change:
        path.write_text(block.text, encoding="utf-8")
        return
    before = path.read_text(encoding="utf-8")
    if change == "at the top":
        docstring, found, rest = before.partition("import ")
        after = f"{docstring}{block.text}{found}{rest}"
    elif change.startswith("in place of "):
        after = _replaced(before, change.removeprefix("in place of "), block.text)
    elif change.startswith("in "):
        after = _added(before, change.removeprefix("in "), block.text)
    else:
        raise ValueError(f"{block.where}: no caption means {block.caption!r}; see tests/docs/pages.py")
    path.write_text(after, encoding="utf-8")


def _span(text: str, name: str) -> tuple[int, int, int]:
    """Return the first line, the last one and the indentation of what is called *name*."""
    scope: ast.AST = ast.parse(text)
    for word in name.split("."):
        scope = next((node for node in ast.iter_child_nodes(scope) if _name(node) == word), scope)
        if _name(scope) != word:
            raise ValueError(f"there is no {name}")
    assert isinstance(scope, ast.stmt)
    assert scope.end_lineno is not None
    decorators: list[ast.expr] = getattr(scope, "decorator_list", [])
    first = min([scope.lineno, *(decorator.lineno for decorator in decorators)])
    return first - 1, scope.end_lineno, scope.col_offset


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Assign):
        return node.targets[0].id if isinstance(node.targets[0], ast.Name) else ""
    return str(getattr(node, "name", ""))


def _replaced(text: str, name: str, instead: str) -> str:
    first, last, indent = _span(text, name)
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:first], textwrap.indent(instead, " " * indent), *lines[last:]])


def _added(text: str, name: str, more: str) -> str:
    _, last, _ = _span(text, name)
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:last], "\n", textwrap.indent(more, "    "), *lines[last:]])
