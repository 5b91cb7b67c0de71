"""Requests and replies: who asks, what ENOSYS teaches, interrupts, the end."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable

import pytest

from puffpy.userkernel import Offer
from puffpy.userkernel.connection import ANSWERS_ALONE
from puffpy.wire import MESSAGES, Opcode, Reply, Request, encode_reply
from puffpy.wire.flags import InitFlag
from tests.userkernel.patience import until
from tests.userkernel.stand_in import FILE, stand_in


def test_uniques_are_even_and_never_come_twice() -> None:
    kernel, server = stand_in()
    for _ in range(3):
        kernel.drop_caches()
        kernel.stat("/file")
    uniques = [request.unique for request in server.requests]
    assert uniques == sorted(set(uniques))
    assert not any(unique % 2 for unique in uniques)
    kernel.unmount()


def test_a_request_says_who_asks() -> None:
    kernel, server = stand_in()
    kernel.stat("/file")
    (lookup,) = server.seen(Opcode.LOOKUP)
    assert (lookup.uid, lookup.gid, lookup.pid) == (os.geteuid(), os.getegid(), threading.get_native_id())
    with kernel.as_user(1000, 1001, [1002]):
        kernel.stat("/directory")
    (lookup,) = server.seen(Opcode.LOOKUP)
    assert (lookup.uid, lookup.gid, lookup.pid) == (1000, 1001, 0)
    kernel.unmount()


@pytest.mark.parametrize("opcode", ANSWERS_ALONE)
def test_what_the_kernel_answers_alone_is_in_the_protocol(opcode: Opcode) -> None:
    assert MESSAGES[opcode].answered


def test_enosys_is_not_asked_for_again_and_means_what_linux_takes_it_for() -> None:
    kernel, server = stand_in()
    fd = kernel.open("/file", os.O_RDWR)
    refusals: list[tuple[Opcode, Callable[[], object], int]] = [
        (Opcode.FALLOCATE, lambda: kernel.posix_fallocate(fd, 0, 1), errno.EOPNOTSUPP),
        (Opcode.GETXATTR, lambda: kernel.getxattr("/file", "user.x"), errno.EOPNOTSUPP),
        (Opcode.SETXATTR, lambda: kernel.setxattr("/file", "user.x", b""), errno.EOPNOTSUPP),
        (Opcode.LISTXATTR, lambda: kernel.listxattr("/file"), errno.EOPNOTSUPP),
        (Opcode.REMOVEXATTR, lambda: kernel.removexattr("/file", "user.x"), errno.EOPNOTSUPP),
        (Opcode.LINK, lambda: kernel.link("/file", "/new"), errno.EPERM),
        (Opcode.RENAME2, lambda: kernel.rename("/file", "/new", flags=1), errno.EINVAL),
        (Opcode.TMPFILE, lambda: kernel.open("/", os.O_TMPFILE | os.O_RDWR), errno.EOPNOTSUPP),
    ]
    for opcode, attempt, code in refusals:
        for _ in range(2):
            with pytest.raises(OSError, match=".") as caught:
                attempt()
            assert caught.value.errno == code, opcode
        assert len(server.seen(opcode)) == 1, opcode
    kernel.unmount()


def test_enosys_where_the_kernel_does_without() -> None:
    kernel, server = stand_in()
    server.set(Opcode.FLUSH, errno.ENOSYS)
    for _ in range(2):
        fd = kernel.open("/file", os.O_RDWR)
        kernel.fsync(fd)
        assert kernel.access("/file", os.R_OK)
        assert kernel.poll(fd, timeout=0)
        assert kernel.lseek(fd, 3, os.SEEK_DATA) == 3
        assert kernel.lseek(fd, 3, os.SEEK_HOLE) == 10
        kernel.close(fd)
    for opcode in (Opcode.FSYNC, Opcode.ACCESS, Opcode.POLL, Opcode.LSEEK, Opcode.FLUSH):
        assert len(server.seen(opcode)) == 1, opcode
    kernel.unmount()


def test_a_server_that_opens_nothing_is_told_of_no_release() -> None:
    kernel, server = stand_in({Opcode.OPEN: errno.ENOSYS, Opcode.OPENDIR: errno.ENOSYS})
    for _ in range(2):
        kernel.close(kernel.open("/file", os.O_RDONLY))
        kernel.close(kernel.open("/directory", os.O_RDONLY))
    assert len(server.seen(Opcode.OPEN, Opcode.OPENDIR)) == 2
    assert len(server.seen(Opcode.FLUSH)) == 2
    assert not server.seen(Opcode.RELEASE, Opcode.RELEASEDIR)
    kernel.unmount()


def test_enosys_goes_to_the_caller_where_linux_has_no_answer() -> None:
    kernel, server = stand_in()
    for _ in range(2):
        with pytest.raises(OSError, match="not implemented") as caught:
            kernel.mkdir("/new")
        assert caught.value.errno == errno.ENOSYS
    assert len(server.seen(Opcode.MKDIR)) == 2
    kernel.unmount()


def test_an_ioctl_that_nobody_knows_is_asked_for_each_time() -> None:
    kernel, server = stand_in()
    fd = kernel.open("/file", os.O_RDWR)
    for _ in range(2):
        with pytest.raises(OSError, match="ioctl") as caught:
            kernel.ioctl(fd, 0x5401)
        assert caught.value.errno == errno.ENOTTY
    assert len(server.seen(Opcode.IOCTL)) == 2
    kernel.unmount()


def test_an_older_kernel_does_not_send_what_came_later() -> None:
    kernel, server = stand_in(offer=Offer(minor=36))
    with pytest.raises(OSError, match="not supported"):
        kernel.open("/", os.O_TMPFILE | os.O_RDWR)
    assert not server.seen(Opcode.TMPFILE)
    kernel.unmount()


def test_a_malformed_reply_is_eio() -> None:
    kernel, server = stand_in()
    server.encode = lambda request, reply: b"\x11\0\0\0" + bytes(13)  # type: ignore[method-assign]
    with pytest.raises(OSError, match=r"LOOKUP.*bytes") as caught:
        kernel.stat("/file")
    assert caught.value.errno == errno.EIO
    kernel.unmount()


def test_a_lock_that_waits_is_interrupted_and_the_server_is_told_which() -> None:
    held: list[Request] = []

    def wait(request: Request) -> None:
        held.append(request)

    kernel, server = stand_in({Opcode.SETLKW: wait}, init={"flags": InitFlag.POSIX_LOCKS})
    fd = kernel.open("/file", os.O_RDWR)
    errors: list[OSError] = []

    def lock() -> None:
        try:
            kernel.lockf(fd, 2)
        except OSError as exc:
            errors.append(exc)

    def interrupted(request: Request) -> None:
        (waiting,) = held
        assert request.fields["unique"] == waiting.unique
        assert request.unique == waiting.unique | 1
        server.send(encode_reply(Opcode.SETLKW, Reply(waiting.unique, error=errno.EINTR)))

    server.set(Opcode.INTERRUPT, interrupted)
    thread = threading.Thread(target=lock)
    thread.start()
    until(lambda: held)
    assert thread.ident is not None
    assert kernel.stat("/file").st_size == 10, "one who waits lets others pass"
    assert kernel.interrupt(thread.ident)
    thread.join(10)
    assert isinstance(errors[0], InterruptedError)
    assert not kernel.interrupt(thread.ident)
    kernel.unmount()


def test_an_interrupt_that_comes_too_early_is_repeated() -> None:
    held: list[Request] = []
    answers = [errno.EAGAIN, errno.EAGAIN]

    def interrupted(request: Request) -> Reply | None:
        if answers:
            return Reply(request.unique, error=answers.pop())
        server.send(encode_reply(Opcode.SETLKW, Reply(request.fields["unique"], error=errno.EINTR)))
        return None

    def wait(request: Request) -> None:
        held.append(request)

    kernel, server = stand_in(
        {Opcode.SETLKW: wait, Opcode.INTERRUPT: interrupted}, init={"flags": InitFlag.POSIX_LOCKS}
    )
    fd = kernel.open("/file", os.O_RDWR)

    def lock() -> None:
        with pytest.raises(InterruptedError):
            kernel.lockf(fd, 2)

    thread = threading.Thread(target=lock)
    thread.start()
    until(lambda: held)
    assert thread.ident is not None
    kernel.interrupt(thread.ident)
    thread.join(10)
    assert len(server.seen(Opcode.INTERRUPT)) == 3
    kernel.unmount()


def test_abort_wakes_who_waits_and_refuses_who_comes_later() -> None:
    held: list[Request] = []

    def wait(request: Request) -> None:
        held.append(request)

    kernel, server = stand_in({Opcode.SETLKW: wait}, init={"flags": InitFlag.POSIX_LOCKS})
    fd = kernel.open("/file", os.O_RDWR)
    errors: list[OSError] = []

    def lock() -> None:
        try:
            kernel.lockf(fd, 2)
        except OSError as exc:
            errors.append(exc)

    thread = threading.Thread(target=lock)
    thread.start()
    until(lambda: held)
    kernel.abort()
    thread.join(10)
    assert errors[0].errno == errno.ECONNABORTED
    with pytest.raises(OSError, match="not connected") as caught:
        kernel.stat("/directory")
    assert caught.value.errno == errno.ENOTCONN
    assert server.closed
    kernel.unmount()
    assert kernel.balance().zero


def test_an_entry_that_names_the_root_is_eio_and_never_given_back() -> None:
    kernel, server = stand_in()
    from_root = Reply
    server.set(
        Opcode.LOOKUP,
        lambda request: from_root(request.unique, fields={"nodeid": 1, "mode": 0o40755, "entry_valid": 1}),
    )
    with pytest.raises(OSError, match="node 1"):
        kernel.stat("/file")
    kernel.unmount()
    assert not server.seen(Opcode.FORGET, Opcode.BATCH_FORGET)


def test_a_node_that_becomes_another_type_is_bad_from_then_on() -> None:
    kernel, server = stand_in(
        {
            Opcode.GETATTR: lambda request: Reply(
                request.unique, fields={"mode": 0o40755, "attr_valid": 10, "ino": request.nodeid}
            )
        }
    )
    fd = kernel.open("/file", os.O_RDWR)
    kernel.write(fd, b"x")
    for attempt in (lambda: kernel.fstat(fd), lambda: kernel.pread(fd, 1, 0)):
        with pytest.raises(OSError, match=f"node {FILE}"):
            attempt()
    kernel.unmount()
    assert server.closed
