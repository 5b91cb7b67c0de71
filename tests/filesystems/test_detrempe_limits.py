"""Limits: what happens when there is no more room, and that it all comes back."""

from __future__ import annotations

import errno
import mmap
import os
import resource
import stat
from pathlib import Path
from typing import Any

import pytest

import puffpy
from filesystems.detrempe import Detrempe, chunk
from filesystems.detrempe.chunk import CHUNK
from filesystems.detrempe.contents import ZERO_RANGE
from filesystems.detrempe.nodes import Inode
from filesystems.detrempe.room import memory
from tests.filesystems.direct import PAGE, ROOT_CALL, Direct, age, refuses, times

MIB = 1 << 20


def limited(pages: int = 0, inodes: int = 0) -> Direct:
    return Direct(Detrempe(size=puffpy.Size(pages * PAGE), inodes=inodes))


def test_an_empty_file_system_has_nothing_in_use_but_its_root() -> None:
    st = limited(100, 50).figures()
    assert (st.blocks, st.bfree, st.bavail) == (100, 100, 100)
    assert (st.files, st.ffree) == (50, 49)
    assert (st.bsize, st.frsize, st.namemax) == (PAGE, PAGE, 255)


def test_without_limits_the_machine_sets_them() -> None:
    st = Direct(Detrempe()).figures()
    assert 0 < memory() <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert st.blocks * st.frsize == memory() // 2 // PAGE * PAGE
    assert st.files == memory() // 2 // 1024


def test_the_limits_of_a_process_and_of_its_control_groups_count(tmp_path: Path) -> None:
    membership, cgroups = tmp_path / "membership", tmp_path / "cgroups"
    inner = cgroups / "outer" / "inner"
    inner.mkdir(parents=True)
    before = memory(membership, cgroups)
    membership.write_text("1:name=systemd:/elsewhere\n0::/outer/inner\n")
    assert memory(membership, cgroups) == before
    (inner / "memory.max").write_text("max\n")
    (cgroups / "outer" / "memory.max").write_text(f"{64 * MIB}\n")
    assert memory(membership, cgroups) == min(before, 64 * MIB)
    limits = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (before // 2, limits[1]))
    try:
        assert memory(tmp_path / "missing", cgroups) == before // 2
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, limits)


def test_a_size_that_is_no_whole_page_is_rounded_up() -> None:
    assert Direct(Detrempe(size=puffpy.Size(PAGE + 1))).figures().blocks == 2


def test_a_negative_number_of_nodes_is_refused() -> None:
    with pytest.raises(ValueError, match="inodes=-1"):
        Detrempe(inodes=-1)


def test_as_much_fits_as_was_said() -> None:
    fs = limited(2560)
    node = fs.file("f")
    for number in range(10):
        assert fs.write(node, number * MIB, b"x" * MIB) == MIB
    with refuses(errno.ENOSPC):
        fs.write(node, 10 * MIB, b"x")
    assert fs.read(node) == b"x" * 10 * MIB
    assert fs.figures().bfree == 0


def test_a_write_stores_what_fits_and_the_next_one_is_enospc() -> None:
    fs = limited(3)
    node = fs.file("f")
    assert fs.write(node, 100, b"x" * MIB) == 3 * PAGE - 100
    assert node.vattr.size == 3 * PAGE
    age(node)
    with refuses(errno.ENOSPC):
        fs.write(node, 3 * PAGE, b"y")
    assert (times(node), node.vattr.size) == ((3, 2, 1), 3 * PAGE)
    assert fs.read(node) == bytes(100) + b"x" * (3 * PAGE - 100)


def test_a_write_stops_at_the_first_page_there_is_no_room_for() -> None:
    fs = limited(4)
    node = fs.file("f")
    fs.write(node, PAGE, b"a" * PAGE)
    fs.write(node, 3 * PAGE, b"b" * PAGE)
    fs.file("g", b"x")
    assert fs.write(node, 0, b"n" * 6 * PAGE) == 2 * PAGE
    assert fs.read(node) == b"n" * 2 * PAGE + bytes(PAGE) + b"b" * PAGE
    assert fs.write(node, 3 * PAGE, b"o" * 2 * PAGE) == PAGE


