"""A server dies with a request at hand, and the next one is asked again: it is done exactly once."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from puffpy.supervise.supervisor import POISON
from puffpy.wire import Opcode
from puffpy.wire.flags import RenameFlag
from puffpy.wire.structs import FORGET_ONE, IN_HEADER
from tests.dispatch.speaker import ROOT
from tests.supervise.succession import ME, Killed, Moment, Succession

EXCHANGE, WHITEOUT = int(RenameFlag.EXCHANGE), int(RenameFlag.WHITEOUT)


@attrs.frozen
class Once:
    """A request that must not be done twice, and what is there when it was done once."""

    opcode: Opcode
    names: tuple[bytes, ...]
    done: Callable[[Path], bool]
    fields: dict[str, Any] = attrs.field(factory=dict)


def says(path: Path, text: str) -> bool:
    """Whether *path* is a file with that text."""
    return path.is_file() and path.read_text() == text


REQUESTS = {
    "mkdir": Once(Opcode.MKDIR, (b"new",), lambda top: (top / "new").is_dir(), {"mode": 0o755}),
    "mknod": Once(
        Opcode.MKNOD, (b"new",), lambda top: (top / "new").is_fifo(), {"mode": stat.S_IFIFO | 0o644}
    ),
    "symlink": Once(Opcode.SYMLINK, (b"new", b"file"), lambda top: os.readlink(top / "new") == "file"),
    "create": Once(
        Opcode.CREATE,
        (b"new",),
        lambda top: says(top / "new", ""),
        {"flags": os.O_CREAT | os.O_EXCL | os.O_WRONLY, "mode": stat.S_IFREG | 0o444},
    ),
    "unlink": Once(Opcode.UNLINK, (b"file",), lambda top: not (top / "file").exists()),
    "rmdir": Once(Opcode.RMDIR, (b"empty",), lambda top: not (top / "empty").exists()),
    "rename": Once(
        Opcode.RENAME2,
        (b"file", b"other"),
        lambda top: says(top / "other", "contents") and not (top / "file").exists(),
        {"newdir": ROOT, "flags": 0},
    ),
    "rename to a free name": Once(
        Opcode.RENAME2,
        (b"file", b"new"),
        lambda top: says(top / "new", "contents") and not (top / "file").exists(),
        {"newdir": ROOT, "flags": 1},
    ),
    "exchange": Once(
        Opcode.RENAME2,
        (b"file", b"other"),
        lambda top: says(top / "other", "contents") and says(top / "file", "the other"),
        {"newdir": ROOT, "flags": EXCHANGE},
    ),
}


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_done_exactly_once_whenever_its_server_dies(
    kernel: Succession, top: Path, name: str, moment: Moment
) -> None:
    once = REQUESTS[name]
    for known in (b"file", b"other", b"empty"):
        kernel.lookup(known)
    reply = kernel.fail_to_hear(moment, once.opcode, ROOT, *once.names, who=ME, **once.fields)
    assert not reply.error, errno.errorcode[reply.error]
    assert once.done(top)
    if "nodeid" in reply.fields:
        again = kernel.lookup(once.names[0])
        assert again == reply.fields["nodeid"]
    assert not kernel.ask(Opcode.MKDIR, ROOT, b"afterwards", who=ME, mode=0o755).error


@pytest.mark.parametrize("moment", Moment)
def test_a_file_of_many_names_is_exchanged_once(kernel: Succession, top: Path, moment: Moment) -> None:
    """The name by which the kernel was told of it last is not the one that is exchanged."""
    os.link(top / "other", top / "third")
    numbers = [kernel.lookup(known) for known in (b"file", b"other", b"third")]
    reply = kernel.fail_to_hear(
        moment, Opcode.RENAME2, ROOT, b"file", b"other", who=ME, newdir=ROOT, flags=EXCHANGE
    )
    assert not reply.error
    assert says(top / "other", "contents")
    assert says(top / "file", "the other")
    kernel.begin()
    assert kernel.ask(Opcode.GETATTR, numbers[0]).fields["size"] == len("contents")
    assert kernel.ask(Opcode.GETATTR, numbers[1]).fields["nlink"] == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="a whiteout is a device, which root makes")
@pytest.mark.parametrize("moment", Moment)
def test_what_leaves_a_whiteout_is_moved_once(kernel: Succession, top: Path, moment: Moment) -> None:
    """There is something of the old name afterwards, which must not be moved as well."""
    kernel.lookup(b"file")
    reply = kernel.fail_to_hear(
        moment, Opcode.RENAME2, ROOT, b"file", b"new", who=ME, newdir=ROOT, flags=WHITEOUT
    )
    assert not reply.error
    assert says(top / "new", "contents")
    assert (top / "file").is_char_device()


@pytest.mark.parametrize("moment", Moment)
def test_a_link_is_made_once(kernel: Succession, top: Path, moment: Moment) -> None:
    nodeid = kernel.lookup(b"file")
    reply = kernel.fail_to_hear(moment, Opcode.LINK, ROOT, b"new", who=ME, oldnodeid=nodeid)
    assert reply.fields["nodeid"] == nodeid
    assert (top / "file").stat().st_nlink == 2


@pytest.mark.parametrize("name", ["mkdir", "mknod", "symlink", "link"])
def test_what_somebody_else_has_made_meanwhile_is_not_what_was_asked_for(
    kernel: Succession, top: Path, name: str
) -> None:
    link = Once(Opcode.LINK, (b"new",), lambda _: True, {"oldnodeid": kernel.lookup(b"file")})
    once = REQUESTS.get(name, link)

    def replace() -> None:
        made = top / "new"
        if made.is_dir():
            made.rmdir()
        else:
            made.unlink()
        made.write_text("somebody else's")

    reply = kernel.fail_to_hear(
        Moment.MIDWAY, once.opcode, ROOT, *once.names, who=ME, meanwhile=replace, **once.fields
    )
    assert reply.error == errno.EEXIST
    assert says(top / "new", "somebody else's")


@pytest.mark.parametrize("moment", Moment)
def test_an_open_file_is_closed_once(kernel: Succession, top: Path, moment: Moment) -> None:
    before = len(os.listdir("/proc/self/fd"))
    nodeid = kernel.lookup(b"file")
    fh = kernel.open(nodeid, os.O_RDONLY)
    other = kernel.open(kernel.lookup(b"other"), os.O_RDONLY)
    kernel.fail_to_hear(moment, Opcode.RELEASE, nodeid, fh=fh)
    assert kernel.ask(Opcode.READ, nodeid, fh=fh, offset=0, size=10).error == errno.EBADF
    held = kernel.fs.kept.descriptors
    assert len(held) == 1, "the other one"
    assert kernel.ask(Opcode.READ, kernel.lookup(b"other"), fh=other, offset=0, size=9).data == b"the other"
    assert len(os.listdir("/proc/self/fd")) > before


def test_a_refusal_that_nobody_heard_stays_one(kernel: Succession, top: Path) -> None:
    for moment in (Moment.BEFORE, Moment.UNHEARD):
        assert (
            kernel.fail_to_hear(moment, Opcode.MKDIR, ROOT, b"file", who=ME, mode=0o755).error == errno.EEXIST
        )
    assert kernel.fail_to_hear(Moment.MIDWAY, Opcode.UNLINK, ROOT, b"empty", who=ME).error == errno.EISDIR


@pytest.mark.parametrize("many", [False, True], ids=["FORGET", "BATCH_FORGET"])
def test_what_a_server_died_of_forgetting_is_forgotten(kernel: Succession, top: Path, many: bool) -> None:
    """Nobody sends a FORGET again: what was removed would keep its room, and its descriptor, for ever."""
    nodeid, other = kernel.lookup(b"file"), kernel.lookup(b"other")
    for name in (b"file", b"other"):
        assert not kernel.ask(Opcode.UNLINK, ROOT, name, who=ME).error
    assert len(kernel.fs.kept.descriptors) == 2
    commit = kernel.ledger.commit
    done: list[None] = []

    def commit_once() -> None:
        if done:
            raise Killed
        commit()
        done.append(None)

    kernel.ledger.commit = commit_once  # type: ignore[method-assign]
    if many:
        kernel.forget_many((nodeid, 1), (other, 1))
    else:
        kernel.forget(nodeid)
    kernel.ledger.commit = commit  # type: ignore[method-assign]
    kernel.begin()
    assert len(kernel.fs.kept.descriptors) == (0 if many else 1)
    kernel.begin()
    assert kernel.counts() == {}
    assert len(kernel.fs.kept.descriptors) == (0 if many else 1)


@pytest.mark.parametrize("idle", [0, 5000], ids=["few", "more than there is room for"])
def test_what_a_server_had_only_just_read_is_forgotten_too(kernel: Succession, top: Path, idle: int) -> None:
    nodeid, other = kernel.lookup(b"file"), kernel.lookup(b"other")
    for name in (b"file", b"other"):
        assert not kernel.ask(Opcode.UNLINK, ROOT, name, who=ME).error
    pairs = [(nodeid, 1), (other, 1), *[(1 << 40, 1)] * idle]
    data = b"".join(FORGET_ONE.pack(*pair) for pair in pairs)
    message = kernel.request(Opcode.BATCH_FORGET, 0, data=data)
    kernel.ledger.landing[: len(message)] = message[: len(kernel.ledger.landing)]
    kernel.begin()
    assert not kernel.fs.kept.descriptors
    kernel.begin()
    assert kernel.counts() == {}


def test_what_is_forgotten_once_is_not_forgotten_again(kernel: Succession) -> None:
    message = kernel.request(Opcode.FORGET, kernel.lookup(b"file"), nlookup=1)
    kernel.ledger.landing[: len(message)] = message
    kernel.tell(message)
    assert not any(kernel.ledger.landing[: IN_HEADER.size])


def test_a_request_that_kills_every_server_is_answered_with_eio(kernel: Succession, top: Path) -> None:
    message = kernel.request(Opcode.MKDIR, ROOT, b"deadly", who=ME, mode=0o755)
    unique = kernel.unique
    kernel.begin(unique)
    assert kernel.again(Opcode.MKDIR, message, unique).error == errno.EIO
    assert not (top / "deadly").exists()
    assert POISON > 1, "one death may have had another cause"
