"""Data that the kernel fetches by itself: no READ and no WRITE comes, and everybody sees the same."""

from __future__ import annotations

import mmap
import os
import stat
from pathlib import Path

import pytest

from tests.mounted.conftest import StartServer
from tests.mounted.harness import NOBODY, Server, run, wait_for
from tests.mounted.tunnelled import messages, through

SIZE = 4 << 20
DATA = ("READ", "WRITE")


@pytest.fixture
def below(tmp_path: Path) -> Path:
    """The directory that is tunnelled."""
    made = tmp_path.resolve() / "below"
    made.mkdir()
    return made


@pytest.fixture
def tunnel(start: StartServer, below: Path, root: None) -> Server:
    return start("--debug", command=through(below))


def test_reads_and_writes_never_reach_the_server(tunnel: Server, below: Path) -> None:
    data = os.urandom(SIZE)
    (tunnel.mnt / "made").write_bytes(data)
    (below / "there").write_bytes(data[::-1])
    assert (below / "made").read_bytes() == data
    assert (tunnel.mnt / "made").read_bytes() == data
    assert (tunnel.mnt / "there").read_bytes() == data[::-1]
    with open(tunnel.mnt / "there", "r+b") as file:
        file.seek(1000)
        file.write(b"pink")
    assert (below / "there").read_bytes()[1000:1004] == b"pink"
    assert messages(tunnel, *DATA) == 0
    assert messages(tunnel, "OPEN", "CREATE") == 4


def test_memory_maps_truncation_and_appending_agree_with_them(tunnel: Server, below: Path) -> None:
    mine, theirs = tunnel.mnt / "pink", below / "pink"
    mine.write_bytes(b"." * SIZE)
    with open(mine, "r+b", buffering=0) as file, mmap.mmap(file.fileno(), SIZE) as memory:
        memory[4096:4101] = b"floyd"
        assert os.pread(file.fileno(), 7, 4095) == b".floyd."
        os.pwrite(file.fileno(), b"wall", 8192)
        assert memory[8191:8197] == b".wall."
        memory.flush()
        assert theirs.read_bytes()[4096:4101] == b"floyd"
        theirs.open("r+b").close()
        with open(theirs, "r+b") as other:
            other.seek(100)
            other.write(b"behind")
        assert memory[100:106] == b"behind"
        with mmap.mmap(file.fileno(), SIZE, mmap.MAP_PRIVATE) as private:
            private[0:4] = b"mine"
            assert memory[0:4] == b"...."
    with open(mine, "ab", buffering=0) as file:
        file.write(b"more")
        assert file.tell() == SIZE + 4
        assert os.fstat(file.fileno()).st_size == mine.stat().st_size == SIZE + 4
        with open(theirs, "ab", buffering=0) as other:
            other.write(b"and")
        file.write(b"more")
    assert theirs.read_bytes()[SIZE:] == b"moreandmore"
    os.truncate(mine, 4098)
    assert mine.read_bytes()[4090:] == b"......fl"
    os.truncate(mine, 4200)
    assert theirs.read_bytes()[4090:] == mine.read_bytes()[4090:] == b"......fl" + bytes(102)
    mine.write_bytes(b"")
    assert theirs.stat().st_size == mine.stat().st_size == 0
    assert messages(tunnel, *DATA) == 0


def test_sizes_and_times_are_true_after_data_went_past_the_server(tunnel: Server, below: Path) -> None:
    mine, theirs = tunnel.mnt / "pink", below / "pink"
    with open(mine, "wb", buffering=0) as file:
        for size in range(1000, 20_000, 1000):
            file.write(b"x" * 1000)
            assert mine.stat().st_size == size
            assert os.fstat(file.fileno()).st_mtime_ns == theirs.stat().st_mtime_ns
    os.utime(theirs, ns=(1, 1))
    mine.read_bytes()
    assert mine.stat().st_atime_ns == theirs.stat().st_atime_ns


def test_many_openers_of_one_file_share_it(tunnel: Server, below: Path) -> None:
    mine = tunnel.mnt / "pink"
    mine.write_bytes(bytes(1000))
    os.link(mine, tunnel.mnt / "floyd")
    files = [open(mine if n % 2 else tunnel.mnt / "floyd", "r+b", buffering=0) for n in range(20)]  # noqa: SIM115
    for number, file in enumerate(files):
        os.pwrite(file.fileno(), bytes([number]) * 10, number * 10)
    mine.unlink()
    expected = b"".join(bytes([number]) * 10 for number in range(20))
    for file in files:
        assert os.pread(file.fileno(), 200, 0) == expected
        file.close()
    assert (below / "floyd").read_bytes()[:200] == expected
    assert messages(tunnel, *DATA) == 0


def test_a_program_runs_and_is_busy_while_it_does(tunnel: Server, below: Path) -> None:
    run("cp", "/bin/sleep", tunnel.mnt / "nap")
    assert run(tunnel.mnt / "nap", "0") == ""
    assert messages(tunnel, *DATA) == 0


def test_set_uid_bits_are_cleared_though_the_kernel_writes_with_the_servers_rights(
    start: StartServer, below: Path, root: None
) -> None:
    for directory in (below, below.parent, below.parent.parent, below.parent.parent.parent):
        directory.chmod(directory.stat().st_mode | 0o011)
    server = start("--debug", "-o", "allow_other", command=through(below))
    (server.mnt / "pink").write_text("floyd")
    (server.mnt / "pink").chmod(0o6777)
    nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    run(*nobody, "sh", "-c", f"echo wall >> {server.mnt}/pink")
    assert stat.S_IMODE((below / "pink").stat().st_mode) == 0o777
    assert messages(server, *DATA) == 0


def test_a_tunnel_of_a_tunnel_passes_nothing_through_and_tells_the_same(
    start: StartServer, below: Path, tmp_path: Path
) -> None:
    # The kernel stacks no file system that reads another's files on one that does so itself.
    middle = tmp_path.resolve() / "middle"
    middle.mkdir()
    start(command=through(below), on=middle)
    server = start("--debug", command=through(middle))
    mine, theirs = server.mnt / "pink", below / "pink"
    data = os.urandom(SIZE)
    mine.write_bytes(data)
    assert theirs.read_bytes() == data
    with open(mine, "r+b", buffering=0) as file, mmap.mmap(file.fileno(), SIZE) as memory:
        memory[4096:4101] = b"floyd"
        assert os.pread(file.fileno(), 5, 4096) == b"floyd"
        memory.flush()
    with open(mine, "ab", buffering=0) as file:
        file.write(b"more")
    expected = data[:4096] + b"floyd" + data[4101:] + b"more"
    assert theirs.read_bytes() == mine.read_bytes() == expected
    os.truncate(mine, 5)
    assert mine.read_bytes() == data[:5]
    theirs.write_bytes(b"behind its back")
    wait_for(lambda: mine.read_bytes() == b"behind its back", "what others wrote", 5)
    assert messages(server, "READ") > 0
    assert messages(server, "WRITE") > 0
