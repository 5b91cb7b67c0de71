"""Cache: what is not asked again, when it is, and what a change makes of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import puffpy
from filesystems.detrempe import Detrempe
from puffpy.layers import Cache, stack
from puffpy.layers.cache import BLOCK
from puffpy.userkernel import UserKernel
from tests.layers.conftest import Piled
from tests.layers.slow import Slow, Trusting


class Timed(Cache):
    """A cache with a clock that is set."""

    now = 0.0

    def _now(self) -> float:
        return self.now


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def kernel(slow: Slow, piled: Piled) -> UserKernel:
    made = piled(slow, partial(Cache, ttl=600.0))
    made.makedirs("/d/e")
    with made.open_file("/d/song", "wb") as file:
        file.write(b"lunatic" * 100)
    made.symlink("song", "/d/link")
    return made


def asked_twice(slow: Slow, act: Callable[[], object]) -> int:
    """Do something, and say how many operations it takes to do it again."""
    first = act()
    slow.forget()
    assert act() == first
    return sum(slow.asked.values())


def test_what_was_asked_is_not_asked_again(slow: Slow, kernel: UserKernel) -> None:
    assert asked_twice(slow, lambda: kernel.stat("/d/song").st_size) == 0
    assert asked_twice(slow, lambda: sorted(kernel.listdir("/d"))) == 0
    assert asked_twice(slow, lambda: kernel.readlink("/d/link")) == 0


def test_that_a_name_is_absent_is_remembered_until_it_is_made(slow: Slow, kernel: UserKernel) -> None:
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            kernel.stat("/d/new")
    assert slow.asked["lookup"] >= 1
    slow.forget()
    with pytest.raises(FileNotFoundError):
        kernel.stat("/d/new")
    assert slow.asked["lookup"] == 0
    kernel.mkdir("/d/new")
    assert kernel.stat("/d/new").st_nlink == 2


def test_data_come_in_blocks_and_ahead(slow: Slow, kernel: UserKernel) -> None:
    data = os.urandom(5 * BLOCK + 1000)
    with kernel.open_file("/d/large", "wb") as file:
        file.write(data)
    slow.forget()
    fd = kernel.open("/d/large", os.O_RDONLY)
    assert b"".join(kernel.pread(fd, 4096, at) for at in range(0, len(data), 4096)) == data
    assert slow.asked["read"] <= 4
    slow.forget()
    assert kernel.pread(fd, 3 * BLOCK, 1000) == data[1000 : 1000 + 3 * BLOCK]
    assert kernel.pread(fd, 5000, len(data) - 10) == data[-10:]
    assert kernel.pread(fd, 5000, len(data) + 10) == b""
    assert slow.asked["read"] == 0
    kernel.close(fd)


@pytest.mark.parametrize(
    "change",
    [
        lambda kernel: kernel.truncate("/d/song", 3),
        lambda kernel: kernel.chmod("/d/song", 0o600),
        lambda kernel: kernel.utime("/d/song", ns=(5, 5)),
        lambda kernel: kernel.setxattr("/d/song", "user.a", b"b"),
        lambda kernel: kernel.link("/d/song", "/d/other"),
        lambda kernel: kernel.rename("/d/song", "/d/e/song"),
        lambda kernel: kernel.rename("/d/link", "/d/song"),
        lambda kernel: kernel.rename("/d/e", "/d/f"),
        lambda kernel: kernel.unlink("/d/song"),
        lambda kernel: kernel.rmdir("/d/e"),
        lambda kernel: kernel.mkdir("/d/e/f"),
        lambda kernel: write(kernel, "/d/song", b"x" * BLOCK),
    ],
)
def test_what_is_changed_through_it_is_seen_at_once(
    change: Callable[[UserKernel], object], piled: Piled
) -> None:
    cached, plain = piled(Trusting(), partial(Cache, ttl=600.0)), piled(Trusting())
    states = []
    for kernel in (cached, plain):
        kernel.makedirs("/d/e")
        write(kernel, "/d/song", b"lunatic" * 100)
        kernel.symlink("song", "/d/link")
        state(kernel, "/")
        change(kernel)
        states.append(state(kernel, "/"))
    assert states[0] == states[1]


def write(kernel: UserKernel, path: str, data: bytes) -> None:
    with kernel.open_file(path, "wb") as file:
        file.write(data)


def state(kernel: UserKernel, path: str) -> dict[str, object]:
    """Everything that can be seen below *path*, but times."""
    found: dict[str, object] = {}
    for name in sorted(kernel.listdir(path)):
        each = os.path.join(path, name)
        st = kernel.lstat(each)
        what: Any = None
        if st.st_mode & 0o170000 == 0o100000:
            with kernel.open_file(each, "rb") as file:
                what = file.read()
        elif st.st_mode & 0o170000 == 0o040000:
            what = state(kernel, each)
        else:
            what = kernel.readlink(each)
        found[name] = oct(st.st_mode), st.st_nlink, st.st_size, st.st_ctime_ns > 0, what
    return found


def test_what_others_change_is_seen_when_the_time_is_over(piled: Piled) -> None:
    base = Trusting()
    layer = Timed(base, ttl=10.0)
    kernel, other = piled(layer), piled(base)
    write(other, "/song", b"old")
    assert kernel.stat("/song").st_size == 3
    other.truncate("/song", 1)
    layer.now = 9.9
    assert kernel.stat("/song").st_size == 3
    layer.now = 10.0
    assert kernel.stat("/song").st_size == 1


def test_there_is_an_end_to_what_is_remembered(slow: Slow) -> None:
    layer = Cache(slow, ttl=600.0, entries=10, size=puffpy.Size(2 * BLOCK))
    with UserKernel.over(layer) as kernel:
        for number in range(30):
            write(kernel, f"/{number}", b"x" * BLOCK)
            with kernel.open_file(f"/{number}", "rb") as file:
                assert len(file.read()) == BLOCK
    stores = (layer._attributes, layer._names, layer._listings, layer._targets)
    assert all(store.used <= 10 for store in stores)
    assert layer._data.used <= 2 * BLOCK


def test_nothing_is_remembered_of_what_was_reclaimed(piled: Piled) -> None:
    layer = Cache(Trusting(), ttl=600.0)
    kernel = piled(layer)
    write(kernel, "/song", b"x")
    kernel.listdir("/")
    kernel.unlink("/song")
    kernel.settle()
    assert layer._data.used == 0
    assert layer._names.get((id(layer.root()), "song")) is None


def test_an_answer_that_a_change_overtook_is_not_kept(call: puffpy.Call) -> None:
    class Overtaken(Trusting):
        """Between the question and its answer, somebody changes the mode."""

        top: Any = None

        def getattr(self, vp: Any, call: puffpy.Call) -> puffpy.Vattr:
            va = super().getattr(vp, call)
            if self.top is not None:
                top, self.top = self.top, None
                top.setattr(vp, puffpy.SetAttr(mode=0o700), call)
            return va

    base = Overtaken()
    top: Any = stack(base, Cache)
    base.top = top
    assert top.getattr(base.root, call).mode & 0o777 == 0o755
    assert top.getattr(base.root, call).mode & 0o777 == 0o700


def test_numbers_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="ttl=-1"):
        Cache(Detrempe(), ttl=-1)
    with pytest.raises(ValueError, match="entries=-1"):
        Cache(Detrempe(), entries=-1)
