"""Random sequences of operations, on tmpfs, on a mount, and in the user kernel: the same answers everywhere.

Give ``PUFFPY_EXAMPLES`` (how many sequences) to look for longer; then the sequences are new ones in each run.
"""

from __future__ import annotations

import os
import stat
from typing import Any, cast

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.differential.world import USERS, World
from tests.posix.subjects import Subject

EXAMPLES = 150
STEPS = 40

NAMES = ("a", "b", "c", os.fsdecode(b"\xff\xe9"))

paths = st.builds(
    lambda parts, end: "/" + "/".join(parts) + end,
    st.one_of(
        st.lists(st.sampled_from((*NAMES, "..", ".")), min_size=1, max_size=3),
        *[st.lists(st.sampled_from(NAMES), min_size=1, max_size=2)] * 3,
        st.sampled_from((["n" * 255], ["n" * 256])),
    ),
    st.sampled_from(("", "", "", "", "", "/")),
)
users = st.sampled_from(("root", "root", *USERS))
modes = st.sampled_from((0o755, 0o777, 0o644, 0o600, 0, 0o1755, 0o2775, 0o4755, 0o6777))
"""No sticky directory that all may write: Linux refuses more there than POSIX (proc_sys_fs(5), protected_*).

No set-gid without the right to execute: whether a write takes it depends on groups that a server reads from
``/proc``, where users of the user kernel are not found.
"""

flags = st.builds(
    lambda access, more: access | sum(more),
    st.sampled_from((os.O_RDONLY, os.O_WRONLY, os.O_RDWR)),
    st.sets(
        st.sampled_from(
            (os.O_CREAT, os.O_CREAT, os.O_EXCL, os.O_TRUNC, os.O_APPEND, os.O_DIRECTORY, os.O_NOFOLLOW)
        ),
        max_size=3,
    ),
)
offsets = st.sampled_from((0, 0, 1, 100, 4095, 4096, 8191, 20_000, 262_143, (1 << 33) + 5))
lengths = st.sampled_from((0, 1, 5, 100, 4096, 10_000))
ids = st.sampled_from((-1, 0, 1001, 1002, 3001, 3002))
attributes = st.sampled_from(("user.a", "user.b", "trusted.t", "security.s", "user.", "other.x"))
targets = st.one_of(paths, st.sampled_from((*NAMES, "../a", ".", "a/b", "/")))
files = st.integers(0, 3)


def has_files(machine: Operations) -> bool:
    """Tell whether any file is open."""
    return bool(machine.world.files)


