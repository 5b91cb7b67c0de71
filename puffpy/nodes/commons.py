"""Nodes that several kernels know at once: in how many node tables each of them lives.

Each kernel has a table, cookies and lookup counts of its own; only the end of a node is a common affair.
"""

from __future__ import annotations

import threading
from typing import Any


class Commons:
    """Lives by node.  Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lives: dict[int, tuple[Any, int]] = {}

    def entered(self, node: Any) -> None:
        """*node* has come to life in one more table."""
        with self._lock:
            _, lives = self._lives.get(id(node), (node, 0))
            self._lives[id(node)] = node, lives + 1

    def left(self, node: Any) -> bool:
        """A life of *node* has ended; tell whether it was the last."""
        with self._lock:
            _, lives = self._lives[id(node)]
            if lives > 1:
                self._lives[id(node)] = node, lives - 1
                return False
            del self._lives[id(node)]
            return True

    def alone(self, node: Any) -> bool:
        """Tell whether *node* lives in one table only."""
        with self._lock:
            return self._lives.get(id(node), (node, 0))[1] <= 1
