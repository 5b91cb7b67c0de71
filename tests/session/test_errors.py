"""Whatever is raised ends as an errno; what no author can have meant is in the log, its traceback once."""

from __future__ import annotations

import errno
import logging
from typing import Any

import pytest

from puffpy.errors import FsError, MountError, ReplyError, WireError
from puffpy.wire import Opcode
from tests.dispatch.samples import FILE, Conversation
from tests.dispatch.speaker import ROOT, Scribe, Speaker


class Heard(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def meant(exc: BaseException) -> tuple[int, list[logging.LogRecord]]:
    """Have a read raise *exc*; return the errno and what was logged."""
    heard = Heard()
    log = logging.getLogger("puffpy")
    log.addHandler(heard)
    try:
        return Conversation(read=exc).refused(Opcode.READ, FILE, size=1), heard.records
    finally:
        log.removeHandler(heard)


@pytest.mark.parametrize(
    ("exc", "code"),
    [
        (FsError(errno.ENODATA), errno.ENODATA),
        (FileNotFoundError(), errno.ENOENT),
        (PermissionError(errno.EPERM, "no"), errno.EPERM),
        (PermissionError(), errno.EACCES),
        (OSError(errno.EDQUOT, "full"), errno.EDQUOT),
        (IsADirectoryError(), errno.EISDIR),
        (TimeoutError(), errno.ETIMEDOUT),
        (InterruptedError(), errno.EINTR),
        (BlockingIOError(), errno.EAGAIN),
        (OSError("no errno at all"), errno.EIO),
        (OSError(512, "the kernel's own"), errno.EIO),
        (OSError(-5, "negative"), errno.EIO),
    ],
)
def test_a_refusal_is_its_errno_and_nobodys_bug(exc: OSError, code: int) -> None:
    assert meant(exc) == (code, [])


@pytest.mark.parametrize("exc", [FsError(errno.ENOSYS), OSError(errno.ENOSYS, "")])
def test_enosys_is_only_the_tables_to_say(exc: OSError) -> None:
    assert meant(exc) == (errno.EOPNOTSUPP, [])


@pytest.mark.parametrize(
    ("exc", "code"),
    [
        (ZeroDivisionError("division"), errno.EIO),
        (KeyError("x"), errno.EIO),
        (AssertionError(), errno.EIO),
        (RecursionError("deep"), errno.EIO),
        (MemoryError(), errno.ENOMEM),
        (NotImplementedError(), errno.EOPNOTSUPP),
        (StopIteration(), errno.EIO),
        (GeneratorExit(), errno.EIO),
        (SystemExit(1), errno.EIO),
        (KeyboardInterrupt(), errno.EIO),
    ],
)
def test_a_bug_is_told_with_its_traceback_and_does_not_get_out(exc: BaseException, code: int) -> None:
    told, records = meant(exc)
    assert told == code
    (record,) = records
    line = record.getMessage()
    assert line.startswith(f"READ for node {FILE}: {type(exc).__name__}: ")
    assert errno.errorcode[code] in line
    assert record.exc_info
    assert record.exc_info[1] is exc


class Unspeakable(Exception):
    """An exception that cannot be shown."""

    def __str__(self) -> str:
        raise ValueError("not even this")


def test_a_bug_that_cannot_say_what_it_is_is_named_all_the_same() -> None:
    told, (record,) = meant(Unspeakable())
    assert told == errno.EIO
    assert "Unspeakable: (ValueError when asked what it says); the caller gets EIO" in record.getMessage()


@pytest.mark.parametrize("exc", [ReplyError("cannot be"), WireError("cut")])
def test_the_librarys_own_errors_are_one_line(exc: BaseException) -> None:
    code, records = meant(exc)
    assert code in (errno.EIO, errno.EINVAL)
    assert [record.exc_info for record in records] == [None]


def test_a_mount_error_counts_as_the_refusal_that_it_is() -> None:
    assert meant(MountError("gone", errno.ENODEV))[0] == errno.ENODEV


def test_recursion_without_end_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    def read(vp: Any, offset: int, size: int, call: Any) -> bytes:
        return read(vp, offset, size, call)

    speaker = Conversation(read=read)
    assert speaker.refused(Opcode.READ, FILE, size=1) == errno.EIO
    assert "RecursionError" in caplog.text
    assert not speaker.ask(Opcode.GETATTR, FILE).error


def test_the_traceback_comes_once_and_then_a_line_each_time(caplog: pytest.LogCaptureFixture) -> None:
    def read(vp: Any, offset: int, size: int, call: Any) -> bytes:
        if offset:
            raise ZeroDivisionError("elsewhere")
        raise ZeroDivisionError("here")

    speaker = Conversation(read=read)
    for offset in (0, 0, 0, 1, 1):
        assert speaker.refused(Opcode.READ, FILE, offset=offset, size=1) == errno.EIO
    tracebacks = [bool(record.exc_info) for record in caplog.records]
    assert tracebacks == [True, False, False, True, False]
    assert caplog.records[1].getMessage().endswith("(traceback above)")


@pytest.mark.parametrize(
    ("opcode", "op", "names", "fields"),
    [
        (Opcode.LOOKUP, "lookup", (b"f",), {}),
        (Opcode.GETATTR, "getattr", (), {}),
        (Opcode.SETATTR, "setattr", (), {}),
        (Opcode.MKDIR, "mkdir", (b"x",), {}),
        (Opcode.CREATE, "create", (b"x",), {}),
        (Opcode.TMPFILE, "tmpfile", (b"/",), {}),
        (Opcode.LINK, "link", (b"x",), {"oldnodeid": ROOT}),
        (Opcode.OPEN, "open", (), {}),
        (Opcode.STATFS, "statvfs", (), {}),
    ],
)
@pytest.mark.parametrize("exc", [ZeroDivisionError(), PermissionError(), KeyboardInterrupt()], ids=repr)
def test_whatever_is_raised_moves_no_count(
    opcode: Opcode, op: str, names: tuple[bytes, ...], fields: dict[str, Any], exc: BaseException
) -> None:
    answers: dict[str, Any] = {op: exc}
    speaker = Speaker(Scribe(**answers))
    assert speaker.refused(opcode, ROOT, *names, **fields)
    assert speaker.counts() == {}
    assert list(speaker.session.handles) == [0]


def test_a_getattr_that_fails_after_a_lookup_counts_nothing() -> None:
    for exc, code in ((FileNotFoundError(), errno.ENOENT), (ZeroDivisionError(), errno.EIO)):
        speaker = Speaker(Scribe({"f": "node"}, getattr=exc))
        assert speaker.refused(Opcode.LOOKUP, ROOT, b"f") == code
        assert speaker.counts() == {}


def test_what_is_raised_where_nobody_waits_is_not_answered(caplog: pytest.LogCaptureFixture) -> None:
    speaker = Speaker(Scribe({"f": 5}, getattr=None))
    speaker.forget(99)
    assert caplog.records == []
    speaker.mute(Opcode.BATCH_FORGET, 0, data=bytes(16))


def test_interrupts_are_heard_out_and_never_answered() -> None:
    speaker = Speaker(Scribe())
    assert speaker.tell(speaker.request(Opcode.INTERRUPT, 0)) is None
    assert speaker.later == []
