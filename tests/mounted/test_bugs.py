"""Whatever a file system raises or answers: its caller gets an errno, the log says where, the mount lives."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.filesystems.direct import refuses
from tests.mounted.buggy import ANSWERS, RAISED, WAYS
from tests.mounted.harness import Server, launch, wait_for

BUGGY = (sys.executable, "-m", "tests.mounted.buggy")

CODES = {"memory": errno.ENOMEM, "nosys": errno.EOPNOTSUPP}
"""What is told of a bug that is not simply EIO."""

QUIET = {"bare", "zero", "negative", "huge", "kernels", "word", "nosys"}
"""What is an OSError is an answer, however wrong its number, and not logged."""


def read(path: Path) -> None:
    with open(path, "rb", buffering=0) as file:
        file.read(10)


def write(path: Path) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, b"abc")
    finally:
        os.close(fd)


def attributes(path: Path) -> None:
    os.getxattr(path, "user.a")


DO: dict[str, Callable[[Path], object]] = {
    "lookup": os.stat,
    "getattr": os.stat,
    "read": read,
    "write": write,
    "open": read,
    "readdir": os.listdir,
    "readlink": os.readlink,
    "getextattr": attributes,
    "listextattr": os.listxattr,
    "statvfs": os.statvfs,
}


@contextmanager
def mounted(way: str, mnt: Path, log: Path) -> Iterator[Server]:
    """The file system with the bugs, which must end as if it had none."""
    server = launch((*BUGGY, way), mnt, log=log)
    try:
        server.wait_until_mounted()
        yield server
        assert os.stat(mnt / "fine").st_size == 100
        assert server.unmount() == 0
    finally:
        server.close()


@pytest.mark.parametrize("way", WAYS)
def test_whatever_is_raised_becomes_an_errno_and_the_log_says_where(
    way: str, mnt: Path, tmp_path: Path
) -> None:
    with mounted(way, mnt, tmp_path / "log") as server:
        for operation, do in DO.items():
            for bug in RAISED:
                before = len(server.said())
                with refuses(CODES.get(bug, errno.EIO)):
                    do(mnt / f"{operation}.{bug}")
                assert named(server.said()[before:], operation) is (bug not in QUIET), f"{operation}.{bug}"
                assert os.stat(mnt / "fine").st_size == 100
        said = server.said()
    for name in ("RecursionError", "MemoryError", "SystemExit", "KeyboardInterrupt", "AttributeError"):
        assert name in said
    assert "buggy.py" in said
    assert said.count("Traceback (most recent call last)") < len(DO) * len(RAISED)


def named(said: str, operation: str) -> bool:
    """Whether what was *said* names the request of *operation*."""
    # The attributes of a node are asked for when it is found.
    opcode = {"getattr": "LOOKUP", "statvfs": "STATFS"}.get(operation, operation.upper().replace("EXT", "X"))
    return re.search(rf"{opcode}(PLUS)? for node", said) is not None


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_cannot_be_true_is_eio_and_the_log_names_the_method(
    way: str, mnt: Path, tmp_path: Path
) -> None:
    with mounted(way, mnt, tmp_path / "log") as server:
        for operation, answers in ANSWERS.items():
            for bug in (*answers, "asynchronous"):
                before = len(server.said())
                with refuses(errno.EIO):
                    DO[operation](mnt / f"{operation}.{bug}")
                assert f"{WAYS[way].__name__}.{operation}" in server.said()[before:], f"{operation}.{bug}"
                assert os.stat(mnt / "fine").st_size == 100


@pytest.mark.parametrize("way", WAYS)
def test_a_listing_that_goes_wrong_half_way_is_eio(way: str, mnt: Path, tmp_path: Path) -> None:
    with mounted(way, mnt, tmp_path / "log") as server:
        with refuses(errno.EIO):
            os.listdir(mnt / "readdir.late")
        assert "KeyError" in server.said()
        assert "in late" in server.said()


@pytest.mark.parametrize("operation", ["close", "reclaim"])
def test_what_nobody_waits_for_may_go_wrong_in_any_way(operation: str, mnt: Path, tmp_path: Path) -> None:
    with mounted("inline", mnt, tmp_path / "log") as server:
        for bug in RAISED:
            with suppress(FileNotFoundError):
                read(mnt / f"{operation}.{bug}")
            os.stat(mnt / "fine")
        wait_for(lambda: operation == "reclaim" or "RELEASE" in server.said(), "it is in the log")
    assert "RecursionError" in (tmp_path / "log").read_text()
