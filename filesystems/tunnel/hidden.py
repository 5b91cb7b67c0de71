"""Which names are not to be seen.

One name at a time: where it leads, and what is below, does not matter here.
"""

from __future__ import annotations

import errno
import fnmatch
import re
from typing import Final

import puffpy

NOWHERE: Final = r"(?s:\.\.?|.*/.*|)\Z"
"""What is no name of anything in a directory: outside is one ``..`` away."""


class Hidden:
    """Names that match one of *patterns*, which are a shell's, with ``:`` between them."""

    def __init__(self, patterns: str) -> None:
        parts = [part for part in patterns.split(":") if part]
        wrong = next((part for part in parts if "/" in part), None)
        if wrong is not None:
            raise ValueError(f"hide={wrong}: a pattern is held against one name, so it cannot have a / in it")
        self._match = re.compile("|".join((NOWHERE, *map(fnmatch.translate, parts)))).match

    def has(self, name: str) -> bool:
        """Tell whether *name* is hidden."""
        return self._match(name) is not None

    def there(self, cn: puffpy.ComponentName) -> str:
        """Return the name of something that should be there; ENOENT if it is hidden."""
        if self._match(cn.name):
            raise puffpy.FsError(errno.ENOENT)
        return cn.name

    def new(self, cn: puffpy.ComponentName) -> str:
        """Return the name of something to be made; EPERM if it would be hidden."""
        if self._match(cn.name):
            raise puffpy.FsError(errno.EPERM)
        return cn.name
