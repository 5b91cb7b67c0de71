"""Every operation through the queues of a virtual machine, into a file system in memory and a directory."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from filesystems.detrempe import Detrempe
from filesystems.tunnel import TunnelFS
from puffpy import VnodeOps
from puffpy.userkernel import UserKernel
from tests.vhostuser.conftest import Serve, wait_for

Make = Callable[[Path], VnodeOps]

SUBJECTS: dict[str, Make] = {
    "detrempe": lambda _: Detrempe(),
    "tunnel": lambda place: TunnelFS(str(place)),
}
LAYOUTS = {
    "as Linux does": {},
    "without indirect descriptors": {"indirect": False},
    "in one piece": {"piece": 4 << 20},
    "in pieces that fit nothing": {"piece": 1000},
    "in tiny pieces": {"piece": 7},
}


@pytest.fixture(params=SUBJECTS)
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> VnodeOps:
    """The file system."""
    place = tmp_path / "underneath"
    place.mkdir()
    return SUBJECTS[request.param](place)


def whole_life(kernel: UserKernel) -> None:
    """Do everything once that can be done to files."""
    with kernel.as_user(0, 0):
        kernel.mkdir("/d", 0o755)
        kernel.mkdir("/d/e", 0o700)
        fd = kernel.open("/d/f", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)
        data = bytes(range(256)) * 5000
        assert kernel.pwrite(fd, data, 3) == len(data)
        assert kernel.pread(fd, 2_000_000, 0) == b"\0\0\0" + data
        assert kernel.pread(fd, 100, len(data) + 3) == b""
        kernel.ftruncate(fd, 1000)
        assert kernel.fstat(fd).st_size == 1000
        kernel.posix_fallocate(fd, 0, 5000)
        kernel.fsync(fd)
        kernel.fdatasync(fd)
        kernel.close(fd)
        kernel.chmod("/d/f", 0o600)
        kernel.chown("/d/f", 0, 0)
        kernel.utime("/d/f", ns=(5_000_000_000, 6_000_000_000))
        assert kernel.stat("/d/f").st_mtime_ns == 6_000_000_000
        assert stat.S_IMODE(kernel.stat("/d/f").st_mode) == 0o600
        kernel.link("/d/f", "/d/g")
        kernel.symlink("f", "/d/l")
        assert os.fsdecode(kernel.readlink("/d/l")) == "f"
        kernel.mkfifo("/d/p", 0o644)
        kernel.rename("/d/g", "/d/e/h")
        kernel.setxattr("/d/f", "user.colour", b"red")
        assert kernel.getxattr("/d/f", "user.colour") == b"red"
        assert list(kernel.listxattr("/d/f")) == ["user.colour"]
        kernel.removexattr("/d/f", "user.colour")
        assert sorted(map(os.fsdecode, kernel.listdir("/d"))) == ["e", "f", "l", "p"]
        assert kernel.statvfs("/").f_namemax == 255
        with pytest.raises(OSError, match=os.strerror(errno.ENOTEMPTY)):
            kernel.rmdir("/d/e")
        with pytest.raises(FileNotFoundError):
            kernel.stat("/d/absent")
        for name in ("e/h", "f", "l", "p"):
            kernel.unlink(f"/d/{name}")
        kernel.rmdir("/d/e")
        kernel.rmdir("/d")
        assert kernel.listdir("/") == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_everything_can_be_done_however_the_guest_lays_its_requests_out(
    subject: VnodeOps, serve: Serve, layout: str
) -> None:
    served = serve(subject)
    guest = served.guest(**LAYOUTS[layout])  # type: ignore[arg-type]
    kernel = guest.mount()
    whole_life(kernel)
    kernel.unmount()
    assert kernel.balance().zero


def test_several_queues_are_served_at_once(subject: VnodeOps, serve: Serve) -> None:
    guest = serve(subject).guest(requests=2)
    kernel = guest.mount()
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with kernel.as_user(0, 0):
                kernel.mkdir(f"/{number}")
                for round_ in range(15):
                    path = f"/{number}/{round_}"
                    fd = kernel.open(path, os.O_RDWR | os.O_CREAT)
                    kernel.pwrite(fd, bytes([number]) * 10_000, 0)
                    assert kernel.pread(fd, 20_000, 0) == bytes([number]) * 10_000
                    kernel.close(fd)
                assert len(kernel.listdir(f"/{number}")) == 15
        except BaseException as exc:  # noqa: BLE001  raised below
            failures.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kernel.unmount()
    assert not failures


def test_what_is_forgotten_is_forgotten(serve: Serve) -> None:
    served = serve(Detrempe())
    kernel = served.guest().mount()
    with kernel.as_user(0, 0):
        for number in range(20):
            kernel.close(kernel.open(f"/{number}", os.O_WRONLY | os.O_CREAT))
    assert len(served.server.session.nodes) == 21
    kernel.drop_caches()
    wait_for(lambda: len(served.server.session.nodes) == 1, "all nodes are forgotten but the root")
    kernel.unmount()
