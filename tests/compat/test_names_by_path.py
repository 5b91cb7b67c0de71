"""Names, from a program's by path: renaming, removing what is open, listing."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from typing import Any

import pytest

from puffpy.compat.fusepy import FuseOSError, Operations, fuse_config
from tests.compat.by_path import Flat, content, kernel_over, refused, write
from tests.compat.memory import Memory


def test_a_file_removed_while_open_is_hidden_and_goes_with_the_last_close() -> None:
    memory = Memory()
    with kernel_over(memory) as kernel:
        kernel.mkdir("/d")
        fd = kernel.open("/d/file", os.O_RDWR | os.O_CREAT)
        kernel.write(fd, b"kept")
        kernel.unlink("/d/file")
        (hidden,) = (path for path in memory.inodes if "/.fuse_hidden" in path)
        assert kernel.listdir("/d") == []
        with pytest.raises(FileNotFoundError):
            kernel.stat(hidden)
        assert kernel.pread(fd, 10, 0) == b"kept"
        assert kernel.fstat(fd).st_nlink == 0
        kernel.rmdir("/d")
        assert kernel.pread(fd, 10, 0) == b"kept"
        kernel.close(fd)
        assert set(memory.inodes) == {"/"}


def test_a_file_replaced_while_open_is_hidden_and_shown_again_if_that_fails() -> None:
    class Stubborn(Memory):
        def rename(self, old: str, new: str, flags: int = 0) -> None:
            if old == "/new":
                raise FuseOSError(errno.EDQUOT)
            super().rename(old, new)

    memory = Stubborn()
    with kernel_over(memory) as kernel:
        write(kernel, "/new", b"new")
        write(kernel, "/old", b"old")
        with kernel.open_file("/old", "rb") as file:
            with refused(errno.EDQUOT):
                kernel.rename("/new", "/old")
            assert file.read() == b"old"
        assert sorted(memory.inodes) == ["/", "/new", "/old"]


def test_hard_remove_unlinks_at_once_and_what_is_open_has_no_path() -> None:
    class Recording(Memory):
        def release(self, path: str, fh: int) -> None:
            self.said.append(path)
            super().release(path, fh)

    memory = Recording()
    with kernel_over(memory, config=fuse_config(hard_remove=1)) as kernel:
        fd = kernel.open("/file", os.O_RDWR | os.O_CREAT)
        kernel.unlink("/file")
        assert set(memory.inodes) == {"/"}
        with pytest.raises(FileNotFoundError):
            kernel.pread(fd, 1, 0)
        kernel.close(fd)
    assert memory.said == ["init", "-", "destroy"]


def test_a_program_that_can_do_without_paths_is_given_none_for_what_has_none() -> None:
    class ByHandle(Memory):
        flag_nullpath_ok = True

        def read(self, path: str | None, size: int, offset: int, fh: int) -> bytes:
            return str(path).encode()

    with kernel_over(ByHandle(), config=fuse_config(hard_remove=1)) as kernel:
        fd = kernel.open("/file", os.O_RDWR | os.O_CREAT)
        assert kernel.pread(fd, 10, 0) == b"/file"
        kernel.unlink("/file")
        assert kernel.pread(fd, 10, 0) == b"None"
        kernel.close(fd)


def test_a_program_that_cannot_rename_unlinks_what_is_open() -> None:
    class Settled(Memory):
        rename = Operations.rename  # type: ignore[assignment]

    memory = Settled()
    with kernel_over(memory) as kernel:
        fd = kernel.open("/file", os.O_RDWR | os.O_CREAT)
        kernel.unlink("/file")
        assert set(memory.inodes) == {"/"}
        kernel.close(fd)


class Flagless(Memory):
    """Knows nothing of flags."""

    def rename(self, old: str, new: str) -> None:  # type: ignore[override]
        super().rename(old, new)


def test_exchange_reaches_a_program_that_takes_flags() -> None:
    with kernel_over(Memory()) as kernel:
        kernel.mkdir("/a")
        write(kernel, "/a/inside", b"inside")
        write(kernel, "/b", b"b")
        kernel.rename("/a", "/b", flags=2)
        assert content(kernel, "/a") == b"b"
        assert content(kernel, "/b/inside") == b"inside"


def test_exchange_is_refused_where_the_program_would_lose_the_target() -> None:
    with kernel_over(Flagless()) as kernel:
        write(kernel, "/a", b"a")
        write(kernel, "/b", b"b")
        with refused(errno.EINVAL):
            kernel.rename("/a", "/b", flags=2)
        assert (content(kernel, "/a"), content(kernel, "/b")) == (b"a", b"b")


def test_noreplace_holds_though_the_program_knows_no_flags() -> None:
    memory = Flagless()
    with kernel_over(memory) as kernel:
        write(kernel, "/a", b"a")
        kernel.rename("/a", "/b", flags=1)
        write(kernel, "/a", b"a")
        with pytest.raises(FileExistsError):
            kernel.rename("/a", "/b", flags=1)
        assert sorted(memory.inodes) == ["/", "/a", "/b"]


def test_a_listing_may_have_types_and_numbers() -> None:
    class Telling(Flat):
        def readdir(self, path: str, fh: Any) -> Iterable[Any]:
            yield "plain"
            yield "mode", stat.S_IFDIR | 0o755, 0
            yield "dict", {"st_mode": stat.S_IFLNK, "st_ino": 77}, 0
            yield "nothing", None, 0

    with kernel_over(Telling(), config=fuse_config(use_ino=1)) as kernel, kernel.scandir("/") as entries:
        found = {
            entry.name: (entry.inode(), entry.is_dir(), entry.is_symlink())
            for entry in entries
            if entry.name in ("mode", "dict")
        }
    assert found["mode"][1:] == (True, False)
    assert found["dict"] == (77, False, True)


def test_a_listing_with_positions_is_asked_for_until_it_ends() -> None:
    class Slices(Flat):
        names = tuple(f"file {number}" for number in range(10))
        asked: list[int] = []  # noqa: RUF012

        def readdir_with_offset(self, path: str, offset: int, fh: Any) -> Iterable[Any]:
            self.asked.append(offset)
            for number, name in enumerate(self.names[offset : offset + 4], offset + 1):
                yield name, 0, number

    with kernel_over(Slices()) as kernel:
        assert kernel.listdir("/") == list(Slices.names)
    assert Slices.asked == [0, 4, 8, 10]


def test_a_directory_is_opened_and_released_around_its_listing() -> None:
    class Opening(Flat):
        said: list[str] = []  # noqa: RUF012

        def opendir(self, path: str) -> int:
            self.said.append(f"opendir {path}")
            return 5

        def readdir(self, path: str, fh: Any) -> Iterable[Any]:
            self.said.append(f"readdir {fh}")
            return ["file"]

        def releasedir(self, path: str, fh: Any) -> int:
            self.said.append(f"releasedir {fh}")
            return 0

    with kernel_over(Opening()) as kernel:
        kernel.listdir("/")
    assert Opening.said == ["opendir /", "readdir 5", "releasedir 5"]


def test_names_are_decoded_as_the_program_wants_them() -> None:
    class Latin(Flat):
        names = ("gr\xfc\xdfe",)

    raw = "gr\xfc\xdfe".encode("latin-1")
    with kernel_over(Latin(), encoding="latin-1", errors="strict") as kernel:
        assert kernel.listdir(b"/") == [raw]
        assert kernel.stat(b"/" + raw).st_size == 5


def test_links_say_what_they_were_made_with_and_files_have_two_names() -> None:
    with kernel_over(Memory()) as kernel:
        kernel.symlink("to/where", "/link")
        assert kernel.readlink("/link") == "to/where"
        write(kernel, "/one", b"1")
        kernel.link("/one", "/two")
        assert kernel.stat("/one").st_ino == kernel.stat("/two").st_ino
        kernel.unlink("/one")
        assert content(kernel, "/two") == b"1"