class Operations(RuleBasedStateMachine):
    """Every rule does one operation everywhere, and compares the answers."""

    def __init__(self, subjects: list[Subject]) -> None:
        super().__init__()
        self.world = World(subjects)
        self.plant()

    def teardown(self) -> None:
        """The trees must be the same, too."""
        try:
            self.world.compare()
        finally:
            self.world.end()

    def plant(self) -> None:
        """Have something there: with an empty tree most answers would be ENOENT."""
        self.mkdir("root", "/a", 0o755)
        self.chmod("root", "/a", 0o777)
        self.mkdir("bob", "/c", 0o755)
        self.open("alice", "/b", os.O_CREAT | os.O_RDWR, 0o644)
        self.write(0, "alice", 10_000, b"d")
        self.mkdir("alice", "/a/a", 0o755)
        self.open("bob", "/a/b", os.O_CREAT | os.O_WRONLY, 0o600)
        self.symlink("bob", "../a", "/a/c")
        self.close(1)

    def file(self, number: int) -> int:
        """Return the number of an open file."""
        return number % len(self.world.files)

    # names

    @rule(user=users, path=paths, mode=modes)
    def mkdir(self, user: str, path: str, mode: int) -> None:
        self.world.ask(user, "mkdir", path, mode)

    @rule(user=users, path=paths)
    def rmdir(self, user: str, path: str) -> None:
        self.world.ask(user, "rmdir", path)

    @rule(user=users, path=paths)
    def unlink(self, user: str, path: str) -> None:
        self.world.ask(user, "unlink", path)

    @rule(path=paths, new=paths)
    def link(self, path: str, new: str) -> None:
        # By root: Linux refuses others more than POSIX does (protected_hardlinks).
        self.world.ask("root", "link", path, new, follow_symlinks=False)

    @rule(user=users, text=targets, path=paths)
    def symlink(self, user: str, text: str, path: str) -> None:
        self.world.ask(user, "symlink", text, path)

    @rule(user=users, path=paths, mode=modes, kind=st.sampled_from((stat.S_IFSOCK, stat.S_IFREG)))
    def mknod(self, user: str, path: str, mode: int, kind: int) -> None:
        self.world.ask(user, "mknod", path, mode | kind)

    @rule(user=users, path=paths, new=paths, flags=st.sampled_from((0, 0, 0, 1, 2, 2, 3, 8)))
    def rename(self, user: str, path: str, new: str, flags: int) -> None:
        self.world.ask(user, "rename", path, new, flags=flags)

    @rule(user=users, path=paths)
    def look(self, user: str, path: str) -> None:
        for call in ("stat", "lstat", "readlink", "listdir", "listxattr"):
            self.world.ask(user, call, path)

    # attributes

    @rule(user=users, path=paths, mode=modes)
    def chmod(self, user: str, path: str, mode: int) -> None:
        self.world.ask(user, "chmod", path, mode)

    @rule(user=users, path=paths, uid=ids, gid=ids, follow=st.booleans())
    def chown(self, user: str, path: str, uid: int, gid: int, follow: bool) -> None:
        self.world.ask(user, "chown", path, uid, gid, follow_symlinks=follow)

    @rule(user=users, path=paths, ns=st.tuples(*[st.integers(-(10**18), 10**19)] * 2))
    def utime(self, user: str, path: str, ns: tuple[int, int]) -> None:
        if self.world.ask(user, "utime", path, ns=ns) is None:
            callers = self.world.callers["root"]
            assert {caller.stat(path).st_mtime_ns for caller in callers} == {ns[1]}

    @rule(user=users, path=paths)
    def touch(self, user: str, path: str) -> None:
        self.world.ask(user, "utime", path)

    @rule(user=users, path=paths, size=offsets)
    def truncate(self, user: str, path: str, size: int) -> None:
        self.world.ask(user, "truncate", path, size)

    @rule(user=users, path=paths, mask=st.integers(0, 7))
    def access(self, user: str, path: str, mask: int) -> None:
        self.world.ask(user, "access", path, mask)

    @rule(user=users, path=paths, name=attributes, size=st.sampled_from((0, 3, 300)), flags=st.integers(0, 3))
    def setxattr(self, user: str, path: str, name: str, size: int, flags: int) -> None:
        self.world.ask(user, "setxattr", path, name, b"v" * size, flags)
        self.world.ask(user, "getxattr", path, name)

    @rule(user=users, path=paths, name=attributes)
    def removexattr(self, user: str, path: str, name: str) -> None:
        self.world.ask(user, "removexattr", path, name)

    # open files

    @rule(user=users, path=paths, flags=flags, mode=modes)
    def open(self, user: str, path: str, flags: int, mode: int) -> None:
        if len(self.world.files) < 4:
            self.world.open(user, path, flags, mode)

    @rule(path=paths, flags=st.sampled_from((os.O_RDWR, os.O_WRONLY | os.O_EXCL)), new=paths)
    def tmpfile(self, path: str, flags: int, new: str) -> None:
        opened = len(self.world.files)
        self.world.open("root", path, flags | os.O_TMPFILE, 0o640)
        if len(self.world.files) > opened:
            self.world.ask_file("root", "pwrite", [opened], b"nameless", 3)
            self.world.ask_file("root", "link_open", [opened], new)
            self.world.ask_file("root", "fstat", [opened])
            self.world.close(opened)

    @precondition(has_files)
    @rule(file=files)
    def close(self, file: int) -> None:
        self.world.close(self.file(file))

    @precondition(has_files)
    @rule(file=files, user=users, size=lengths, byte=st.binary(min_size=1, max_size=1))
    def write(self, file: int, user: str, size: int, byte: bytes) -> None:
        self.world.ask_file(user, "write", [self.file(file)], byte * size)

    @precondition(has_files)
    @rule(file=files, user=users, size=lengths, offset=offsets, byte=st.binary(min_size=1, max_size=1))
    def pwrite(self, file: int, user: str, size: int, offset: int, byte: bytes) -> None:
        self.world.ask_file(user, "pwrite", [self.file(file)], byte * size, offset)

    @precondition(has_files)
    @rule(file=files, size=lengths, offset=offsets)
    def read(self, file: int, size: int, offset: int) -> None:
        self.world.ask_file("root", "read", [self.file(file)], size)
        self.world.ask_file("root", "pread", [self.file(file)], size, offset)

    @precondition(has_files)
    @rule(file=files, offset=st.one_of(offsets, st.just(-1)), whence=st.integers(0, 5))
    def lseek(self, file: int, offset: int, whence: int) -> None:
        if self.world.copied and whence in (os.SEEK_DATA, os.SEEK_HOLE):
            return
        if not self.is_directory(file) or (whence == os.SEEK_SET and offset == 0):
            self.world.ask_file("root", "lseek", [self.file(file)], offset, whence)

    def is_directory(self, file: int) -> bool:
        """Tell whether an open file is a directory: positions there are each file system's own."""
        fd = self.world.files[self.file(file)][0]
        return stat.S_ISDIR(self.world.callers["root"][0].fstat(fd).st_mode)

    @precondition(has_files)
    @rule(file=files, user=users, size=st.one_of(offsets, st.just(-1)))
    def ftruncate(self, file: int, user: str, size: int) -> None:
        self.world.ask_file(user, "ftruncate", [self.file(file)], size)

    @precondition(has_files)
    @rule(
        file=files,
        user=users,
        mode=st.sampled_from((0, 1, 3, 3, 2)),
        offset=offsets.filter(lambda offset: offset < 1 << 30),
        length=lengths,
    )
    def fallocate(self, file: int, user: str, mode: int, offset: int, length: int) -> None:
        if mode & 2:
            # Whether a hole that ends in the last page takes the page along is each file system's own.
            length += -(offset + length) % 4096
        self.world.ask_file(user, "fallocate", [self.file(file)], mode, offset, length)

    @precondition(has_files)
    @rule(file=files, other=files, size=lengths, start=offsets, to=offsets)
    def copy_file_range(self, file: int, other: int, size: int, start: int, to: int) -> None:
        both = [self.file(file), self.file(other)]
        if isinstance(self.world.ask_file("root", "copy_file_range", both, size, start, to), int):
            self.world.copied = True

    @precondition(has_files)
    @rule(file=files, user=users, mode=modes)
    def examine(self, file: int, user: str, mode: int) -> None:
        number = self.file(file)
        self.world.ask_file("root", "fstat", [number])
        self.world.ask_file("root", "fsync", [number])
        self.world.ask_file("root", "listxattr", [number])
        self.world.ask_file(user, "fchmod", [number], mode)


def test_the_same_operations_have_the_same_results_and_errors(subjects: list[Subject]) -> None:
    asked = os.environ.get("PUFFPY_EXAMPLES")
    run_state_machine_as_test(
        cast(Any, lambda: Operations(subjects)),
        settings=settings(
            max_examples=int(asked or EXAMPLES),
            stateful_step_count=STEPS,
            derandomize=not asked,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # To make a failure small takes minutes: only for who has asked.
            phases=tuple(Phase) if asked else (Phase.generate,),
        ),
    )
