"""No layer breaks a promise that it does not announce, whatever it lies over."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

import pytest

import puffpy
from filesystems.detrempe import Detrempe
from filesystems.tunnel import TunnelFS
from puffpy.layers import (
    Cache,
    Fault,
    Faults,
    Filter,
    Hooks,
    Layer,
    Overlay,
    Quota,
    ReadOnlyLayer,
    RenameNames,
    Trace,
    stack,
)
from puffpy.layers.registry import OWN
from puffpy.testing import PROMISES, Verdict, check_filesystem
from puffpy.userkernel import UserKernel

MakeLayer = Callable[[puffpy.VnodeOps], puffpy.VnodeOps]

LARGE: Final = puffpy.Size(1 << 50)


def _nothing(_: object) -> None:
    """A hook, or a listener."""


LAYERS: Final[dict[str, MakeLayer]] = {
    "cache": partial(Cache, ttl=600.0),
    "faults": lambda below: Faults(below, Fault(op="*", path="/no/such/path", error=5)),
    "filter": partial(Filter, hide="*.key:.git"),
    "hooks": partial(Hooks, pre={"*": _nothing}),
    "layer": Layer,
    "overlay": lambda below: Overlay(below, upper=Detrempe()),
    "quota": partial(Quota, size=LARGE, inodes=1 << 30, per="user"),
    "readonly": ReadOnlyLayer,
    "rename-names": RenameNames,
    "trace": partial(Trace, to=_nothing),
}

Making = Callable[[MakeLayer], puffpy.VnodeOps]


@contextmanager
def detrempe() -> Iterator[Making]:
    yield lambda layer: stack(Detrempe(), layer)


@contextmanager
def tunnel() -> Iterator[Making]:
    with ExitStack() as directories:

        def make(layer: MakeLayer) -> puffpy.VnodeOps:
            directory = directories.enter_context(tempfile.TemporaryDirectory(prefix="puffpy-layers-"))
            os.chmod(directory, 0o755)
            return stack(TunnelFS(directory), layer)

        yield make


BASES: Final = {"detrempe": detrempe, "tunnel": tunnel}


def test_every_layer_that_is_shipped_is_held_to_the_promises() -> None:
    assert OWN.keys() <= LAYERS.keys()


CROWDS: Final = frozenset(
    {"every_name_is_listed_once", "long_names_are_listed_too", "a_changing_directory_lists_what_stays_once"}
)
"""What makes hundreds of files, which takes long on a disk, and is the same for each base."""

CASES: Final = [
    *((layer, "detrempe") for layer in LAYERS),
    *((layer, "tunnel") for layer in LAYERS if layer not in ("layer", "hooks")),
]


@pytest.mark.parametrize(("layer", "base"), CASES)
def test_a_layer_breaks_no_promise_that_it_does_not_announce(layer: str, base: str) -> None:
    make = LAYERS[layer]
    with BASES[base]() as making:
        only = [each for each in PROMISES if base == "detrempe" or each.name not in CROWDS]
        report = check_filesystem(lambda: making(make), only=only)
        announced: frozenset[str] = getattr(make(Detrempe()), "breaks", frozenset())
    failed = {each.promise.name for each in report.failures}
    assert failed == announced, str(report)
    if layer != "readonly":
        assert len(report.of(Verdict.HOLDS)) >= 130, str(report)


def test_an_overlay_keeps_its_promises_where_there_is_something_below() -> None:
    def over_something() -> puffpy.VnodeOps:
        lower, upper = Detrempe(), Detrempe()
        names = ("one", "file", "it", "old file", "directory")
        with UserKernel.over(lower) as kernel:
            kernel.makedirs("/d/directory")
            kernel.close(kernel.open("/d/one", os.O_CREAT | os.O_WRONLY, 0o640))
            for name in names[1:-1]:
                kernel.link("/d/one", f"/d/{name}")
        with UserKernel.over(Overlay(lower, upper=upper)) as kernel:
            for name in names:
                (kernel.rmdir if name == "directory" else kernel.unlink)(f"/d/{name}")
            assert kernel.listdir("/d") == []
        return Overlay(lower, upper=upper)

    report = check_filesystem(over_something, at="/d")
    assert report.ok, str(report)
    assert len(report.of(Verdict.HOLDS)) >= 130, str(report)


def test_the_promises_that_layers_announce_exist() -> None:
    names = {each.name for each in PROMISES}
    for make in LAYERS.values():
        assert getattr(make(Detrempe()), "breaks", frozenset()) <= names
