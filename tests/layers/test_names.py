"""Layers that have to do with names: read-only, hidden names, names that are others below."""

from __future__ import annotations

import os
from functools import partial

import pytest

import puffpy
from filesystems.detrempe import Detrempe
from puffpy.layers import Filter, ReadOnlyLayer, RenameNames, stack
from puffpy.ops import written
from puffpy.userkernel import UserKernel
from tests.layers.conftest import Piled


@pytest.fixture
def base() -> Detrempe:
    """A file, a secret, a link, and a directory with one secret in it."""
    made = Detrempe()
    with UserKernel.over(made) as kernel:
        for path in ("/song", "/secret.key"):
            with kernel.open_file(path, "w") as file:
                file.write(path)
        kernel.mkdir("/d")
        kernel.link("/secret.key", "/d/other.key")
        kernel.symlink("d/song", "/link")
    return made


def test_nothing_can_be_changed_read_only_and_everything_read(base: Detrempe, piled: Piled) -> None:
    kernel = piled(base, ReadOnlyLayer)
    with kernel.open_file("/song") as file:
        assert file.read() == "/song"
    for change in (
        lambda: kernel.unlink("/song"),
        lambda: kernel.mkdir("/e"),
        lambda: kernel.rename("/song", "/sung"),
        lambda: kernel.chmod("/song", 0o600),
        lambda: kernel.truncate("/song", 0),
        lambda: kernel.open("/song", os.O_WRONLY),
        lambda: kernel.open("/new", os.O_CREAT | os.O_WRONLY),
        lambda: kernel.setxattr("/song", "user.a", b"b"),
    ):
        with pytest.raises(OSError, match="Read-only file system"):
            change()


def test_read_only_holds_also_where_the_mount_does_not_say_so(base: Detrempe, call: puffpy.Call) -> None:
    layer = ReadOnlyLayer(base)
    assert layer.options.ro
    assert not written(layer) & {"write", "fallocate", "fdiscard", "copy_file_range", "tmpfile"}
    with pytest.raises(OSError, match="Read-only file system"):
        layer.remove(base.root, puffpy.ComponentName("song"), call)
    with pytest.raises(OSError, match="left out: EROFS"):
        layer.write(base.root, 0, memoryview(b"x"), call)


def test_hidden_names_are_neither_listed_nor_found(base: Detrempe, piled: Piled) -> None:
    kernel = piled(base, partial(Filter, hide="*.key:lin?"))
    assert sorted(kernel.listdir("/")) == ["d", "song"]
    assert kernel.listdir("/d") == []
    for path in ("/secret.key", "/d/other.key", "/link"):
        with pytest.raises(FileNotFoundError):
            kernel.lstat(path)
    with pytest.raises(FileNotFoundError):
        kernel.rename("/secret.key", "/shown")
    with pytest.raises(FileNotFoundError):
        kernel.unlink("/secret.key")


def test_nothing_gets_a_hidden_name(base: Detrempe, piled: Piled) -> None:
    kernel = piled(base, partial(Filter, hide="*.key"))
    for change in (
        lambda: kernel.open("/new.key", os.O_CREAT | os.O_WRONLY),
        lambda: kernel.mkdir("/new.key"),
        lambda: kernel.symlink("song", "/new.key"),
        lambda: kernel.link("/song", "/new.key"),
        lambda: kernel.rename("/song", "/secret.key"),
    ):
        with pytest.raises(PermissionError):
            change()
    assert kernel.stat("/song").st_nlink == 1


def test_what_is_hidden_below_still_fills_its_directory(base: Detrempe, piled: Piled) -> None:
    kernel = piled(base, partial(Filter, hide="*.key"))
    with pytest.raises(OSError, match="not empty"):
        kernel.rmdir("/d")


def test_a_function_may_decide_what_is_hidden(base: Detrempe, piled: Piled) -> None:
    kernel = piled(base, partial(Filter, hide=lambda name: len(name) > 4))
    assert sorted(kernel.listdir("/")) == ["d", "link", "song"]


def test_a_filter_that_hides_nothing_hides_nothing(base: Detrempe, piled: Piled) -> None:
    assert sorted(piled(base, Filter).listdir("/")) == ["d", "link", "secret.key", "song"]


def test_names_are_others_below_and_contents_are_not(base: Detrempe, piled: Piled) -> None:
    kernel = piled(base, RenameNames)
    assert sorted(kernel.listdir("/")) == ["fbat", "frperg.xrl", "q", "yvax"]
    assert kernel.readlink("/yvax") == "q/fbat"
    with kernel.open_file("/q/uryyb", "w") as file:
        file.write("hello")
    kernel.rename("/q/uryyb", "/q/jbeyq")
    kernel.symlink("../q/jbeyq", "/q/gb")
    kernel.symlink("/absolute", "/q/nofbyhgr")
    assert kernel.readlink("/q/nofbyhgr") == "/absolute"
    with UserKernel.over(base) as plain:
        assert sorted(plain.listdir("/d")) == ["absolute", "other.key", "to", "world"]
        with plain.open_file("/d/to") as file:
            assert file.read() == "hello"
        assert plain.readlink("/d/to") == "../d/world"


def test_a_spelling_and_its_own_inverse_are_no_spelling(base: Detrempe, piled: Piled) -> None:
    kernel = piled(base, RenameNames, RenameNames)
    assert kernel.readlink("/link") == "d/song"
    assert "song" in kernel.listdir("/")


def test_a_subclass_brings_spellings_of_its_own(base: Detrempe, piled: Piled) -> None:
    class Reversing(RenameNames):
        """Names backwards."""

        spellings = {"reversed": (lambda name: name[::-1], lambda name: name[::-1])}  # noqa: RUF012

    assert "gnos" in piled(base, partial(Reversing, by="reversed")).listdir("/")
    with pytest.raises(ValueError, match="choose one of reversed, rot13"):
        stack(base, partial(Reversing, by="sideways"))
