"""Every room has a door that tells the truth: a docstring, and a sorted list of what may be used."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).parents[1]

DOORS: Final = sorted(
    ".".join(file.parent.relative_to(PROJECT).parts) for file in (PROJECT / "puffpy").rglob("__init__.py")
)


def door_file(door: str) -> Path:
    """The file that is the door."""
    return PROJECT.joinpath(*door.split(".")) / "__init__.py"


def order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, each from A to Z (as ruff's RUF022 has it)."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


@pytest.mark.parametrize("door", DOORS)
def test_a_door_says_what_the_room_is_and_what_it_is_not(door: str) -> None:
    text = ast.get_docstring(ast.parse(door_file(door).read_text(encoding="utf-8")))
    assert text, f"{door} has no docstring"
    first, _, rest = text.partition("\n")
    assert first.endswith((".", ":", "?")), f"{door}: the first line is a sentence"
    assert rest.strip(), f"{door}: one line says what it is; the next says what it is not"


@pytest.mark.parametrize("door", DOORS)
def test_a_door_lists_what_there_is_in_order(door: str) -> None:
    module = importlib.import_module(door)
    names: list[str] = module.__all__
    assert names == sorted(names, key=order)
    assert len(names) == len(set(names))
    missing = [name for name in names if not hasattr(module, name)]
    assert not missing, f"{door} promises {missing} and has no such thing"


@pytest.mark.parametrize("door", DOORS)
def test_a_door_imports_nothing_that_it_does_not_list(door: str) -> None:
    tree = ast.parse(door_file(door).read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("puffpy")
        for alias in node.names
    }
    listed = set(importlib.import_module(door).__all__)
    assert imported <= listed, f"{door} imports {sorted(imported - listed)} and does not list them"


@pytest.mark.parametrize("door", DOORS)
def test_what_a_door_lists_is_documented(door: str) -> None:
    module = importlib.import_module(door)
    silent = [
        name
        for name in module.__all__
        if callable(getattr(module, name)) and not getattr(getattr(module, name), "__doc__", None)
    ]
    assert not silent, f"{door}: {silent} say nothing of themselves"


def test_the_package_says_that_it_is_typed() -> None:
    assert (PROJECT / "puffpy" / "py.typed").exists()
