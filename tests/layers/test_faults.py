"""Faults: what is struck, when, and with what."""

from __future__ import annotations

import errno
import os
import time
from functools import partial

import pytest

import puffpy
from filesystems.detrempe import Detrempe
from puffpy.layers import Fault, Faults, stack
from puffpy.layers.faults import faults
from puffpy.ops import written
from puffpy.userkernel import UserKernel
from tests.layers.conftest import Piled


def plain(answer: object) -> bytes:
    """The bytes of an answer, in however many pieces they come."""
    return b"".join(answer) if isinstance(answer, tuple) else bytes(memoryview(answer))  # type: ignore[arg-type]


def refused(kernel: UserKernel, count: int) -> list[bool]:
    """Make directories; tell of each whether it failed."""
    found = []
    for number in range(count):
        try:
            kernel.mkdir(f"/{number}")
        except OSError as exc:
            found.append(exc.errno == errno.ENOSPC)
        else:
            found.append(False)
    return found


def test_the_nth_operation_fails_and_no_other(piled: Piled) -> None:
    kernel = piled(Detrempe(), partial(faults, op="mkdir", error="ENOSPC", nth=3))
    assert refused(kernel, 5) == [False, False, True, False, False]
    assert sorted(kernel.listdir("/")) == ["0", "1", "3", "4"]


def test_chance_is_the_same_each_time_with_one_seed(piled: Piled) -> None:
    def tried(seed: int) -> list[bool]:
        rule = Fault(op="mkdir", error=errno.ENOSPC, probability=0.3, seed=seed)
        return refused(piled(Detrempe(), lambda below: Faults(below, rule)), 60)

    assert tried(7) == tried(7)
    assert tried(7) != tried(8)
    assert 5 < sum(tried(7)) < 35


def test_only_what_has_the_path_is_struck_wherever_it_moves(piled: Piled) -> None:
    kernel = piled(Detrempe(), partial(faults, op="write", error="EIO", path="*.db"))
    kernel.mkdir("/d")
    for path, fails in (("/d/a.db", True), ("/d/a.txt", False)):
        fd = kernel.open(path, os.O_CREAT | os.O_WRONLY)
        if fails:
            with pytest.raises(OSError, match="Input/output"):
                kernel.write(fd, b"x")
        else:
            assert kernel.write(fd, b"x") == 1
        kernel.close(fd)
    kernel.rename("/d/a.db", "/d/a.safe")
    with kernel.open_file("/d/a.safe", "w") as file:
        file.write("now it goes")


def test_several_rules_apply_in_order(piled: Piled) -> None:
    rules = (Fault(op="mk*", error=errno.EIO, nth=1), Fault(op="mkdir", error=errno.ENOSPC, nth=1))
    kernel = piled(Detrempe(), lambda below: Faults(below, *rules))
    for reason in ("Input/output", None):
        if reason:
            with pytest.raises(OSError, match=reason):
                kernel.mkdir("/d")
        else:
            kernel.mkdir("/d")


def test_a_delay_comes_before_the_operation_or_the_error(piled: Piled) -> None:
    slow = piled(Detrempe(), partial(faults, op="mkdir", delay="30ms"))
    began = time.monotonic()
    slow.mkdir("/d")
    assert time.monotonic() - began >= 0.03
    failing = piled(Detrempe(), partial(faults, op="mkdir", delay="30ms", error="EIO"))
    began = time.monotonic()
    with pytest.raises(OSError, match="Input/output"):
        failing.mkdir("/d")
    assert time.monotonic() - began >= 0.03


def test_writes_and_reads_fall_short_but_never_of_everything(call: puffpy.Call) -> None:
    base = Detrempe()
    top = stack(base, partial(faults, op="write", short=0.5), partial(faults, op="read", short=0.25))
    node = base.create(base.root, puffpy.ComponentName("f"), puffpy.Vattr(0o100644), call)
    assert top.write(node, 0, memoryview(b"12345678"), call) == 4
    assert top.write(node, 4, memoryview(b"5"), call) == 1
    assert plain(base.read(node, 0, 100, call)) == b"12345"
    assert plain(top.read(node, 0, 4, call)) == b"1"
    assert plain(top.read(node, 0, 1, call)) == b"1"


def test_what_is_left_out_below_can_fail_if_a_rule_names_it(piled: Piled) -> None:
    assert "fsync" not in written(Faults(Detrempe(), Fault(op="*", error=5)))
    kernel = piled(
        Detrempe(),
        partial(faults, op="fsync", error="EIO"),
        partial(faults, op="open", error="EMFILE", nth=2),
    )
    fd = kernel.open("/f", os.O_CREAT | os.O_WRONLY)
    with pytest.raises(OSError, match="Input/output"):
        kernel.fsync(fd)
    with pytest.raises(OSError, match="Too many open files"):
        kernel.open("/f", os.O_RDONLY)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"op": "unlink", "error": "EIO"}, "op=unlink"),
        ({"error": "EWRONG"}, "error=EWRONG"),
        ({"delay": "soon"}, "delay=soon"),
        ({"error": "EIO", "probability": 2.0}, "probability=2.0"),
        ({"short": -1.0}, "short=-1.0"),
        ({"error": "EIO", "nth": -1}, "nth=-1"),
        ({}, "nothing would ever go wrong"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_by_name(wrong: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        faults(Detrempe(), **wrong)  # type: ignore[arg-type]  # on purpose
