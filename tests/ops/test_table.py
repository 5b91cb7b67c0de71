"""The operation table, the vectors and their docstrings say the same."""

from __future__ import annotations

import errno
import inspect
from typing import Any

import pytest

from puffpy.errors import FsError
from puffpy.ops import OPERATIONS, OTHER_NAMES, Answer, VfsOps, VnodeOps
from puffpy.ops.table import dummy

VECTORS: dict[str, type] = {"VnodeOps": VnodeOps, "VfsOps": VfsOps}


def method(name: str) -> Any:
    return getattr(VECTORS[OPERATIONS[name].vector], name)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_signature_is_the_rows(name: str) -> None:
    assert tuple(inspect.signature(method(name)).parameters)[1:] == OPERATIONS[name].params


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_docstring_states_default_and_source(name: str) -> None:
    row = OPERATIONS[name]
    lines = [line.strip() for line in inspect.getdoc(method(name)).splitlines()]  # type: ignore[union-attr]
    defaults = [line for line in lines if line.startswith("Default:")]
    said = row.meaning.replace("``", "`").rstrip(".")
    assert [line.replace("``", "`").rstrip(".") for line in defaults] == [f"Default: {said}"]
    assert any(line.startswith("Source:") for line in lines)


@pytest.mark.parametrize("vector", VECTORS)
def test_every_public_method_of_a_vector_has_a_row(vector: str) -> None:
    public = {
        name for name, value in vars(VECTORS[vector]).items() if not name.startswith("_") and callable(value)
    }
    assert public == {name for name, row in OPERATIONS.items() if row.vector == vector}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_dummy_never_says_enosys(name: str) -> None:
    refusal = dummy(name)
    assert isinstance(refusal, FsError)
    assert refusal.errno != errno.ENOSYS


@pytest.mark.parametrize("name", [name for name, row in OPERATIONS.items() if row.answer is Answer.REFUSE])
def test_calling_super_of_a_refused_operation_refuses_alike(name: str) -> None:
    row = OPERATIONS[name]
    with pytest.raises(FsError) as refusal:
        method(name)(VnodeOps(), *(None for _ in row.params))
    assert refusal.value.errno == row.errno != 0


def test_other_systems_words_lead_to_operations() -> None:
    assert set(OTHER_NAMES.values()) <= set(OPERATIONS)
    assert not set(OTHER_NAMES) & set(OPERATIONS)
