"""Rooms may look in one direction only, and stay small.  Why: docs/decisions.rst, "Walls"."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).parents[1]
PACKAGE: Final = PROJECT / "puffpy"

MAY_IMPORT: Final = {
    "types": set(),
    "errors": set(),
    "complaints": set(),
    "options": {"errors", "types"},
    "wire": {"errors"},
    "ops": {"errors", "options", "types"},
    "nodes": {"errors", "types"},
    "layers": {"errors", "making", "ops", "options", "types"},
    "runners": set(),
    "dispatch": {"errors", "nodes", "ops", "options", "types", "wire"},
    "session": {"complaints", "dispatch", "errors", "nodes", "ops", "options", "runners", "types", "wire"},
    "bridges": {"complaints", "errors", "options", "types"},
    # A bridge that is a user kernel: libfuse calls by path, and somebody has to walk it.
    "libfuse": {"bridges", "errors", "options", "types", "userkernel", "wire"},
    "userkernel": {"errors", "ops", "options", "session", "types", "wire"},
    "serve": {
        "bridges",
        "errors",
        "nodes",
        "ops",
        "options",
        "outbox",
        "record",
        "runners",
        "session",
        "types",
        "watchdog",
        "wire",
    },
    "outbox": set(),
    "privileges": {"errors"},
    "reload": {"errors", "ops"},
    "signals": {"serve"},
    "watchdog": {"errors", "types", "wire"},
    "record": {"errors", "types"},
    "latency": set(),
    "tracing": {"errors", "latency", "record", "wire"},
    "live": {"errors", "latency", "record", "types", "wire"},
    "daemon": set(),
}
"""Room by room, what it may know of.  What is not in this table puts things together and may know all."""

MAY_ALSO: Final = {
    # A device has to know a request from another: which ones open, read and write files, and where in them
    # there is a number that means something on the other side only.  Answers come to it from any thread.
    "puffpy/bridges/vhostuser": {"wire", "threading"},
    # A stream has no messages of its own: those that come from several threads have to be kept apart.
    "puffpy/bridges": {"threading"},
}
"""What a folder may know of beyond what its room may."""

UNWALLED: Final = {
    "__init__",
    "__main__",
    "aio",
    "cli",
    "compat",
    "fsspec",
    "main",
    "making",
    "mount",
    "supervise",
    "testing",
    "unixsocket",
}

DOORS_ONLY: Final = ("filesystems", "puffpy/cli")
"""Who may import nothing but front doors: ``puffpy`` itself and a room's ``__init__``."""

THREADS: Final = {"_thread", "concurrent", "multiprocessing", "threading"}
MAY_THREAD: Final = {
    "compat",
    "dispatch",
    "layers",
    "libfuse",
    "live",
    "mount",
    "nodes",
    "outbox",
    "record",
    "reload",
    "runners",
    "serve",
    "signals",
    "supervise",
    "unixsocket",
    "userkernel",
    "watchdog",
}

LONGEST: Final = 400
EXCUSED: Final[dict[str, str]] = {
    "puffpy/ops/vnodeops.py": "the contract of every operation on a node, most of it docstrings",
}
"""Files that may be longer than LONGEST lines, each with its reason."""

LATE: Final[dict[str, str]] = {
    "puffpy/session/beside.py": "asyncio takes longer to import than all the rest, and few need it",
    "puffpy/main.py": "a mount starts sooner without what only some options need",
    "puffpy/cli/top.py": "its screen needs rich, which is an extra",
}
"""Files that import a room of the project's inside a function, each with its reason."""

DRAWERS: Final = {"common", "helper", "helpers", "misc", "shared", "stuff", "tools", "util", "utils"}
"""No room, file or folder has one of these names: they say nothing about what is inside."""


def sources(top: Path) -> list[Path]:
    """Every Python file below *top*, or *top* itself."""
    return [top] if top.is_file() else sorted(top.rglob("*.py"))


def room_of(file: Path) -> str:
    """The room that *file* of the package is in."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(file: Path) -> Iterator[tuple[str, int]]:
    """Yield each module that *file* imports, wherever in it, with the line."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}:{node.lineno}: a relative import; write out the whole name"
            assert node.module
            yield node.module, node.lineno
            if node.module == "puffpy":
                yield from (
                    (f"puffpy.{alias.name}", node.lineno) for alias in node.names if is_room(alias.name)
                )


