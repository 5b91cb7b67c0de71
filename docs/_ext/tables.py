"""Directives that write the reference from puffpy's own tables and docstrings, when the pages are built.

What the pages say around them is in the pages.

    operations   one entry for each operation of a vector, from the operation table and its docstring
    options      the options of a mount
    negotiation  the flags of INIT, with the reasons for taking or refusing each
    opcodes      the messages of the protocol, and where each of them leads
    rooms        what each room of the library is
    othernames   what other systems call an operation
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from typing import Any, Final

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

import puffpy
from puffpy.ops import OPERATIONS, OTHER_NAMES, Operation, VfsOps, VnodeOps
from puffpy.options import REFUSED, ROWS
from puffpy.session.negotiate import NEGOTIATION
from puffpy.wire import MESSAGES, Opcode

FIRST: Final = {
    "lookup": "names",
    "getattr": "attributes",
    "open": "data",
    "inactive": "life",
    "root": "mount",
}
"""The operation that each subject begins with, in the order of the table."""


class Generated(Directive):
    """A directive whose content is lines of reStructuredText."""

    optional_arguments = 1

    def lines(self) -> Iterable[str]:
        """Yield the lines."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Parse the lines in place of the directive."""
        source, _ = self.state_machine.get_source_and_line(self.lineno)
        content = StringList(list(self.lines()), source=source or "")
        into = nodes.Element()
        self.state.nested_parse(content, self.content_offset, into, match_titles=True)
        return list(into.children)


def table(widths: str, *rows: tuple[str, ...]) -> Iterator[str]:
    """Yield a table whose first row is its head."""
    yield from (".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", "")
    for row in rows:
        for number, cell in enumerate(row):
            yield f"   {'* -' if number == 0 else '  -'} {cell}"
    yield ""


def subject_of(row: Operation) -> str:
    """Return the subject of an operation: that of the last one before it that begins a subject."""
    found = ""
    for name in OPERATIONS:
        found = FIRST.get(name, found)
        if name == row.name:
            return found
    raise ValueError(f"{row.name} is not in the table")


def contract(row: Operation) -> Iterator[str]:
    """Yield the docstring of an operation, but for what the table says itself."""
    vector: Any = VnodeOps if row.vector == "VnodeOps" else VfsOps
    for line in (inspect.getdoc(getattr(vector, row.name)) or "").splitlines():
        if not line.startswith("Default:"):
            yield line


def fields(row: Operation) -> Iterator[tuple[str, str]]:
    """Yield what the table says of an operation."""
    yield "If left out", f"{row.meaning}."
    if row.opcodes:
        yield "Requests", ", ".join(f"``{opcode}``" for opcode in row.opcodes)
    yield "In puffs", f"``{row.puffs}``" if row.puffs else "no such operation"
    yield "Runs", "always inline" if row.inline else "inline, in a worker, or as a task"


class Operations(Generated):
    """Every operation with a subject: ``.. operations:: names``."""

    def lines(self) -> Iterator[str]:
        """Yield an entry for each."""
        for row in OPERATIONS.values():
            if subject_of(row) != self.arguments[0]:
                continue
            yield f".. py:method:: {row.vector}.{row.name}({', '.join(row.params)})"
            yield ""
            for line in _marked_up(contract(row)):
                yield f"   {line}"
            for name, says in fields(row):
                yield f"   :{name}: {says}"
            yield ""


SECTIONS: Final = ("Returns", "Raises", "Source")


def _marked_up(lines: Iterable[str]) -> Iterator[str]:
    """Turn the docstring's own sections into a field list, at its end; errors come one to a line."""
    prose: list[str] = []
    sections: dict[str, list[str]] = {}
    section = ""
    for line in lines:
        name, colon, rest = line.partition(":")
        if colon and name in SECTIONS:
            section = name
            sections[section] = [rest.strip()] if rest.strip() else []
        elif section and line.strip():
            sections[section].append(line.strip())
        elif section:
            section = "" if sections[section] else section
        else:
            prose.append(line)
    yield from prose
    yield ""
    for name, said in sections.items():
        if name == "Raises" and all(":" in line for line in said):
            yield f":{name}:"
            for line in said:
                codes, _, condition = line.partition(": ")
                yield f"   * {', '.join(f'``{code}``' for code in codes.split(', '))}: {condition}"
        else:
            yield f":{name}: {' '.join(said)}"


class Options(Generated):
    """The options of a mount, or with the argument ``refused`` those that cannot be granted."""

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        if self.arguments:
            yield from table(
                "25 75", ("Option", "Why it is refused"), *((f"``{n}``", w) for n, w in REFUSED.items())
            )
            return
        rows = []
        for name, row in ROWS.items():
            words = ", ".join(f"``{word}``" for word in row.spellings) or f"``{name}=``"
            rows.append((words, row.says, row.expected if not row.spellings else ".."))
        yield from table("25 45 30", ("``-o``", "What it says", "Value"), *rows)


class Negotiation(Generated):
    """The flags of INIT."""

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        taken = {"_always": "always", "_never": "never"}
        rows = (
            (f"``{row.flag.name}``", taken.get(getattr(row.want, "__name__", ""), "it depends"), row.why)
            for row in NEGOTIATION
        )
        yield from table("28 14 58", ("Flag", "Taken", "Why"), *rows)


class Opcodes(Generated):
    """The messages of the protocol."""

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        leads = {
            opcode.name: [row for row in OPERATIONS.values() if opcode.name in row.opcodes]
            for opcode in Opcode
        }
        rows = []
        for opcode in Opcode:
            to = ", ".join(f":py:meth:`~{row.vector}.{row.name}`" for row in leads[opcode.name])
            message = MESSAGES.get(opcode)
            note = message.note if message is not None else ""
            rows.append((f"``{opcode.name}``", str(int(opcode)), to or "the library", note or ".."))
        yield from table("26 8 26 40", ("Request", "Number", "Leads to", "Note"), *rows)


class OtherNames(Generated):
    """What other systems call an operation."""

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        rows = (
            (f"``{other}``", f":py:meth:`~{OPERATIONS[name].vector}.{name}`")
            for other, name in sorted(OTHER_NAMES.items())
        )
        yield from table("50 50", ("Elsewhere", "Here"), *rows)


class Rooms(Generated):
    """The rooms of the library: each package, by its first line."""

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        names = [f"puffpy.{module.name}" for module in pkgutil.iter_modules(puffpy.__path__) if module.ispkg]
        says = [(importlib.import_module(name).__doc__ or "").partition("\n")[0] for name in names]
        yield from table(
            "30 70", ("Room", "What it is"), *((f"``{n}``", s) for n, s in zip(names, says, strict=True))
        )


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx of the directives."""
    for name, directive in (
        ("operations", Operations),
        ("options", Options),
        ("negotiation", Negotiation),
        ("opcodes", Opcodes),
        ("othernames", OtherNames),
        ("rooms", Rooms),
    ):
        app.add_directive(name, directive)
    return {"parallel_read_safe": True}
