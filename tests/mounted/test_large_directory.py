"""Two hundred thousand files in one directory, while others come and go."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

from tests.mounted.conftest import StartServer
from tests.mounted.harness import PROJECT, Server

FILES = 200_000


def test_each_of_200_000_files_is_listed_once_while_others_are_added_and_removed(start: StartServer) -> None:
    server = start(limit=200)
    top = server.mnt / "large"
    top.mkdir()
    directory = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    before = os.statvfs(server.mnt)
    names = [f"file-{number}" for number in range(FILES)]
    for name in names:
        os.mknod(name, stat.S_IFREG | 0o644, dir_fd=directory)
    assert before.f_ffree - os.statvfs(server.mnt).f_ffree == FILES

    with subprocess.Popen(
        [sys.executable, "-m", "tests.mounted.clients.churn", top],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as churn:
        assert churn.stdin is not None
        assert churn.stdout is not None
        assert churn.stdout.readline() == "churning\n"
        listed = os.listdir(top)
        churn.stdin.close()
        came_and_went = int(churn.stdout.readline())
        assert churn.wait(60) == 0
    assert len(listed) == len(set(listed)), "a name was listed twice"
    assert {name for name in listed if not name.startswith("extra-")} == set(names)
    assert came_and_went > 40, "nothing came and went while the directory was listed"
    assert len(os.listdir(top)) == FILES

    # Half of them as they are listed, as rm does it; the others by name.
    with os.scandir(top) as entries:
        for entry in entries:
            if entry.name.endswith(("0", "2", "4", "6", "8")):
                os.unlink(entry.name, dir_fd=directory)
    assert len(os.listdir(top)) == FILES // 2
    for name in names:
        if name.endswith(("1", "3", "5", "7", "9")):
            os.unlink(name, dir_fd=directory)
    os.close(directory)
    assert os.listdir(top) == []
    top.rmdir()
    assert server.unmount() == 0


def test_a_listing_goes_on_where_the_kernels_cached_one_broke_off(detrempe: Server) -> None:
    top = detrempe.mnt / "large"
    top.mkdir()
    names = {f"file-{number}" for number in range(4000)}
    for name in names:
        (top / name).touch()
    # The first listing may stay in the kernel's page cache (FOPEN_CACHE_DIR); the second starts from there,
    # loses it half way, and asks the file system for the rest: at a position that belongs to the first.
    assert set(os.listdir(top)) == names
    directory = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
    listed = []
    with os.scandir(directory) as entries:
        for entry in entries:
            listed.append(entry.name)
            os.unlink(entry.name, dir_fd=directory)
            if len(listed) == 500:
                os.posix_fadvise(directory, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(directory)
    assert len(listed) == len(names)
    assert set(listed) == names
    assert os.listdir(top) == []
