"""Eight threads on one user kernel: nothing is raised that should not be, and at the end all counts balance.

``PUFFPY_LONG=1`` has them work for a minute.
"""

from __future__ import annotations

import errno
import fcntl
import os
import random
import stat
import threading
import time
from collections.abc import Callable

from filesystems.detrempe import Detrempe
from puffpy.userkernel import UserKernel

THREADS = 8
SECONDS = 60.0 if os.environ.get("PUFFPY_LONG") else 6.0
PIECE = 3000

EXPECTED = {
    *(errno.ENOENT, errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.EINVAL, errno.EPERM),
    *(errno.EACCES, errno.ELOOP, errno.EAGAIN, errno.ENODATA, errno.ENXIO, errno.EBUSY, errno.EDEADLK),
}
"""What others, who work on the same names, may have done to one, and what the rules forbid."""


class Worker:
    """One thread: works on names that all share, and on a file that is its own and holds what it wrote."""

    def __init__(self, kernel: UserKernel, seed: int) -> None:
        self.kernel = kernel
        self.chance = random.Random(seed)
        self.seed = seed
        self.own = f"/own-{seed}"
        self.steps = 0
        self.failure: BaseException | None = None
        self.model = bytearray()

    def run(self, deadline: float) -> None:
        """Work until *deadline*; what goes wrong is kept."""
        try:
            self.kernel.close(self.kernel.open(self.own, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
            while time.monotonic() < deadline:
                self.step()
                self.steps += 1
        except BaseException as exc:
            self.failure = exc
            raise

    def step(self) -> None:
        """Do one thing, as somebody."""
        if self.chance.random() < 0.2:
            self.check_own()
            return
        work = self.chance.choice(WORKS)
        try:
            if self.chance.random() < 0.3:
                with self.kernel.as_user(1000 + self.seed, 1000):
                    work(self)
            else:
                work(self)
        except OSError as exc:
            if exc.errno not in EXPECTED:
                raise

    def path(self) -> str:
        """Return a name that all share."""
        parts = [self.chance.choice("abcd") for _ in range(self.chance.randint(1, 3))]
        return "/shared/" + "/".join(parts)

    def check_own(self) -> None:
        """Change the own file, and see that it holds what was written."""
        at = self.chance.randrange(100_000)
        data = bytes([self.chance.randrange(256)]) * PIECE
        fd = self.kernel.open(self.own, os.O_RDWR)
        try:
            self.kernel.pwrite(fd, data, at)
            self.model.extend(bytes(max(at + PIECE - len(self.model), 0)))
            self.model[at : at + PIECE] = data
            if self.chance.random() < 0.2:
                del self.model[at:]
                self.kernel.ftruncate(fd, at)
            start = self.chance.randrange(100_000)
            assert self.kernel.pread(fd, 20_000, start) == self.model[start : start + 20_000]
            assert self.kernel.fstat(fd).st_size == len(self.model)
        finally:
            self.kernel.close(fd)

    def write(self) -> None:
        """Write a shared file in one piece: it is seen whole or not at all."""
        flags = os.O_CREAT | os.O_RDWR | self.chance.choice((0, os.O_EXCL, os.O_TRUNC, os.O_APPEND))
        fd = self.kernel.open(self.path(), flags, 0o666)
        try:
            self.kernel.write(fd, b"shared" * 50)
            self.kernel.pread(fd, 1000, 0)
            self.kernel.lseek(fd, 0, os.SEEK_HOLE)
            self.kernel.fallocate(fd, 3, 10, 5000)
            self.kernel.unlink(self.path())
            self.kernel.fchmod(fd, self.chance.choice((0o600, 0o666, 0o4755)))
        finally:
            self.kernel.close(fd)

    def name(self) -> None:
        """Make, move and remove names."""
        kernel, one, other = self.kernel, self.path(), self.path()
        calls: list[Callable[[], object]] = [
            lambda: kernel.mkdir(one),
            lambda: kernel.mkdir(one, 0o1777),
            lambda: kernel.rmdir(one),
            lambda: kernel.unlink(one),
            lambda: kernel.link(one, other),
            lambda: kernel.symlink(other, one),
            lambda: kernel.mknod(one, stat.S_IFSOCK | 0o666),
            lambda: kernel.rename(one, other),
            lambda: kernel.rename(one, other, flags=1),
            lambda: kernel.rename(one, other, flags=2),
        ]
        self.chance.choice(calls)()

    def attribute(self) -> None:
        """Change attributes."""
        path, value = self.path(), bytes(self.chance.randrange(300))
        self.kernel.setxattr(path, "user.a", value)
        self.kernel.listxattr(path)
        self.kernel.getxattr(path, "user.a")
        self.kernel.utime(path)
        self.kernel.chmod(path, 0o777)
        self.kernel.removexattr(path, "user.a")
        self.kernel.truncate(path, self.chance.randrange(10_000))

    def look(self) -> None:
        """Look around."""
        for directory in ("/shared", self.path()):
            with self.kernel.scandir(directory) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        self.kernel.readlink(entry.path)
                    entry.stat(follow_symlinks=False)
        self.kernel.statvfs("/")

    def lock(self) -> None:
        """Take locks, one of them waiting."""
        fd = self.kernel.open("/lock", os.O_RDWR)
        try:
            self.kernel.flock(fd, self.chance.choice((fcntl.LOCK_SH, fcntl.LOCK_EX)))
            with self.kernel.acting(self.kernel.fork()):
                self.kernel.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, self.chance.randrange(100))
        finally:
            self.kernel.close(fd)

    def nameless(self) -> None:
        """Make a file without a name, and perhaps name it."""
        fd = self.kernel.open("/shared", os.O_TMPFILE | os.O_RDWR)
        try:
            self.kernel.write(fd, b"nameless")
            self.kernel.link_open(fd, self.path())
        finally:
            self.kernel.close(fd)

    def forget(self) -> None:
        """Have the kernel forget what it can."""
        self.kernel.drop_caches()


WORKS: list[Callable[[Worker], object]] = [
    *(Worker.write, Worker.name, Worker.name, Worker.name, Worker.attribute, Worker.look, Worker.lock),
    *(Worker.nameless, Worker.forget),
]


def remove_all(kernel: UserKernel, directory: str) -> None:
    """Remove all that is in *directory*."""
    for name in kernel.listdir(directory):
        path = os.path.join(directory, name)
        if stat.S_ISDIR(kernel.lstat(path).st_mode):
            remove_all(kernel, path)
            kernel.rmdir(path)
        else:
            kernel.unlink(path)


def test_eight_threads_on_one_user_kernel() -> None:
    detrempe = Detrempe()
    kernel = UserKernel.over(detrempe)
    kernel.mkdir("/shared")
    kernel.chmod("/shared", 0o777)
    kernel.close(kernel.open("/lock", os.O_CREAT | os.O_RDWR, 0o666))
    kernel.chmod("/lock", 0o666)
    workers = [Worker(kernel, seed) for seed in range(THREADS)]
    deadline = time.monotonic() + SECONDS
    threads = [threading.Thread(target=worker.run, args=(deadline,), daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS + 60)
    assert not any(thread.is_alive() for thread in threads), "some wait for ever"
    assert [worker.failure for worker in workers] == [None] * THREADS
    assert min(worker.steps for worker in workers) > 0

    assert kernel.balance().handles == kernel.balance().requests == 0
    remove_all(kernel, "/")
    assert kernel.stat("/").st_nlink == 2
    kernel.drop_caches()
    # Everything that was taken has come back: one node is the root.
    assert len(detrempe.volume.nodes) == 1
    assert detrempe.volume.room.taken == 0
    kernel.unmount()
    assert kernel.balance().zero, kernel.balance()
