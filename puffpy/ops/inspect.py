"""A vector is checked when it is mounted, so that a slip is told at once and not by a puzzled kernel.

Nothing is called here; only names and signatures are looked at.
"""

from __future__ import annotations

import difflib
import inspect as python_inspect
from collections.abc import Iterator
from typing import Any

from puffpy.errors import VectorError
from puffpy.ops.manner import MARK, is_async
from puffpy.ops.table import OPERATIONS, OTHER_NAMES, Answer, Operation
from puffpy.ops.vfsops import VfsOps
from puffpy.ops.vnodeops import VnodeOps

_VECTORS: dict[str, type] = {"VnodeOps": VnodeOps, "VfsOps": VfsOps}
_LIKENESS = 0.75
"""How alike (difflib's ratio) a name must be to an operation's to be taken for a slip; readlnik has 0.75."""


def written(vector: VnodeOps | VfsOps) -> frozenset[str]:
    """Return the names of the operations that *vector* has of its own, not from the library."""
    return frozenset(row.name for row in OPERATIONS.values() if _is_written(vector, row))


def inspect(vnodeops: VnodeOps, vfsops: VfsOps) -> None:
    """Refuse vectors that cannot work.

    Raises:
        VectorError: something that is not a vector; an operation under another name or misspelt; parameters
            that are not the operation's; ``lookup`` or the root missing.  All that is wrong is named at once.
    """
    for vector, base in ((vnodeops, VnodeOps), (vfsops, VfsOps)):
        if not isinstance(vector, base):
            hint = "; give an instance, not the class" if isinstance(vector, type) else ""
            raise VectorError(f"{vector!r} is not a {base.__name__}{hint}")
    complaints = [*_complaints(vnodeops, VnodeOps)]
    if id(vfsops) != id(vnodeops):
        complaints += _complaints(vfsops, VfsOps)
    complaints += _missing(vnodeops, vfsops)
    if complaints:
        raise VectorError("\n".join(complaints))


def _is_written(vector: object, row: Operation) -> bool:
    base = _VECTORS[row.vector]
    if not isinstance(vector, base):
        return False
    own = getattr(vector, row.name)
    return callable(own) and getattr(own, "__func__", own) is not getattr(base, row.name)


def _missing(vnodeops: VnodeOps, vfsops: VfsOps) -> Iterator[str]:
    ours = written(vnodeops) | written(vfsops)
    for row in OPERATIONS.values():
        if row.answer is Answer.MANDATORY and row.name not in ours:
            yield f"{type(vnodeops).__name__} has no {row.name}: {row.meaning}; write {row.signature}"
    if "root" not in ours and not hasattr(vnodeops, "root"):
        name = type(vnodeops).__name__
        yield f"{name} has no root: set self.root to the node of the top directory, in __init__"
    if ("nodetofh" in ours) != ("fhtonode" in ours):
        yield f"{type(vfsops).__name__} has only one of nodetofh and fhtonode: write both or neither"


def _complaints(vector: object, base: type) -> Iterator[str]:
    cls = type(vector)
    for name in dir(cls):
        if name.startswith("_") or not callable(getattr(cls, name)):
            continue
        where = f"{cls.__name__}.{name}"
        row = OPERATIONS.get(name)
        if row is not None and isinstance(vector, _VECTORS[row.vector]):
            if _is_written(vector, row):
                yield from _signature_complaints(getattr(vector, name), where, row)
        elif not hasattr(base, name):
            yield from _name_complaints(name, where, base)


def _name_complaints(name: str, where: str, base: type) -> Iterator[str]:
    if name in OTHER_NAMES:
        row = OPERATIONS[OTHER_NAMES[name]]
        yield f"{where} is never called: the operation is {row.vector}.{row.signature}"
        return
    if name in OPERATIONS:
        row = OPERATIONS[name]
        yield f"{where} is never called: {name} belongs into a {row.vector}, not a {base.__name__}"
        return
    near = difflib.get_close_matches(name, OPERATIONS, n=1, cutoff=_LIKENESS)
    if near and name not in _plain_words(near[0]):
        row = OPERATIONS[near[0]]
        yield (
            f"{where} is no operation; if you mean {row.vector}.{row.signature}, correct the name, "
            f"and if it is a helper of your own, let its name start with an underscore"
        )


def _plain_words(name: str) -> frozenset[str]:
    """Words that look like *name* but mean something of their own."""
    return frozenset({f"{name}er", f"{name}s", f"{name}ed", f"is_{name}"})


def _signature_complaints(method: Any, where: str, row: Operation) -> Iterator[str]:
    try:
        signature = python_inspect.signature(method)
    except (TypeError, ValueError):
        yield f"{where} is not a method; expected {row.signature}"
        return
    came = f"{row.name}({', '.join(('self', *map(str, signature.parameters.values())))})"
    if row.inline and (is_async(method) or getattr(method, MARK, False)):
        yield f"{where} cannot wait: everybody would wait for it; expected a plain {row.signature}"
        return
    if row.name != "readdir" and python_inspect.isasyncgenfunction(method):
        yield f"{where} yields, and only readdir has more than one answer; expected {row.signature}"
        return
    try:
        signature.bind(*row.params)
    except TypeError:
        yield f"{where} takes the wrong parameters: it is {came}; expected {row.signature}"
        return
    names = [
        p.name
        for p in signature.parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if names != list(row.params) and sorted(names) == sorted(row.params):
        yield f"{where} has its parameters in the wrong order: it is {came}; expected {row.signature}"
