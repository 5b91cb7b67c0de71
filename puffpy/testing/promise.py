"""A promise: something that a file system owes to whoever uses it, with the check that shows it.

What is promised is in ``checks``, one function a promise; how one is kept or broken is found out in
``conformance``.

To add a promise, write a function whose name is a sentence into the file of ``checks`` that has its subject,
and decorate it with the operations without which it makes no sense.  A test asks for a file system that
breaks it.
"""

from __future__ import annotations

import enum
import errno
from collections.abc import Callable, Collection
from typing import Any, TypeAlias

import attrs

from puffpy.ops import OPERATIONS
from puffpy.testing.trial import Trial

Check: TypeAlias = Callable[[Trial], None]


class Verdict(enum.Enum):
    """What became of a promise."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_APPLICABLE = "does not apply"


@attrs.frozen(eq=False)
class Promise:
    """One promise: *check* raises :class:`Broken` where it is not kept.

    It is asked of file systems that have every operation of *needs* and none of *lacks*; with *users*, of
    those alone on which permissions are checked at all.
    """

    name: str
    subject: str
    check: Check = attrs.field(repr=False)
    needs: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    users: bool = False

    @property
    def sentence(self) -> str:
        """The promise in words."""
        return self.name.replace("_", " ")

    def reason_against(self, ops: Collection[str], *, permissions: bool) -> str:
        """Return why a file system with *ops* makes no such promise; nothing if it does."""
        missing = sorted(self.needs - set(ops))
        if missing:
            return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} left out"
        superfluous = sorted(self.lacks & set(ops))
        if superfluous:
            return f"it has {', '.join(superfluous)}"
        if self.users and not permissions:
            return "permissions are not checked: neither default_permissions nor access"
        return ""


def promise(
    needs: Collection[str] = (), *, lacks: Collection[str] = (), users: bool = False
) -> Callable[[Check], Promise]:
    """Make a check a promise; see :class:`Promise`."""
    unknown = {*needs, *lacks} - OPERATIONS.keys()
    if unknown:
        raise ValueError(f"there is no operation {', '.join(sorted(unknown))}")

    def decorate(check: Check) -> Promise:
        return Promise(
            name=check.__name__,
            subject=check.__module__.rpartition(".")[2],
            check=check,
            needs=frozenset(needs),
            lacks=frozenset(lacks),
            users=users,
        )

    return decorate


class Broken(Exception):
    """A promise is not kept: *what* was done or looked at, what it should have given, what it gave."""

    def __init__(self, what: str, expected: str, got: str) -> None:
        super().__init__(f"{what}: expected {expected}, got {got}")
        self.what, self.expected, self.got = what, expected, got


class NotApplicable(Exception):
    """It turned out that the promise is not made after all; the message says why."""


def expect(got: object, expected: object, what: str) -> None:
    """Broken unless *got* equals *expected*."""
    if got != expected:
        raise Broken(what, *_side_by_side(expected, got))


def expect_that(condition: bool, what: str, *, expected: str, got: object) -> None:
    """Broken unless *condition*."""
    if not condition:
        raise Broken(what, expected, shown(got))


def expect_refused(
    codes: int | tuple[int, ...], function: Callable[..., Any], *args: Any, **more: Any
) -> None:
    """Broken unless calling *function* fails with one of *codes*."""
    wanted = (codes,) if isinstance(codes, int) else codes
    expected = " or ".join(map(name_of_errno, wanted))
    words = [*map(shown, args), *(f"{name}={shown(value)}" for name, value in more.items())]
    what = f"{getattr(function, '__name__', '?')}({', '.join(words)})"
    try:
        result = function(*args, **more)
    except OSError as exc:
        if exc.errno not in wanted:
            raise Broken(what, expected, error_name(exc)) from exc
    else:
        raise Broken(what, expected, "success" if result is None else f"success: {shown(result)}")


def name_of_errno(code: int) -> str:
    """Return the name of an errno; of two, the one that the manual pages use."""
    return "EOPNOTSUPP" if code == errno.EOPNOTSUPP else errno.errorcode.get(code, str(code))


def error_name(exc: OSError) -> str:
    """Return the errno of *exc* by name, with its words."""
    return f"{name_of_errno(exc.errno or 0)} ({exc.strerror})"


LONGEST_SHOWN = 120
"""So many characters of a value are shown."""

CONTEXT = 8
"""So many items are shown before the first one that differs."""


def _side_by_side(expected: Any, got: Any) -> tuple[str, str]:
    """Return both as text; of two long sequences, from where they differ on."""
    pair = shown(expected), shown(got)
    if type(expected) is not type(got) or not isinstance(got, (bytes, str, list)):
        return pair
    if max(len(repr(expected)), len(repr(got))) <= LONGEST_SHOWN:
        return pair
    same = (at for at, (one, other) in enumerate(zip(expected, got, strict=False)) if one != other)
    first = max(next(same, min(len(expected), len(got))) - CONTEXT, 0)
    return (
        f"{shown(expected[first:])}, from {first} on, of {len(expected)}",
        f"{shown(got[first:])}, from {first} on, of {len(got)}",
    )


def shown(value: object) -> str:
    """Return *value* as a report shows it: not too long."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
