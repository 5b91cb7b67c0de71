"""Filter: names that are not to be seen.

A file is hidden by its name alone: one that has a second name, or is found by a file handle, is seen.
"""

from __future__ import annotations

import errno
import fnmatch
import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from puffpy.errors import FsError
from puffpy.layers.base import Layer
from puffpy.layers.hooks import Asked, Outcome, post, pre
from puffpy.ops import VnodeOps
from puffpy.types import Dirent

SEPARATOR: Final = ":"
"""Between two patterns; a name may have it, a pattern may not."""

Predicate: TypeAlias = Callable[[str], bool]


class Filter(Layer):
    """Hide names: they are not listed, not found, and cannot be given to anything.

    The operations on data are passed on, and so is passthrough.  A directory in which only hidden names are
    left cannot be removed.

    Args:
        hide: Shell patterns (``*.key:.git``) with ``:`` between them, or a function that is true of a name
            that is to be hidden.  Case counts.

    Raises:
        ENOENT: a hidden name is looked for.
        EPERM: something would get a hidden name.
    """

    def __init__(self, below: VnodeOps, *, hide: str | Predicate = "") -> None:
        self._hidden = _matching(hide) if isinstance(hide, str) else hide
        super().__init__(below)

    @pre("lookup", "remove", "rmdir")
    def _find(self, asked: Asked) -> None:
        if self._hidden(asked.cn.name):
            raise FileNotFoundError

    @pre("create", "mknod", "mkdir", "symlink", "link")
    def _make(self, asked: Asked) -> None:
        if self._hidden(asked.cn.name):
            raise FsError(errno.EPERM, f"{asked.cn.name} is a name that is hidden")

    @pre("rename")
    def _move(self, asked: Asked) -> None:
        if self._hidden(asked.fcn.name):
            raise FileNotFoundError
        if self._hidden(asked.tcn.name):
            raise FsError(errno.EPERM, f"{asked.tcn.name} is a name that is hidden")

    @post("readdir")
    def _list(self, _: Asked, outcome: Outcome) -> None:
        if outcome.error is None:
            outcome.answer = [item for item in outcome.answer if not self._hidden(name_of(item))]


def name_of(item: tuple[str, Any] | Dirent) -> str:
    """Return the name of what ``readdir`` yielded."""
    return item.name if isinstance(item, Dirent) else item[0]


def _matching(patterns: str) -> Predicate:
    words = [word for word in patterns.split(SEPARATOR) if word]
    if not words:
        return lambda _: False
    match = re.compile("|".join(map(fnmatch.translate, words))).match
    return lambda name: name not in (".", "..") and match(name) is not None
