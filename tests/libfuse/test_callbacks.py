"""What libfuse would call, called here: on detrempe, without libfuse and without a mount."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from filesystems.detrempe import Detrempe
from puffpy.libfuse.binding import Binding
from puffpy.libfuse.callbacks import Callbacks, NamedCallbacks
from puffpy.libfuse.kernel import NOW, OMIT, CallbackKernel
from puffpy.libfuse.locks import Flock
from puffpy.userkernel.inprocess import serve_in_process

HIDDEN = ".fuse_hidden0000000200000001"


class World:
    """A mount's callbacks, and who calls them."""

    def __init__(self) -> None:
        self.caller = (0, 0, 0)
        self.is_interrupted = False
        self.left = False
        module = ModuleType("binding")
        module.__dict__.update(
            fuse_get_context=lambda: self.caller,
            fuse_exit=lambda: setattr(self, "left", True),
            _libfuse=SimpleNamespace(fuse_interrupted=lambda: self.is_interrupted),
        )
        self.kernel = CallbackKernel(serve_in_process(Detrempe(), None, None)[0])
        self.call = Callbacks(Binding("fusepy", module, (2, 9)), lambda: self.kernel, 0)
        self.call.init("/")

    def open(self, path: str, flags: int = os.O_RDWR, owner: int = 1) -> Any:
        fi = SimpleNamespace(flags=flags, fh=0, lock_owner=owner)
        self.call.open(path, fi)
        return fi

    def make(self, path: str, data: bytes = b"") -> Any:
        fi = SimpleNamespace(flags=os.O_RDWR, fh=0, lock_owner=1)
        self.call.create(path, 0o100644, fi)
        self.call.write(path, data, 0, fi)
        return fi

    def close(self, fi: Any, path: str | None = None) -> None:
        self.call.flush(path, fi)
        self.call.release(path, fi)

    def names(self, path: str = "/") -> list[str]:
        fd = self.call.opendir(path, os.O_RDONLY)
        listing = self.call.readdir(path, fd)
        self.call.releasedir(path, fd)
        return sorted(name for name, _, _ in listing if name not in (".", ".."))


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.call.end()
    assert made.kernel.balance().zero


def refuses(code: int) -> Any:
    return pytest.raises(OSError, check=lambda exc: exc.errno == code)


def test_a_file_hidden_while_it_is_open_is_removed_and_lives_on_under_its_hidden_name(world: World) -> None:
    world.call.mkdir("/d", 0o755)
    fi = world.make("/d/f", b"pink")
    with refuses(errno.ENOENT):
        world.call.getattr(f"/d/{HIDDEN}")
    world.call.rename("/d/f", f"/d/{HIDDEN}")
    assert world.names("/d") == []
    assert world.call.getattr(f"/d/{HIDDEN}")["st_nlink"] == 0
    world.call.chmod(f"/d/{HIDDEN}", 0o600)
    world.call.truncate(f"/d/{HIDDEN}", 2)
    again = world.open(f"/d/{HIDDEN}")
    assert world.call.read(None, 10, 0, again) == b"pi"
    world.call.rmdir("/d")
    for each in (fi, again):
        world.close(each)
    world.call.unlink(f"/d/{HIDDEN}")
    with refuses(errno.ENOENT):
        world.call.getattr(f"/d/{HIDDEN}")


@pytest.mark.parametrize("name", [HIDDEN, ".fuse_hidden1", "other"])
def test_what_is_not_open_is_renamed_whatever_its_new_name(world: World, name: str) -> None:
    world.close(world.make("/f", b"pink"))
    world.call.rename("/f", f"/{name}")
    assert world.names() == [name]


def test_into_another_directory_a_hidden_name_is_a_name_like_any_other(world: World) -> None:
    world.call.mkdir("/d", 0o755)
    fi = world.make("/f", b"pink")
    world.call.rename("/f", f"/d/{HIDDEN}")
    assert (world.names(), world.names("/d")) == (["d"], [HIDDEN])
    world.close(fi)


def test_who_opens_to_append_writes_where_the_systems_kernel_says(world: World) -> None:
    world.close(world.make("/f", b"0123456789"))
    fi = world.open("/f", os.O_WRONLY | os.O_APPEND | os.O_SYNC)
    world.call.write("/f", b"ab", 3, fi)
    world.close(fi)
    fi = world.open("/f", os.O_RDONLY)
    assert world.call.read("/f", 100, 0, fi) == b"012ab56789"
    world.close(fi)


