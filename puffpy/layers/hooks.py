"""Hooks: what a layer has done before and after an operation, made into one function per operation.

Which operations there are below, and which of them a layer passes on, is in ``base``.

A **pre hook** gets the :class:`Asked` and may change its arguments, refuse by raising an ``OSError``, have
the operation wait by returning a :class:`Wait`, or answer in its place by returning an :class:`Instead`.
A **post hook** gets the :class:`Asked` and the :class:`Outcome`, and may change the answer or the error.
Post hooks see what came from below; where a pre hook refused or answered, nothing did, and they are not
called.

Hooks are plain functions.  Where the operation below is ``async def``, what is made of it is so as well.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import attrs

from puffpy.ops import OPERATIONS

EVERY: Final = "*"
"""In place of an operation's name: every one that is written below."""

LISTS: Final = frozenset({"readdir", "listextattr"})
"""Operations that may answer with something to be iterated over: post hooks see a list."""

_PRE: Final = "_puffpy_pre_hook_of"
_POST: Final = "_puffpy_post_hook_of"


class Asked:
    """One operation about to be done: ``op`` is its name, and each parameter is an attribute.

    ``asked.cn = puffpy.ComponentName("other")`` has another name looked up.  ``memo`` is free for the layer:
    what its pre hook leaves there its post hook finds.
    """

    __slots__ = ("memo",)
    op: str
    params: tuple[str, ...]

    def __init__(self, *args: Any, **named: Any) -> None:
        for name, value in zip(self.params, args, strict=False):
            setattr(self, name, value)
        for name, value in named.items():
            setattr(self, name, value)
        self.memo: Any = None

    def __iter__(self) -> Iterator[Any]:
        """Yield the arguments in order."""
        return (getattr(self, name) for name in self.params)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...


ASKED: Final[Mapping[str, type[Asked]]] = MappingProxyType(
    {
        row.name: type(
            f"Asked_{row.name}", (Asked,), {"__slots__": row.params, "op": row.name, "params": row.params}
        )
        for row in OPERATIONS.values()
    }
)
"""One class for each operation, with its parameters as slots."""


@attrs.define(eq=False)
class Outcome:
    """What came of an operation: *answer*, or the *error* that it raised.

    To replace an error by an answer, set *answer* and ``error = None``.
    """

    answer: Any = None
    error: Exception | None = None


@attrs.frozen
class Instead:
    """Returned by a pre hook: *answer* is the operation's, and nobody below is asked."""

    answer: Any = None


@attrs.frozen
class Wait:
    """Returned by a pre hook: the operation is done *seconds* later, or then refused with *error*."""

    seconds: float
    error: Exception | None = None


PreHook: TypeAlias = Callable[[Asked], Instead | Wait | None]
PostHook: TypeAlias = Callable[[Asked, Outcome], None]

Method = TypeVar("Method", bound=Callable[..., Any])


def pre(*ops: str) -> Callable[[Method], Method]:
    """Make a method of a layer a pre hook of *ops* (``"*"``: of every operation that is written below)."""
    return _marking(_PRE, ops)


def post(*ops: str) -> Callable[[Method], Method]:
    """Make a method of a layer a post hook of *ops* (``"*"``: of every operation that is written below)."""
    return _marking(_POST, ops)


def _marking(mark: str, ops: tuple[str, ...]) -> Callable[[Method], Method]:
    unknown = sorted({*ops} - {EVERY} - OPERATIONS.keys())
    if unknown or not ops:
        raise ValueError(f"there is no operation {', '.join(unknown) or '(none was named)'} to hook")

    def decorate(method: Method) -> Method:
        setattr(method, mark, ops)
        return method

    return decorate


