"""A server dies, and the next one goes on: nodes, open files, and every request exactly once."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

import puffpy
from filesystems.hardcodefs import HardcodeFS
from filesystems.tunnel.surviving import SurvivingTunnel
from puffpy.supervise.supervisor import POISON
from puffpy.wire import Opcode
from tests.dispatch.speaker import ROOT, Tree
from tests.supervise.succession import Killed, Moment, Succession

EXCHANGE, WHITEOUT = 2, 4

ME = (os.getuid(), os.getgid(), os.getpid())


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A directory with something of each kind."""
    made = tmp_path / "top"
    made.mkdir()
    (made / "file").write_text("contents")
    (made / "other").write_text("the other")
    (made / "empty").mkdir()
    return made


@pytest.fixture
def kernel(top: Path) -> Succession:
    """A kernel that shows it."""
    return Succession(lambda: SurvivingTunnel(str(top)))


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


def test_what_is_open_stays_open_with_its_rights_and_without_its_name(kernel: Succession, top: Path) -> None:
    made = kernel.ask(
        Opcode.CREATE, ROOT, b"new", who=ME, flags=os.O_CREAT | os.O_RDWR, mode=stat.S_IFREG | 0o444
    )
    nodeid, fh = made.fields["nodeid"], made.fields["fh"]
    assert not kernel.ask(Opcode.UNLINK, ROOT, b"new", who=ME).error
    kernel.begin()
    assert not kernel.ask(Opcode.WRITE, nodeid, fh=fh, offset=0, data=b"still").error
    kernel.begin()
    assert kernel.ask(Opcode.READ, nodeid, fh=fh, offset=0, size=10).data == b"still"
    assert kernel.ask(Opcode.GETATTR, nodeid).fields["nlink"] == 0
    kernel.release(nodeid, fh)
    kernel.forget(nodeid)
    assert not kernel.fs.kept.descriptors


def test_nodes_keep_their_numbers_and_new_ones_get_others(kernel: Succession, top: Path) -> None:
    numbers = {name: kernel.lookup(name) for name in (b"file", b"other", b"empty")}
    kernel.begin()
    (top / "young").write_text("")
    assert kernel.lookup(b"young") not in numbers.values()
    assert {name: kernel.lookup(name) for name in numbers} == numbers


def test_a_node_is_found_again_though_somebody_has_moved_it(kernel: Succession, top: Path) -> None:
    nodeid = kernel.lookup(b"file")
    kernel.begin()
    (top / "file").rename(top / "empty" / "elsewhere")
    (top / "file").write_text("an impostor")
    assert kernel.ask(Opcode.GETATTR, nodeid).fields["size"] == len("contents")


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


def test_counts_of_a_dead_server_are_given_back_without_complaint(
    kernel: Succession, caplog: pytest.LogCaptureFixture
) -> None:
    nodeid = kernel.lookup(b"file")
    kernel.lookup(b"file")
    other = kernel.lookup(b"other")
    kernel.begin()
    kernel.lookup(b"file")
    kernel.forget(nodeid, 3)
    kernel.forget_many((other, 1))
    assert kernel.counts() == {}
    assert not caplog.records


def test_a_listing_goes_on_where_it_was_although_names_have_gone(kernel: Succession, top: Path) -> None:
    for number in range(200):
        (top / f"name-{number:03}").write_text("")
    fh = kernel.open(ROOT, opcode=Opcode.OPENDIR)
    seen = kernel.readdir(fh)
    for record in seen[2:]:
        path = top / record.name.decode()
        path.rmdir() if path.is_dir() else path.unlink()
    kernel.begin()
    while more := kernel.readdir(fh, seen[-1].off):
        seen += more
    names = [record.name for record in seen]
    assert len(set(names)) == len(names)
    assert {f"name-{number:03}".encode() for number in range(200)} <= set(names)


def test_a_request_that_kills_every_server_is_answered_with_eio(kernel: Succession, top: Path) -> None:
    message = kernel.request(Opcode.MKDIR, ROOT, b"deadly", who=ME, mode=0o755)
    unique = kernel.unique
    kernel.begin(unique)
    assert kernel.again(Opcode.MKDIR, message, unique).error == errno.EIO
    assert not (top / "deadly").exists()
    assert POISON > 1, "one death may have had another cause"


