"""Quota: what is counted, who is full, and what df shows."""

from __future__ import annotations

import errno
import os
from functools import partial
from pathlib import Path

import pytest

import puffpy
from filesystems.detrempe import Detrempe
from filesystems.tunnel import TunnelFS
from puffpy.layers import Quota
from puffpy.userkernel import UserKernel
from tests.layers.conftest import Piled


def write(kernel: UserKernel, path: str, size: int) -> int:
    """Write *size* bytes to a new file; return how many of them went in."""
    fd = kernel.open(path, os.O_CREAT | os.O_WRONLY, 0o666)
    try:
        return kernel.write(fd, b"x" * size)
    finally:
        kernel.close(fd)


@pytest.fixture
def kernel(piled: Piled) -> UserKernel:
    return piled(Detrempe(), partial(Quota, size=puffpy.Size(10_000), inodes=5))


def refused(code: int) -> str:
    return os.strerror(code)


def test_a_tree_is_full_when_its_bytes_are_used_up(kernel: UserKernel) -> None:
    assert write(kernel, "/a", 6000) == 6000
    assert write(kernel, "/b", 6000) == 4000
    with pytest.raises(OSError, match=refused(errno.ENOSPC)):
        write(kernel, "/c", 1)
    fd = kernel.open("/a", os.O_WRONLY)
    assert kernel.pwrite(fd, b"y" * 6000, 0) == 6000
    for change in (
        lambda: kernel.truncate("/a", 6001),
        lambda: kernel.posix_fallocate(fd, 0, 6001),
        lambda: kernel.pwrite(fd, b"y", 1 << 30),
    ):
        with pytest.raises(OSError, match=refused(errno.ENOSPC)):
            change()
    kernel.close(fd)


def test_what_is_cut_or_removed_can_be_used_again(kernel: UserKernel) -> None:
    assert write(kernel, "/a", 10_000) == 10_000
    kernel.truncate("/a", 4000)
    assert write(kernel, "/b", 9000) == 6000
    kernel.unlink("/b")
    kernel.settle()
    assert write(kernel, "/c", 9000) == 6000
    kernel.rename("/c", "/a")
    kernel.settle()
    assert write(kernel, "/d", 9000) == 4000


def test_nodes_are_counted_and_a_removed_one_makes_room_at_once(kernel: UserKernel) -> None:
    fd = kernel.open("/open", os.O_CREAT | os.O_RDWR)
    for number in range(3):
        kernel.mkdir(f"/{number}")
    for make in (kernel.mkdir, kernel.mkfifo, lambda path: kernel.symlink("a", path)):
        with pytest.raises(OSError, match=refused(errno.ENOSPC)):
            make("/more")
    kernel.rmdir("/0")
    kernel.mkdir("/more")
    kernel.unlink("/open")
    kernel.mkdir("/yet more")
    assert kernel.write(fd, b"nameless") == 8
    kernel.close(fd)
    with pytest.raises(OSError, match=refused(errno.ENOSPC)):
        kernel.mkdir("/too many")


def test_every_user_has_limits_of_their_own_and_root_none(piled: Piled) -> None:
    kernel = piled(Detrempe(), partial(Quota, size=puffpy.Size(1000), inodes=2, per="user"))
    kernel.chmod("/", 0o777)
    for uid in (1000, 1001):
        with kernel.as_user(uid, uid):
            assert write(kernel, f"/{uid}", 5000) == 1000
            with pytest.raises(OSError, match=refused(errno.EDQUOT)):
                write(kernel, f"/{uid}-more", 1)
            assert kernel.statvfs("/").f_bavail == 0
    assert write(kernel, "/root", 5000) == 5000
    with pytest.raises(OSError, match=refused(errno.EDQUOT)):
        kernel.chown("/root", 1000, -1)
    kernel.truncate("/1000", 0)
    kernel.truncate("/root", 500)
    kernel.unlink("/1000-more")
    kernel.settle()
    kernel.chown("/root", 1000, -1)
    with kernel.as_user(1000, 1000), pytest.raises(OSError, match=refused(errno.EDQUOT)):
        kernel.truncate("/1000", 501)


def test_what_was_there_counts(tmp_path: Path, piled: Piled) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "old").write_bytes(b"x" * 3000)
    os.link(tmp_path / "d" / "old", tmp_path / "again")
    kernel = piled(TunnelFS(str(tmp_path)), partial(Quota, size=puffpy.Size(4000), inodes=4))
    assert write(kernel, "/new", 5000) == 1000
    with pytest.raises(OSError, match=refused(errno.ENOSPC)):
        kernel.mkdir("/e")


def test_df_shows_the_limits_and_what_is_left(kernel: UserKernel) -> None:
    write(kernel, "/a", 5000)
    st = kernel.statvfs("/")
    assert (st.f_blocks, st.f_bfree, st.f_bavail) == (2, 1, 1)
    assert (st.f_files, st.f_ffree) == (5, 3)


def test_a_nameless_file_counts_until_it_is_gone(kernel: UserKernel) -> None:
    fd = kernel.open("/", os.O_TMPFILE | os.O_RDWR)
    assert kernel.write(fd, b"x" * 10_000) == 10_000
    with pytest.raises(OSError, match=refused(errno.ENOSPC)):
        write(kernel, "/a", 1)
    kernel.close(fd)
    kernel.settle()
    assert write(kernel, "/b", 10_000) == 10_000


def test_limits_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="inodes=-1"):
        Quota(Detrempe(), inodes=-1)
    with pytest.raises(ValueError, match="per=group"):
        Quota(Detrempe(), per="group")


def test_what_would_have_to_be_awaited_cannot_be_counted() -> None:
    class Waiting(Detrempe):
        async def readdir(self, dvp: object, call: object) -> object:  # type: ignore[override]  # awaited
            return []

    with pytest.raises(puffpy.VectorError, match="Waiting.readdir is async"):
        Quota(Waiting())