@attrs.frozen
class HookTable:
    """The hooks of one layer, in the order in which they are called: pairs of operation and function."""

    pre: tuple[tuple[str, PreHook], ...] = ()
    post: tuple[tuple[str, PostHook], ...] = ()

    @classmethod
    def of(cls, layer: object) -> HookTable:
        """Return the hooks among the methods of *layer*, those of base classes first."""
        found: dict[str, list[tuple[str, Any]]] = {_PRE: [], _POST: []}
        names = dict.fromkeys(name for each in reversed(type(layer).__mro__) for name in vars(each))
        for name in names:
            function = inspect.getattr_static(type(layer), name)
            for mark, hooks in found.items():
                for op in getattr(function, mark, ()):
                    hooks.append((op, getattr(layer, name)))
        return cls(tuple(found[_PRE]), tuple(found[_POST]))

    @property
    def ops(self) -> frozenset[str]:
        """The operations that are hooked by name."""
        return frozenset(op for op, _ in (*self.pre, *self.post)) - {EVERY}

    def around(self, op: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return *function*, which does the operation *op*, with its hooks around it, if it has any."""
        before = tuple(hook for name, hook in self.pre if name in (op, EVERY))
        after = tuple(hook for name, hook in self.post if name in (op, EVERY))
        if not before and not after:
            return function
        if inspect.isasyncgenfunction(function):
            function = _listed(function)
        make = _async_around if inspect.iscoroutinefunction(function) else _plain_around
        made = make(ASKED[op], function, before, after, op in LISTS and bool(after))
        # Also what is marked on the function (how it wants to be run) holds for what is made of it.
        return functools.update_wrapper(made, function)


def _listed(function: Callable[..., Any]) -> Callable[..., Any]:
    async def listed(*args: Any, **named: Any) -> list[Any]:
        return [item async for item in function(*args, **named)]

    return functools.update_wrapper(listed, function)


def _plain_around(
    new: type[Asked],
    function: Callable[..., Any],
    before: Iterable[PreHook],
    after: Iterable[PostHook],
    listing: bool,
) -> Callable[..., Any]:
    def hooked(*args: Any, **named: Any) -> Any:
        asked = new(*args, **named)
        for hook in before:
            said = hook(asked)
            if type(said) is Instead:
                return said.answer
            if type(said) is Wait:
                time.sleep(said.seconds)
                if said.error is not None:
                    try:
                        raise said.error
                    finally:
                        del said  # see _let_go
        if not after:
            return function(*asked)
        outcome = Outcome()
        try:
            answer = function(*asked)
            outcome.answer = list(answer) if listing else answer
        except Exception as exc:  # noqa: BLE001  a post hook may replace it, and it is raised below
            outcome.error = exc
        return _settled(asked, outcome, after)

    return hooked


def _async_around(
    new: type[Asked],
    function: Callable[..., Any],
    before: Iterable[PreHook],
    after: Iterable[PostHook],
    listing: bool,
) -> Callable[..., Any]:
    async def hooked(*args: Any, **named: Any) -> Any:
        asked = new(*args, **named)
        for hook in before:
            said = hook(asked)
            if type(said) is Instead:
                return said.answer
            if type(said) is Wait:
                await _sleep(said.seconds)
                if said.error is not None:
                    try:
                        raise said.error
                    finally:
                        del said  # see _let_go
        outcome = Outcome()
        try:
            answer = await function(*asked)
            outcome.answer = list(answer) if listing else answer
        except Exception as exc:  # noqa: BLE001  as above
            outcome.error = exc
        return _settled(asked, outcome, after)

    return hooked


async def _sleep(seconds: float) -> None:
    import asyncio  # takes long to load, and is loaded already where anything awaits

    await asyncio.sleep(seconds)


def _settled(asked: Asked, outcome: Outcome, after: Iterable[PostHook]) -> Any:
    for hook in after:
        hook(asked, outcome)
    if outcome.error is not None:
        raise _let_go(outcome)
    return outcome.answer


def _let_go(outcome: Outcome) -> Exception:
    """Return the error of *outcome*, which has none any more.

    An error that is raised holds the frames it goes through; what is held in these would be there until the
    collector of cycles comes, nodes among it, which the kernel has long forgotten.
    """
    error, outcome.error = outcome.error, None
    assert error is not None
    return error
