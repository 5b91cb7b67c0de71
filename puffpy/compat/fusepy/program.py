"""How a program's operations are called: its arguments, its answers, its exceptions.

Which operation is called when is the vector's business.
"""

from __future__ import annotations

import errno
import inspect
import logging
import os
from collections.abc import Callable
from typing import Any, NoReturn

from puffpy.compat.fusepy.asking import asks
from puffpy.compat.fusepy.operations import IGNORED, Operations
from puffpy.types import Call, StatVfs

log = logging.getLogger("fuse")

FIGURES = ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree", "f_namemax")
"""What of ``statfs`` counts, each called as in :class:`StatVfs` but for the prefix."""

PLAIN = ("utf-8", "surrogateescape")
"""How the library's own names are encoded, and the errors of it."""


class Program:
    """One object with operations, whatever its class.

    Every call notes who asks, and what ends the mount: *end*.  What is no ``Exception`` (``SystemExit``,
    ``KeyboardInterrupt``) ends the mount as well, and is kept in *fatal* for whoever mounted it.
    """

    def __init__(self, operations: Any, encoding: str, errors: str) -> None:
        self.operations = operations
        self.end: Callable[[], object] = _nowhere
        self.fatal: BaseException | None = None
        self.nullpath_ok = bool(getattr(operations, "flag_nullpath_ok", False))
        self._codec = (encoding, errors)
        self.plain = (encoding.lower().replace("_", "-").replace("utf8", "utf-8"), errors) == PLAIN
        # Whoever overrides the call operator wants to see every operation pass (fusepy's LoggingMixIn does).
        passing = [vars(cls)["__call__"] for cls in type(operations).__mro__ if "__call__" in vars(cls)]
        self.through = bool(passing) and passing[0] is not Operations.__call__

    def has(self, *names: str) -> bool:
        """Tell whether the program has any of the operations *names* of its own."""
        methods = [getattr(self.operations, name, None) for name in names]
        return any(method is not None and not getattr(method, IGNORED, False) for method in methods)

    def takes(self, name: str, count: int) -> bool:
        """Tell whether the operation *name* can be called with *count* arguments."""
        try:
            inspect.signature(getattr(self.operations, name)).bind(*range(count))
        except (AttributeError, TypeError, ValueError):
            return False
        return True

    def ask(self, call: Call, name: str, *args: Any) -> Any:
        """Return what the operation *name* answers.

        Raises: the ``OSError`` that it raised; EINVAL for one without an errno and for any other exception,
            which is logged; EFAULT for what ends the mount.
        """
        asks((call, self.end))
        try:
            return self.operations(name, *args) if self.through else getattr(self.operations, name)(*args)
        except BaseException as exc:  # noqa: BLE001  what becomes of it is said there
            raise self.refusal(name, exc) from None

    def tell(self, call: Call, name: str, *args: Any) -> Any:
        """Return what the operation *name* answers; a negative number is an errno, and raised."""
        answer = self.ask(call, name, *args)
        if isinstance(answer, int) and answer < 0:
            raise OSError(-answer, os.strerror(-answer))
        return answer

    def guard(self, call: Call, name: str, function: Callable[..., Any], *args: Any) -> Any:
        """Return *function* of *args*, on the way of the operation *name*; raises as :meth:`ask`."""
        asks((call, self.end))
        try:
            return function(*args)
        except BaseException as exc:  # noqa: BLE001  what becomes of it is said there
            raise self.refusal(name, exc) from None

    def refusal(self, name: str, exc: BaseException) -> OSError:
        """Return what the caller of the operation *name* gets, which has raised *exc*."""
        if isinstance(exc, OSError):
            # FileNotFoundError() has no errno, but its class says enough.
            if type(exc) is not OSError or (isinstance(exc.errno, int) and exc.errno > 0):
                return exc
            log.error("%s raised an OSError without an errno; the caller gets EINVAL", name, exc_info=exc)
        elif isinstance(exc, Exception):
            # A bug in one operation ends nothing.
            log.error("%s failed; the caller gets EINVAL", name, exc_info=exc)
        else:
            log.critical("%s raised %r; the mount ends", name, exc)
            self.fatal = exc  # raised again by whoever mounted
            self.end()
            return OSError(errno.EFAULT, os.strerror(errno.EFAULT))
        return OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    def figures(self, call: Call, path: str) -> StatVfs:
        """Return what ``statfs`` answers; the size of a fragment is a block's where it is not given."""
        return self.guard(call, "statfs", self._figures, path)  # type: ignore[no-any-return]  # see below

    def inward(self, name: str) -> str:
        """Return a name or path of the kernel's in the program's encoding."""
        return name if self.plain else name.encode(*PLAIN).decode(*self._codec)

    def outward(self, name: str) -> str:
        """Return a name of the program's as the library has it."""
        return name if self.plain else name.encode(*self._codec).decode(*PLAIN)

    def run(self, name: str, *args: Any) -> Any:
        """Call the operation *name* as it is, inside of :meth:`guard`."""
        if self.through:
            return self.operations(name, *args)
        return getattr(self.operations, name)(*args)

    def _figures(self, path: str) -> StatVfs:
        told = self.run("statfs", path)
        figures = {key[2:]: int(told[key]) for key in FIGURES if told.get(key)}
        figures.setdefault("frsize", figures.get("bsize", StatVfs().frsize))
        return StatVfs(**figures)


def _nowhere() -> NoReturn:
    raise RuntimeError("nothing is mounted that could end")
