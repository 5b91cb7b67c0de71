"""Detrempe's large files, which the kernel reads, writes and maps by itself: no READ and no WRITE comes."""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from filesystems.detrempe.passthrough import possible
from filesystems.detrempe.tmpfs import KEEP_SIZE, PUNCH_HOLE, SPARE, fallocate
from tests.mounted.conftest import StartServer, lacking
from tests.mounted.harness import DETREMPE, NOBODY, Server, run, wait_for
from tests.mounted.tunnelled import descriptors, messages

SIZE = 4 << 20
PAGE = 4096
DATA = ("READ", "WRITE")
SMALL_TABLE = (
    sys.executable,
    "-c",
    (
        "import resource, runpy, sys;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (180, 180));"
        "sys.argv[0] = 'detrempe';"
        "runpy.run_module('filesystems.detrempe', run_name='__main__')"
    ),
)
"""Detrempe in a process that may have few descriptors open."""


libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_int64)
libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)


@pytest.fixture(autouse=True)
def able() -> None:
    """Make sure that a server may have something passed through."""
    if not possible():
        lacking("passthrough takes Linux 6.9 and CAP_SYS_ADMIN")


@pytest.fixture
def server(start: StartServer) -> Server:
    return start("--debug", "-o", "passthrough=yes")


def test_reads_and_writes_never_reach_the_server(server: Server) -> None:
    file, data = server.mnt / "made", os.urandom(SIZE)
    file.write_bytes(data)
    assert file.read_bytes() == data
    with open(file, "r+b", buffering=0) as opened:
        os.pwrite(opened.fileno(), b"pink", 1000)
    assert file.read_bytes() == data[:1000] + b"pink" + data[1004:]
    run("cp", file, server.mnt / "copy")
    run("cmp", file, server.mnt / "copy")
    assert messages(server, *DATA) == 0
    assert messages(server, "OPEN", "CREATE") >= 5


def test_memory_maps_truncation_and_appending_agree_with_them(server: Server) -> None:
    file = server.mnt / "pink"
    file.write_bytes(b"." * SIZE)
    with open(file, "r+b", buffering=0) as opened, mmap.mmap(opened.fileno(), SIZE) as memory:
        memory[4096:4101] = b"floyd"
        assert os.pread(opened.fileno(), 7, 4095) == b".floyd."
        os.pwrite(opened.fileno(), b"wall", 8192)
        assert memory[8191:8197] == b".wall."
        with mmap.mmap(opened.fileno(), SIZE, mmap.MAP_PRIVATE) as private:
            private[0:4] = b"mine"
            assert memory[0:4] == b"...."
    with open(file, "ab", buffering=0) as opened:
        opened.write(b"more")
        assert opened.tell() == SIZE + 4
        assert os.fstat(opened.fileno()).st_size == file.stat().st_size == SIZE + 4
        with open(file, "ab", buffering=0) as other:
            other.write(b"and")
        opened.write(b"more")
    assert file.read_bytes()[SIZE:] == b"moreandmore"
    os.truncate(file, 4098)
    assert file.read_bytes()[4090:] == b"......fl"
    os.truncate(file, 4200)
    assert file.read_bytes()[4090:] == b"......fl" + bytes(102)
    file.write_bytes(b"")
    assert file.stat().st_size == 0
    assert messages(server, *DATA) == 0


@contextmanager
def mapped(file: Path) -> Iterator[memoryview]:
    """A memory map that, unlike Python's own, holds no descriptor."""
    with open(file, "r+b") as opened:
        protection = mmap.PROT_READ | mmap.PROT_WRITE
        address = libc.mmap(None, SIZE, protection, mmap.MAP_SHARED, opened.fileno(), 0)
    assert address != ctypes.c_void_p(-1).value
    try:
        yield memoryview((ctypes.c_char * SIZE).from_address(address)).cast("B")
    finally:
        libc.munmap(address, SIZE)