def test_in_a_full_file_system_what_is_there_can_be_overwritten() -> None:
    fs = limited(2)
    node = fs.file("f", b"x" * 2 * PAGE)
    assert fs.write(node, 10, b"y" * PAGE) == PAGE
    assert fs.read(node) == b"x" * 10 + b"y" * PAGE + b"x" * (PAGE - 10)
    other = fs.file("g")
    with refuses(errno.ENOSPC):
        fs.write(other, 0, b"z")
    assert (other.vattr.size, other.vattr.blocks) == (0, 0)


def test_a_write_across_chunks_stores_what_fits() -> None:
    fs = limited(CHUNK // PAGE + 1)
    node = fs.file("f")
    assert fs.write(node, 0, b"x" * 2 * CHUNK) == CHUNK + PAGE
    assert fs.read(node) == b"x" * (CHUNK + PAGE)


def test_allocation_is_all_or_nothing() -> None:
    fs = limited(10)
    node = fs.file("f", b"x" * 10)
    age(node)
    for length in (11 * PAGE, 500 * 10**9, 2**62):
        with refuses(errno.ENOSPC):
            fs.allocate(node, 0, length)
    with refuses(errno.ENOSPC):
        fs.allocate(node, CHUNK - PAGE, 12 * PAGE, ZERO_RANGE)
    assert (times(node), node.vattr.size, fs.used()) == ((3, 2, 1), 10, (1, 2))
    fs.allocate(node, 0, 10 * PAGE)
    assert fs.used() == (10, 2)
    fs.allocate(node, 0, 10 * PAGE)
    assert fs.write(node, 9 * PAGE, b"y" * PAGE) == PAGE


def test_copying_stores_what_fits() -> None:
    fs = limited(6)
    source, target = fs.file("a", b"x" * 4 * PAGE), fs.file("b")
    assert fs.copy(source, 0, target, 0, 4 * PAGE) == 2 * PAGE
    assert fs.read(target) == b"x" * 2 * PAGE
    with refuses(errno.ENOSPC):
        fs.copy(source, 0, target, 2 * PAGE, PAGE)


def test_all_room_comes_back() -> None:
    fs = limited(4000)
    directory = fs.dir("d")
    nodes = [fs.file(f"f{n}", b"x" * n * 1000, directory) for n in range(100)]
    used, count = fs.used()
    assert (used, count) == (sum(-(-n * 1000 // PAGE) for n in range(100)), 102)
    fs.truncate(nodes[99], 0)
    fs.punch(nodes[98], 0, MIB)
    assert fs.used()[0] == used - 25 - 24
    for number, node in enumerate(nodes):
        fs.remove(f"f{number}", directory)
        fs.fs.reclaim(node)
    fs.rmdir("d")
    fs.fs.reclaim(directory)
    assert fs.used() == (0, 1)


def test_there_are_as_many_nodes_as_was_said() -> None:
    fs = limited(inodes=3)
    first = fs.file("a")
    fs.dir("b")
    age(fs.root)
    for make in (fs.file, fs.dir, lambda text: fs.symlink(text, "x")):
        with refuses(errno.ENOSPC):
            make("c")
    with refuses(errno.ENOSPC):
        fs.tmpfile()
    with refuses(errno.EEXIST):
        fs.file("a")
    assert (times(fs.root), fs.root.vattr.nlink) == ((3, 2, 1), 3)
    fs.link(first, "c")
    fs.remove("a")
    with refuses(errno.ENOSPC):
        fs.file("d")
    fs.remove("c")
    fs.file("d")
    fs.fs.reclaim(first)
    with refuses(errno.ENOSPC):
        fs.file("e")


class Starved(bytearray):
    """A store for which there is no memory to grow."""

    def __iadd__(self, other: Any) -> Any:  # type: ignore[misc]  # fails like no bytearray's signature says
        raise MemoryError


def test_a_machine_without_memory_is_enospc_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fs = limited(1000)
    node = fs.file("f", b"x" * 100)
    node.data.chunks[0].store = Starved(node.data.chunks[0].store)
    age(node)
    with refuses(errno.ENOSPC):
        fs.write(node, 50, b"y" * 100)
    assert fs.read(node) == b"x" * 100
    assert (times(node)[1:], fs.used()) == ((2, 1), (1, 2))
    monkeypatch.setattr(chunk, "bytearray", Starved, raising=False)
    with refuses(errno.ENOSPC):
        fs.write(fs.file("g"), 0, b"y")
    assert fs.used() == (1, 3)


def test_a_machine_without_mappings_still_has_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(mmap.mmap):
        def __new__(cls, *args: object, **kwargs: object) -> Full:
            raise OSError(errno.ENOMEM, "no more mappings")

    monkeypatch.setattr(mmap, "mmap", Full)
    fs = limited(1000)
    node = fs.file("f", b"x" * 3 * PAGE)
    fs.write(node, 10 * PAGE, b"z")
    fs.punch(node, PAGE, PAGE)
    assert fs.read(node) == b"x" * PAGE + bytes(PAGE) + b"x" * PAGE + bytes(7 * PAGE) + b"z"
    assert fs.used() == (3, 2)


def test_a_file_that_lost_its_name_makes_room_for_another_node_at_once() -> None:
    """The kernel says a few requests later that nobody uses it; a removal must not have to wait for that."""
    fs = Detrempe(inodes=3)
    call = puffpy.Call(0, 0, 0)

    def make(name: str) -> Inode:
        return fs.create(fs.root, puffpy.ComponentName(name), puffpy.Vattr(stat.S_IFREG | 0o644), call)

    make("a")
    held = make("b")
    fs.remove(fs.root, puffpy.ComponentName("b"), call)
    make("c")
    with pytest.raises(OSError, match="No space"):
        make("d")
    fs.reclaim(held)
    assert fs.vfsops.statvfs(fs.root, call).ffree == 0
    fs.rename(fs.root, puffpy.ComponentName("a"), fs.root, puffpy.ComponentName("c"), 0, call)
    make("e")


@pytest.mark.parametrize("going", ["remove", "replace"])
def test_room_of_a_removed_file_that_nobody_has_open_is_free_at_once_if_there_is_little(going: str) -> None:
    """The kernel says a few requests later that it has forgotten the file."""
    fs = limited(100)
    opens: dict[Inode, int] = {}
    fs.fs.volume.open_count = opens.get
    node, other = fs.file("f", b"x" * 51 * PAGE), fs.file("g")
    opens[node] = opens[other] = 0
    if going == "remove":
        fs.remove("f")
    else:
        fs.rename("g", "f")
    assert fs.used() == (0, 2)  # the root and what is left
    # Whoever found it before it went asks the kernel again, which finds what there is now.
    with refuses(errno.ESTALE):
        fs.fs.open(node, os.O_RDONLY, ROOT_CALL)
    with refuses(errno.ESTALE):
        fs.fs.vfsops.fhtonode(node.vattr.ino)
    with refuses(errno.ENOENT):
        fs.link(node, "again")
    fs.fs.inactive(node)
    fs.fs.reclaim(node)
    assert fs.used() == (0, 2)


@pytest.mark.parametrize("named", [False, True])
def test_room_of_a_file_without_a_name_is_free_as_soon_as_its_last_user_closes_it(named: bool) -> None:
    fs = limited(100)
    opens: dict[Inode, int] = {}
    fs.fs.volume.open_count = opens.get
    node = fs.file("f") if named else fs.tmpfile()
    opens[node] = 1
    fs.write(node, 0, b"x" * 51 * PAGE)
    if named:
        fs.remove("f")
    assert fs.fs.open(node, os.O_RDONLY, ROOT_CALL) == os.O_RDONLY
    assert (fs.read(node), fs.used()[0]) == (b"x" * 51 * PAGE, 51)
    opens[node] = 0
    fs.fs.inactive(node)
    assert fs.used() == (0, 1)
    with refuses(errno.ENOENT):
        fs.link(node, "again")


@pytest.mark.parametrize(("size", "count"), [(50, 0), (51, None)], ids=["plenty of room", "use not known"])
def test_a_removed_file_is_kept_until_the_kernel_has_forgotten_it(size: int, count: int | None) -> None:
    """It may be opened still; and what a layer or another kernel does with it is not known."""
    fs = limited(100)
    fs.fs.volume.open_count = lambda node: count
    node = fs.file("f", b"x" * size * PAGE)
    fs.remove("f")
    fs.fs.inactive(node)
    assert fs.fs.open(node, os.O_RDONLY, ROOT_CALL) == os.O_RDONLY
    assert fs.read(node) == b"x" * size * PAGE
    fs.fs.reclaim(node)
    assert fs.used() == (0, 1)
