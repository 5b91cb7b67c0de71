"""Passthrough: what it is limited by, and where it is to be had at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from typing import TypeAlias, cast

import pytest

from filesystems.detrempe import Detrempe, passthrough
from filesystems.detrempe.backed import BackedFile
from filesystems.detrempe.nodes import File
from filesystems.detrempe.passthrough import LARGE, PassthroughDetrempe, detrempe, possible
from filesystems.detrempe.tmpfs import Tmpfs
from puffpy.testing import check_filesystem
from puffpy.userkernel import UserKernel
from tests.filesystems.below import Below, backing, descriptors, made, makers, streamed
from tests.filesystems.direct import PAGE, refuses
from tests.mounted.conftest import lacking

Making: TypeAlias = Callable[..., Below]

MIB = 1 << 20


@pytest.fixture
def able() -> None:
    """Make sure that this process may have something passed through."""
    if not possible():
        lacking("passthrough takes Linux 6.9 and CAP_SYS_ADMIN")


@pytest.fixture
def make() -> Iterator[Making]:
    with makers("below") as make:
        yield cast(Making, make)


@pytest.fixture
def fs(make: Making) -> Below:
    return make()


def test_the_limit_holds_for_what_the_kernel_writes_and_for_both_together(make: Making) -> None:
    fs = make(pages=1000)
    small = made(fs, "small", b"x" * 10 * PAGE)
    large = made(fs, "large")
    fd = backing(fs.open(large, os.O_WRONLY))
    written = os.write(fd, b"y" * 2000 * PAGE)
    assert written == 990 * PAGE
    with refuses(errno.ENOSPC):
        os.write(fd, b"y")
    assert (fs.figures().bfree, large.vattr.size) == (0, written)
    with refuses(errno.ENOSPC):
        fs.write(small, 10 * PAGE, b"z")
    assert fs.write(small, 0, b"z" * PAGE) == PAGE
    fs.truncate(large, 900 * PAGE)
    assert fs.write(small, 10 * PAGE, b"z" * 5 * PAGE) == 5 * PAGE
    fs.allocate(made(fs, "rest"), 0, 85 * PAGE)
    with refuses(errno.ENOSPC):
        os.pwrite(fd, b"y", 950 * PAGE)
    assert fs.figures().bfree == 0


def test_room_that_this_process_gives_back_is_the_kernels_again(make: Making) -> None:
    fs = make(pages=1000)
    for number in range(90):
        made(fs, f"f{number}", b"x" * 11 * PAGE)
    for number in range(90):
        node = fs.find(f"f{number}")
        fs.remove(f"f{number}")
        fs.fs.reclaim(node)
    fd = backing(fs.open(made(fs, "large"), os.O_WRONLY))
    assert os.write(fd, bytes(990 * PAGE)) == 990 * PAGE
    assert fs.used() == (990, 2)


def test_files_that_find_no_descriptor_stay_in_this_process(fs: Below) -> None:
    fs.fs.tmpfs.most = 3
    nodes = [made(fs, f"f{n}", bytes([n]) * 2 * LARGE) for n in range(5)]
    assert [type(node) for node in nodes] == [BackedFile] * 3 + [File] * 2
    assert fs.open(nodes[4], os.O_RDWR) == os.O_RDWR
    assert [fs.read(node) for node in nodes] == [bytes([n]) * 2 * LARGE for n in range(5)]
    fs.remove("f0")
    fs.fs.reclaim(nodes[0])
    backing(fs.open(nodes[4], os.O_RDWR))
    assert fs.read(nodes[4]) == b"\4" * 2 * LARGE


def test_descriptors_are_closed_with_the_last_user_and_with_the_mount() -> None:
    with makers("below") as make:
        before = descriptors()
        fs = make()
        assert isinstance(fs, Below)
        for number in range(50):
            streamed(fs, f"s{number}", b"x")
            streamed(fs, f"l{number}", b"x" * LARGE)
        assert descriptors() >= before + 50
        for number in range(0, 50, 2):
            node = fs.find(f"l{number}")
            fs.remove(f"l{number}")
            assert fs.read(node, 0, 1) == b"x"
            fs.fs.reclaim(node)
        assert fs.used() == (50 + 25 * LARGE // PAGE, 1 + 75)
        fs.fs.vfsops.unmount()
        assert descriptors() == before
        fs.fs.vfsops.unmount()
        assert descriptors() == before


def test_all_promises_hold_with_it(able: None) -> None:
    assert check_filesystem(PassthroughDetrempe).failures == []


def test_it_works_where_no_kernel_passes_anything_through(able: None) -> None:
    fs = PassthroughDetrempe()
    before = descriptors()
    with UserKernel.over(fs) as kernel:
        fd = kernel.open("/f", os.O_RDWR | os.O_CREAT)
        data = os.urandom(LARGE + 10)
        assert kernel.pwrite(fd, data, 0) == len(data)
        kernel.close(fd)
        fd = kernel.open("/f", os.O_RDWR)
        assert kernel.pread(fd, MIB, 0) == data
        kernel.ftruncate(fd, 10)
        assert kernel.fstat(fd).st_size == 10
        assert kernel.pread(fd, MIB, 0) == data[:10]
        kernel.close(fd)
    assert descriptors() < before


def test_it_is_chosen_where_it_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = detrempe()
    assert isinstance(chosen, PassthroughDetrempe) is possible()
    assert type(detrempe(passthrough=False)) is Detrempe
    chosen.vfsops.unmount()
    monkeypatch.setattr(passthrough, "possible", lambda: False)
    assert type(detrempe()) is Detrempe


def test_who_asks_for_it_is_told_why_it_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Tmpfs, pages: int, *, huge: bool) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Tmpfs, "__init__", refuse)
    monkeypatch.setattr(passthrough, "possible", lambda: True)
    assert type(detrempe()) is Detrempe
    with pytest.raises(
        OSError, match=r"no passthrough: Operation not permitted: it takes Linux 6\.9 and CAP"
    ):
        detrempe(passthrough=True)


def test_large_pages_are_there_for_who_asks_for_them(able: None) -> None:
    fs = detrempe(huge=True)
    assert isinstance(fs, PassthroughDetrempe)
    here = Below(fs)
    node = streamed(here, "f", b"x" * 5 * MIB)
    assert node.vattr.blocks == 5 * MIB // 512
    assert here.read(node) == b"x" * 5 * MIB
    here.truncate(node, 100 * MIB)
    here.write(node, 50 * MIB, b"y")
    assert 8 < (node.vattr.blocks or 0) - 5 * MIB // 512 <= 2 * MIB // 512
    assert here.read(node, 50 * MIB - 1, 3) == b"\0y\0"
    fs.vfsops.unmount()


def test_large_pages_and_no_passthrough_contradict_each_other() -> None:
    with pytest.raises(ValueError, match="leave out one of huge and passthrough=no"):
        detrempe(passthrough=False, huge=True)


@pytest.mark.parametrize(
    ("release", "expected"),
    [("6.8.12-generic", False), ("6.9.0-rc1+", True), ("7.0", True), ("5.10.1", False)],
)
def test_an_old_kernel_is_not_tried(monkeypatch: pytest.MonkeyPatch, release: str, expected: bool) -> None:
    class Uname:
        def __init__(self) -> None:
            self.release = release

    able = possible()
    monkeypatch.setattr(os, "uname", Uname)
    assert possible() is (expected and able)
