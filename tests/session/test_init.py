"""The first message: what comes before it, which versions it may name, and what follows it."""

from __future__ import annotations

import errno
import logging
from typing import Any

import pytest

from puffpy.errors import FsError, VectorError
from puffpy.ops import VfsOps
from puffpy.options import MountOptions
from puffpy.session import Session
from puffpy.types import Node
from puffpy.wire import MESSAGES, Opcode
from tests.dispatch.samples import SAMPLES
from tests.dispatch.speaker import EVERYTHING, ROOT, Scribe, Speaker, Tree, init_flags


def hello(speaker: Speaker, major: int = 7, minor: int = 45) -> Any:
    return speaker.ask(
        Opcode.INIT, 0, major=major, minor=minor, **init_flags(EVERYTHING if minor > 35 else 0xFFFF)
    )


def ready(speaker: Speaker) -> bool:
    return speaker.session.ready


@pytest.mark.parametrize(
    "opcode", [o for o in Opcode if o is not Opcode.INIT], ids=lambda opcode: opcode.name
)
def test_nothing_is_understood_before_init(opcode: Opcode, caplog: pytest.LogCaptureFixture) -> None:
    scribe = Scribe(unmount=None, reclaim=None)
    speaker = Speaker(scribe, minor=None)
    sample = SAMPLES[opcode]
    fields: dict[str, Any] = sample.fields
    reply = speaker.tell(speaker.request(opcode, ROOT, *sample.names, data=sample.data, **fields))
    if MESSAGES[opcode].answered:
        assert reply is not None
        assert int.from_bytes(reply[4:8], "little", signed=True) == -errno.EIO
    else:
        assert reply is None
    assert "came before INIT" in caplog.text
    assert scribe.calls() == []
    assert not ready(speaker)


def test_init_makes_the_session_ready_and_starts_the_file_system() -> None:
    kernels: list[Any] = []
    scribe = Scribe(start=kernels.append)
    speaker = Speaker(scribe, minor=None)
    assert not ready(speaker)
    reply = hello(speaker)
    assert (reply.fields["major"], reply.fields["minor"]) == (7, 45)
    assert ready(speaker)
    assert kernels == [speaker.session.kernel]


@pytest.mark.parametrize(("offered", "told"), [(31, 31), (35, 35), (40, 40), (45, 45), (46, 45), (1000, 45)])
def test_the_older_minor_of_the_two_is_spoken(offered: int, told: int) -> None:
    assert hello(Speaker(Scribe(), minor=None), 7, offered).fields["minor"] == told


@pytest.mark.parametrize(("major", "minor"), [(7, 30), (7, 0), (6, 45), (0, 0)])
def test_an_older_kernel_is_refused_with_the_versions_in_the_log(
    major: int, minor: int, caplog: pytest.LogCaptureFixture
) -> None:
    scribe = Scribe(start=None)
    speaker = Speaker(scribe, minor=None)
    assert hello(speaker, major, minor).error == errno.EINVAL
    assert f"the kernel speaks FUSE {major}.{minor}; expected 7.31 or newer" in caplog.text
    assert not ready(speaker)
    assert scribe.calls() == []


def test_a_newer_major_is_answered_with_ours_and_the_kernel_asks_again() -> None:
    scribe = Scribe(start=None)
    speaker = Speaker(scribe, minor=None)
    assert hello(speaker, 8, 2).fields["major"] == 7
    assert not ready(speaker)
    assert scribe.calls() == []
    assert hello(speaker).fields["minor"] == 45
    assert ready(speaker)
    assert scribe.calls() == ["start"]


def test_a_second_init_changes_nothing() -> None:
    scribe = Scribe(start=None)
    speaker = Speaker(scribe)
    terms = speaker.session.terms
    assert hello(speaker, 7, 45).error == errno.ENOSYS
    assert speaker.session.terms is terms
    assert scribe.calls() == ["start"]


def test_an_init_that_is_cut_short_is_refused() -> None:
    speaker = Speaker(Scribe(), minor=None)
    whole = speaker.request(Opcode.INIT, 0, major=7, minor=31, flags=0)
    assert len(whole) == 56
    for size in range(40, 56):
        reply = speaker.tell(size.to_bytes(4, "little") + whole[4:size])
        assert reply is not None
        assert int.from_bytes(reply[4:8], "little", signed=True) == -errno.EINVAL
        assert not ready(speaker)


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (FsError(errno.ENODEV), errno.ENODEV),
        (ZeroDivisionError("oops"), errno.EIO),
        (KeyboardInterrupt(), errno.EIO),
    ],
)
def test_a_file_system_that_does_not_start_is_not_ready(
    failure: BaseException, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    speaker = Speaker(Scribe(start=failure), minor=None)
    with caplog.at_level(logging.ERROR):
        assert hello(speaker).error == code
    assert not ready(speaker)


def test_vectors_that_cannot_work_are_refused_before_a_kernel_is_met() -> None:
    class Misspelt(Tree):
        def readlnik(self, vp: Any, call: Any) -> str:
            return ""

    with pytest.raises(VectorError, match="readlink"):
        Session(Misspelt(), VfsOps(), MountOptions(), print)


def test_the_root_is_asked_for_once_and_is_the_vfs_ops_word() -> None:
    top = Node.directory(0o700)
    scribe = Scribe(root=top)
    speaker = Speaker(scribe)
    speaker.ask(Opcode.GETATTR)
    assert speaker.ask(Opcode.GETATTR).fields["mode"] == top.vattr.mode
    assert scribe.calls() == ["root"]


def test_two_conversations_know_nothing_of_each_other() -> None:
    node = Node.file()
    one, two = Speaker(Tree(f=node)), Speaker(Tree(f=node))
    assert one.lookup(b"f") == two.lookup(b"f")
    one.session.close()
    assert two.counts() == {2: (1, 0)}
    assert not two.ask(Opcode.GETATTR, 2).error
