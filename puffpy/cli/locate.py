"""From ``MODULE[:NAME]`` to the class, or function, that makes a file system.

Nothing is made here; see ``making``.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Final

import puffpy
from puffpy.cli.plugins import FILE_SYSTEMS, PluginError, plugins

SHIPPED: Final = "filesystems"


class LocateError(Exception):
    """There is no such file system; the message says what was looked for, and what there is."""


def locate(target: str) -> Callable[..., puffpy.VnodeOps]:
    """Return what makes the file system *target*.

    *target* is a module's name or a file ending in ``.py``, with the class behind a colon if the module has
    several; or the name alone of a file system that is shipped or installed (``puffpy list``).

    Raises:
        LocateError: there is no such module or class, there are several, or it is no file system.
    """
    where, _, name = target.partition(":")
    for plugin in plugins(FILE_SYSTEMS):
        if plugin.name == target:
            try:
                return _checked(target, plugin.load())
            except PluginError as exc:
                raise LocateError(str(exc)) from exc
    module = _module(where)
    if not name:
        return the_one(module)
    found: object = module
    for part in name.split("."):
        found = getattr(found, part, None)
        if found is None:
            there = ", ".join(each.__name__ for each in candidates(module)) or "no file system"
            raise LocateError(f"{where} has no {name}; it has {there}")
    return _checked(target, found)


def surviving(target: str) -> Callable[..., puffpy.VnodeOps] | None:
    """Return what makes the file system *target* for ``--supervise``, where its module offers that.

    It is called ``supervised`` there, and takes the arguments that the file system takes.

    Raises:
        LocateError: there is no such module.
    """
    if any(plugin.name == target for plugin in plugins(FILE_SYSTEMS)):
        return None
    offered = getattr(_module(target.partition(":")[0]), "supervised", None)
    return offered if callable(offered) else None


def the_one(module: ModuleType) -> type[puffpy.VnodeOps]:
    """Return the one file system that *module* offers; LocateError if there is none, or several."""
    found = candidates(module)
    if not found:
        raise LocateError(f"{module.__name__} offers no file system: no class of it is a puffpy.VnodeOps")
    if len(found) > 1:
        names = ", ".join(each.__name__ for each in found)
        where = module.__name__
        raise LocateError(f"{where} offers several file systems: say {where}:NAME, with one of {names}")
    return found[0]


def candidates(module: ModuleType) -> list[type[puffpy.VnodeOps]]:
    """Return the file systems that *module* offers: those ``__all__`` names, or else its own."""
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    found: list[type[puffpy.VnodeOps]] = []
    for name in names:
        each = getattr(module, name, None)
        if not isinstance(each, type) or not issubclass(each, puffpy.VnodeOps) or each in found:
            continue
        own = each.__module__ == module.__name__ or hasattr(module, "__all__")
        if own and each.__module__.partition(".")[0] != puffpy.__name__:
            found.append(each)
    return found


def _checked(target: str, found: object) -> Callable[..., puffpy.VnodeOps]:
    if isinstance(found, ModuleType):
        return the_one(found)
    if isinstance(found, type) and not issubclass(found, puffpy.VnodeOps):
        raise LocateError(f"{target} is a class, but no puffpy.VnodeOps: it cannot be mounted")
    if not callable(found):
        raise LocateError(f"{target} is {found!r}: expected a class, or a function that makes a file system")
    return found


def _module(where: str) -> ModuleType:
    if where.endswith(".py") or os.sep in where:
        return _from_file(where)
    if "" not in sys.path:
        sys.path.insert(0, "")  # the module may well be where its author stands
    for name in (where, f"{SHIPPED}.{where}"):
        if _exists(name):
            return _imported(name)
    raise LocateError(f"there is no module {where}: give a module's name, or a file ending in .py")


def _exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as exc:
        raise LocateError(f"{name} cannot be imported: {type(exc).__name__}: {exc}") from exc


def _from_file(where: str) -> ModuleType:
    path = os.path.abspath(where)
    if not os.path.isfile(path):
        raise LocateError(f"there is no file {where}")
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LocateError(f"{where} is no Python file: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, os.path.dirname(path))
    try:
        spec.loader.exec_module(module)
    except Exception as exc:
        raise LocateError(f"{where} cannot be run: {type(exc).__name__}: {exc}") from exc
    return module
