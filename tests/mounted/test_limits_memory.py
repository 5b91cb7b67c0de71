"""A server that gets no more memory: callers are told, what was written stays, what goes makes room."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.filesystems.direct import refuses
from tests.mounted.conftest import StartServer
from tests.mounted.harness import Server, wait_for

MIB = 1 << 20
KEPT = os.urandom(600 * 1024)

LIMITS = {"address space": (resource.RLIMIT_AS, "VmSize"), "data": (resource.RLIMIT_DATA, "VmData")}


def used(server: Server, what: str) -> int:
    """Bytes of *what* that the server has."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(what)).split()[1]) * 1024


@contextmanager
def limited(server: Server, limit: str, more: int) -> Iterator[None]:
    """Let the server have *more* bytes than it has, and no more than that."""
    number, what = LIMITS[limit]
    before = resource.prlimit(server.process.pid, number)
    resource.prlimit(server.process.pid, number, (used(server, what) + more, before[1]))
    try:
        yield
    finally:
        resource.prlimit(server.process.pid, number, before)


def settle(server: Server) -> None:
    """Wait until all of the server's threads run, and have it keep something."""
    server.wait_until_mounted()
    (server.mnt / "kept").write_bytes(KEPT)
    threads = Path(f"/proc/{server.process.pid}/task")
    wait_for(lambda: len(list(threads.iterdir())) >= 4, "it serves, sends, watches and listens")


@pytest.mark.parametrize("limit", LIMITS)
def test_data_that_find_no_memory_are_enospc_and_nothing_is_lost(start: StartServer, limit: str) -> None:
    server = start("-o", "passthrough=no")
    settle(server)
    size = 0
    with limited(server, limit, 24 * MIB):
        for _ in range(2):
            with open(server.mnt / "big", "wb", buffering=0) as file:
                with refuses(errno.ENOSPC):
                    for _ in range(64):
                        size += file.write(b"x" * MIB)
                size = os.fstat(file.fileno()).st_size
            assert size > 8 * MIB
            assert (server.mnt / "kept").read_bytes() == KEPT
            with open(server.mnt / "big", "rb") as file:
                assert all(set(file.read(MIB)) <= {ord("x")} for _ in range(size // MIB + 1))
            (server.mnt / "big").unlink()
            (server.mnt / "other").write_bytes(KEPT[::-1])
            assert (server.mnt / "other").read_bytes() == KEPT[::-1]
        assert sorted(os.listdir(server.mnt)) == ["kept", "other"]
    assert (server.mnt / "kept").read_bytes() == KEPT
    assert os.statvfs(server.mnt).f_bfree > 0