def test_names_are_the_bytes_that_latin_1_stands_for(world: World) -> None:
    world.call.mkdir("/\xff\xe9", 0o755)
    world.call.symlink("/s", "\xfe")
    assert world.names() == ["s", "\xff\xe9"]
    assert world.call.readlink("/s") == "\xfe"
    assert os.fsdecode(b"\xff\xe9") in world.kernel.listdir("/")


def test_a_time_may_be_set_left_alone_or_now(world: World) -> None:
    world.close(world.make("/f"))
    world.call.utimens("/f", ((5, 6), (7, 8)))
    world.call.utimens("/f", ((0, OMIT), (9, 10)))
    told = world.call.getattr("/f")
    assert (told["st_atime"], told["st_mtime"]) == (5_000_000_006, 9_000_000_010)
    world.call.utimens("/f", ((0, NOW), (0, OMIT)))
    told = world.call.getattr("/f")
    assert told["st_atime"] > 1_500_000_000_000_000_000
    assert told["st_mtime"] == 9_000_000_010
    world.call.utimens("/f", ())
    assert world.call.getattr("/f")["st_mtime"] > 1_500_000_000_000_000_000
    before = world.call.getattr("/f")
    world.call.utimens("/f", ((0, OMIT), (0, OMIT)))
    assert world.call.getattr("/f") == before


def test_what_is_made_belongs_to_the_caller(world: World) -> None:
    world.kernel.chmod("/", 0o777)
    world.caller = (1001, 1002, 0)
    world.call.mkdir("/d", 0o750)
    world.caller = (0, 0, 0)
    told = world.call.getattr("/d")
    assert (told["st_uid"], told["st_gid"], told["st_mode"]) == (1001, 1002, 0o40750)


def lock(world: World, fi: Any, cmd: int, kind: int, start: int = 0, length: int = 0) -> Flock:
    wanted = Flock(l_type=kind, l_start=start, l_len=length)
    world.call.lock(None, fi, cmd, ctypes.addressof(wanted))
    return wanted


def test_locks_belong_to_the_owner_that_libfuse_names(world: World) -> None:
    mine = world.make("/f")
    theirs = world.open("/f", owner=2)
    lock(world, mine, fcntl.F_SETLK, fcntl.F_WRLCK, 10, 5)
    with refuses(errno.EAGAIN):
        lock(world, theirs, fcntl.F_SETLK, fcntl.F_RDLCK, 12)
    lock(world, theirs, fcntl.F_SETLK, fcntl.F_RDLCK, 15)
    found = lock(world, theirs, fcntl.F_GETLK, fcntl.F_WRLCK)
    assert (found.l_type, found.l_start, found.l_len) == (fcntl.F_WRLCK, 10, 5)
    assert lock(world, mine, fcntl.F_GETLK, fcntl.F_WRLCK, 0, 5).l_type == fcntl.F_UNLCK
    world.is_interrupted = True
    with refuses(errno.EINTR):
        lock(world, theirs, fcntl.F_SETLKW, fcntl.F_WRLCK)
    world.close(mine)
    lock(world, theirs, fcntl.F_SETLKW, fcntl.F_WRLCK)
    world.close(theirs)


def test_a_wait_for_a_lock_ends_with_the_mount(world: World) -> None:
    mine = world.make("/f")
    theirs = world.open("/f")
    world.call.flock(None, mine, fcntl.LOCK_EX)
    with refuses(errno.EAGAIN):
        world.call.flock(None, theirs, fcntl.LOCK_EX | fcntl.LOCK_NB)
    world.call.give_up()
    with refuses(errno.ECONNABORTED):
        world.call.flock(None, theirs, fcntl.LOCK_EX)


def test_where_the_server_refuses_there_is_no_kernel_and_libfuse_leaves(world: World) -> None:
    def refuse() -> CallbackKernel:
        raise ConnectionRefusedError(errno.ECONNREFUSED, "no")

    call = NamedCallbacks(world.call.binding, refuse, 0)
    call("init", "/")
    assert world.left
    with refuses(errno.ENOTCONN):
        call("getattr", "/", None)


def test_opened_files_are_known_by_what_the_file_system_said_of_them(world: World) -> None:
    fi = world.make("/f")
    assert (fi.direct_io, fi.keep_cache, fi.nonseekable) == (False, False, False)
    assert fi.fh >= 3
    world.close(fi)
