"""Operations that run beside others: begun, and not ended when their server dies."""

from __future__ import annotations

import errno
import threading
from pathlib import Path
from typing import Any

import puffpy
from puffpy.wire import Opcode, decode_reply
from tests.dispatch.speaker import ROOT
from tests.mounted.harness import wait_for
from tests.supervise.succession import Succession


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


def test_what_a_worker_had_begun_is_done_once(tmp_path: Path) -> None:
    stuck, before = threading.Event(), threading.active_count()
    Slow.first = True
    kernel = Succession(lambda: Slow(tmp_path, stuck))
    dead = kernel.session
    try:
        message = kernel.request(Opcode.MKDIR, ROOT, b"new", mode=0o755)
        unique = kernel.unique
        assert kernel.tell(message) is None, "the reply comes later"
        wait_for((tmp_path / "new").exists, "the worker has made it")
        kernel.begin()
        kernel.tell_again(message, unique)
        wait_for(lambda: bool(kernel.later), "the next server has answered")
        reply = decode_reply(Opcode.MKDIR, kernel.later.pop())
        assert not reply.error, errno.errorcode[reply.error]
        assert reply.fields["nodeid"] != ROOT
    finally:
        stuck.set()
        # Their threads would outlive the test; a process that is killed takes them along.
        for session in (dead, kernel.session):
            session.close()
        wait_for(lambda: threading.active_count() == before, "no thread is left")