def test_a_memory_map_outlives_the_open_file_and_the_name(server: Server) -> None:
    file = server.mnt / "pink"
    file.write_bytes(b"." * SIZE)
    free = os.statvfs(server.mnt).f_bfree
    with mapped(file) as memory:
        wait_for(lambda: messages(server, "RELEASE") == 2, "the file is closed")
        memory[0:4] = b"wall"
        assert file.read_bytes()[:5] == b"wall."
        os.truncate(file, PAGE)
        assert file.read_bytes() == b"wall" + b"." * (PAGE - 4)
        os.truncate(file, SIZE)
        file.unlink()
        memory[SIZE - 4 :] = b"last"
        assert bytes(memory[:4]) + bytes(memory[SIZE - 4 :]) == b"walllast"
        assert os.statvfs(server.mnt).f_bfree == free + SIZE // PAGE - 2
    wait_for(lambda: os.statvfs(server.mnt).f_bfree == free + SIZE // PAGE, "its room is free")


def test_what_a_memory_map_writes_moves_the_times(server: Server) -> None:
    file = server.mnt / "pink"
    file.write_bytes(b"." * SIZE)
    was = file.stat()
    with mapped(file) as memory:
        wait_for(lambda: messages(server, "RELEASE") == 2, "the file is closed")
        for page in range(3):
            wait_for(lambda: clock_of(server.mnt) > was.st_mtime_ns + 10**7, "its clock has gone on")  # noqa: B023
            memory[page * PAGE] = 0
            now = file.stat()
            assert now.st_mtime_ns > was.st_mtime_ns
            assert now.st_ctime_ns > was.st_ctime_ns
            was = now


def test_small_files_leave_no_descriptor_behind(server: Server) -> None:
    before = descriptors(server)
    for number in range(300):
        (server.mnt / f"f{number}").write_bytes(bytes([number % 256]) * number)
    for number in range(300):
        assert (server.mnt / f"f{number}").read_bytes() == bytes([number % 256]) * number
    assert messages(server, "WRITE") == 0
    wait_for(lambda: descriptors(server) < before + 30, "descriptors are closed")


def test_everything_comes_back_when_files_are_removed(server: Server) -> None:
    before, free = descriptors(server), os.statvfs(server.mnt).f_bfree
    for number in range(40):
        (server.mnt / f"f{number}").write_bytes(bytes(100_000))
    assert descriptors(server) >= before + 40
    assert os.statvfs(server.mnt).f_bfree == free - 40 * 25
    run("rm", *server.mnt.iterdir())
    wait_for(lambda: descriptors(server) < before + 30, "descriptors are closed")
    wait_for(lambda: os.statvfs(server.mnt).f_bfree == free, "the room is free")


def test_sizes_and_times_are_true_after_data_went_past_the_server(server: Server) -> None:
    file = server.mnt / "pink"
    latest = 0
    with open(file, "wb", buffering=0) as opened:
        for size in range(1000, 100_000, 1000):
            opened.write(b"x" * 1000)
            status = file.stat() if size % 2000 else os.fstat(opened.fileno())
            assert status.st_size == size
            assert latest <= status.st_mtime_ns <= status.st_ctime_ns
            latest = status.st_mtime_ns
            if size % 5000 == 0:
                os.utime(file)
        during = os.fstat(opened.fileno())
    after = file.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ctime_ns) == (
        during.st_size,
        during.st_mtime_ns,
        during.st_ctime_ns,
    )
    os.utime(file, ns=(5, 7))
    assert (file.stat().st_atime_ns, file.stat().st_mtime_ns) == (5, 7)
    with open(os.open(file, os.O_RDONLY | os.O_NOATIME), "rb") as opened:
        opened.read()
    assert file.stat().st_atime_ns == 5
    file.read_bytes()
    assert file.stat().st_atime_ns > latest


@pytest.mark.parametrize("size", [3, 200_000])
def test_setting_the_size_that_a_file_has_moves_its_times_as_on_tmpfs(server: Server, size: int) -> None:
    moved = []
    for directory in (Path("/dev/shm"), server.mnt):
        file = directory / f"puffpy-{os.getpid()}"
        try:
            file.write_bytes(bytes(size))
            os.utime(file, ns=(5, 7))
            before = file.stat().st_ctime_ns
            wait_for(lambda: clock_of(directory) > before, "its clock has gone on")  # noqa: B023
            os.truncate(file, size)
            moved.append((file.stat().st_mtime_ns > 7, file.stat().st_ctime_ns > before))
        finally:
            file.unlink()
    assert moved[0] == moved[1]


