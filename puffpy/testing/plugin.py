"""Fixtures for pytest: a file system under a kernel in user space, or really mounted.

What is checked with them is the test's affair.  pytest finds this by itself where puffpy is installed;
elsewhere say ``-p puffpy.testing.plugin``.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from puffpy.mount import mount
from puffpy.ops import VnodeOps
from puffpy.options import MountOptions
from puffpy.userkernel import UserKernel

PATIENCE = 20.0
"""Seconds within which a mount must be there, and gone."""

MakeKernel: TypeAlias = Callable[..., UserKernel]
MountIt: TypeAlias = Callable[..., Path]


@pytest.fixture
def userkernel() -> Iterator[MakeKernel]:
    """Return a function that mounts a ``VnodeOps`` in user space and returns its kernel.

    ``userkernel(vnodeops)``, with ``options=MountOptions(...)`` if need be.  After the test it is unmounted,
    and the test fails if lookup counts do not balance or a file was left open by the file system's fault.
    """
    kernels: list[UserKernel] = []

    def over(vnodeops: VnodeOps, options: MountOptions | None = None) -> UserKernel:
        kernels.append(UserKernel.over(vnodeops, options=options))
        return kernels[-1]

    yield over
    for kernel in kernels:
        kernel.unmount()
    left = [kernel.balance() for kernel in kernels if not kernel.balance().zero]
    if left:
        pytest.fail(f"not given back at the end: {left}")


def reason_against_mounting() -> str:
    """Return why this process cannot mount; nothing if it can."""
    if not os.path.exists("/dev/fuse"):
        return "there is no /dev/fuse here: load the module fuse, or pass the device into the container"
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "/dev/fuse is not open to this user"
    if os.geteuid() != 0 and not shutil.which("fusermount3"):
        return "an ordinary user needs fusermount3 to mount: install fuse3"
    return ""


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[MountIt]:
    """Return a function that mounts a file system and returns where; skips where nothing can be mounted.

    ``mounted(vnodeops)`` serves it in a thread of this process, so that the test can look into it; but a test
    must then not map its files into memory, or run programs from it: nobody would answer the page faults.
    ``mounted("package.module:Name", "argument", "-o", "option")`` serves it in a process of its own.
    """
    reason = reason_against_mounting()
    if reason:
        pytest.skip(reason)
    with ExitStack() as afterwards:

        def put(what: VnodeOps | str, *arguments: str, options: MountOptions | None = None) -> Path:
            mountpoint = tmp_path.resolve() / f"mounted-{len(list(tmp_path.iterdir()))}"
            mountpoint.mkdir()
            if isinstance(what, str):
                _serve_in_child(what, arguments, mountpoint, afterwards)
            else:
                afterwards.enter_context(mount(what, mountpoint, options=options))
            return mountpoint

        yield put


def _serve_in_child(what: str, arguments: tuple[str, ...], mountpoint: Path, afterwards: ExitStack) -> None:
    words = [sys.executable, "-m", "puffpy", "mount", what, *arguments, str(mountpoint), "--foreground"]
    path = os.pathsep.join(part for part in sys.path if part)
    log = mountpoint.with_suffix(".log")
    with open(log, "wb") as output:
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": path},
        )
    afterwards.callback(_end, child)
    deadline = time.monotonic() + PATIENCE
    with open("/proc/self/mountinfo", "rb") as table:
        changed = select.poll()
        changed.register(table, select.POLLPRI)
        while not os.path.ismount(mountpoint):
            if child.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{' '.join(words)} did not mount:\n{log.read_text(errors='replace')}")
            changed.poll(50)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the server: SIGTERM unmounts."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()  # the mount goes with it (auto_unmount)
            child.wait()
