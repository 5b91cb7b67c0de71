"""Faults: errors, delays, short reads and short writes on command, to see what a program makes of them.

The file system below is not harmed: an operation that is to fail does not get there.
"""

from __future__ import annotations

import errno
import fnmatch
import itertools
import random
import re
from typing import Any, Final

import attrs

from puffpy.errors import LAST_ERRNO, FsError
from puffpy.layers.base import HARMLESS, Layer
from puffpy.layers.hooks import Asked, HookTable, Outcome, Wait
from puffpy.layers.paths import TOLD, Paths
from puffpy.ops import OPERATIONS, VnodeOps

NAMES: Final = (("dvp", "cn"), ("fdvp", "fcn"), ("tdvp", "tcn"))
"""Parameters that are a name in a directory."""

SHORTENED: Final = frozenset({"read", "write"})

UNITS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "": 1.0}


def _operation(_: Any, field: Any, value: str) -> None:
    if not any(fnmatch.fnmatchcase(name, value) for name in OPERATIONS):
        raise ValueError(f"{field.name}={value}: there is no such operation; see puffpy ops")


def _portion(_: Any, field: Any, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{field.name}={value}: expected a number from 0 to 1")


def _not_negative(_: Any, field: Any, value: float) -> None:
    if value < 0:
        raise ValueError(f"{field.name}={value}: expected 0 or more")


@attrs.frozen(kw_only=True)
class Fault:
    """One rule: which operations are struck, and what befalls them.

    An operation is struck if its name matches *op* and a path of it matches *path* (shell patterns; ``*`` is
    any path), and then: if it is the *nth* such one, 1 being the first; or, with *nth* 0, with *probability*,
    as a generator with *seed* decides.

    It is done after *delay* seconds, or fails with the errno *error* at once or after that; of what is
    read or written only the portion *short* goes through, but at least one byte.  The kernel takes a short
    read for the end of the file, but where files are open for direct I/O.

    Raises:
        ValueError: a field cannot be; it is named.
    """

    op: str = attrs.field(default="*", validator=_operation)
    error: int = attrs.field(default=0)
    delay: float = attrs.field(default=0.0, validator=_not_negative)
    short: float = attrs.field(default=1.0, validator=_portion)
    path: str = "*"
    nth: int = attrs.field(default=0, validator=_not_negative)
    probability: float = attrs.field(default=1.0, validator=_portion)
    seed: int = 0

    @error.validator
    def _check_error(self, _: Any, value: int) -> None:
        if not 0 <= value <= LAST_ERRNO:
            raise ValueError(f"error={value}: expected an errno, 1 to {LAST_ERRNO}")

    @property
    def ops(self) -> frozenset[str]:
        """The operations that it may strike, whether or not they are written."""
        return frozenset(name for name in OPERATIONS if fnmatch.fnmatchcase(name, self.op))


class _Striking:
    """A rule at work: it counts, and draws lots."""

    def __init__(self, rule: Fault) -> None:
        self.rule = rule
        self.ops = rule.ops
        self._count = itertools.count(1)
        self._random = random.Random(rule.seed)

    def strikes(self) -> bool:
        """Tell whether the next operation that matches is struck."""
        rule = self.rule
        if rule.nth:
            return next(self._count) == rule.nth
        return rule.probability == 1 or self._random.random() < rule.probability


class Faults(Layer):
    """Have operations fail, wait or fall short as *rules* say; all of them apply, in order.

    The same operations in the same order are struck in the same way each time.  What the kernel answers from
    its caches comes to nobody, and so cannot be struck.  Operations whose default is a success (``open``,
    ``fsync``, ...) can be struck where they are not written below, if a rule names them.
    """

    def __init__(self, below: VnodeOps, *rules: Fault) -> None:
        self._rules = [_Striking(rule) for rule in rules]
        self._paths = Paths() if any(rule.path != "*" for rule in rules) else None
        self.supplies = frozenset(op for rule in rules if rule.op in HARMLESS for op in rule.ops)
        super().__init__(below)
        if self._paths is not None:
            self._paths.begin(self._root_below())

    def _hooks(self) -> HookTable:
        ops = frozenset().union(*(each.ops for each in self._rules))
        shortened = frozenset().union(*(each.ops for each in self._rules if each.rule.short < 1)) & SHORTENED
        learning = self._paths.learn if self._paths is not None else None
        return HookTable(
            pre=tuple((op, self._strike) for op in sorted(ops)),
            post=(
                *((op, _shortened) for op in sorted(shortened)),
                *((op, learning) for op in TOLD if learning is not None),
            ),
        )

    def _strike(self, asked: Asked) -> Wait | None:
        delay, error = 0.0, 0
        for each in self._rules:
            if asked.op not in each.ops or not self._matches(each.rule, asked) or not each.strikes():
                continue
            delay += each.rule.delay
            error = error or each.rule.error
            if each.rule.short < 1 and asked.op in SHORTENED:
                _shorten(asked, each.rule.short)
        failure = FsError(error, f"{asked.op}: a fault, as asked for") if error else None
        if delay:
            return Wait(delay, failure)
        if failure is not None:
            raise failure
        return None

    def _matches(self, rule: Fault, asked: Asked) -> bool:
        return self._paths is None or any(fnmatch.fnmatchcase(path, rule.path) for path in self._of(asked))

    def _of(self, asked: Asked) -> list[str]:
        """Return every path that *asked* is about."""
        assert self._paths is not None
        found = [
            self._paths.below(getattr(asked, directory), getattr(asked, name).name)
            for directory, name in NAMES
            if name in asked.params
        ]
        return found + [self._paths.of(getattr(asked, vp)) for vp in ("vp", "tvp") if vp in asked.params]


def _shorten(asked: Asked, portion: float) -> None:
    """Let only a portion through; ``memo`` is how many bytes that are."""
    whole = asked.size if asked.op == "read" else asked.data.nbytes
    asked.memo = max(int(whole * portion), min(whole, 1))
    if asked.op == "read":
        asked.size = asked.memo
    else:
        asked.data = asked.data[: asked.memo]


def _shortened(asked: Asked, outcome: Outcome) -> None:
    """Have a write say how much was written, where it would have said: all."""
    if asked.memo is not None and asked.op == "write" and outcome.answer is None:
        outcome.answer = asked.memo


def faults(
    below: VnodeOps,
    *,
    op: str = "*",
    error: str = "",
    delay: str = "",
    short: float = 1.0,
    path: str = "*",
    nth: int = 0,
    probability: float = 1.0,
    seed: int = 0,
) -> Faults:
    """Have operations fail, wait or fall short on command.

    As :class:`Faults` with one :class:`Fault`, but *error* is an errno's name, *delay* is as in ``50ms``.
    """
    rule = Fault(
        op=op,
        error=_errno(error) if error else 0,
        delay=_seconds(delay) if delay else 0.0,
        short=short,
        path=path,
        nth=nth,
        probability=probability,
        seed=seed,
    )
    if not (rule.error or rule.delay or rule.short < 1):
        raise ValueError("faults: nothing would ever go wrong; give error=, delay= or short=")
    return Faults(below, rule)


def _errno(name: str) -> int:
    code: int | None = getattr(errno, name.upper(), None) if name.upper().startswith("E") else None
    if code is None:
        raise ValueError(f"error={name}: expected an errno's name, such as EIO or ENOSPC")
    return code


def _seconds(text: str) -> float:
    match = re.fullmatch(r"([0-9]*\.?[0-9]+)(us|ms|s|)", text.strip())
    if match is None:
        raise ValueError(f"delay={text}: expected a time, such as 50ms, 1.5s or 200us")
    return float(match[1]) * UNITS[match[2]]
