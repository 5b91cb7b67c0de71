"""Which binding is found, what it is made to hand over, and what libfuse is told."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from puffpy.bridges import make, names
from puffpy.errors import MountError
from puffpy.libfuse import Libfuse
from puffpy.libfuse.binding import find, told_all
from puffpy.libfuse.words import words
from puffpy.options import MountOptions


def module(name: str, **more: object) -> ModuleType:
    made = ModuleType(name)
    made.__dict__.update({"fuse_get_context": None, "FUSE": object, **more})
    return made


@pytest.fixture
def bindings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fuse", module("fuse"))
    monkeypatch.setitem(
        sys.modules, "mfusepy", module("mfusepy", fuse_version_major=3, fuse_version_minor=14)
    )


def test_the_bridge_has_a_name_and_its_parameter_is_the_binding() -> None:
    assert "libfuse" in names()
    for name, package in (("libfuse", ""), ("libfuse:mfusepy", "mfusepy")):
        bridge = make(name)
        assert isinstance(bridge, Libfuse)
        assert (bridge.name, bridge.package) == ("libfuse", package)


def test_fusepy_is_taken_first_and_mfusepy_where_it_is_not_there(
    bindings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (find().package, find().version) == ("fusepy", (2, 9))
    assert (find("mfusepy").package, find("mfusepy").version) == ("mfusepy", (3, 14))
    monkeypatch.setitem(sys.modules, "fuse", None)
    assert find().package == "mfusepy"


def test_what_cannot_be_used_is_named_with_what_to_do(
    bindings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fuse", ModuleType("fuse"))
    monkeypatch.setitem(sys.modules, "mfusepy", None)
    with pytest.raises(MountError) as told:
        find()
    for word in ("fusepy", "another's", "mfusepy", "puffpy[fusepy]", "libfuse2"):
        assert word in str(told.value)
    with pytest.raises(MountError, match="no binding of libfuse called rosebud"):
        find("rosebud")


class Fork:
    """As mfusepy has it: methods for each version of libfuse."""

    def __init__(self, operations: object) -> None:
        self.operations = operations


class Original(Fork):
    """As fusepy has it: for libfuse 2."""

    def utimens(self) -> None:
        """What is in the way of a method for each version."""


class Noted:
    """Operations that note what they are called with."""

    def __init__(self) -> None:
        self.said: list[tuple[object, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *args: self.said.append((name, *args))


def pointer(**fields: object) -> Any:
    return SimpleNamespace(contents=SimpleNamespace(**fields))


def test_mfusepy_is_made_to_hand_over_what_it_leaves_out() -> None:
    noted = Noted()
    fuse: Any = told_all(module("mfusepy", FUSE=Fork))(noted)
    times = pointer(actime=SimpleNamespace(tv_sec=1, tv_nsec=2), modtime=SimpleNamespace(tv_sec=3, tv_nsec=4))
    fi = pointer(fh=5)
    fuse.rename_fuse_3(b"/a", b"/\xff", 2)
    fuse.truncate_fuse_3(None, 7, fi)
    fuse.truncate_fuse_3(b"/a", 7, None)
    fuse.utimens_fuse_2(b"/a", times)
    fuse.utimens_fuse_3(b"/a", None, fi)
    fuse.lseek(None, 8, 3, fi)
    fuse.opendir(b"/d", pointer(flags=9))
    assert noted.said == [
        ("rename", "/a", "/\xff", 2),
        ("truncate", None, 7, fi.contents),
        ("truncate", "/a", 7, None),
        ("utimens", "/a", ((1, 2), (3, 4))),
        ("utimens", "/a", ()),
        ("lseek", None, 8, 3, fi.contents),
        ("opendir", "/d", 9),
    ]


def test_fusepy_is_made_to_hand_over_the_times_and_has_no_method_by_version() -> None:
    noted = Noted()
    fuse: Any = told_all(module("fuse", FUSE=Original))(noted)
    fuse.utimens(b"/a", None)
    assert noted.said == [("utimens", "/a", ())]
    assert not hasattr(fuse, "utimens_fuse_2")


def test_libfuse_is_told_the_options_in_its_words() -> None:
    options = MountOptions(
        allow_other=True, ro=True, exec=False, max_read=8192, fsname="pink,floyd", subtype="dire"
    )
    told = words(options, (2, 9))
    assert told == told | {
        "allow_other": True,
        "ro": True,
        "noexec": True,
        "max_read": "8192",
        "fsname": r"pink\,floyd",
        "subtype": "dire",
        "use_ino": True,
        "nonempty": True,
    }
    assert not {"default_permissions", "sync", "suid", "dev", "max_threads"} & told.keys()


def test_names_and_attributes_are_the_user_kernels_to_remember() -> None:
    told = words(MountOptions(attr_timeout=5, entry_timeout=5, negative_timeout=5), (3, 14))
    for name in ("attr_timeout", "entry_timeout", "negative_timeout"):
        assert told[name] == "0"


def test_only_a_libfuse_that_limits_its_threads_is_told_how_many_it_may_have() -> None:
    assert "max_threads" not in words(MountOptions(), (3, 10))
    assert int(str(words(MountOptions(), (3, 12))["max_threads"])) > 10
