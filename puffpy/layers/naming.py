"""Names that are others below: a one-to-one mapping of names, rot13 for one.

What the files hold is not changed.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import Any, ClassVar, Final

import attrs

from puffpy.layers.base import Layer
from puffpy.layers.hooks import Asked, Outcome, post, pre
from puffpy.ops import VnodeOps
from puffpy.types import ComponentName, Dirent

DOTS: Final = (".", "..")

Spelling = Callable[[str], str]


class RenameNames(Layer):
    """Show every name as another, spelled by a pair of functions: from what it is below, and back.

    The two must undo each other, for every name there can be, and keep its length in bytes.  Components of
    relative symbolic links are names as well.  A subclass brings more pairs as *spellings*, by name.

    Args:
        by: Which of the *spellings*.

    Raises:
        ValueError: there is no such spelling.
    """

    spellings: ClassVar[dict[str, tuple[Spelling, Spelling]]] = {}

    def __init__(self, below: VnodeOps, *, by: str = "rot13") -> None:
        spellings = {"rot13": (_rot13, _rot13), **self.spellings}
        if by not in spellings:
            raise ValueError(
                f"by={by}: there is no such spelling; choose one of {', '.join(sorted(spellings))}"
            )
        self._shown, self._kept = spellings[by]
        super().__init__(below)

    @pre("lookup", "create", "mknod", "mkdir", "symlink", "link", "remove", "rmdir")
    def _name(self, asked: Asked) -> None:
        asked.cn = self._component(asked.cn)

    @pre("symlink")
    def _target(self, asked: Asked) -> None:
        asked.target = _each(self._kept, asked.target)

    @pre("rename")
    def _names(self, asked: Asked) -> None:
        asked.fcn, asked.tcn = self._component(asked.fcn), self._component(asked.tcn)

    @post("readlink")
    def _target_back(self, _: Asked, outcome: Outcome) -> None:
        target = outcome.answer
        if isinstance(target, bytes):
            target = target.decode("utf-8", "surrogateescape")
        if outcome.error is None:
            outcome.answer = _each(self._shown, target)

    @post("readdir")
    def _listed(self, _: Asked, outcome: Outcome) -> None:
        if outcome.error is None:
            outcome.answer = [self._item(item) for item in outcome.answer]

    def _component(self, cn: ComponentName) -> ComponentName:
        return cn if cn.name in DOTS else ComponentName(self._kept(cn.name))

    def _item(self, item: tuple[str, Any] | Dirent) -> tuple[str, Any] | Dirent:
        name, node = (item.name, None) if isinstance(item, Dirent) else item
        shown = name if name in DOTS else self._shown(name)
        return attrs.evolve(item, name=shown) if isinstance(item, Dirent) else (shown, node)


def _rot13(name: str) -> str:
    return codecs.encode(name, "rot13")


def _each(spelling: Spelling, target: str) -> str:
    """Return *target* with each component spelled anew; an absolute one leads out of here, as it is."""
    if target.startswith("/"):
        return target
    return "/".join(part if part in ("", *DOTS) else spelling(part) for part in target.split("/"))
