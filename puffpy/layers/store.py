"""A bounded store of what nodes were last said to be; entries age, and go with the node that they are about.

What is stored, and when it is no longer true, is the business of ``cache``.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Store(Generic[Value]):
    """Values by key, each about one or more nodes, for *ttl* seconds; those least used go beyond *limit*.

    *size* says how much of the limit a value takes.  Operations that run in worker threads may share one.
    """

    def __init__(
        self, ttl: float, limit: int, clock: Callable[[], float], size: Callable[[Value], int] = lambda _: 1
    ) -> None:
        self._ttl, self._limit, self._clock, self._size = ttl, limit, clock, size
        self._held: OrderedDict[Hashable, tuple[float, Value, tuple[Any, ...]]] = OrderedDict()
        self._of: dict[int, set[Hashable]] = {}
        self._lock = threading.RLock()
        self.used = 0

    def get(self, key: Hashable) -> Value | None:
        """Return what is held under *key*, unless it is too old."""
        with self._lock:
            held = self._held.get(key)
            if held is None:
                return None
            if held[0] <= self._clock():
                self.drop(key)
                return None
            self._held.move_to_end(key)
            return held[1]

    def put(self, key: Hashable, value: Value, about: Iterable[Any]) -> None:
        """Hold *value*, which is about the nodes *about*; they are held with it."""
        nodes = tuple(about)
        with self._lock:
            self.drop(key)
            self._held[key] = self._clock() + self._ttl, value, nodes
            for node in nodes:
                self._of.setdefault(id(node), set()).add(key)
            self.used += self._size(value)
            while self.used > self._limit and self._held:
                self.drop(next(iter(self._held)))

    def drop(self, key: Hashable) -> None:
        """Hold nothing under *key*."""
        with self._lock:
            held = self._held.pop(key, None)
            if held is None:
                return
            self.used -= self._size(held[1])
            for number in {id(node) for node in held[2]}:
                keys = self._of[number]
                keys.discard(key)
                if not keys:
                    del self._of[number]

    def drop_about(self, node: Any) -> None:
        """Hold nothing that is about *node*."""
        with self._lock:
            for key in list(self._of.get(id(node), ())):
                self.drop(key)

    def clear(self) -> None:
        """Hold nothing."""
        self._held.clear()
        self._of.clear()
        self.used = 0
