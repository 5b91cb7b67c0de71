"""Files read and written straight to and from the guest's memory, and that the guest hears nothing of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import puffpy
from filesystems.tunnel import TunnelFS
from puffpy.bridges.vhostuser.passthrough import Passthrough
from puffpy.userkernel import Offer, UserKernel
from puffpy.wire.flags import InitFlag, OpenOut
from tests.vhostuser.conftest import Serve, wait_for
from tests.vhostuser.driver import Guest

DATA = os.urandom(300_000)


class Counting(TunnelFS):
    """Counts what it is asked itself."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory)
        self.asked: list[str] = []

    def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> memoryview:
        self.asked.append("read")
        return super().read(vp, offset, size, call)

    def write(self, vp: Any, offset: int, data: memoryview, call: puffpy.Call) -> int:
        self.asked.append("write")
        return super().write(vp, offset, data, call)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a file."""
    made = tmp_path / "underneath"
    made.mkdir()
    (made / "file").write_bytes(DATA)
    (made / "file").chmod(0o666)
    return made


def test_data_do_not_pass_through_the_file_system(serve: Serve, place: Path) -> None:
    fs = Counting(str(place))
    kernel = serve(fs).guest().mount()
    with kernel.as_user(0, 0):
        fd = kernel.open("/file", os.O_RDWR)
        assert kernel.pread(fd, 1 << 20, 0) == DATA
        assert kernel.pread(fd, 10, 299_995) == DATA[-5:]
        assert kernel.pread(fd, 10, 300_000) == b""
        assert kernel.pwrite(fd, b"x" * 200_000, 200_000) == 200_000
        again = kernel.open("/file", os.O_RDONLY)
        assert kernel.pread(again, 400_001, 0) == DATA[:200_000] + b"x" * 200_000
        kernel.close(fd)
        kernel.close(again)
        made = kernel.open("/made", os.O_RDWR | os.O_CREAT)
        kernel.pwrite(made, b"new", 5)
        kernel.close(made)
    kernel.unmount()
    assert (place / "file").read_bytes() == DATA[:200_000] + b"x" * 200_000
    assert (place / "made").read_bytes() == b"\0\0\0\0\0new"
    assert fs.asked == []


@pytest.mark.parametrize("layout", [{"piece": 1000}, {"piece": 4 << 20}, {"indirect": False}], ids=str)
def test_data_are_whole_however_the_guest_lays_them_out(
    serve: Serve, place: Path, layout: dict[str, int]
) -> None:
    kernel = serve(TunnelFS(str(place))).guest(**layout).mount()  # type: ignore[arg-type]
    with kernel.as_user(0, 0):
        fd = kernel.open("/file", os.O_RDWR)
        for offset, size in ((0, 300_000), (1, 4095), (4095, 2), (100, 131_072)):
            assert kernel.pread(fd, size, offset) == DATA[offset : offset + size]
        kernel.pwrite(fd, DATA[::-1], 0)
        kernel.close(fd)
    kernel.unmount()
    assert (place / "file").read_bytes() == DATA[::-1]


def test_a_second_open_may_do_more_than_the_first(serve: Serve, place: Path) -> None:
    kernel = serve(TunnelFS(str(place))).guest().mount()
    with kernel.as_user(0, 0):
        reader = kernel.open("/file", os.O_RDONLY)
        writer = kernel.open("/file", os.O_WRONLY)
        kernel.pwrite(writer, b"changed", 0)
        assert kernel.pread(reader, 7, 0) == b"changed"
        with pytest.raises(OSError, match=r"."):
            kernel.pwrite(reader, b"no", 0)
        kernel.close(reader)
        kernel.pwrite(writer, b"again", 0)
        kernel.close(writer)
    kernel.unmount()
    assert (place / "file").read_bytes().startswith(b"agained")


def test_a_file_that_is_opened_to_append_grows_at_its_end(serve: Serve, place: Path) -> None:
    kernel = serve(TunnelFS(str(place))).guest().mount()
    with kernel.as_user(0, 0):
        fd = kernel.open("/file", os.O_WRONLY | os.O_APPEND)
        kernel.write(fd, b"end")
        kernel.close(fd)
    kernel.unmount()
    assert (place / "file").read_bytes() == DATA + b"end"


def test_what_the_disk_refuses_the_guest_is_told(serve: Serve, place: Path) -> None:
    kernel = serve(TunnelFS(str(place))).guest().mount()
    with kernel.as_user(0, 0):
        fd = kernel.open("/file", os.O_RDWR)
        with pytest.raises(OSError, match=r"."):
            kernel.pwrite(fd, b"far", (1 << 63) - 2)
        assert kernel.pread(fd, 3, 0) == DATA[:3]
    kernel.unmount()


def test_the_guest_hears_nothing_of_it(serve: Serve, place: Path) -> None:
    served = serve(TunnelFS(str(place)))
    guest = served.guest()
    heard: list[bytes] = []
    ask = guest.call

    def listening(request: bytes) -> bytes:
        heard.append(ask(request))
        return heard[-1]

    guest.call = listening  # type: ignore[method-assign]
    kernel = guest.mount()
    assert served.server.session.terms is not None
    assert served.server.session.terms.flags & InitFlag.PASSTHROUGH
    assert not kernel._connection.terms.flags & InitFlag.PASSTHROUGH
    with kernel.as_user(0, 0):
        heard.clear()
        kernel.close(kernel.open("/file", os.O_RDONLY))
    opened = next(reply for reply in heard if len(reply) == 32)
    assert not int.from_bytes(opened[24:28], "little") & OpenOut.PASSTHROUGH
    assert opened[28:32] == bytes(4)
    kernel.unmount()


def test_a_guest_too_old_to_speak_of_it_is_served_too(serve: Serve, place: Path) -> None:
    fs = Counting(str(place))
    guest: Guest = serve(fs).guest()
    kernel = UserKernel(guest, offer=Offer(minor=31))
    with kernel.as_user(0, 0):
        fd = kernel.open("/file", os.O_RDONLY)
        assert kernel.pread(fd, 1 << 20, 0) == DATA
        kernel.close(fd)
    kernel.unmount()
    assert fs.asked, "by the file system itself"


def test_no_file_stays_open_underneath(serve: Serve, place: Path) -> None:
    def open_files() -> int:
        links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
        return sum(os.path.lexists(link) and os.readlink(link).endswith("/file") for link in links)

    served = serve(TunnelFS(str(place)))
    before = open_files()
    kernel = served.guest().mount()
    with kernel.as_user(0, 0):
        fds = [kernel.open("/file", flags) for flags in (os.O_RDONLY, os.O_RDWR, os.O_WRONLY)]
        assert open_files() > before
        for fd in fds:
            kernel.close(fd)
        kernel.drop_caches()
        wait_for(lambda: open_files() == before, "the file is closed")
        kernel.open("/file", os.O_RDONLY)
    kernel.abort()
    kernel = served.guest().mount()
    kernel.drop_caches()
    wait_for(lambda: open_files() == before, "the file is closed that a machine had which was switched off")
    kernel.unmount()


def test_only_regular_files_can_back_others() -> None:
    reading, writing = os.pipe()
    with pytest.raises(OSError, match="regular"):
        Passthrough().register(reading)
    os.close(reading)
    os.close(writing)
