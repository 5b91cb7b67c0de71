"""Names and attributes that are remembered: for how long, how many, and what is owed for them."""

from __future__ import annotations

import errno
import os

import pytest

from puffpy.userkernel import Mount
from puffpy.wire import Opcode, Reply, Request, records
from tests.userkernel.conftest import Clock
from tests.userkernel.stand_in import DIRECTORY, FILE, entry, stand_in


def test_a_name_is_looked_up_once_while_it_may_be_remembered(clock: Clock) -> None:
    kernel, server = stand_in(clock=clock)
    for _ in range(3):
        kernel.stat("/file")
    assert len(server.seen(Opcode.LOOKUP)) == 1
    assert not server.seen(Opcode.GETATTR), "the entry carried the attributes"
    clock.now += 10
    kernel.stat("/file")
    assert len(server.seen(Opcode.LOOKUP)) == 1
    assert kernel.balance().lookups == {FILE: 2}
    kernel.unmount()
    assert kernel.balance().zero


def test_attributes_expire_by_themselves(clock: Clock) -> None:
    kernel, server = stand_in(
        {
            Opcode.LOOKUP: lambda request: Reply(
                request.unique, fields=entry(FILE, entry_valid=99, attr_valid=3)
            )
        },
        clock=clock,
    )
    kernel.stat("/file")
    clock.now += 2.9
    kernel.stat("/file")
    assert not server.seen(Opcode.GETATTR)
    clock.now += 0.2
    kernel.stat("/file")
    assert len(server.seen(Opcode.GETATTR)) == 1
    assert len(server.seen(Opcode.LOOKUP)) == 1
    kernel.unmount()


def test_nothing_is_remembered_that_may_not_be() -> None:
    kernel, server = stand_in(
        {
            Opcode.LOOKUP: lambda request: Reply(
                request.unique, fields=entry(FILE, entry_valid=0, attr_valid=0)
            )
        }
    )
    for _ in range(2):
        kernel.stat("/file")
    assert len(server.seen(Opcode.LOOKUP)) == 2
    assert len(server.seen(Opcode.GETATTR)) == 2
    kernel.unmount()


def test_fractions_of_seconds_count(clock: Clock) -> None:
    kernel, server = stand_in(
        {
            Opcode.LOOKUP: lambda request: Reply(
                request.unique, fields=entry(FILE, entry_valid=0, entry_valid_nsec=500_000_000)
            )
        },
        clock=clock,
    )
    kernel.stat("/file")
    clock.now += 0.4
    kernel.stat("/file")
    clock.now += 0.2
    kernel.stat("/file")
    assert len(server.seen(Opcode.LOOKUP)) == 2
    kernel.unmount()


def test_an_absence_is_remembered_only_where_the_server_says_so(clock: Clock) -> None:
    kernel, server = stand_in(clock=clock)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            kernel.stat("/nothing")
    assert len(server.seen(Opcode.LOOKUP)) == 2
    server.set(Opcode.LOOKUP, lambda request: Reply(request.unique, fields={"nodeid": 0, "entry_valid": 5}))
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            kernel.stat("/nothing")
    assert len(server.seen(Opcode.LOOKUP)) == 1
    clock.now += 6
    with pytest.raises(FileNotFoundError):
        kernel.stat("/nothing")
    assert len(server.seen(Opcode.LOOKUP)) == 1
    kernel.unmount()


def test_what_is_dropped_is_given_back_one_by_one_or_in_a_batch() -> None:
    kernel, server = stand_in()
    kernel.stat("/file")
    kernel.drop_caches()
    (forget,) = server.seen(Opcode.FORGET)
    assert (forget.nodeid, forget.fields["nlookup"]) == (FILE, 1)
    kernel.stat("/file")
    kernel.stat("/directory")
    kernel.drop_caches()
    (batch,) = server.seen(Opcode.BATCH_FORGET)
    assert batch.nodeid == 0
    assert sorted(records(batch)) == [(FILE, 1), (DIRECTORY, 1)]
    assert kernel.balance().zero
    kernel.unmount()


def test_what_is_open_is_not_given_back() -> None:
    kernel, server = stand_in()
    fd = kernel.open("/file", os.O_RDONLY)
    kernel.drop_caches()
    assert not server.seen(Opcode.FORGET)
    assert kernel.balance().lookups == {FILE: 1}
    kernel.close(fd)
    order = [request.opcode for request in server.requests][-3:]
    assert order == [Opcode.FLUSH, Opcode.RELEASE, Opcode.FORGET]
    kernel.unmount()


def test_a_working_directory_is_kept() -> None:
    kernel, server = stand_in()
    kernel.chdir("/directory")
    kernel.drop_caches()
    assert not server.seen(Opcode.FORGET)
    kernel.chdir("/")
    kernel.settle()
    assert len(server.seen(Opcode.FORGET)) == 1
    kernel.unmount()


def test_only_so_many_names_are_remembered_and_the_oldest_go_first() -> None:
    numbers = iter(range(100, 1000))
    kernel, server = stand_in(
        {Opcode.LOOKUP: lambda request: Reply(request.unique, fields=entry(next(numbers)))},
        mount=Mount(dentries=3),
    )
    for name in ("a", "b", "c"):
        kernel.stat(name)
    kernel.stat("a")
    kernel.stat("d")
    (forget,) = server.seen(Opcode.FORGET)
    assert forget.nodeid == 101, "b was used least recently"
    assert len(kernel.balance().lookups) == 3
    kernel.unmount()
    assert kernel.balance().zero


