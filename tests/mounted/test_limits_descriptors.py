"""Many open files: ten thousand at once, more than there are descriptors for, and those of the killed."""

from __future__ import annotations

import errno
import os
import resource
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

import puffpy.live
from tests.filesystems.direct import refuses
from tests.mounted.conftest import StartServer, lacking
from tests.mounted.harness import DETREMPE, Server, run, wait_for
from tests.mounted.opening import opening, said, tell
from tests.mounted.tunnelled import descriptors, through

CLIENTS = 4
EACH = 2500
MIB = 1 << 20
OWN = 20
"""Descriptors that the server may open for itself meanwhile."""


@pytest.fixture(params=["detrempe", "tunnel"])
def many(request: pytest.FixtureRequest, root: None, start: StartServer, tmp_path: Path) -> Server:
    """A mount whose server may hold a descriptor for each of ten thousand open files."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2 * CLIENTS * EACH:
        lacking(f"a process may have no {2 * CLIENTS * EACH} descriptors here (ulimit -H -n)")
    below = tmp_path / "below"
    below.mkdir()
    return start(command=DETREMPE if request.param == "detrempe" else through(below))


def memory(server: Server) -> int:
    """Bytes of memory that the server has to itself."""
    status = Path(f"/proc/{server.process.pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("Private_"))


def empty(server: Server) -> None:
    """Remove all files."""
    for entry in os.scandir(server.mnt):
        os.unlink(entry.path)


def round_of_all(server: Server) -> None:
    """Have all clients open all their files, read them and close them; remove the files."""
    with ExitStack() as stack:
        clients = [stack.enter_context(opening(server.mnt, n * EACH, EACH)) for n in range(CLIENTS)]
        assert [said(client) for client in clients] == ["open"] * CLIENTS
        for client in clients:
            tell(client)
        assert [said(client) for client in clients] == [f"{EACH} of {EACH}"] * CLIENTS
        assert [client.wait(60) for client in clients] == [0] * CLIENTS
    empty(server)


def test_ten_thousand_files_are_open_at_once_and_nothing_of_them_stays(many: Server) -> None:
    before = descriptors(many)
    round_of_all(many)
    wait_for(lambda: descriptors(many) <= before + OWN, "the descriptors are closed")
    held = memory(many)
    round_of_all(many)
    wait_for(lambda: descriptors(many) <= before + OWN, "the descriptors are closed")
    # What Python keeps for the next time it has kept after the first round already.
    wait_for(lambda: memory(many) < held + 4 * MIB, "no more memory is in use than before")
    assert list(many.mnt.iterdir()) == []


def test_a_killed_client_leaves_nothing_open(many: Server) -> None:
    before, free = descriptors(many), os.statvfs(many.mnt).f_ffree
    with opening(many.mnt, 0, EACH) as client, puffpy.live.watch(str(many.mnt)) as looking:
        assert said(client) == "open"
        empty(many)  # so that only what is open keeps them
        snapshots = looking.snapshots(0.1)
        next(snapshots)
        client.send_signal(signal.SIGKILL)
        assert client.wait(60) == -signal.SIGKILL

        def released() -> bool:
            snapshot = next(snapshots)
            counted = snapshot.operations.get("RELEASE") if snapshot is not None else None
            return counted is not None and counted.number >= EACH

        wait_for(released, "a RELEASE has come for each open file")
    wait_for(lambda: descriptors(many) <= before + OWN, "the descriptors are closed")
    if "detrempe" in many.row.source:
        wait_for(lambda: os.statvfs(many.mnt).f_ffree == free, "the nodes are gone")


def test_thousands_of_directories_are_open_at_once(many: Server) -> None:
    before = descriptors(many)
    for number in range(50):
        (many.mnt / f"{number}").mkdir()
        (many.mnt / f"{number}" / "inside").touch()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    opened = []
    try:
        for number in range(2000):
            opened.append(os.open(many.mnt / f"{number % 50}", os.O_RDONLY | os.O_DIRECTORY))
        assert all(os.listdir(fd) == ["inside"] for fd in opened)
        for number in range(50):
            (many.mnt / f"{number}" / "inside").unlink()
            (many.mnt / f"{number}").rmdir()
        assert all(os.listdir(fd) == [] for fd in opened)
        assert not any(os.fstat(fd).st_nlink for fd in opened[:50])
    finally:
        for fd in opened:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_for(lambda: descriptors(many) <= before + OWN, "the descriptors are closed")


def test_a_tunnel_without_descriptors_opens_nothing_more_and_everything_else_works(
    root: None, start: StartServer, tmp_path: Path
) -> None:
    below = tmp_path / "below"
    below.mkdir()
    server = start(command=through(below), prefix=("prlimit", "--nofile=160:160"))
    (server.mnt / "there").write_text("pink")
    before = descriptors(server)
    with opening(server.mnt, 0, 1000) as client:
        assert said(client) == "ENFILE"
        had = len(os.listdir(server.mnt)) - 1
        assert 80 < had < 160
        for path in (server.mnt / "there", server.mnt / "new"):
            with refuses(errno.ENFILE):
                path.open("wb").close()
        assert not (below / "new").exists()
        (server.mnt / "directory").mkdir()
        (server.mnt / "there").rename(server.mnt / "directory" / "moved")
        os.truncate(server.mnt / "directory" / "moved", 2)
        assert (server.mnt / "directory" / "moved").stat().st_size == 2
        assert run("find", server.mnt, "-type", "f").count("\n") == had + 1
        for number in range(had):
            (server.mnt / f"{number}").unlink()
        tell(client)
        assert said(client) == f"{had} of {had}"
        assert client.wait(60) == 0
    (server.mnt / "new").write_text("floyd")
    assert (server.mnt / "directory" / "moved").read_text() == "pi"
    wait_for(lambda: descriptors(server) <= before + OWN, "the descriptors are closed")


def test_detrempe_needs_no_descriptor_for_an_open_file(root: None, start: StartServer) -> None:
    server = start("-o", "passthrough=no", prefix=("prlimit", "--nofile=64:64"))
    before = descriptors(server)
    with opening(server.mnt, 0, 1000) as client:
        assert said(client) == "open"
        assert descriptors(server) <= before + OWN
        tell(client)
        assert said(client) == "1000 of 1000"
