"""Puts new classes in the place of old ones, for all objects that there are.

No module is imported here.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from puffpy.errors import PuffpyError


class SwapError(PuffpyError):
    """New classes cannot take the place of the old ones: their objects are made up differently."""


class Swap:
    """The classes of the modules *old*, and those of *new* that have the same names."""

    def __init__(self, old: Mapping[str, ModuleType], new: Mapping[str, ModuleType]) -> None:
        self._old, self._new = old, new
        self.classes = {
            cls: other
            for name, module in old.items()
            for path, cls in _classes(module)
            if isinstance(other := _at(new[name], path), type)
        }

    def trial(self, vector: Any) -> Any:
        """Return an object of the new class of *vector*, with its attributes, for a look at it."""
        cls = self.classes.get(type(vector), type(vector))
        made: Any = object.__new__(cls)
        vars(made).update(vars(vector))
        return made

    def run(self) -> int:
        """Give all objects of the old classes the new ones; return how many there were.

        Raises:
            SwapError: one cannot have it; then all are as they were.
        """
        done: list[tuple[Any, type]] = []
        try:
            for thing in self._objects():
                cls = type(thing)
                thing.__class__ = self.classes[cls]
                done.append((thing, cls))
        except TypeError as exc:
            for thing, cls in done:
                thing.__class__ = cls
            raise SwapError(
                f"{cls.__qualname__} is made up differently now ({exc}): it takes effect at the next mount"
            ) from exc
        self._keep_singletons()
        return len(done)

    def _objects(self) -> list[Any]:
        gc.unfreeze()
        found = [thing for thing in gc.get_objects() if type(thing) in self.classes]
        gc.freeze()
        return found

    def _keep_singletons(self) -> None:
        """Have the new modules hold what the old ones held of their own classes: state, and identity."""
        ours = set(self.classes.values())
        kept = {}
        for name, module in self._old.items():
            fresh = vars(self._new[name])
            for word, value in vars(module).items():
                if type(value) in ours and word in fresh and type(fresh[word]) in ours:
                    kept[id(fresh[word])] = value
        for module in self._new.values():
            for word, value in list(vars(module).items()):
                if id(value) in kept:
                    setattr(module, word, kept[id(value)])


def _classes(module: ModuleType) -> Iterator[tuple[tuple[str, ...], type]]:
    """Yield every class that is written in *module*, those in classes as well, with where it is."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((word,), value) for word, value in vars(module).items()]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, type) and value.__module__ == module.__name__:
            yield path, value
            if value.__qualname__ == ".".join(path):
                waiting += [((*path, word), inner) for word, inner in vars(value).items()]


def _at(module: ModuleType, path: tuple[str, ...]) -> object:
    found: object = module
    for word in path:
        found = getattr(found, word, None)
    return found
