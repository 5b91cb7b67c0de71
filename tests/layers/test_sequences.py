"""Random sequences of operations, with a layer and without: the same answers.

Give ``PUFFPY_EXAMPLES`` (how many sequences) to look for longer; then the sequences are new ones in each run.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

import attrs
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

import puffpy
from filesystems.detrempe import Detrempe
from puffpy.layers import Cache, Filter, Hooks, Overlay, Quota, RenameNames, stack
from puffpy.userkernel import UserKernel
from tests.differential.test_operations import Operations, files, lengths, offsets, paths, users
from tests.differential.world import Shown, World
from tests.layers.slow import Trusting
from tests.posix.subjects import KernelPlace

EXAMPLES: Final = 12
STEPS: Final = 40

LARGE: Final = puffpy.Size(1 << 50)

LAYERS: Final[dict[str, Callable[[puffpy.VnodeOps], puffpy.VnodeOps]]] = {
    "cache": partial(Cache, ttl=600.0),
    "small-cache": partial(Cache, entries=4, size=puffpy.Size(1 << 18)),
    "filter": partial(Filter, hide="*.key"),
    "hooks": partial(Hooks, pre={"*": lambda _: None}, post={"*": lambda _, __: None}),
    "quota": partial(Quota, size=LARGE, inodes=1 << 30),
    "rename-names": RenameNames,
}


def opened(base: Detrempe) -> Detrempe:
    """Let everybody make things at the top."""
    base.root.vattr.mode = stat.S_IFDIR | 0o777
    return base


class Place(KernelPlace):
    """A file system that *make* makes, under a user kernel of its own."""

    def __init__(self, make: Callable[[], puffpy.VnodeOps]) -> None:
        self.kernel = UserKernel.over(make())
        self.callers = []


@attrs.frozen
class Pile:
    """A subject."""

    name: str
    make: Callable[[], puffpy.VnodeOps]

    def place(self) -> Place:
        """Return a new one."""
        return Place(self.make)


class OverlaidWorld(World):
    """A directory of two trees is shown with one link, and how many blocks a copy has is its own affair."""

    def _judge(self, user: str, asked: str, answers: Any) -> object:
        return super()._judge(user, asked, [_comparable(each) for each in answers])


def _comparable(answer: object) -> object:
    if not isinstance(answer, Shown):
        return answer
    nlink = 1 if answer.mode.startswith("d") else answer.nlink
    return attrs.evolve(answer, nlink=nlink, blocks=None)


class OverSomething(Operations):
    """Sequences where the lower tree holds something from the beginning."""

    def __init__(self, subjects: list[Any]) -> None:
        super().__init__(subjects)
        self.world.end()
        self.world = OverlaidWorld(subjects)
        self.open("root", "/b", os.O_RDONLY, 0)
        self.open("root", "/a/a/b", os.O_RDWR, 0)

    def plant(self) -> None:
        """It is there already."""

    def is_there(self, path: str) -> bool:
        """Tell whether there is a directory called *path*: one of the lower tree cannot be renamed."""
        try:
            return stat.S_ISDIR(self.world.callers["root"][0].lstat(path.rstrip("/") or "/").st_mode)
        except OSError:
            return False

    @rule(user=users, path=paths, new=paths, flags=st.sampled_from((0, 0, 0, 1, 2, 2, 3)))
    def rename(self, user: str, path: str, new: str, flags: int) -> None:
        if not self.is_there(path) and not self.is_there(new):
            self.world.ask(user, "rename", path, new, flags=flags)

    @rule(file=files, offset=offsets, whence=st.just(os.SEEK_SET))
    def lseek(self, file: int, offset: int, whence: int) -> None:
        """Holes are not copied as they were."""
        if self.world.files and not self.is_directory(file):
            self.world.ask_file("root", "lseek", [self.file(file)], offset, whence)

    @rule(file=files, other=files, size=lengths, start=offsets, to=offsets)
    def copy_file_range(self, file: int, other: int, size: int, start: int, to: int) -> None:
        """From one tree to the other the kernel copies by reading and writing, which here is the caller."""


def planted() -> Detrempe:
    """A tree of everything, hard links among it."""
    base = opened(Trusting())
    with UserKernel.over(base) as kernel:
        with kernel.as_user(1001, 1001):
            kernel.mkdir("/a", 0o777)
            for path, size in (("/b", 10_000), ("/a/b", 300_000)):
                with kernel.open_file(path, "wb") as file:
                    file.write(b"d" * size)
            kernel.mkdir("/a/a")
            kernel.symlink("../a", "/a/c")
            kernel.link("/a/b", "/a/a/b")
            kernel.link("/a/b", "/a/a/c")
            kernel.setxattr("/b", "user.a", b"1")
        kernel.makedirs("/c/a")
        kernel.chmod("/c/a", 0o2777)
        kernel.mknod("/c/c", 0o644 | stat.S_IFSOCK)
    return base


def run(machine: Callable[[], Operations]) -> None:
    """Have the machine take random steps."""
    asked = os.environ.get("PUFFPY_EXAMPLES")
    run_state_machine_as_test(
        cast(Any, machine),
        settings=settings(
            max_examples=int(asked or EXAMPLES),
            stateful_step_count=STEPS,
            derandomize=not asked,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=tuple(Phase) if asked else (Phase.generate,),
        ),
    )


@pytest.mark.parametrize("layer", LAYERS)
def test_the_same_operations_have_the_same_results_below_a_layer(layer: str) -> None:
    subjects: Any = [Pile("plain", Trusting), Pile(layer, lambda: stack(Trusting(), LAYERS[layer]))]
    run(lambda: Operations(subjects))


def test_an_overlay_over_something_is_as_that_itself() -> None:
    subjects: Any = [
        Pile("plain", planted),
        Pile("overlay", lambda: Overlay(planted(), upper=opened(Trusting()))),
    ]
    run(lambda: OverSomething(subjects))
