"""What a runner is: the seam between an operation that has to wait and whatever lets it.

Nothing is run here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

Done: TypeAlias = Callable[[Any, BaseException | None], None]
"""Told once what an operation answered, or what it raised; from any thread."""

Cancel: TypeAlias = Callable[[], object]
"""Asks an operation to end, if it can be asked.  Done is told all the same."""


class Runner(Protocol):
    """Runs operations, several at once.  Every method may be called from any thread."""

    def start(self, operation: Callable[..., Any], args: tuple[Any, ...], done: Done) -> Cancel:
        """Have *operation* run with *args*; *done* is told of its end, never before this returns.

        Raises:
            RuntimeError: nothing can be run any more.
        """

    def depends_on(self, native_id: int) -> bool:
        """Tell whether an operation started now would wait for the thread whose kernel id is *native_id*."""

    def close(self) -> None:
        """Run nothing more.  What runs is not waited for."""
