"""Layers by name: what a command line may say, and what it is told of mistakes."""

from __future__ import annotations

import importlib.metadata
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import puffpy
from filesystems.detrempe import Detrempe
from filesystems.tunnel import TunnelFS
from puffpy.cli import main
from puffpy.cli.locate import locate
from puffpy.layers import (
    Cache,
    Filter,
    Layer,
    Overlay,
    Quota,
    ReadOnlyLayer,
    described,
    layered,
    named,
    names,
    registry,
)
from puffpy.making import UsageError, factory, parameters

Bring = Callable[..., None]


class Brought(Layer):
    """Comes with another package."""

    def __init__(self, below: puffpy.VnodeOps, *, loud: bool = False, count: int = 1) -> None:
        super().__init__(below)
        self.loud, self.count = loud, count


not_callable = "no layer at all"


@pytest.fixture
def bring(monkeypatch: pytest.MonkeyPatch) -> Bring:
    """Return a function that has entry points be there."""

    def bring(**points: str) -> None:
        found = [
            importlib.metadata.EntryPoint(name, value, registry.ENTRY_POINTS)
            for name, value in points.items()
        ]
        real = importlib.metadata.entry_points
        monkeypatch.setattr(
            importlib.metadata,
            "entry_points",
            lambda **more: found if more == {"group": registry.ENTRY_POINTS} else real(**more),
        )

    return bring


def made(spec: str) -> Any:
    return named(spec, locate)(Detrempe())


def test_options_are_converted_by_their_annotations() -> None:
    cache = made("cache:ttl=2.5,entries=7,size=4k")
    assert isinstance(cache, Cache)
    assert (cache._names._ttl, cache._names._limit, cache._data._limit) == (2.5, 7, 4096)
    assert isinstance(made("quota:size=1G,per=user"), Quota)
    assert isinstance(made("readonly"), ReadOnlyLayer)


def test_a_comma_may_be_part_of_a_value() -> None:
    layer = made(r"filter:hide=a\,b:c")
    assert isinstance(layer, Filter)
    assert [layer._hidden(name) for name in ("a,b", "c", "a", "b")] == [True, True, False, False]


def test_a_file_system_may_be_an_option_with_its_arguments(tmp_path: Path) -> None:
    overlay = made("overlay:upper=filesystems.detrempe")
    assert isinstance(overlay, Overlay)
    assert isinstance(overlay.upper.vnodeops, Detrempe)
    directory = tmp_path / "a b"
    directory.mkdir()
    tunnelled = made(f"overlay:upper=filesystems.tunnel '{directory}'")
    assert isinstance(tunnelled.upper.vnodeops, TunnelFS)
    make = named("overlay:upper=filesystems.detrempe", locate)
    both: list[Any] = [make(Detrempe()), make(Detrempe())]
    assert both[0].upper.vnodeops is not both[1].upper.vnodeops


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("reodonly", "there is no layer reodonly; did you mean readonly?"),
        ("xyzzy", "choose one of cache, faults, filter"),
        ("cache:tll=3", "the layer cache has no option tll; did you mean ttl?"),
        ("readonly:now", "the layer readonly has no option now; it has none"),
        ("cache:ttl=soon", "ttl: 'soon' is no number"),
        ("cache:ttl", "option ttl needs a value"),
        ("cache:below=3", "has no option below"),
        ("overlay", "the layer overlay needs upper=..."),
        ("overlay:upper=", "upper is a file system"),
        ("overlay:upper=filesystems.tunnel", "takes these arguments: DIRECTORY"),
    ],
)
def test_a_mistake_is_told_when_the_layer_is_named(spec: str, says: str) -> None:
    with pytest.raises(UsageError) as told:
        named(spec, locate)
    assert says in str(told.value)


def test_a_value_that_cannot_be_is_told_when_the_layer_is_made() -> None:
    for spec, says in (("quota:per=group", "per=group"), ("faults:error=EWRONG", "error=EWRONG")):
        make = named(spec)
        with pytest.raises(UsageError, match=says):
            make(Detrempe())


def test_other_packages_bring_layers(bring: Bring) -> None:
    bring(brought=f"{__name__}:Brought", readonly=f"{__name__}:Brought")
    layer = made("brought:loud,count=0x10")
    assert isinstance(layer, Brought)
    assert (layer.loud, layer.count) == (True, 16)
    assert "brought" in names()
    assert dict(described())["brought"] == f"of another package ({__name__}:Brought)"
    assert isinstance(made("readonly"), ReadOnlyLayer)


def test_a_broken_package_is_named_with_the_reason(bring: Bring) -> None:
    bring(gone="no.such.module:Layer", wrong=f"{__name__}:not_callable")
    with pytest.raises(puffpy.MountError, match=r"layer gone \(no.such.module:Layer\) is broken: No module"):
        named("gone")
    with pytest.raises(puffpy.MountError, match="layer wrong .* is broken: 'no layer at all' makes no layer"):
        named("wrong")


def test_what_is_layered_takes_the_arguments_of_what_it_is_made_of(tmp_path: Path) -> None:
    make = layered(TunnelFS, ["readonly", "filter:hide=*.key"])
    assert inspect.signature(make) == inspect.signature(TunnelFS)
    assert parameters(make) == parameters(TunnelFS)
    top = factory(make, [str(tmp_path)], ["allow_other,hide=x"])()
    assert isinstance(top, Filter)
    assert isinstance(top.below, ReadOnlyLayer)
    assert isinstance(top.below.below, TunnelFS)
    assert top.options.allow_other
    assert top.options.ro
    assert layered(TunnelFS, []) is TunnelFS


def test_every_layer_says_what_it_does_in_a_line() -> None:
    for name, says in described():
        assert says, name
        assert len(says) < 120, name


def test_check_takes_layers(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["check", "filesystems.detrempe", "-q", "-k", "refusals", "--layer=readonly", "--layer=trace"])
        == 0
    )
    words = ["-k", "what_is_written_is_read", "--layer", "faults:op=write,error=EIO"]
    assert main(["check", "filesystems.detrempe", *words]) == 1
    assert "EIO" in capsys.readouterr().out
    assert main(["check", "filesystems.detrempe", "--layer", "cash"]) == 2
    assert "did you mean cache?" in capsys.readouterr().err


def test_mount_takes_layers_wherever_they_stand_and_refuses_what_is_none(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    mnt = str(tmp_path)
    for words in (
        ["--layer", "nosuch", "filesystems.detrempe", mnt],
        ["filesystems.detrempe", mnt, "--layer", "nosuch"],
        ["filesystems.detrempe", "--layer=nosuch", mnt],
    ):
        assert main(["mount", *words]) == 2, words
        assert "there is no layer nosuch" in capsys.readouterr().err
    assert main(["mount", "filesystems.detrempe", mnt, "--layer"]) == 2
    assert "--layer needs a layer" in capsys.readouterr().err
    assert not os.path.ismount(mnt)


def test_list_shows_layers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in registry.OWN)