def test_a_directory_stays_while_names_below_it_do() -> None:
    numbers = iter(range(100, 1000))

    def lookup(request: Request) -> Reply:
        unique, names = request.unique, request.names
        mode = 0o40755 if names[0].startswith(b"d") else 0o100644
        return Reply(unique, fields=entry(next(numbers), mode=mode))

    kernel, server = stand_in({Opcode.LOOKUP: lookup}, mount=Mount(dentries=2))
    kernel.stat("/d/one")
    kernel.stat("/d/two")
    assert [forget.nodeid for forget in server.seen(Opcode.FORGET)] == [101]
    kernel.stat("/d/two")
    assert len(server.seen(Opcode.LOOKUP)) == 3
    kernel.unmount()
    assert kernel.balance().zero


def test_another_node_under_the_same_name_replaces_the_first(clock: Clock) -> None:
    kernel, server = stand_in(clock=clock)
    kernel.stat("/file")
    clock.now += 11
    server.set(Opcode.LOOKUP, lambda request: Reply(request.unique, fields=entry(50)))
    assert kernel.stat("/file").st_ino == 50
    (forget,) = server.seen(Opcode.FORGET)
    assert forget.nodeid == FILE
    kernel.unmount()


def test_another_generation_makes_the_old_inode_bad(clock: Clock) -> None:
    kernel, server = stand_in(clock=clock)
    fd = kernel.open("/file", os.O_RDONLY)
    clock.now += 11
    server.set(Opcode.LOOKUP, lambda request: Reply(request.unique, fields=entry(FILE, generation=2)))
    kernel.stat("/file")
    with pytest.raises(OSError, match="something else") as caught:
        kernel.read(fd, 1)
    assert caught.value.errno == errno.EIO
    kernel.unmount()
    assert kernel.balance().zero


def test_a_directory_cannot_be_put_below_itself() -> None:
    kernel, _ = stand_in({Opcode.LOOKUP: lambda request: Reply(request.unique, fields=entry(DIRECTORY))})
    with pytest.raises(OSError, match="below itself") as caught:
        kernel.stat("/one/two")
    assert caught.value.errno == errno.ELOOP
    kernel.unmount()
    assert kernel.balance().zero


def test_a_slow_answer_does_not_undo_a_change() -> None:
    kernel, server = stand_in()
    fd = kernel.open("/file", os.O_RDWR)
    during = []

    def getattr_meanwhile_written(request: Request) -> Reply:
        unique = request.unique
        tree, inode = kernel._tree, kernel._descriptors.get(fd).inode
        tree.changed(inode, size=99)
        during.append(inode)
        return Reply(unique, fields={"mode": 0o100644, "size": 10, "attr_valid": 10, "ino": FILE})

    kernel.pread(fd, 1, 0)
    server.set(Opcode.GETATTR, getattr_meanwhile_written)
    kernel.fstat(fd)
    assert during[0].attr.size == 99
    during.clear()
    kernel.unmount()


def test_a_look_up_that_was_overtaken_is_used_but_not_remembered() -> None:
    kernel, server = stand_in()
    tree = kernel._tree

    def lookup_meanwhile_removed(request: Request) -> Reply:
        tree.drop(tree.root, b"file")
        return Reply(request.unique, fields=entry(FILE))

    server.set(Opcode.LOOKUP, lookup_meanwhile_removed)
    assert kernel.stat("/file").st_ino == FILE
    assert len(server.seen(Opcode.FORGET)) == 1, "nobody remembers it"
    kernel.stat("/file")
    assert len(server.seen(Opcode.LOOKUP)) == 2
    kernel.unmount()


def test_what_is_stale_is_looked_for_once_more_under_its_name() -> None:
    """Somebody has put another file under the name that is remembered (fs/namei.c, LOOKUP_REVAL)."""
    new = 9
    kernel, server = stand_in()
    kernel.stat("/file")
    server.seen(Opcode.LOOKUP)
    server.set(Opcode.LOOKUP, lambda request: Reply(request.unique, fields=entry(new)))
    server.set(
        Opcode.OPEN,
        lambda request: (
            Reply(request.unique, fields={"fh": 7})
            if request.nodeid == new
            else Reply(request.unique, error=errno.ESTALE)
        ),
    )
    kernel.close(kernel.open("/file", os.O_RDONLY))
    assert [request.nodeid for request in server.seen(Opcode.OPEN)] == [FILE, new]
    assert len(server.seen(Opcode.LOOKUP)) == 1
    kernel.stat("/file")
    assert not server.seen(Opcode.LOOKUP)
    kernel.unmount()
    assert kernel.balance().zero


def test_what_stays_stale_is_not_looked_for_for_ever() -> None:
    kernel, server = stand_in({Opcode.OPEN: errno.ESTALE, Opcode.READ: errno.ESTALE})
    with pytest.raises(OSError, match="Stale") as caught:
        kernel.open("/file", os.O_RDONLY)
    assert (caught.value.errno, caught.value.filename) == (errno.ESTALE, "/file")
    assert len(server.seen(Opcode.OPEN)) == 2
    server.set(Opcode.OPEN, lambda request: Reply(request.unique, fields={"fh": 7}))
    fd = kernel.open("/file", os.O_RDONLY)
    with pytest.raises(OSError, match="Stale"):
        kernel.read(fd, 1)
    assert len(server.seen(Opcode.READ)) == 1
    kernel.close(fd)
    kernel.unmount()
