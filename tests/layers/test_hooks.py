"""Hooks: what they see, what they may change, and what is made of coroutines."""

from __future__ import annotations

import asyncio
import errno
import gc
import inspect
import time
import weakref
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

import puffpy
from filesystems.detrempe import Detrempe
from puffpy.layers import Asked, Hooks, Instead, Layer, Outcome, Wait, post, pre, stack
from tests.layers.conftest import Piled

A = puffpy.ComponentName("a")


class Counting(Layer):
    """Counts what comes by, and has a base class's hooks called before its own."""

    def __init__(self, below: puffpy.VnodeOps) -> None:
        self.seen: list[str] = []
        super().__init__(below)

    @pre("mkdir", "rmdir")
    def _before(self, asked: Asked) -> None:
        self.seen.append(f"before {asked.op} {asked.cn.name}")

    @post("mkdir", "rmdir")
    def _after(self, asked: Asked, outcome: Outcome) -> None:
        self.seen.append(f"after {asked.op}: {type(outcome.error).__name__}")


def test_hooks_are_called_around_the_operation(piled: Piled) -> None:
    layer = Counting(Detrempe())
    kernel = piled(layer)
    kernel.mkdir("/d")
    kernel.mkdir("/d/e")
    with pytest.raises(OSError, match="not empty"):
        kernel.rmdir("/d")
    assert layer.seen == [
        "before mkdir d",
        "after mkdir: NoneType",
        "before mkdir e",
        "after mkdir: NoneType",
        "before rmdir d",
        "after rmdir: FsError",
    ]


def test_an_operation_without_hooks_is_passed_on_as_it_is() -> None:
    base = Detrempe()
    layer = Counting(base)
    assert layer.lookup == base.lookup
    assert layer.mkdir != base.mkdir


def test_a_pre_hook_changes_arguments(piled: Piled) -> None:
    def louder(asked: Asked) -> None:
        asked.cn = puffpy.ComponentName(asked.cn.name.upper())

    kernel = piled(Detrempe(), partial(Hooks, pre={"mkdir": louder}))
    kernel.mkdir("/quiet")
    assert kernel.listdir("/") == ["QUIET"]


def test_a_pre_hook_refuses_or_answers_instead_and_post_hooks_are_not_called(call: puffpy.Call) -> None:
    def never(_: Asked, outcome: Outcome) -> None:
        raise AssertionError("nothing came from below")

    def refuse(_: Asked) -> None:
        raise puffpy.FsError(errno.EPERM)

    base = Detrempe()
    answering = Hooks(base, pre={"lookup": lambda _: Instead("found")}, post={"lookup": never})
    assert answering.lookup(base.root, A, call) == "found"
    refusing = Hooks(base, pre={"lookup": refuse}, post={"lookup": never})
    with pytest.raises(OSError, match="not permitted"):
        refusing.lookup(base.root, A, call)


def test_a_post_hook_replaces_answer_or_error(call: puffpy.Call) -> None:
    def recover(_: Asked, outcome: Outcome) -> None:
        assert isinstance(outcome.error, FileNotFoundError)
        outcome.answer, outcome.error = "something", None

    def spoil(_: Asked, outcome: Outcome) -> None:
        outcome.error = puffpy.FsError(errno.EIO)

    base = Detrempe()
    found = Hooks(base, post={"lookup": recover})
    assert found.lookup(base.root, A, call) == "something"
    spoiled = Hooks(base, post={"readdir": spoil})
    with pytest.raises(OSError, match="Input/output"):
        spoiled.readdir(base.root, call)


def test_what_a_bug_raises_goes_through_the_hooks_too(call: puffpy.Call) -> None:
    class Buggy(Detrempe):
        def lookup(self, dvp: Any, cn: Any, call: Any) -> Any:
            raise ZeroDivisionError

    errors: list[object] = []
    layer = Hooks(Buggy(), post={"lookup": lambda _, outcome: errors.append(outcome.error)})
    with pytest.raises(ZeroDivisionError):
        layer.lookup(None, A, call)
    assert [type(each) for each in errors] == [ZeroDivisionError]


def test_a_listing_that_is_yielded_is_a_list_for_a_post_hook(call: puffpy.Call) -> None:
    class Yielding(Detrempe):
        def readdir(self, dvp: Any, call: Any) -> Any:
            yield "a", self.root
            raise puffpy.FsError(errno.EIO)

    errors: list[object] = []
    layer = Hooks(Yielding(), post={"readdir": lambda _, outcome: errors.append(outcome.error)})
    with pytest.raises(OSError, match="Input/output"):
        layer.readdir(None, call)
    assert len(errors) == 1


