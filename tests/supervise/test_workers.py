"""Operations that run beside others: begun, and not ended when their server dies."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import puffpy
from puffpy.wire import Opcode, Reply, decode_reply
from puffpy.wire.flags import RenameFlag
from tests.dispatch.speaker import ROOT
from tests.mounted.harness import wait_for
from tests.supervise.succession import Succession

EXCHANGE = int(RenameFlag.EXCHANGE)


class Slow(puffpy.VnodeOps):
    """Makes directories below *top* in worker threads; the first server never comes to an end of it."""

    first = True

    def __init__(self, top: Path, stuck: threading.Event) -> None:
        self.root = puffpy.Node.directory()
        self.top, self.stuck = top, stuck

    @puffpy.blocking
    def lookup(self, dvp: Any, cn: Any, call: Any) -> Any:
        if not (self.top / cn.name).is_dir():
            raise FileNotFoundError
        return puffpy.Node.directory()

    @puffpy.blocking
    def mkdir(self, dvp: Any, cn: Any, va: Any, call: Any) -> Any:
        (self.top / cn.name).mkdir()
        if Slow.first:
            Slow.first = False
            self.stuck.wait(60)
        return puffpy.Node.directory()


class Swapping(puffpy.VnodeOps):
    """Files that a worker thread exchanges; the first server never comes to an end of it."""

    first = True

    def __init__(self, names: dict[str, puffpy.Node], stuck: threading.Event) -> None:
        self.root = puffpy.Node.directory()
        self.names, self.stuck = names, stuck

    @puffpy.blocking
    def lookup(self, dvp: Any, cn: Any, call: Any) -> Any:
        return self.names[cn.name]

    @puffpy.blocking
    def rename(self, fdvp: Any, fcn: Any, tdvp: Any, tcn: Any, flags: int, call: Any) -> None:
        names = self.names
        names[fcn.name], names[tcn.name] = names[tcn.name], names[fcn.name]
        if Swapping.first:
            Swapping.first = False
            self.stuck.wait(60)


@contextmanager
def one_after_the_other(make: Callable[[threading.Event], puffpy.VnodeOps]) -> Iterator[Succession]:
    """A kernel, and servers of what *make* makes, each of which waits for an event that never comes."""
    stuck, before = threading.Event(), threading.active_count()
    kernel = Succession(lambda: make(stuck))
    dead = kernel.session
    try:
        yield kernel
    finally:
        stuck.set()
        # Their threads would outlive the test; a process that is killed takes them along.
        for session in (dead, kernel.session):
            session.close()
        wait_for(lambda: threading.active_count() == before, "no thread is left")


def answered(kernel: Succession, opcode: Opcode) -> Reply:
    """The answer that a worker brings."""
    wait_for(lambda: bool(kernel.later), "somebody has answered")
    return decode_reply(opcode, kernel.later.pop())


def test_what_a_worker_had_begun_is_done_once(tmp_path: Path) -> None:
    Slow.first = True
    with one_after_the_other(lambda stuck: Slow(tmp_path, stuck)) as kernel:
        message = kernel.request(Opcode.MKDIR, ROOT, b"new", mode=0o755)
        unique = kernel.unique
        assert kernel.tell(message) is None, "the reply comes later"
        wait_for((tmp_path / "new").exists, "the worker has made it")
        kernel.begin()
        kernel.tell_again(message, unique)
        reply = answered(kernel, Opcode.MKDIR)
        assert not reply.error, errno.errorcode[reply.error]
        assert reply.fields["nodeid"] != ROOT


@pytest.mark.parametrize("dies", [False, True], ids=["and lives on", "and dies"])
def test_what_a_worker_has_exchanged_is_exchanged_once(dies: bool) -> None:
    Swapping.first = dies
    names = {"a": puffpy.Node.file(mode=0o644), "b": puffpy.Node.file(mode=0o600)}
    names["a"].vattr.ino, names["b"].vattr.ino = 11, 12
    names["another b"] = names["b"]
    swapped = {**names, "a": names["b"], "b": names["a"]}
    with one_after_the_other(lambda stuck: Swapping(names, stuck)) as kernel:
        for name in names:
            kernel.tell(kernel.request(Opcode.LOOKUP, ROOT, name.encode()))
            assert not answered(kernel, Opcode.LOOKUP).error
        message = kernel.request(
            Opcode.RENAME2, ROOT, b"a", b"b", newdir=ROOT, flags=int(RenameFlag.EXCHANGE)
        )
        unique = kernel.unique
        kernel.tell(message)
        wait_for(lambda: names == swapped, "the worker has exchanged them")
        if dies:
            kernel.begin()
            kernel.tell_again(message, unique)
        assert not answered(kernel, Opcode.RENAME2).error
        assert names == swapped
