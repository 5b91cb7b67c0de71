"""The layer that passes everything on, and piles of layers."""

from __future__ import annotations

import errno
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import puffpy
from filesystems.detrempe import Detrempe
from filesystems.hardcodefs import HardcodeFS
from filesystems.tunnel import TunnelFS
from puffpy.layers import Faults, Filter, Hooks, Layer, ReadOnlyLayer, RenameNames, Trace, stack
from puffpy.ops import OPERATIONS, Manner, blocking, inspect, manners, written
from puffpy.ops.manner import manner_of
from tests.layers.conftest import Piled


class Upper(Layer):
    """Names are looked up in capitals."""

    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:
        return super().lookup(dvp, puffpy.ComponentName(cn.name.upper()), call)


class Opener(Layer):
    """Would like to know of opens, of which hardcodefs does not."""

    def open(self, vp: Any, flags: int, call: puffpy.Call) -> Any:
        raise puffpy.FsError(errno.EMFILE)


class InsistentOpener(Opener):
    """Is to know."""

    supplies = frozenset({"open"})


def test_what_is_passed_on_is_the_very_method_below() -> None:
    base = Detrempe()
    layer = Layer(Layer(base))
    for name in written(base):
        assert getattr(layer, name) == getattr(base, name)
    for name in written(base.vfsops):
        assert getattr(layer, name) == getattr(base.vfsops, name)


@pytest.mark.parametrize("make", [Detrempe, HardcodeFS])
def test_what_is_written_is_what_is_written_below(make: type[puffpy.VnodeOps]) -> None:
    base = make()
    vfsops = base.vfsops or puffpy.VfsOps()
    assert written(Layer(base)) == written(base) | written(vfsops) | {"root"}


def test_a_layer_passes_the_check_at_mount_time() -> None:
    for make in (Layer, ReadOnlyLayer, Filter, RenameNames, Trace, Faults, Upper):
        layer = make(Detrempe())
        inspect(layer, layer)


def test_an_override_asks_below_with_super(piled: Piled) -> None:
    base = Detrempe()
    kernel = piled(base, Upper)
    kernel.mkdir("/LOUD")
    assert kernel.stat("/loud").st_ino == kernel.stat("/LOUD").st_ino
    with pytest.raises(FileNotFoundError):
        kernel.stat("/quiet")


def test_an_override_of_what_is_not_below_counts_only_where_the_layer_supplies_it(piled: Piled) -> None:
    assert "open" not in written(Opener(HardcodeFS()))
    assert "open" in written(InsistentOpener(HardcodeFS()))
    kernel = piled(HardcodeFS(), InsistentOpener)
    with pytest.raises(OSError, match="Too many open files"):
        kernel.open(f"/{kernel.listdir('/')[0]}", os.O_RDONLY)


def test_layers_are_stacked_the_lowest_first() -> None:
    base = Detrempe()
    top = stack(base, Upper, Layer)
    assert isinstance(top, Layer)
    assert isinstance(top.below, Upper)
    assert top.below.below is base
    assert stack(base) is base


def test_the_options_and_the_name_are_those_below() -> None:
    assert Layer(Detrempe()).options == Detrempe.options
    assert Layer(HardcodeFS()).options.subtype == (HardcodeFS.options.subtype or "hardcodefs")
    assert stack(Detrempe(), ReadOnlyLayer, Layer).options.ro


def test_the_root_is_the_one_below_wherever_that_keeps_it() -> None:
    base = Detrempe()
    assert Layer(base).root() is base.root
    flat = HardcodeFS()
    assert Layer(Layer(flat)).root() is flat.root


def test_how_operations_are_run_is_decided_below() -> None:
    class Slow(Detrempe):
        @blocking
        def lookup(self, dvp: Any, cn: Any, call: Any) -> Any:
            return super().lookup(dvp, cn, call)

        async def readlink(self, vp: Any, call: Any) -> Any:  # type: ignore[override]  # awaited
            return super().readlink(vp, call)

    @blocking
    class AllSlow(Detrempe):
        """Every operation waits."""

    for layers in (
        (),
        (Layer,),
        (Layer, partial(Trace, to=len)),
        (partial(Hooks, pre={"*": lambda _: None}),),
    ):
        top = stack(Slow(), *layers)
        assert manner_of(top, "lookup") is Manner.WORKER, layers
        assert manner_of(top, "readlink") is Manner.TASK
        assert manner_of(top, "create") is Manner.INLINE
        whole = stack(AllSlow(), *layers)
        assert manners(frozenset({"create"}), whole) == {"create": Manner.WORKER}


def test_passthrough_stays_in_force_below_a_filter_on_names(tmp_path: Path, call: puffpy.Call) -> None:
    (tmp_path / "f").touch()
    layers = (partial(Filter, hide="*.key"), RenameNames, ReadOnlyLayer, partial(Trace, to=len))
    for layer in layers:
        base = TunnelFS(str(tmp_path))
        node = base.lookup(base.root, puffpy.ComponentName("f"), call)
        opened = stack(base, layer).open(node, 0, call)
        assert isinstance(opened, puffpy.OpenFile)
        assert opened.backing == opened.handle
        base.vfsops.unmount()


def test_a_layer_that_sees_reads_sees_all_of_them(tmp_path: Path, call: puffpy.Call) -> None:
    (tmp_path / "f").write_bytes(b"seen")
    base = TunnelFS(str(tmp_path))
    node = base.lookup(base.root, puffpy.ComponentName("f"), call)
    top: Any = stack(base, partial(Hooks, pre={"read": lambda _: None}))
    opened = top.open(node, 0, call)
    assert opened.backing is None
    call.handle = opened.handle
    assert bytes(top.read(node, 0, 10, call)) == b"seen"
    entry = top.create(base.root, puffpy.ComponentName("g"), puffpy.Vattr(0o100644), puffpy.Call(0, 0, 1))
    assert entry.opened.backing is None
    base.vfsops.unmount()


def test_something_that_is_no_vector_is_refused() -> None:
    with pytest.raises(puffpy.VectorError, match="Filter over <class"):
        Filter(Detrempe)  # type: ignore[arg-type]  # on purpose


def test_a_layer_that_leaves_an_operation_out_has_it_no_more() -> None:
    class NoLinks(Layer):
        leaves_out = frozenset({"link", "symlink"})

    assert written(Detrempe()) - written(NoLinks(Detrempe())) == {"link", "symlink"}
    assert set(OPERATIONS) > written(NoLinks(Detrempe()))