def is_room(name: str) -> bool:
    """Whether *name* is a room, and not a name of the front door."""
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()


PACKAGE_FILES: Final = sources(PACKAGE)
ALL_FILES: Final = [
    file for top in ("puffpy", "filesystems", "tests", "benchmarks") for file in sources(PROJECT / top)
]


def name_of(file: Path) -> str:
    """How a test calls *file*."""
    return str(file.relative_to(PROJECT))


def test_every_room_has_its_walls_written_down() -> None:
    rooms = {room_of(file) for file in PACKAGE_FILES}
    assert rooms <= MAY_IMPORT.keys() | UNWALLED


def more_for(file: Path) -> set[str]:
    """What *file* may know of beyond what its room may."""
    return MAY_ALSO.get(str(file.parent.relative_to(PROJECT)), set())


@pytest.mark.parametrize("file", PACKAGE_FILES, ids=name_of)
def test_a_room_imports_only_what_lies_upstream(file: Path) -> None:
    room = room_of(file)
    for module, line in imports(file):
        if module.split(".")[0] == "puffpy" and room in MAY_IMPORT:
            parts = module.split(".")
            assert len(parts) > 1, f"{name_of(file)}:{line}: {room} goes through the front door from inside"
            assert parts[1] in MAY_IMPORT[room] | {room} | more_for(file), (
                f"{name_of(file)}:{line}: {room} must not know {module}"
            )


@pytest.mark.parametrize("file", PACKAGE_FILES, ids=name_of)
def test_only_the_edge_knows_threads(file: Path) -> None:
    for module, line in imports(file):
        if module.split(".")[0] in THREADS:
            assert room_of(file) in MAY_THREAD or module in more_for(file), (
                f"{name_of(file)}:{line}: {module} outside {sorted(MAY_THREAD)}"
            )


@pytest.mark.parametrize("file", [file for top in DOORS_ONLY for file in sources(PROJECT / top)], ids=name_of)
def test_file_systems_and_the_command_line_use_front_doors(file: Path) -> None:
    for module, line in imports(file):
        parts = module.split(".")
        if parts[0] == "puffpy":
            behind = len(parts) > 2 and parts[1] != "cli"
            assert not behind, f"{name_of(file)}:{line}: {module} is behind a door"
        assert parts[0] not in {"tests", "benchmarks"}, f"{name_of(file)}:{line}: {module}"


@pytest.mark.parametrize("file", PACKAGE_FILES, ids=name_of)
def test_nothing_is_imported_inside_a_function(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                # Optional packages are imported where they are needed; the project's own rooms never are.
                if isinstance(node, ast.Import | ast.ImportFrom):
                    names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
                    inside = [name for name in names if name.split(".")[0] == "puffpy"]
                    inside = inside if name_of(file) not in LATE else []
                    assert not inside, f"{name_of(file)}:{node.lineno}: {inside} inside {function.name}()"


@pytest.mark.parametrize("file", ALL_FILES, ids=name_of)
def test_a_file_says_what_it_is_in_ascii(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.isascii(), next(line for line in text.splitlines() if not line.isascii())
    assert ast.get_docstring(ast.parse(text)), f"{name_of(file)} has no docstring"


@pytest.mark.parametrize("file", ALL_FILES, ids=name_of)
def test_a_file_fits_in_a_head(file: Path) -> None:
    length = len(file.read_text(encoding="utf-8").splitlines())
    if name_of(file) in EXCUSED:
        assert length > LONGEST, f"{name_of(file)} no longer needs its excuse"
    else:
        assert length <= LONGEST, f"{name_of(file)} has {length} lines"


def test_every_excuse_is_for_a_file_that_exists() -> None:
    assert EXCUSED.keys() <= {name_of(file) for file in ALL_FILES}


@pytest.mark.parametrize("file", ALL_FILES, ids=name_of)
def test_there_are_no_junk_drawers(file: Path) -> None:
    words = {word for part in file.relative_to(PROJECT).with_suffix("").parts for word in part.split("_")}
    assert not words & DRAWERS