def test_a_file_system_that_knows_nothing_of_this_has_its_nodes_found_by_name(tmp_path: Path) -> None:
    kernel = Succession(lambda: HardcodeFS(store=str(tmp_path / "store")))
    notes = kernel.lookup(b"notes")
    fh = kernel.open(notes, os.O_RDWR)
    assert not kernel.ask(Opcode.WRITE, notes, fh=fh, offset=0, data=b"kept").error
    kernel.begin()
    assert kernel.ask(Opcode.READ, notes, fh=fh, offset=0, size=10).data == b"kept"
    assert kernel.lookup(b"notes") == notes
    assert kernel.lookup(b"counter") not in (notes, ROOT)


class Deep(Tree, puffpy.VfsOps):
    """Directories that come anew with every server, and files that are opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[tuple[Any, int]] = []
        self.nodes: dict[tuple[int, str], Any] = {}

    def lookup(self, dvp: Any, cn: Any, call: Any) -> Any:
        if cn.name.startswith("absent"):
            raise FileNotFoundError
        made = puffpy.Node.directory() if cn.name.startswith("d") else puffpy.Node.file(mode=0o644)
        return self.nodes.setdefault((id(dvp), cn.name), made)

    def open(self, vp: Any, flags: int, call: Any) -> int:
        self.opened.append((vp, flags))
        return 1000 + len(self.opened)

    def write(self, vp: Any, offset: int, data: Any, call: Any) -> int:
        return len(data)

    def read(self, vp: Any, offset: int, size: int, call: Any) -> bytes:
        return str(call.handle).encode()

    def rename(self, fdvp: Any, fcn: Any, tdvp: Any, tcn: Any, flags: int, call: Any) -> None:
        self.nodes[id(tdvp), tcn.name] = self.nodes.pop((id(fdvp), fcn.name))


def test_open_files_are_opened_again_and_never_made_or_cut_again() -> None:
    kernel = Succession(Deep)
    below = kernel.lookup(b"file", kernel.lookup(b"deeper", kernel.lookup(b"dir")))
    fh = kernel.open(below, os.O_RDWR | os.O_APPEND)
    kernel.begin()
    (node, flags), *more = kernel.fs.opened
    assert not more
    assert flags == os.O_RDWR | os.O_APPEND
    assert kernel.session.nodes.cookies[below].node is node
    assert kernel.ask(Opcode.READ, below, fh=fh, offset=0, size=100).data == b"1001", (
        "the new one's own handle"
    )


def test_names_follow_what_is_renamed() -> None:
    kernel = Succession(Deep)
    nodeid = kernel.lookup(b"file")
    assert not kernel.ask(Opcode.RENAME2, ROOT, b"file", b"new", newdir=ROOT, flags=0).error
    kernel.begin()
    assert kernel.session.nodes.cookies[nodeid].node is kernel.fs.nodes[id(kernel.fs.root), "new"]


def test_a_tree_deeper_than_the_stack_of_python_is_found_again() -> None:
    kernel = Succession(Deep)
    name = b"deepest"
    lowest = kernel.lookup(name)
    for number in range(sys.getrecursionlimit()):
        # From the bottom up, so that none is known before what is below it.
        above = kernel.lookup(b"d%d" % number)
        assert not kernel.ask(Opcode.RENAME2, ROOT, name, name, newdir=above, flags=0).error
        name = b"d%d" % number
    kernel.begin()
    assert not kernel.ask(Opcode.GETATTR, lowest).error


def test_names_that_run_in_a_circle_are_stale() -> None:
    """A kernel moves no directory into itself; one that does keeps no server from beginning."""
    kernel = Succession(Deep)
    upper = kernel.lookup(b"dir")
    lower = kernel.lookup(b"deeper", upper)
    other = kernel.lookup(b"file")
    assert not kernel.ask(Opcode.RENAME2, ROOT, b"dir", b"dir", newdir=lower, flags=0).error
    kernel.begin()
    assert kernel.refused(Opcode.GETATTR, upper) == errno.ESTALE
    assert not kernel.ask(Opcode.GETATTR, other).error


def test_what_cannot_be_found_again_is_stale_and_what_was_open_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kernel = Succession(Deep)
    nodeid = kernel.lookup(b"file")
    fh = kernel.open(nodeid, os.O_RDONLY)
    assert not kernel.ask(Opcode.RENAME2, ROOT, b"file", b"absent", newdir=ROOT, flags=0).error
    kernel.begin()
    assert kernel.refused(Opcode.GETATTR, nodeid) == errno.ESTALE
    assert kernel.refused(Opcode.READ, nodeid, fh=fh, offset=0, size=1) == errno.EBADF
    assert "lost with its server" in caplog.text
    assert kernel.open(kernel.lookup(b"other")) > fh, "its number is not used again"