def test_keywords_are_arguments_as_well(call: puffpy.Call) -> None:
    base = Detrempe()
    seen: list[list[object]] = []
    layer = Hooks(base, pre={"readdir": lambda asked: seen.append(list(asked))})
    layer.readdir(dvp=base.root, call=call)
    assert seen == [[base.root, call]]
    assert str(inspect.signature(layer.readdir)) == str(inspect.signature(base.readdir))


def test_an_operation_may_be_made_to_wait(call: puffpy.Call) -> None:
    base = Detrempe()
    layer = Hooks(base, pre={"readdir": lambda _: Wait(0.02)})
    began = time.monotonic()
    layer.readdir(base.root, call)
    assert time.monotonic() - began >= 0.02
    layer = Hooks(base, pre={"readdir": lambda _: Wait(0, PermissionError())})
    with pytest.raises(PermissionError):
        layer.readdir(base.root, call)


class Awaiting(puffpy.VnodeOps):
    """Waits for everything."""

    root = puffpy.Node.directory()

    async def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        await asyncio.sleep(0)
        if cn.name != "a":
            raise FileNotFoundError
        return self.root

    async def readdir(self, dvp: Any, call: puffpy.Call) -> AsyncIterator[tuple[str, Any]]:
        await asyncio.sleep(0)
        yield "a", self.root


def test_hooks_around_a_coroutine_are_plain_and_what_is_made_is_awaited(call: puffpy.Call) -> None:
    told: list[object] = []

    def after(asked: Asked, outcome: Outcome) -> None:
        told.append((asked.op, outcome.answer, type(outcome.error)))

    top: Any = stack(Awaiting(), partial(Hooks, pre={"lookup": lambda _: Wait(0.001)}, post={"*": after}))
    assert inspect.iscoroutinefunction(top.lookup)
    assert asyncio.run(top.lookup(None, A, call)) is Awaiting.root
    assert asyncio.run(top.readdir(None, call)) == [("a", Awaiting.root)]
    with pytest.raises(FileNotFoundError):
        asyncio.run(top.lookup(None, puffpy.ComponentName("b"), call))
    assert told == [
        ("lookup", Awaiting.root, type(None)),
        ("readdir", [("a", Awaiting.root)], type(None)),
        ("lookup", None, FileNotFoundError),
    ]


def test_a_coroutine_may_be_answered_for_and_refused(call: puffpy.Call) -> None:
    answering: Any = Hooks(Awaiting(), pre={"lookup": lambda _: Instead(1)})
    assert asyncio.run(answering.lookup(None, A, call)) == 1
    refusing: Any = Hooks(Awaiting(), pre={"lookup": lambda _: Wait(0, PermissionError())})
    with pytest.raises(PermissionError):
        asyncio.run(refusing.lookup(None, A, call))


def test_an_operation_that_does_not_exist_cannot_be_hooked() -> None:
    with pytest.raises(puffpy.VectorError, match="no operation unlink"):
        Hooks(Detrempe(), pre={"unlink": lambda _: None})
    with pytest.raises(ValueError, match="no operation unlink"):
        pre("unlink")
    with pytest.raises(ValueError, match="none was named"):
        post()


def test_what_is_not_written_below_is_hooked_only_if_it_is_supplied(call: puffpy.Call) -> None:
    seen: list[str] = []
    base = Detrempe()
    assert Hooks(base, pre={"fsync": lambda asked: seen.append(asked.op)}).fsync(None, False, call) is None
    assert seen == []
    supplied = Hooks(base, pre={"fsync": lambda asked: seen.append(asked.op)}, supplies=frozenset({"fsync"}))
    assert supplied.fsync(None, False, call) is None
    assert seen == ["fsync"]


def test_a_refusal_leaves_nothing_behind_that_only_the_collector_finds(call: puffpy.Call) -> None:
    class Held(puffpy.Node):
        """Can be referred to weakly."""

    def look(layer: puffpy.VnodeOps) -> weakref.ref[Held]:
        node = Held.directory()
        try:
            layer.lookup(node, A, call)
        except OSError:
            return weakref.ref(node)
        raise AssertionError("it was not refused")

    class Empty(puffpy.VnodeOps):
        root = puffpy.Node.directory()

        def lookup(self, dvp: Any, cn: Any, call: Any) -> Any:
            raise puffpy.FsError(errno.ENOENT)

    waiting = Hooks(Empty(), pre={"lookup": lambda _: Wait(0, puffpy.FsError(errno.ENOENT))})
    gc.disable()
    try:
        for layer in (Hooks(Empty(), post={"lookup": lambda _, __: None}), waiting):
            assert look(layer)() is None
    finally:
        gc.enable()
