"""Imports modules anew, beside the old ones, which stay what they are.

Which modules, and what is done with the new ones, is the caller's business.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

MAIN = "__main__"


def imported_anew(old: Mapping[str, ModuleType]) -> dict[str, ModuleType]:
    """Return new modules by the names of *old*; ``sys.modules`` has these from now on.

    The program itself is run under the name of its file, so that it does not mount a second time.

    Raises:
        BaseException: whatever importing raises; then ``sys.modules`` is as it was.
    """
    with _aside(old):
        # As in a first import: what is imported by others is there already when its turn comes.
        return {name: _import(name, module) for name, module in old.items()}


def _import(name: str, old: ModuleType) -> ModuleType:
    if name != MAIN:
        return importlib.import_module(name)
    path = old.__file__ or ""
    spec = getattr(old, "__spec__", None)
    own = spec.name if spec is not None else os.path.splitext(os.path.basename(path))[0]
    if own in sys.modules:
        return sys.modules[own]
    made = importlib.util.spec_from_file_location(own, path)
    if made is None or made.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(made)
    made.loader.exec_module(module)
    return module


@contextmanager
def _aside(old: Mapping[str, ModuleType]) -> Iterator[None]:
    before = dict(sys.modules)
    written = sys.dont_write_bytecode
    importlib.invalidate_caches()
    for name in old:
        if name != MAIN:
            del sys.modules[name]
    # A file saved twice within a second looks unchanged to what was compiled of it (py_compile).
    sys.dont_write_bytecode = True
    try:
        yield
    except BaseException:
        sys.modules.clear()
        sys.modules.update(before)
        raise
    finally:
        sys.dont_write_bytecode = written
