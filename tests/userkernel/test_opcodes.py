"""Every request that Linux sends to a plain mount is sent here too, by the call that is meant to send it."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
from collections.abc import Callable

import pytest

from puffpy.userkernel import UserKernel
from puffpy.wire import MESSAGES, Opcode, Reply, encode_retrieve
from puffpy.wire.flags import InitFlag
from tests.userkernel.patience import until
from tests.userkernel.stand_in import FILE, StandIn, entry, fields, stand_in

NEVER = {
    Opcode.BMAP: "block-device mounts only",
    Opcode.DESTROY: "block-device mounts and virtual machines only",
    Opcode.SYNCFS: "block-device mounts and virtual machines only",
    Opcode.SETUPMAPPING: "virtual machines only",
    Opcode.REMOVEMAPPING: "virtual machines only",
    Opcode.CUSE_INIT: "character devices only",
    Opcode.STATX: "only for the birth time, which os.stat does not ask for",
    Opcode.INTERRUPT: "only while somebody waits; see test_connection",
}

BOTH = InitFlag.POSIX_LOCKS | InitFlag.FLOCK_LOCKS | InitFlag.BIG_WRITES


def file(kernel: UserKernel) -> int:
    return kernel.open("/file", os.O_RDWR)


def forget_one(kernel: UserKernel) -> None:
    kernel.stat("/file")
    kernel.drop_caches()


def forget_two(kernel: UserKernel) -> None:
    kernel.stat("/file")
    kernel.stat("/directory")
    kernel.drop_caches()


CALLS: dict[Opcode, Callable[[UserKernel], object]] = {
    Opcode.INIT: lambda kernel: None,
    Opcode.LOOKUP: lambda kernel: kernel.stat("/file"),
    Opcode.FORGET: forget_one,
    Opcode.BATCH_FORGET: forget_two,
    Opcode.GETATTR: lambda kernel: kernel.stat("/"),
    Opcode.SETATTR: lambda kernel: kernel.chmod("/file", 0),
    Opcode.READLINK: lambda kernel: kernel.readlink("/link"),
    Opcode.SYMLINK: lambda kernel: kernel.symlink("to", "/new"),
    Opcode.MKNOD: lambda kernel: kernel.mkfifo("/new"),
    Opcode.MKDIR: lambda kernel: kernel.mkdir("/new"),
    Opcode.UNLINK: lambda kernel: kernel.unlink("/file"),
    Opcode.RMDIR: lambda kernel: kernel.rmdir("/directory"),
    Opcode.RENAME: lambda kernel: kernel.rename("/file", "/new"),
    Opcode.RENAME2: lambda kernel: kernel.rename("/file", "/new", flags=1),
    Opcode.LINK: lambda kernel: kernel.link("/file", "/new"),
    Opcode.OPEN: file,
    Opcode.READ: lambda kernel: kernel.read(file(kernel), 1),
    Opcode.WRITE: lambda kernel: kernel.write(file(kernel), b"x"),
    Opcode.STATFS: lambda kernel: kernel.statvfs("/"),
    Opcode.RELEASE: lambda kernel: kernel.close(file(kernel)),
    Opcode.FLUSH: lambda kernel: kernel.close(file(kernel)),
    Opcode.FSYNC: lambda kernel: kernel.fsync(file(kernel)),
    Opcode.SETXATTR: lambda kernel: kernel.setxattr("/file", "user.x", b""),
    Opcode.GETXATTR: lambda kernel: kernel.getxattr("/file", "user.x"),
    Opcode.LISTXATTR: lambda kernel: kernel.listxattr("/file"),
    Opcode.REMOVEXATTR: lambda kernel: kernel.removexattr("/file", "user.x"),
    Opcode.OPENDIR: lambda kernel: kernel.open("/", os.O_RDONLY),
    Opcode.READDIR: lambda kernel: kernel.readdir(kernel.open("/", os.O_RDONLY)),
    Opcode.READDIRPLUS: lambda kernel: kernel.listdir("/"),
    Opcode.RELEASEDIR: lambda kernel: kernel.close(kernel.open("/", os.O_RDONLY)),
    Opcode.FSYNCDIR: lambda kernel: kernel.fsync(kernel.open("/", os.O_RDONLY)),
    Opcode.GETLK: lambda kernel: kernel.getlk(file(kernel), fcntl.LOCK_EX),
    Opcode.SETLK: lambda kernel: kernel.lockf(file(kernel), fcntl.LOCK_EX | fcntl.LOCK_NB),
    Opcode.SETLKW: lambda kernel: kernel.flock(file(kernel), fcntl.LOCK_EX),
    Opcode.ACCESS: lambda kernel: kernel.access("/file", os.R_OK),
    Opcode.CREATE: lambda kernel: kernel.open("/new", os.O_CREAT | os.O_RDWR),
    Opcode.TMPFILE: lambda kernel: kernel.open("/", os.O_TMPFILE | os.O_RDWR),
    Opcode.IOCTL: lambda kernel: kernel.ioctl(file(kernel), 1),
    Opcode.POLL: lambda kernel: kernel.poll(file(kernel), select.POLLIN, 0),
    Opcode.FALLOCATE: lambda kernel: kernel.posix_fallocate(file(kernel), 0, 1),
    Opcode.LSEEK: lambda kernel: kernel.lseek(file(kernel), 0, os.SEEK_HOLE),
    Opcode.COPY_FILE_RANGE_64: lambda kernel: kernel.copy_file_range(file(kernel), file(kernel), 1, 0, 9),
}


def test_every_opcode_has_its_call_or_its_reason() -> None:
    assert {*CALLS, *NEVER, Opcode.NOTIFY_REPLY, Opcode.COPY_FILE_RANGE} == set(MESSAGES)
    assert not CALLS.keys() & NEVER.keys()


def generous() -> tuple[UserKernel, StandIn]:
    """Return a server that answers everything with something."""
    made = entry(77, mode=stat.S_IFREG | 0o644)
    kernel, server = stand_in(init={"flags": BOTH})
    for opcode in MESSAGES:
        if opcode not in server._answers and MESSAGES[opcode].reply is None:
            server.set(opcode, lambda request: Reply(request.unique))
    for opcode in (Opcode.SYMLINK, Opcode.MKNOD, Opcode.MKDIR, Opcode.LINK):
        server.set(opcode, fields(**made))
    for opcode in (Opcode.CREATE, Opcode.TMPFILE):
        server.set(opcode, fields(**made, fh=5))
    for opcode in (Opcode.GETXATTR, Opcode.LISTXATTR):
        server.set(opcode, fields(size=0))
    server.set(Opcode.STATFS, fields(bsize=1))
    server.set(Opcode.GETLK, fields(type=fcntl.F_UNLCK))
    for opcode in (Opcode.IOCTL, Opcode.POLL, Opcode.LSEEK, Opcode.COPY_FILE_RANGE_64):
        server.set(opcode, fields())
    return kernel, server


@pytest.mark.parametrize("opcode", CALLS)
def test_the_call_sends_the_request(opcode: Opcode) -> None:
    kernel, server = generous()
    if opcode is Opcode.READDIRPLUS:
        kernel.unmount()
        kernel, server = stand_in(
            {Opcode.READDIRPLUS: lambda request: Reply(request.unique)},
            init={"flags": InitFlag.DO_READDIRPLUS},
        )
    CALLS[opcode](kernel)
    assert server.seen(opcode)
    kernel.unmount()
    assert kernel.balance().zero


def test_the_old_copy_follows_where_the_new_is_missing() -> None:
    kernel, server = generous()
    server.set(Opcode.COPY_FILE_RANGE_64, errno.ENOSYS)
    server.set(Opcode.COPY_FILE_RANGE, fields(size=1))
    assert kernel.copy_file_range(file(kernel), file(kernel), 1, 0, 9) == 1
    assert server.seen(Opcode.COPY_FILE_RANGE)
    kernel.unmount()


def test_a_retrieve_is_answered() -> None:
    kernel, server = generous()
    server.send(encode_retrieve(5, FILE, 0, 10))
    until(lambda: server.seen(Opcode.NOTIFY_REPLY))
    kernel.unmount()
