"""When there is no more room: on the disk under a tunnel, or in the memory of a server.  Nothing is lost."""

from __future__ import annotations

import errno
import mmap
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tests.filesystems.direct import refuses
from tests.mounted.conftest import StartServer
from tests.mounted.harness import run, wait_for
from tests.mounted.tunnelled import NOT_PASSED, through

MIB = 1 << 20
PAGE = 4096
NODES = 60
KEPT = os.urandom(600 * 1024)


@attrs.frozen
class Disk:
    """A file system of 2 MiB and 60 nodes, seen through a tunnel."""

    below: Path
    mnt: Path
    passed: bool

    @property
    def free(self) -> int:
        """How many bytes are free."""
        figures = os.statvfs(self.mnt)
        return figures.f_bavail * figures.f_frsize


@pytest.fixture(params=["passed through", "read and written"])
def disk(request: pytest.FixtureRequest, root: None, start: StartServer, tmp_path: Path) -> Iterator[Disk]:
    """A small tmpfs, and a tunnel to it whose kernel reads and writes by itself, or asks."""
    below = tmp_path / "below"
    below.mkdir()
    run("mount", "-t", "tmpfs", "-o", f"size=2m,nr_inodes={NODES}", "none", below)
    try:
        passed = request.param == "passed through"
        server = start(command=through(below) if passed else (sys.executable, "-c", NOT_PASSED, below))
        yield Disk(below, server.mnt, passed)
        server.close()
    finally:
        run("umount", below)


def filled(path: Path) -> int:
    """Write until the disk is full; return how much that was."""
    size = 0
    with open(path, "wb", buffering=0) as file:
        with refuses(errno.ENOSPC):
            for _ in range(2 * MIB // PAGE):
                size += file.write(b"x" * 5000)
        assert os.fstat(file.fileno()).st_size == size
        os.fsync(file.fileno())
    return size


def test_a_full_disk_says_so_and_loses_nothing(disk: Disk) -> None:
    (disk.mnt / "kept").write_bytes(KEPT)
    size = filled(disk.mnt / "big")
    assert size > MIB
    assert (disk.mnt / "big").read_bytes() == (disk.below / "big").read_bytes() == b"x" * size
    with refuses(errno.ENOSPC):
        (disk.mnt / "other").write_bytes(b"y")
    with open(disk.mnt / "kept", "r+b", buffering=0) as kept:
        with refuses(errno.ENOSPC):
            os.posix_fallocate(kept.fileno(), 0, MIB)
        # What has its room already is overwritten on a full disk as on any other.
        assert os.pwrite(kept.fileno(), KEPT[::-1], 0) == len(KEPT)
    (disk.mnt / "kept").rename(disk.mnt / "still")
    assert (disk.mnt / "still").read_bytes() == KEPT[::-1]
    (disk.mnt / "big").unlink()
    wait_for(lambda: disk.free > MIB, "the kernel has forgotten the file, and its room is free")
    (disk.mnt / "again").write_bytes(b"z" * MIB)
    assert (disk.mnt / "again").read_bytes() == b"z" * MIB
    assert (disk.mnt / "still").read_bytes() == KEPT[::-1]


def test_cutting_a_file_makes_room_for_another_at_once(disk: Disk) -> None:
    filled(disk.mnt / "big")
    os.truncate(disk.mnt / "big", MIB)
    (disk.mnt / "other").write_bytes(KEPT)
    assert (disk.mnt / "other").read_bytes() == KEPT
    assert (disk.mnt / "big").read_bytes() == b"x" * MIB


def test_many_files_replaced_on_a_disk_that_holds_two_find_their_room(disk: Disk) -> None:
    for number in range(40):
        data = bytes([number]) * 900_000

        def written(data: bytes = data) -> bool:
            try:
                (disk.mnt / "new").write_bytes(data)
            except OSError as exc:
                if exc.errno != errno.ENOSPC:
                    raise
                return False  # the one before is not forgotten yet
            return True

        wait_for(written, "the file that was replaced has given its room back")
        (disk.mnt / "new").rename(disk.mnt / "file")
        assert (disk.mnt / "file").read_bytes() == data


MAPPING = """
import mmap, sys
with open(sys.argv[1], "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
    memory[:] = b"m" * len(memory)
"""


def test_what_a_memory_map_has_no_room_for_is_told(disk: Disk) -> None:
    """To who syncs it; or to who touches it, where the map is one of the file underneath, as it is there."""
    with open(disk.mnt / "holes", "w+b", buffering=0) as file:
        file.truncate(16 * PAGE)
        filled(disk.mnt / "big")
        if disk.passed:
            run(sys.executable, "-c", MAPPING, disk.mnt / "holes", status=-signal.SIGBUS)
            return
        with mmap.mmap(file.fileno(), 16 * PAGE) as memory:
            memory[:] = b"m" * 16 * PAGE
            with refuses(errno.ENOSPC):
                memory.flush()
        os.unlink(disk.mnt / "big")
        wait_for(lambda: disk.free > MIB, "there is room again")
        assert os.pwrite(file.fileno(), b"n" * 16 * PAGE, 0) == 16 * PAGE
        os.fsync(file.fileno())
    assert (disk.below / "holes").read_bytes() == b"n" * 16 * PAGE


def test_without_nodes_left_nothing_is_made_and_everything_stays(disk: Disk) -> None:
    made = 0
    with refuses(errno.ENOSPC):
        for made in range(NODES):
            (disk.mnt / f"{made}").write_text(f"{made}")
    assert NODES // 2 < made < NODES
    for make in (Path.mkdir, Path.touch, lambda path: path.symlink_to("0")):
        with refuses(errno.ENOSPC):
            make(disk.mnt / "one more")
    assert not (disk.below / "one more").exists()
    assert sorted(os.listdir(disk.mnt)) == sorted(map(str, range(made)))
    assert [(disk.mnt / f"{n}").read_text() for n in range(made)] == [f"{n}" for n in range(made)]
    (disk.mnt / "0").unlink()
    wait_for(lambda: os.statvfs(disk.below).f_ffree > 0, "the node is free")
    (disk.mnt / "one more").mkdir()


def test_a_memory_map_that_fits_in_part_is_no_success(start: StartServer) -> None:
    """The kernel writes it back in one piece, of which there is room for a half."""
    mnt = start("-o", "size=1m,passthrough=no").mnt
    with open(mnt / "holes", "w+b", buffering=0) as file:
        file.truncate(16 * PAGE)
        (mnt / "other").write_bytes(b"x" * (MIB - 8 * PAGE))
        with mmap.mmap(file.fileno(), 16 * PAGE) as memory:
            memory[:] = b"m" * 16 * PAGE
            with refuses(errno.ENOSPC):
                memory.flush()
        (mnt / "other").unlink()
        assert os.pread(file.fileno(), 8 * PAGE, 0) == b"m" * 8 * PAGE
