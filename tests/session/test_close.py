"""The end: every open file closed, every node reclaimed, the mount told last, and all of it once."""

from __future__ import annotations

import errno
import logging
import os
from typing import Any

import pytest

from puffpy.types import Dirent, Node
from puffpy.wire import Opcode
from tests.dispatch.speaker import ROOT, Scribe, Speaker

OPS: dict[str, Any] = {
    "open": "handle",
    "close": None,
    "write": None,
    "readdir": [Dirent("x", 5)],
    "inactive": None,
    "reclaim": None,
    "unmount": None,
}


def busy(**changes: Any) -> tuple[Speaker, Scribe]:
    """A conversation with a file known and open, a file known, and two open directories, one of them read."""
    scribe = Scribe({"a": Node.file(), "b": Node.file()}, **{**OPS, **changes})
    speaker = Speaker(scribe)
    speaker.open(speaker.lookup(b"a"), os.O_RDWR)
    speaker.lookup(b"b")
    speaker.readdir(speaker.open(ROOT, opcode=Opcode.OPENDIR))
    speaker.open(ROOT, opcode=Opcode.OPENDIR)
    scribe.heard.clear()
    return speaker, scribe


def test_a_kernel_that_is_gone_leaves_nothing_behind() -> None:
    speaker, scribe = busy()
    speaker.session.close()
    a, b = scribe.names["a"], scribe.names["b"]
    op, (node, flags, call) = scribe.heard[0]
    assert (op, node, flags, call.handle) == ("close", a, os.O_RDWR, "handle")
    assert (call.uid, call.gid, call.pid) == (0, 0, 0)
    ends = [(name, *args) for name, args in scribe.heard[1:]]
    assert sorted(ends[:-1], key=str) == sorted(
        [(name, node) for name in ("inactive", "reclaim") for node in (a, b, scribe.root)], key=str
    )
    for node in (a, b, scribe.root):
        assert ends.index(("inactive", node)) < ends.index(("reclaim", node))
    assert ends[-2:] == [("reclaim", scribe.root), ("unmount",)]
    assert speaker.counts() == {}


def test_directories_are_not_closed_by_an_operation_that_did_not_open_them() -> None:
    speaker, scribe = busy()
    speaker.session.close()
    assert scribe.calls().count("close") == 1


def test_the_end_comes_once() -> None:
    speaker, scribe = busy()
    speaker.session.close()
    scribe.heard.clear()
    speaker.session.close()
    assert not speaker.ask(Opcode.DESTROY, 0).error
    assert scribe.calls() == []


def test_after_destroy_all_is_forgotten_and_another_init_may_follow() -> None:
    speaker, scribe = busy()
    assert not speaker.ask(Opcode.DESTROY, 0).error
    assert not speaker.session.closed
    assert "unmount" not in scribe.calls()
    assert speaker.counts() == {}
    assert speaker.refused(Opcode.GETATTR, ROOT) == errno.EIO, "before INIT"
    scribe.heard.clear()
    assert not speaker.ask(Opcode.INIT, 0, major=7, minor=45).error
    assert "start" not in scribe.calls(), "the mount is the same"
    assert not speaker.ask(Opcode.GETATTR, ROOT).error


def test_whatever_comes_after_the_end_is_stale() -> None:
    speaker, scribe = busy()
    speaker.session.close()
    scribe.heard.clear()
    assert speaker.refused(Opcode.GETATTR, ROOT) == errno.ESTALE
    assert speaker.refused(Opcode.LOOKUP, ROOT, b"a") == errno.ESTALE
    assert speaker.refused(Opcode.READ, ROOT, fh=1, size=1) in (errno.EBADF, errno.EOPNOTSUPP)
    assert speaker.refused(Opcode.RELEASE, ROOT, fh=1) == errno.EBADF
    speaker.forget(2)
    assert scribe.calls() == []


@pytest.mark.parametrize("op", ["close", "inactive", "reclaim", "unmount"])
@pytest.mark.parametrize(
    "exc", [ZeroDivisionError("oops"), OSError(errno.EIO, "oops"), SystemExit("oops")], ids=repr
)
def test_what_goes_wrong_at_the_end_is_logged_and_the_rest_still_ends(
    op: str, exc: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    speaker, scribe = busy(**{op: exc})
    with caplog.at_level(logging.ERROR):
        speaker.session.close()
    calls = scribe.calls()
    assert (calls.count("close"), calls.count("inactive"), calls.count("reclaim")) == (1, 3, 3)
    assert calls[-1] == "unmount"
    assert "oops" in caplog.text


def test_a_session_that_was_never_spoken_to_ends_as_well() -> None:
    scribe = Scribe(unmount=None, reclaim=None)
    Speaker(scribe, minor=None).session.close()
    assert scribe.calls() == ["reclaim", "unmount"]
