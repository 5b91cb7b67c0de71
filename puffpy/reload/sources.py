"""Which modules the code of a file system is in, and which of their files have changed.

No file is read here.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Final

OURS: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The library itself, which is not loaded anew."""

INSTALLED: Final = "site-packages"


def modules_of(*vectors: object) -> dict[str, ModuleType]:
    """Return the modules that the classes of *vectors* are in, and all that lie beside or below them.

    What is installed, and the library, does not count.  They come in the order in which they were imported.
    """
    tops = {
        os.path.dirname(path)
        for each in vectors
        for cls in type(each).__mro__
        if (path := file_of(cls.__module__))
    }
    return {
        name: module
        for name, module in list(sys.modules.items())
        if (path := file_of(name)) and any(_is_below(path, top) for top in tops)
    }


def file_of(name: str) -> str:
    """Return the file that the module *name* was read from, "" if it was not, or is none of an author's."""
    path = getattr(sys.modules.get(name), "__file__", None) or ""
    path = os.path.abspath(path) if path.endswith(".py") else ""
    return "" if _is_below(path, OURS) or INSTALLED in path.split(os.sep) else path


def stamps(modules: dict[str, ModuleType]) -> dict[str, tuple[int, int]]:
    """Return time of change and size of the file of each of *modules*; one that is gone has none."""
    found = {}
    for module in modules.values():
        path = module.__file__ or ""
        try:
            st = os.stat(path)
        except OSError:
            continue  # an editor is putting another in its place
        found[path] = (st.st_mtime_ns, st.st_size)
    return found


def _is_below(path: str, top: str) -> bool:
    return path.startswith(top + os.sep)
