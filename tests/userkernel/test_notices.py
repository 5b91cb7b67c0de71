"""What the server tells unasked: each takes effect before the next call, or while nobody calls."""

from __future__ import annotations

import os
import select
import threading

import pytest

from puffpy.userkernel import UserKernel
from puffpy.wire import (
    Opcode,
    Reply,
    Request,
    encode_delete,
    encode_inc_epoch,
    encode_inval_entry,
    encode_inval_inode,
    encode_poll,
    encode_prune,
    encode_reply,
    encode_resend,
    encode_retrieve,
    encode_store,
)
from puffpy.wire.flags import InitFlag, InvalEntryFlag
from puffpy.wire.opcodes import UNIQUE_RESEND
from tests.userkernel.patience import until
from tests.userkernel.stand_in import DIRECTORY, FILE, LINK, ROOT, StandIn, stand_in


@pytest.fixture
def known() -> tuple[UserKernel, StandIn]:
    """A kernel that has looked everything up."""
    kernel, server = stand_in()
    kernel.stat("/file")
    kernel.stat("/directory")
    server.requests.clear()
    return kernel, server


def test_inval_inode_has_the_attributes_asked_for_again(known: tuple[UserKernel, StandIn]) -> None:
    kernel, server = known
    server.send(encode_inval_inode(FILE, -1))
    kernel.stat("/file")
    assert [request.nodeid for request in server.seen(Opcode.GETATTR)] == [FILE]
    kernel.stat("/file")
    assert not server.requests
    kernel.unmount()


def test_inval_inode_forgets_where_a_link_leads() -> None:
    kernel, server = stand_in(init={"flags": InitFlag.CACHE_SYMLINKS})
    for _ in range(2):
        kernel.readlink("/link")
    assert len(server.seen(Opcode.READLINK)) == 1
    server.send(encode_inval_inode(LINK))
    kernel.readlink("/link")
    assert len(server.seen(Opcode.READLINK)) == 1
    kernel.unmount()


@pytest.mark.parametrize("flags", [0, InvalEntryFlag.EXPIRE_ONLY])
def test_inval_entry_has_the_name_looked_up_again(known: tuple[UserKernel, StandIn], flags: int) -> None:
    kernel, server = known
    server.send(encode_inval_entry(ROOT, b"file", flags))
    kernel.stat("/directory")
    assert not server.seen(Opcode.LOOKUP)
    assert len(server.seen(Opcode.FORGET)) == (0 if flags else 1)
    kernel.stat("/file")
    assert [request.names for request in server.seen(Opcode.LOOKUP)] == [(b"file",)]
    kernel.unmount()
    assert kernel.balance().zero


def test_delete_drops_the_name_of_that_node_only(known: tuple[UserKernel, StandIn]) -> None:
    kernel, server = known
    server.send(encode_delete(ROOT, DIRECTORY, b"file"))
    kernel.stat("/file")
    assert not server.seen(Opcode.LOOKUP), "another node has that name"
    server.send(encode_delete(ROOT, FILE, b"file"))
    kernel.stat("/file")
    assert len(server.seen(Opcode.LOOKUP)) == 1
    kernel.unmount()


def test_inc_epoch_has_every_name_looked_up_again(known: tuple[UserKernel, StandIn]) -> None:
    kernel, server = known
    server.send(encode_inc_epoch())
    for _ in range(2):
        kernel.stat("/file")
        kernel.stat("/directory")
    assert len(server.seen(Opcode.LOOKUP)) == 2
    kernel.unmount()


def test_prune_gives_back_what_nobody_uses(known: tuple[UserKernel, StandIn]) -> None:
    kernel, server = known
    fd = kernel.open("/file", os.O_RDONLY)
    server.send(encode_prune([FILE, DIRECTORY, 999]))
    until(lambda: server.seen(Opcode.FORGET, Opcode.BATCH_FORGET))
    assert kernel.balance().lookups == {FILE: 1}, "an open file is in use"
    kernel.close(fd)
    kernel.unmount()


def test_stored_data_is_kept_for_retrieve(known: tuple[UserKernel, StandIn]) -> None:
    kernel, server = known
    server.send(encode_store(FILE, 0, b"0123456789"))
    server.send(encode_store(FILE, 8, b"abcdef"))
    server.send(encode_retrieve(99, FILE, 2, 100))
    server.send(encode_retrieve(101, DIRECTORY, 0, 100))
    until(lambda: len(server.requests) == 2)
    first, second = server.seen(Opcode.NOTIFY_REPLY)
    assert (first.unique, first.nodeid, first.fields["offset"], bytes(first.data)) == (
        99,
        FILE,
        2,
        b"234567abcdef",
    )
    assert (second.unique, bytes(second.data)) == (101, b"")
    assert kernel.stat("/file").st_size == 10, "the server says so when it is asked"
    server.send(encode_inval_inode(FILE))
    server.send(encode_retrieve(103, FILE, 0, 100))
    until(lambda: server.seen(Opcode.NOTIFY_REPLY))
    kernel.unmount()


def test_what_is_about_nobody_is_passed_over(known: tuple[UserKernel, StandIn]) -> None:
    kernel, server = known
    for notification in (
        encode_inval_inode(999),
        encode_inval_entry(999, b"x"),
        encode_inval_entry(ROOT, b"x"),
        encode_delete(999, 1, b"x"),
        encode_store(999, 0, b"x"),
        encode_poll(999),
    ):
        server.send(notification)
    kernel.stat("/file")
    kernel.stat("/directory")
    assert not server.seen(Opcode.LOOKUP)
    kernel.unmount()


def test_what_is_malformed_is_logged(
    known: tuple[UserKernel, StandIn], caplog: pytest.LogCaptureFixture
) -> None:
    kernel, server = known
    server.send(encode_poll(1)[:-1])
    kernel.settle()
    until(lambda: "refused" in caplog.text)
    kernel.unmount()


def test_poll_sleeps_until_it_is_woken() -> None:
    ready = [0]
    asked: list[Request] = []

    def poll(request: Request) -> Reply:
        asked.append(request)
        return Reply(request.unique, fields={"revents": ready[0]})

    kernel, server = stand_in({Opcode.POLL: poll})
    fd = kernel.open("/file", os.O_RDONLY)
    assert kernel.poll(fd, select.POLLIN, 0) == 0
    assert asked.pop().fields["flags"] == 0
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(kernel.poll(fd, select.POLLIN)))
    thread.start()
    until(lambda: asked)
    assert asked[0].fields["flags"] == 1
    ready[0] = select.POLLIN
    server.send(encode_poll(asked[0].fields["kh"]))
    thread.join(10)
    assert results == [select.POLLIN]
    kernel.unmount()


def test_resend_sends_again_what_was_not_answered() -> None:
    held: list[Request] = []

    def wait(request: Request) -> None:
        held.append(request)

    kernel, server = stand_in({Opcode.SETLKW: wait}, init={"flags": InitFlag.POSIX_LOCKS})
    fd = kernel.open("/file", os.O_RDWR)
    thread = threading.Thread(target=kernel.lockf, args=(fd, 2))
    thread.start()
    until(lambda: held)
    server.send(encode_resend())
    until(lambda: len(held) == 2)
    assert held[1].unique == held[0].unique | UNIQUE_RESEND
    assert held[1].fields == held[0].fields
    server.send(encode_reply(Opcode.SETLKW, Reply(held[1].unique)))
    thread.join(10)
    assert not thread.is_alive()
    kernel.unmount()
