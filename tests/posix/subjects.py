"""The file systems that are asked: where each is, and how somebody calls it.

======================  ===============================================================
``reference``           the machine's tmpfs: what does not hold there is no promise
``userkernel``          detrempe in this process, no mount
``detrempe``            detrempe, mounted by root
``detrempe-user``       detrempe, mounted by an ordinary user through fusermount3
``tunnel``              tunnel over a directory of tmpfs, mounted by root
======================  ===============================================================

To add one, add a row here and in :data:`SUBJECTS`, and a way to begin it.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import attrs

from filesystems.detrempe import Detrempe
from puffpy.userkernel import Process, UserKernel
from tests.mounted.conftest import judge
from tests.mounted.harness import DETREMPE, NOBODY, as_user, detach, launch, mount_table, run
from tests.posix.callers import ROOT, Caller, Identity, become
from tests.posix.linux import Linux

USER: Final = Identity(NOBODY, NOBODY)
TUNNEL: Final = (sys.executable, "-m", "filesystems.tunnel")
LIMIT: Final = 240
"""Seconds that one subject may be mounted."""


class Place(Protocol):
    """An empty file system, or a directory that looks like one to whoever calls."""

    owner: Identity

    def caller(self, identity: Identity, *, own_files: bool = False) -> Caller:
        """Return somebody who calls; *own_files*: with open files, and locks, of their own."""

    def close(self) -> None:
        """End everybody who calls here, and see that all is given back."""


class RealPlace:
    """A directory that the machine's kernel serves; its callers have it as their root."""

    def __init__(self, root: Path, owner: Identity) -> None:
        self.root = str(root)
        self.owner = owner
        self.callers: list[Caller] = []

    def caller(self, identity: Identity, *, own_files: bool = False) -> Caller:
        """A thread with that identity."""
        made = Caller(Linux(), lambda: become(identity, self.root, own_files))
        self.callers.append(made)
        return made

    def close(self) -> None:
        """The threads end."""
        for caller in self.callers:
            caller.leave()


class Acting:
    """A kernel's system calls, made by one of its processes."""

    def __init__(self, kernel: UserKernel, process: Process) -> None:
        self.kernel = kernel
        self.process = process
        self.opened: set[int] = set()

    def __getattr__(self, name: str) -> object:
        call = getattr(self.kernel, name)

        def act(*args: object, **kwargs: object) -> object:
            with self.kernel.acting(self.process):
                result = call(*args, **kwargs)
            if name == "open":
                self.opened.add(result)
            elif name == "close":
                self.opened.discard(int(str(args[0])))
            return result

        return act

    def exit(self) -> None:
        """Close what this process has open, as its end does."""
        with self.kernel.acting(self.process):
            for fd in self.opened:
                self.kernel.close(fd)


class KernelPlace:
    """A file system under a user kernel of its own."""

    owner = ROOT

    def __init__(self) -> None:
        self.kernel = UserKernel.over(Detrempe())
        self.callers: list[Caller] = []

    def caller(self, identity: Identity, *, own_files: bool = False) -> Caller:
        """A process with that identity, in a thread."""
        process = self.kernel.fork(identity.uid, identity.gid, identity.groups)
        acting = Acting(self.kernel, process)
        end = acting.exit if own_files else None
        made = Caller(acting, lambda: None, interrupt=self.kernel.interrupt, end=end)
        self.callers.append(made)
        return made

    def close(self) -> None:
        """Unmounted, the kernel owes the server nothing."""
        for caller in self.callers:
            caller.leave()
        self.kernel.unmount()
        assert self.kernel.balance().zero, self.kernel.balance()


@attrs.frozen
class Subject:
    """A file system to be asked."""

    name: str
    mnt: Path | None = None
    owner: Identity = ROOT
    numbers: Iterator[int] = attrs.field(factory=itertools.count)

    def place(self) -> Place:
        """Return a new place, where nobody has been before."""
        if self.mnt is None:
            return KernelPlace()
        assert str(self.mnt) in mount_table(), f"{self.name} is no longer mounted on {self.mnt}"
        name = f"/place-{next(self.numbers)}"
        founder = RealPlace(self.mnt, self.owner)
        founder.caller(self.owner).mkdir(name, 0o755)
        founder.close()
        return RealPlace(self.mnt / name[1:], self.owner)


@contextmanager
def reference() -> Iterator[Subject]:
    """A tmpfs of its own."""
    with directory() as home, tmpfs(home / "mnt") as mnt:
        yield Subject("reference", mnt)


@contextmanager
def userkernel() -> Iterator[Subject]:
    """Nothing to begin: each place is a kernel."""
    yield Subject("userkernel")


@contextmanager
def detrempe() -> Iterator[Subject]:
    """Root's mount is for everybody."""
    with directory() as home, served(home, DETREMPE, "-o", "allow_other") as mnt:
        yield Subject("detrempe", mnt)


@contextmanager
def detrempe_user() -> Iterator[Subject]:
    """An ordinary user's mount is for that user alone."""
    with directory(USER) as home, served(home, DETREMPE, identity=USER) as mnt:
        yield Subject("detrempe-user", mnt, USER)


@contextmanager
def tunnel() -> Iterator[Subject]:
    """Over tmpfs, so that whatever differs from the reference is the tunnel's doing."""
    with (
        directory() as home,
        tmpfs(home / "behind") as behind,
        served(home, (*TUNNEL, behind), "-o", "allow_other") as mnt,
    ):
        yield Subject("tunnel", mnt)


SUBJECTS: Final = {
    "reference": reference,
    "userkernel": userkernel,
    "detrempe": detrempe,
    "detrempe-user": detrempe_user,
    "tunnel": tunnel,
}


@contextmanager
def directory(owner: Identity = ROOT) -> Iterator[Path]:
    """A directory of *owner*'s, open to everybody; pytest's own are closed to all but one."""
    with tempfile.TemporaryDirectory(prefix="puffpy-posix-") as name:
        home = Path(name).resolve()
        run("chown", str(owner.uid), home)
        home.chmod(0o755)
        yield home


@contextmanager
def tmpfs(mnt: Path) -> Iterator[Path]:
    """A tmpfs on *mnt*."""
    mnt.mkdir()
    run("mount", "-t", "tmpfs", "-o", "mode=0755", "puffpy-reference", mnt)
    try:
        yield mnt
    finally:
        detach(mnt)


@contextmanager
def served(
    home: Path, command: tuple[str | Path, ...], *options: str, identity: Identity = ROOT
) -> Iterator[Path]:
    """A file system on a directory below *home*, served by *command*, run by *identity*."""
    mnt = home / "mnt"
    mnt.mkdir()
    run("chown", str(identity.uid), mnt)
    prefix = as_user(identity.uid) if identity.uid else ()
    server = launch(command, mnt, *options, log=home / "log", limit=LIMIT, prefix=prefix)
    try:
        server.wait_until_mounted()
        yield mnt
    finally:
        server.close()
        judge(server)
