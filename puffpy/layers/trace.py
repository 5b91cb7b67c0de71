"""Trace: one line for every operation that comes by: what was asked, what came of it, how long it took.

Operations are told, not messages: those are ``--debug``'s and ``--record``'s.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final, TextIO

from puffpy.errors import errno_of
from puffpy.layers.base import Layer
from puffpy.layers.hooks import EVERY, Asked, HookTable, Outcome
from puffpy.layers.paths import TOLD, Paths
from puffpy.ops import OPERATIONS, VnodeOps
from puffpy.types import Call, ComponentName, Dirent, Entry, OpenFile, SetAttr, Vattr

NODES: Final = frozenset({"vp", "dvp", "fdvp", "tdvp", "tvp"})
SILENT: Final = frozenset({"call", "kernel", "waker"})
LONGEST: Final = 60
"""So many characters of a value are shown."""

SEPARATOR: Final = ":"

OPEN_FLAGS: Final = {
    getattr(os, name): name
    for name in ("O_CREAT", "O_EXCL", "O_TRUNC", "O_APPEND", "O_DIRECT", "O_SYNC", "O_NONBLOCK", "O_NOFOLLOW")
}
ACCESS: Final = ("O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE")


class Trace(Layer):
    """Tell of every operation, one line each::

        12:00:01.250361 lookup /d 'song' = /d/song (0.018 ms, uid 1000)

    What the kernel does by itself is not seen: reads of backed files, and whatever it remembers.

    Args:
        to: A file to append to, or a function that takes each line; left out, the standard error stream.
        ops: Of which operations, as shell patterns with ``:`` between them.

    Raises:
        OSError: the file cannot be opened.
    """

    keeps_backing = True

    def __init__(self, below: VnodeOps, *, to: str | Callable[[str], object] = "", ops: str = "*") -> None:
        self._tell: Callable[[str], object] = to if callable(to) else _Lines(to)
        self._paths = Paths()
        self._patterns = ops.split(SEPARATOR)
        super().__init__(below)
        self._paths.begin(self._root_below())

    def _hooks(self) -> HookTable:
        told = [op for op in OPERATIONS if any(fnmatch.fnmatchcase(op, word) for word in self._patterns)]
        # One that is not told of is not hooked, so that it costs nothing.
        everything = self._patterns == [EVERY]
        return HookTable(
            pre=tuple((op, self._begin) for op in ([EVERY] if everything else told)),
            post=(
                *((op, self._paths.learn) for op in TOLD),
                *((op, self._end) for op in ([EVERY] if everything else told)),
            ),
        )

    def _begin(self, asked: Asked) -> None:
        names = [name for name in asked.params if name not in SILENT]
        words = [self._word(asked.op, name, getattr(asked, name)) for name in names]
        asked.memo = time.perf_counter(), " ".join([asked.op, *words])

    def _end(self, asked: Asked, outcome: Outcome) -> None:
        began, words = asked.memo
        took = (time.perf_counter() - began) * 1000
        came = (
            self._error(outcome.error)
            if outcome.error is not None
            else self._answer(asked.op, outcome.answer)
        )
        call = getattr(asked, "call", None)
        who = f", uid {call.uid}" if isinstance(call, Call) else ""
        now = time.time()
        clock = time.strftime("%H:%M:%S", time.localtime(now))
        self._tell(f"{clock}.{int(now % 1 * 1_000_000):06} {words}{came} ({took:.3f} ms{who})")

    def _word(self, op: str, name: str, value: Any) -> str:
        if name in NODES:
            return self._paths.of(value)
        if isinstance(value, ComponentName):
            return repr(value.name)
        if isinstance(value, SetAttr):
            return " ".join(f"{key}={_number(key, given)}" for key, given in _given(value)) or "touch"
        if isinstance(value, Vattr):
            return f"mode={value.mode:o}"
        if name == "flags" and op in ("open", "close"):
            return _flags(value)
        if isinstance(value, memoryview):
            return f"[{value.nbytes} bytes]"
        return f"{name}={_short(value)}"

    def _answer(self, op: str, answer: Any) -> str:
        if op == "read":
            return f" = [{_bytes(answer)} bytes]"
        if type(answer) is Entry:
            return self._answer(op, answer.node) + (" open" if answer.opened is not None else "")
        if answer is None:
            return ""
        if isinstance(answer, OpenFile):
            return " = passthrough" if answer.backing is not None else f" = {_short(answer.handle)}"
        if isinstance(answer, Vattr):
            return f" = mode={answer.mode:o} size={answer.size} nlink={answer.nlink}"
        if isinstance(answer, list):
            count = len(answer)
            return f" = {count} {'name' if count == 1 else 'names'}"
        if isinstance(answer, (bytes, bytearray, memoryview)):
            return f" = {_short(bytes(answer))}"
        path = self._paths.of(answer)
        return f" = {path}" if path != "?" else f" = {_short(answer)}"

    def _error(self, error: Exception) -> str:
        if isinstance(error, OSError):
            code = errno_of(error)
            return f" = {errno.errorcode.get(code, code)}"
        return f" = EIO, for {type(error).__name__}: {error}"


class _Lines:
    """Writes lines to a file that is opened when the first one comes, or to the standard error stream."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: TextIO | None = open(path, "a", encoding="utf-8", buffering=1) if path else None  # noqa: SIM115

    def __call__(self, line: str) -> None:
        # A name need not be text that can be written.
        shown = line.encode("utf-8", "backslashreplace").decode("utf-8")
        print(shown, file=self._file or sys.stderr, flush=True)

    def __del__(self) -> None:
        if getattr(self, "_file", None) is not None:
            self._file.close()  # type: ignore[union-attr]  # it is not None


def _given(change: SetAttr) -> list[tuple[str, Any]]:
    keys = ("mode", "uid", "gid", "size", "atime_ns", "mtime_ns")
    return [(key, getattr(change, key)) for key in keys if getattr(change, key) is not None]


def _number(key: str, value: int) -> str:
    return f"{value:o}" if key == "mode" else str(value)


def _flags(flags: int) -> str:
    names = [name for bit, name in OPEN_FLAGS.items() if flags & bit == bit]
    return "|".join([ACCESS[flags & os.O_ACCMODE], *names])


def _bytes(answer: Any) -> int:
    return sum(map(_bytes, answer)) if isinstance(answer, tuple) else memoryview(answer).nbytes


def _short(value: Any) -> str:
    text = repr(value) if not isinstance(value, Dirent) else value.name
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