def clock_of(directory: Path) -> int:
    """What time a file system gives a new file."""
    fd = os.open(directory, os.O_TMPFILE | os.O_RDWR)
    try:
        return os.fstat(fd).st_ctime_ns
    finally:
        os.close(fd)


def test_ranges_are_reserved_punched_sought_and_copied_underneath(server: Server) -> None:
    file = server.mnt / "pink"
    file.write_bytes(b"x" * SIZE)
    with open(file, "r+b", buffering=0) as opened, open(server.mnt / "copy", "w+b") as copy:
        fd = opened.fileno()
        fallocate(fd, PUNCH_HOLE | KEEP_SIZE, PAGE, 2 * PAGE)
        assert os.lseek(fd, 0, os.SEEK_HOLE) == PAGE
        assert os.lseek(fd, PAGE, os.SEEK_DATA) == 3 * PAGE
        assert os.fstat(fd).st_blocks == SIZE // 512 - 16
        fallocate(fd, KEEP_SIZE, SIZE, PAGE)
        assert (os.fstat(fd).st_blocks, os.fstat(fd).st_size) == (SIZE // 512 - 8, SIZE)
        fallocate(fd, 0, SIZE, 2 * PAGE)
        assert os.fstat(fd).st_size == SIZE + 2 * PAGE
        assert os.copy_file_range(fd, copy.fileno(), SIZE, 0, 0) == SIZE
        assert os.lseek(copy.fileno(), 0, os.SEEK_HOLE) == PAGE
    expected = b"x" * PAGE + bytes(2 * PAGE) + b"x" * (SIZE - 3 * PAGE)
    assert (server.mnt / "copy").read_bytes() == expected
    assert file.read_bytes() == expected + bytes(2 * PAGE)


def test_data_far_behind_stay_sparse(server: Server) -> None:
    with open(server.mnt / "far", "wb", buffering=0) as file:
        os.pwrite(file.fileno(), b"end", 500 * 10**9)
    status = (server.mnt / "far").stat()
    assert (status.st_size, status.st_blocks) == (500 * 10**9 + 3, 8)
    os.truncate(server.mnt / "far", 10**12)
    with open(server.mnt / "far", "r+b", buffering=0) as file:
        assert os.pread(file.fileno(), 7, 500 * 10**9 - 2) == b"\0\0end\0\0"
        os.pwrite(file.fileno(), b"x", 10**11)
        assert os.fstat(file.fileno()).st_blocks == 16
    assert messages(server, *DATA) == 0


def test_names_come_and_go_while_a_file_is_open(server: Server) -> None:
    first, second = server.mnt / "pink", server.mnt / "floyd"
    first.write_bytes(b"x" * SIZE)
    with open(first, "r+b", buffering=0) as file:
        first.unlink()
        os.pwrite(file.fileno(), b"wall", 0)
        assert os.pread(file.fileno(), 5, 0) == b"wallx"
    fd = os.open(server.mnt, os.O_TMPFILE | os.O_WRONLY, 0o600)
    os.write(fd, b"y" * SIZE)
    run("ln", "-L", f"/proc/{os.getpid()}/fd/{fd}", second)
    os.pwrite(fd, b"Y", 0)
    os.close(fd)
    os.link(second, first)
    second.unlink()
    assert first.read_bytes() == b"Y" + b"y" * (SIZE - 1)
    assert first.stat().st_nlink == 1
    assert messages(server, *DATA) == 0


def test_direct_io_and_advisory_locks_work_on_it(server: Server) -> None:
    file = server.mnt / "pink"
    file.write_bytes(b"x" * SIZE)
    buffer = mmap.mmap(-1, PAGE)
    buffer[:] = b"y" * PAGE
    fd = os.open(file, os.O_RDWR | os.O_DIRECT)
    try:
        assert os.pwritev(fd, [buffer], PAGE) == PAGE
        assert os.preadv(fd, [buffer], 0) == PAGE
        assert bytes(buffer) == b"x" * PAGE
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with open(file, "rb") as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(fd)
        buffer.close()
    assert file.read_bytes()[PAGE - 1 : PAGE + 1] == b"xy"


def test_a_program_runs_and_is_busy_while_it_does(server: Server) -> None:
    program = server.mnt / "program"
    program.write_bytes(Path(sys.executable).resolve().read_bytes() + bytes(100_000))
    program.chmod(0o755)
    environment = {**os.environ, "PYTHONHOME": sys.base_prefix}
    words = [str(program), "-c", "print('pink', flush=True); input()"]
    with subprocess.Popen(
        words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "pink\n"
        with pytest.raises(OSError, match="Text file busy"):
            program.open("r+b")
        running.communicate("\n", timeout=20)
    assert running.returncode == 0
    program.open("r+b").close()
    assert messages(server, *DATA) == 0


def test_set_uid_bits_are_cleared_when_somebody_else_writes(start: StartServer) -> None:
    server = start("--debug", "-o", "allow_other,passthrough=yes")
    server.mnt.parent.parent.parent.chmod(0o755)
    server.mnt.parent.parent.chmod(0o755)
    server.mnt.parent.chmod(0o755)
    file = server.mnt / "pink"
    file.write_bytes(b"x" * SIZE)
    file.chmod(0o6777)
    with open(file, "ab") as opened:
        opened.write(b"root may")
    assert stat.S_IMODE(file.stat().st_mode) == 0o6777
    nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    run(*nobody, "sh", "-c", f"echo wall >> {file}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o777
    assert messages(server, *DATA) == 0


def test_it_is_full_when_it_is_full(start: StartServer) -> None:
    server = start("--debug", "-o", "passthrough=yes,size=4m")
    (server.mnt / "small").write_bytes(b"x" * 10)
    with open(server.mnt / "large", "wb", buffering=0) as file:
        assert file.write(bytes(8 << 20)) == (4 << 20) - PAGE
        with pytest.raises(OSError, match="No space left"):
            file.write(b"x")
        assert os.statvfs(server.mnt).f_bfree == 0
        with pytest.raises(OSError, match="No space left"):
            (server.mnt / "other").write_bytes(b"x")
        os.ftruncate(file.fileno(), 1 << 20)
        (server.mnt / "other").write_bytes(b"x")
    assert os.statvfs(server.mnt).f_bfree == (3 << 20) // PAGE - 2
    assert messages(server, *DATA) == 0


def test_without_descriptors_files_are_read_and_written_the_ordinary_way(start: StartServer) -> None:
    server = start("--debug", "-o", "passthrough=yes", command=SMALL_TABLE)
    files = [server.mnt / f"f{number}" for number in range(100)]
    for number, file in enumerate(files):
        file.write_bytes(bytes([number]) * 100_000)
    assert 180 - SPARE <= descriptors(server) <= 180
    assert messages(server, "WRITE") > 0
    for number, file in enumerate(files):
        assert file.read_bytes() == bytes([number]) * 100_000
    files[0].unlink()
    with open(files[99], "r+b", buffering=0) as opened:
        wait_for(lambda: messages(server, "FORGET", "BATCH_FORGET") > 0, "a descriptor is free")
        opened.write(b"pink")
    assert files[99].read_bytes()[:5] == b"pink\x63"


def test_it_is_there_by_default_and_may_be_left_out(start: StartServer) -> None:
    server = start("--debug", "-o", "passthrough=no")
    file = server.mnt / "pink"
    file.write_bytes(b"x" * SIZE)
    assert file.read_bytes() == b"x" * SIZE
    assert messages(server, "OPEN") <= 1
    assert messages(server, "WRITE") > 0
    server.unmount()
    server = start("--debug")
    file.write_bytes(b"x" * SIZE)
    assert file.read_bytes() == b"x" * SIZE
    assert messages(server, *DATA) == 0


def test_who_may_not_have_it_does_without(start: StartServer) -> None:
    without = ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin")
    done = subprocess.run(
        [*without, *DETREMPE, "-o", "passthrough=yes", "/nowhere"],
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 1
    assert "no passthrough: Operation not permitted: it takes Linux 6.9 and CAP_SYS_ADMIN" in done.stderr


def test_the_server_may_open_as_many_files_as_the_system_lets_it(server: Server) -> None:
    limits = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    assert limits[0] == limits[1]


def test_unmounting_with_large_files_open_ends_it_cleanly(server: Server) -> None:
    (server.mnt / "pink").write_bytes(b"x" * SIZE)
    assert server.unmount() == 0
    assert not server.is_mounted
