"""Random sequences of calls give the same results and the same errors in all three worlds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from stat import S_ISFIFO
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.differential.worlds import told, worlds

EXAMPLES = int(os.environ.get("PUFFPY_EXAMPLES", "250"))
STEPS = 40

NAMES = st.sampled_from([b"a", b"b", b"c", b"\xff", b"d"])
PATHS = st.one_of(
    NAMES,
    st.tuples(NAMES, NAMES).map(b"/".join),
    st.tuples(NAMES, NAMES, NAMES).map(b"/".join),
    st.sampled_from([b"a/", b"a/.", b"a/..", b"a/../b", b"b/c/", b"x" * 255, b"x" * 256]),
)
MODES = st.sampled_from([0o600, 0o644, 0o755, 0o1777, 0o2755, 0o4755, 0o6777, 0])
FLAGS = st.builds(
    lambda access, more: access | sum(set(more)),
    st.sampled_from([os.O_RDONLY, os.O_WRONLY, os.O_RDWR]),
    st.lists(
        st.sampled_from([os.O_CREAT, os.O_EXCL, os.O_TRUNC, os.O_APPEND, os.O_DIRECTORY, os.O_NOFOLLOW]),
        max_size=3,
    ),
)
OFFSETS = st.sampled_from([0, 1, 100, 4095, 4096, 8192, 70_000, 1 << 20, 5 << 30])
SIZES = st.sampled_from([0, 1, 100, 4096, 5000, 70_000])
# tmpfs has no ZERO_RANGE, so there is nothing to compare it with.
FALLOCATE = st.sampled_from([0, 1, 3, 2, 8])
ATTRIBUTES = st.sampled_from(["user.a", "user.b", "trusted.c", "security.d", "nonsense", "system.e"])
MOMENTS = st.integers(min_value=0, max_value=1 << 60)


class Agreement(RuleBasedStateMachine):
    """Does everything in each world, and compares."""

    fresh: Callable[[], list[Any]]

    @initialize()
    def begin(self) -> None:
        self.worlds = self.fresh()
        self.open: list[list[int]] = []

    def teardown(self) -> None:
        for fds in self.open:
            for world, fd in zip(self.worlds, fds, strict=True):
                world.os.close(fd)
        self.worlds[0].end()

    def agree(self, call: Callable[[Any], Any]) -> list[Any]:
        """Make *call* in each world; fail unless all say the same."""
        answers = []
        for world in self.worlds:
            try:
                answers.append(call(world))
            except OSError as refusal:
                answers.append(f"errno {refusal.errno}")
        first, *others = answers
        for world, answer in zip(self.worlds[1:], others, strict=True):
            assert first == answer, f"{self.worlds[0].name}: {first!r}; {world.name}: {answer!r}"
        return answers

    def agree_on(self, number: int, call: Callable[[Any, int], Any]) -> None:
        """Make *call* on one of the open files."""
        if self.open:
            fds = dict(zip(map(id, self.worlds), self.open[number % len(self.open)], strict=True))
            self.agree(lambda world: call(world, fds[id(world)]))

    @rule(path=PATHS, mode=MODES)
    def mkdir(self, path: bytes, mode: int) -> None:
        self.agree(lambda w: w.os.mkdir(w.at(path), mode))

    @rule(path=PATHS)
    def rmdir(self, path: bytes) -> None:
        self.agree(lambda w: w.os.rmdir(w.at(path)))

    @rule(path=PATHS)
    def unlink(self, path: bytes) -> None:
        self.agree(lambda w: w.os.unlink(w.at(path)))

    @rule(source=PATHS, goal=PATHS, flags=st.sampled_from([0, 0, 0, 1, 2, 3, 8]))
    def rename(self, source: bytes, goal: bytes, flags: int) -> None:
        self.agree(lambda w: w.rename(w.at(source), w.at(goal), flags))

    @rule(source=PATHS, goal=PATHS)
    def link(self, source: bytes, goal: bytes) -> None:
        self.agree(lambda w: w.os.link(w.at(source), w.at(goal), follow_symlinks=False))

    @rule(source=st.sampled_from([b"a", b"b/c", b"../a", b".", b"nowhere"]), goal=PATHS)
    def symlink(self, source: bytes, goal: bytes) -> None:
        self.agree(lambda w: w.os.symlink(source, w.at(goal)))

    @rule(path=PATHS)
    def readlink(self, path: bytes) -> None:
        self.agree(lambda w: w.os.readlink(w.at(path)))

    @rule(path=PATHS, mode=MODES)
    def mkfifo(self, path: bytes, mode: int) -> None:
        self.agree(lambda w: w.os.mkfifo(w.at(path), mode))

    @rule(path=PATHS, follow=st.booleans())
    def stat(self, path: bytes, follow: bool) -> None:
        self.agree(lambda w: told(w, w.os.stat(w.at(path), follow_symlinks=follow)))

    @rule(path=st.one_of(st.just(b""), PATHS))
    def listdir(self, path: bytes) -> None:
        self.agree(lambda w: sorted(w.os.listdir(w.at(path))))

    @rule(path=PATHS, mode=MODES)
    def chmod(self, path: bytes, mode: int) -> None:
        self.agree(lambda w: w.os.chmod(w.at(path), mode))

    @rule(
        path=PATHS,
        uid=st.sampled_from([-1, 0, 1000]),
        gid=st.sampled_from([-1, 0, 1000]),
        follow=st.booleans(),
    )
    def chown(self, path: bytes, uid: int, gid: int, follow: bool) -> None:
        self.agree(lambda w: w.os.chown(w.at(path), uid, gid, follow_symlinks=follow))

    @rule(path=PATHS, atime=MOMENTS, mtime=MOMENTS)
    def utime(self, path: bytes, atime: int, mtime: int) -> None:
        def set_and_see(w: Any) -> tuple[int, int]:
            w.os.utime(w.at(path), ns=(atime, mtime))
            st = w.os.stat(w.at(path))
            return st.st_atime_ns, st.st_mtime_ns

        self.agree(set_and_see)

    @rule(path=PATHS, size=OFFSETS)
    def truncate(self, path: bytes, size: int) -> None:
        if not self._is_fifo(path):
            self.agree(lambda w: w.os.truncate(w.at(path), size))

    @rule(
        path=PATHS,
        name=ATTRIBUTES,
        value=st.sampled_from([b"", b"v", b"w" * 300]),
        flags=st.sampled_from([0, 1, 2]),
    )
    def setxattr(self, path: bytes, name: str, value: bytes, flags: int) -> None:
        self.agree(lambda w: w.os.setxattr(w.at(path), name, value, flags, follow_symlinks=False))

    @rule(path=PATHS, name=ATTRIBUTES)
    def getxattr(self, path: bytes, name: str) -> None:
        self.agree(lambda w: w.os.getxattr(w.at(path), name, follow_symlinks=False))
        self.agree(lambda w: sorted(w.os.listxattr(w.at(path), follow_symlinks=False)))

    @rule(path=PATHS, name=ATTRIBUTES)
    def removexattr(self, path: bytes, name: str) -> None:
        self.agree(lambda w: w.os.removexattr(w.at(path), name, follow_symlinks=False))

    @rule(path=PATHS, flags=FLAGS, mode=MODES)
    def open_file(self, path: bytes, flags: int, mode: int) -> None:
        if self._is_fifo(path):
            return
        fds: list[int] = []

        def begin(w: Any) -> str:
            fds.append(w.os.open(w.at(path), flags | os.O_CLOEXEC, mode))
            return "open"

        if self.agree(begin)[0] == "open":
            self.open.append(fds)

    @rule(path=st.sampled_from([b"", b"a", b"b"]), mode=MODES)
    def tmpfile(self, path: bytes, mode: int) -> None:
        fds: list[int] = []

        def begin(w: Any) -> str:
            fds.append(w.os.open(w.at(path), os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, mode))
            return "open"

        if self.agree(begin)[0] == "open":
            self.open.append(fds)

    @rule(number=st.integers(0, 9))
    def close_file(self, number: int) -> None:
        if self.open:
            fds = self.open.pop(number % len(self.open))
            for world, fd in zip(self.worlds, fds, strict=True):
                world.os.close(fd)

    @rule(number=st.integers(0, 9), offset=OFFSETS, size=SIZES)
    def pread(self, number: int, offset: int, size: int) -> None:
        self.agree_on(number, lambda w, fd: w.os.pread(fd, size, offset))

    @rule(number=st.integers(0, 9), offset=OFFSETS, size=SIZES, letter=st.sampled_from(b"xyz"))
    def pwrite(self, number: int, offset: int, size: int, letter: int) -> None:
        self.agree_on(number, lambda w, fd: w.os.pwrite(fd, bytes([letter]) * size, offset))

    @rule(number=st.integers(0, 9), size=SIZES)
    def write_and_read_on(self, number: int, size: int) -> None:
        self.agree_on(number, lambda w, fd: w.os.write(fd, b"w" * size))
        self.agree_on(number, lambda w, fd: w.os.read(fd, size))
        self.agree_on(number, lambda w, fd: w.os.lseek(fd, 0, os.SEEK_CUR))

    @rule(number=st.integers(0, 9), size=OFFSETS)
    def ftruncate(self, number: int, size: int) -> None:
        self.agree_on(number, lambda w, fd: w.os.ftruncate(fd, size))

    @rule(
        number=st.integers(0, 9),
        offset=OFFSETS,
        whence=st.sampled_from([os.SEEK_DATA, os.SEEK_HOLE, os.SEEK_END]),
    )
    def lseek(self, number: int, offset: int, whence: int) -> None:
        self.agree_on(number, lambda w, fd: w.os.lseek(fd, offset, whence))

    @rule(number=st.integers(0, 9), mode=FALLOCATE, offset=OFFSETS, length=SIZES)
    def fallocate(self, number: int, mode: int, offset: int, length: int) -> None:
        self.agree_on(number, lambda w, fd: w.fallocate(fd, mode, offset, length))

    @rule(number=st.integers(0, 9))
    def fstat(self, number: int) -> None:
        self.agree_on(number, lambda w, fd: told(w, w.os.fstat(fd)))

    def _is_fifo(self, path: bytes) -> bool:
        """Opening one would wait; the worlds agree on what there is."""
        try:
            return S_ISFIFO(self.worlds[2].os.stat(self.worlds[2].at(path)).st_mode)
        except OSError:
            return False


@pytest.fixture(scope="module")
def fresh() -> Iterator[Callable[[], list[Any]]]:
    with worlds() as make:
        yield make


def test_the_user_kernel_the_mount_and_tmpfs_agree(fresh: Callable[[], list[Any]]) -> None:
    machine = type("Agreement", (Agreement,), {"fresh": staticmethod(fresh)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize="PUFFPY_EXAMPLES" not in os.environ,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        ),
    )
