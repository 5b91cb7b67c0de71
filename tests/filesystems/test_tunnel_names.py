"""Names through a tunnel: what is made, found, moved and taken away, and by whose right."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import puffpy
from filesystems.tunnel import TunnelFS
from filesystems.tunnel.syscalls import OPEN_TREE
from puffpy.wire import Opcode
from tests.dispatch.speaker import ROOT, Speaker
from tests.filesystems.direct import name, refuses
from tests.filesystems.tunnelled import NOBODY, Tunnel, asked, new, same_process

NOREPLACE, EXCHANGE = 1, 2


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    with same_process():
        yield


@pytest.fixture
def top(tmp_path: Path) -> Path:
    made = tmp_path / "top"
    made.mkdir()
    return made


@pytest.fixture
def tunnel(top: Path) -> Iterator[Tunnel]:
    made = Tunnel(top)
    yield made
    made.fs.vfsops.unmount()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends the rights of others")


def test_a_name_leads_to_the_same_node_each_time_and_a_hard_link_to_no_other(
    tunnel: Tunnel, top: Path
) -> None:
    (top / "pink").write_text("floyd")
    (top / "dir").mkdir()
    node = tunnel.find("pink")
    tunnel.fs.link(tunnel.find("dir"), node, name("other"), asked())
    assert tunnel.find("pink") is node
    assert tunnel.find("dir/other") is node
    assert tunnel.stat(node).nlink == (top / "pink").stat().st_nlink == 2


def test_attributes_are_those_underneath(tunnel: Tunnel, top: Path) -> None:
    (top / "pink").write_bytes(b"x" * 5000)
    os.utime(top / "pink", ns=(1_000_000_001, -1_500_000_000))
    va, st = tunnel.stat(tunnel.find("pink")), (top / "pink").stat()
    assert (va.mode, va.nlink, va.uid, va.gid) == (st.st_mode, st.st_nlink, st.st_uid, st.st_gid)
    assert (va.size, va.ino, va.blocks, va.blksize) == (st.st_size, st.st_ino, st.st_blocks, st.st_blksize)
    assert (va.atime_ns, va.mtime_ns, va.ctime_ns) == (1_000_000_001, -1_500_000_000, st.st_ctime_ns)
    assert 0 < va.btime_ns <= st.st_ctime_ns


def test_any_bytes_are_a_name(tunnel: Tunnel, top: Path) -> None:
    raw = b"\xff\xfe caf\xc3\xa9\n"
    node, fd = tunnel.create(os.fsdecode(raw))
    os.close(fd)
    assert os.listdir(os.fsencode(top)) == [raw]
    assert tunnel.names() == [os.fsdecode(raw)]
    tunnel.rename(os.fsdecode(raw), "plain", NOREPLACE)
    assert tunnel.find("plain") is node


def test_what_does_not_exist_and_what_is_no_directory_is_said_as_underneath(
    tunnel: Tunnel, top: Path
) -> None:
    (top / "file").touch()
    (top / "link").symlink_to(top)
    for path, code in (("syd", errno.ENOENT), ("file/x", errno.ENOTDIR), ("link/file", errno.ENOTDIR)):
        with refuses(code):
            tunnel.find(path)
    for path in ("file", "link"):
        with refuses(errno.ENOTDIR):
            tunnel.names(path)


@pytest.mark.parametrize("wrong", ["..", ".", "", "a/b", "../../etc", "/etc", "x\n/..", "..\n/"])
def test_a_name_that_leads_elsewhere_is_refused(tunnel: Tunnel, top: Path, wrong: str) -> None:
    (top / "a").mkdir()
    (top / "a" / "b").touch()
    root, cn = tunnel.fs.root, name(wrong)
    if wrong == "..":  # the way up, which ends here
        assert tunnel.fs.lookup(root, cn, asked()) is root
    else:
        with refuses(errno.ENOENT):
            tunnel.fs.lookup(root, cn, asked())
    with refuses(errno.EPERM):
        tunnel.fs.mkdir(root, cn, new(stat.S_IFDIR, 0o755), asked())
    with refuses(errno.ENOENT):
        tunnel.fs.rename(root, cn, root, name("x"), 0, asked())
    with refuses(errno.ENOENT):
        tunnel.fs.rmdir(root, cn, asked())


def test_a_listing_has_every_name_with_its_number_and_kind(tunnel: Tunnel, top: Path) -> None:
    (top / "dir").mkdir()
    (top / "file").touch()
    (top / "link").symlink_to("file")
    os.mkfifo(top / "fifo")
    listed = {item.name: item for item in tunnel.fs.readdir(tunnel.fs.root, asked())}
    assert listed.keys() == {".", "..", "dir", "file", "link", "fifo"}
    for text, kind in (("dir", 4), ("file", 8), ("link", 10), ("fifo", 0), (".", 4), ("..", 4)):
        found = os.lstat(top / text if text != ".." else top).st_ino
        assert (listed[text].kind, listed[text].ino) == (kind, found)
    inner = {item.name: item.ino for item in tunnel.fs.readdir(tunnel.find("dir"), asked())}
    assert inner[".."] == top.stat().st_ino


def test_a_listing_with_attributes_spares_the_lookups_but_of_directories(top: Path) -> None:
    """Upon these another file system may be mounted, which a listing does not wait for."""
    (top / "dir").mkdir()
    (top / "file").write_text("floyd")
    fs = TunnelFS(str(top))
    speaker = Speaker(fs)
    records = speaker.readdirplus(speaker.open(ROOT, opcode=Opcode.OPENDIR))
    told = {record.name: record.entry for record in records if record.entry["nodeid"]}
    assert told.keys() == {b"file"}
    assert (told[b"file"]["ino"], told[b"file"]["size"]) == ((top / "file").stat().st_ino, 5)
    assert speaker.lookup(b"file") == told[b"file"]["nodeid"]
    speaker.session.close()


@pytest.mark.parametrize("number", [OPEN_TREE, 100_000], ids=["open_tree", "a kernel that has none"])
def test_a_file_that_is_made_is_held_without_being_open(
    tunnel: Tunnel, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filesystems.tunnel.syscalls.OPEN_TREE", number)
    node, fd = tunnel.create("file")
    os.close(fd)
    assert fcntl.fcntl(node.fd, fcntl.F_GETFL) & os.O_PATH
    assert not os.get_inheritable(node.fd)
    assert os.fstat(node.fd).st_ino == node.ino


def test_everything_can_be_made_with_the_very_mode_that_is_asked_for(tunnel: Tunnel, top: Path) -> None:
    before = os.umask(0o077)
    try:
        _, fd = tunnel.create("file", 0o666)
        tunnel.mkdir("dir", 0o1777)
        tunnel.fs.mknod(*tunnel.at("fifo"), new(stat.S_IFIFO, 0o622), asked())
        tunnel.fs.mknod(*tunnel.at("socket"), new(stat.S_IFSOCK, 0o777), asked())
        tunnel.fs.symlink(*tunnel.at("link"), new(stat.S_IFLNK, 0o777), "where/ever", asked())
    finally:
        os.umask(before)
    os.close(fd)
    modes = {path.name: path.lstat().st_mode for path in top.iterdir()}
    assert modes == {
        "file": stat.S_IFREG | 0o666,
        "dir": stat.S_IFDIR | 0o1777,
        "fifo": stat.S_IFIFO | 0o622,
        "socket": stat.S_IFSOCK | 0o777,
        "link": stat.S_IFLNK | 0o777,
    }
    assert tunnel.fs.readlink(tunnel.find("link"), asked()) == os.readlink(top / "link") == "where/ever"


@needs_root
def test_a_device_is_the_device_it_was_made_as(tunnel: Tunnel, top: Path) -> None:
    va = new(stat.S_IFCHR, 0o600)
    va.rdev = os.makedev(1, 3)
    node = tunnel.fs.mknod(*tunnel.at("null"), va, asked())
    assert tunnel.stat(node).rdev == (top / "null").stat().st_rdev == os.makedev(1, 3)
    with refuses(errno.EPERM):
        top.chmod(0o777)
        tunnel.fs.mknod(*tunnel.at("mine"), va, asked(NOBODY, NOBODY))


def test_a_taken_name_is_eexist_whatever_is_made(tunnel: Tunnel, top: Path) -> None:
    (top / "pink").touch()
    (top / "floyd").touch()
    for make in (
        tunnel.create,
        tunnel.mkdir,
        lambda path: tunnel.fs.symlink(*tunnel.at(path), new(stat.S_IFLNK, 0o777), "x", asked()),
        lambda path: tunnel.fs.mknod(*tunnel.at(path), new(stat.S_IFIFO, 0o600), asked()),
        lambda path: tunnel.fs.link(tunnel.fs.root, tunnel.find("floyd"), name(path), asked()),
        lambda path: tunnel.rename("floyd", path, NOREPLACE),
    ):
        with refuses(errno.EEXIST):
            make("pink")
    assert sorted(os.listdir(top)) == ["floyd", "pink"]


def test_a_rename_moves_replaces_exchanges_and_keeps_the_nodes(tunnel: Tunnel, top: Path) -> None:
    for text in ("one", "two", "three"):
        (top / text).write_text(text)
    (top / "dir").mkdir()
    one, two, three, directory = map(tunnel.find, ("one", "two", "three", "dir"))
    tunnel.rename("one", "dir/one")
    assert tunnel.find("dir/one") is one
    tunnel.rename("two", "three")
    assert tunnel.find("three") is two
    assert tunnel.stat(three).nlink == 0
    tunnel.rename("three", "dir", EXCHANGE)
    assert tunnel.find("dir") is two
    assert tunnel.find("three") is directory
    assert (top / "three" / "one").read_text() == "one"
    with refuses(errno.EINVAL):
        tunnel.rename("three", "dir", NOREPLACE | EXCHANGE)
    with refuses(errno.ENOTEMPTY):
        (top / "empty").mkdir()
        tunnel.rename("empty", "three")
    with refuses(errno.EISDIR):
        tunnel.rename("dir", "empty")


def test_removing_refuses_as_underneath(tunnel: Tunnel, top: Path) -> None:
    (top / "full").mkdir()
    (top / "full" / "file").touch()
    with refuses(errno.EISDIR):
        tunnel.remove("full")
    with refuses(errno.ENOTEMPTY):
        tunnel.rmdir("full")
    with refuses(errno.ENOTDIR):
        tunnel.rmdir("full/file")
    tunnel.remove("full/file")
    tunnel.rmdir("full")
    assert tunnel.names() == []


def test_a_removed_file_is_there_for_whoever_has_it_open_and_a_directory_for_whoever_is_in_it(
    tunnel: Tunnel, top: Path
) -> None:
    (top / "pink").write_text("floyd")
    (top / "dir").mkdir()
    directory = tunnel.find("dir")
    with tunnel.open("pink", os.O_RDONLY) as (node, call):
        tunnel.remove("pink")
        assert bytes(tunnel.fs.read(node, 0, 10, call)) == b"floyd"
        assert tunnel.stat(node).nlink == 0
        with refuses(errno.ENOENT):
            tunnel.fs.link(tunnel.fs.root, node, name("again"), asked())
    tunnel.rmdir("dir")
    assert tunnel.stat(directory).nlink == 0
    with refuses(errno.ENOENT):
        tunnel.fs.mkdir(directory, name("inside"), new(stat.S_IFDIR, 0o755), asked())
    assert [item.name for item in tunnel.fs.readdir(directory, asked())] == [".", ".."]


def test_a_file_without_a_name_can_be_given_one(tunnel: Tunnel, top: Path) -> None:
    entry = tunnel.fs.tmpfile(tunnel.fs.root, new(stat.S_IFREG, 0o640), asked())
    assert os.listdir(top) == []
    assert tunnel.stat(entry.node).nlink == 0
    assert entry.opened is not None
    os.pwrite(entry.opened.handle, b"floyd", 0)
    tunnel.fs.link(tunnel.fs.root, entry.node, name("pink"), asked())
    assert (top / "pink").read_text() == "floyd"
    assert tunnel.find("pink") is entry.node
    os.close(entry.opened.handle)


@needs_root
def test_what_is_made_belongs_to_who_asked_and_in_a_set_gid_directory_to_its_group(
    tunnel: Tunnel, top: Path
) -> None:
    top.chmod(0o777)
    _, fd = tunnel.create("file", uid=NOBODY, gid=1234)
    os.close(fd)
    tunnel.mkdir("dir", uid=NOBODY, gid=1234)
    (top / "shared").mkdir()
    os.chown(top / "shared", 0, 4321)
    (top / "shared").chmod(0o2777)
    _, fd = tunnel.create("shared/file", uid=NOBODY, gid=1234)
    os.close(fd)
    tunnel.mkdir("shared/dir", uid=NOBODY, gid=1234)
    _, fd = tunnel.create("shared/roots", gid=77)
    os.close(fd)
    owners = {
        path: ((top / path).stat().st_uid, (top / path).stat().st_gid)
        for path in ("file", "dir", "shared/file", "shared/dir", "shared/roots")
    }
    assert owners == {
        "file": (NOBODY, 1234),
        "dir": (NOBODY, 1234),
        "shared/file": (NOBODY, 4321),
        "shared/dir": (NOBODY, 4321),
        "shared/roots": (0, 4321),
    }
    assert (top / "shared" / "dir").stat().st_mode & stat.S_ISGID
    assert os.stat("/proc/thread-self").st_uid == 0


@needs_root
def test_the_rights_are_the_callers_and_come_back_afterwards(tunnel: Tunnel, top: Path) -> None:
    (top / "closed").mkdir(0o700)
    (top / "closed" / "file").write_text("secret")
    (top / "mine").write_text("mine")
    (top / "mine").chmod(0o600)
    for refused in (
        lambda: tunnel.fs.lookup(tunnel.find("closed"), name("file"), asked(NOBODY, NOBODY)),
        lambda: tunnel.fs.open(tunnel.find("mine"), os.O_RDONLY, asked(NOBODY, NOBODY)),
        lambda: tunnel.fs.readdir(tunnel.find("closed"), asked(NOBODY, NOBODY)),
        lambda: tunnel.create("new", uid=NOBODY),
        lambda: tunnel.fs.remove(*tunnel.at("mine"), asked(NOBODY, NOBODY)),
        lambda: tunnel.fs.access(tunnel.find("mine"), os.R_OK, asked(NOBODY, NOBODY)),
    ):
        with refuses(errno.EACCES):
            refused()
        assert tunnel.read("mine") == b"mine"
    with refuses(errno.EPERM):
        tunnel.fs.setattr(tunnel.find("mine"), puffpy.SetAttr(mode=0o666), asked(NOBODY, NOBODY))
    tunnel.fs.access(tunnel.find("mine"), os.R_OK, asked())
    assert sorted(os.listdir(top)) == ["closed", "mine"]


def test_hidden_names_are_neither_found_nor_listed_nor_made(top: Path) -> None:
    for text in (".profile", "server.key", "readme"):
        (top / text).touch()
    tunnel = Tunnel(top, hide=".*:*.key")
    assert tunnel.names() == ["readme"]
    for text in (".profile", "server.key", ".absent"):
        for act in (tunnel.find, tunnel.remove, tunnel.rmdir, lambda path: tunnel.rename(path, "x")):
            with refuses(errno.ENOENT):
                act(text)
        for make in (tunnel.create, tunnel.mkdir, lambda path: tunnel.rename("readme", path)):
            with refuses(errno.EPERM):
                make(text)
    assert sorted(os.listdir(top)) == [".profile", "readme", "server.key"]
    with pytest.raises(ValueError, match="one name"):
        Tunnel(top, hide="a/b")


def test_read_only_refuses_whatever_would_change_something(top: Path) -> None:
    (top / "pink").write_text("floyd")
    (top / "dir").mkdir()
    tunnel = Tunnel(top, read_only=True)
    pink = tunnel.find("pink")
    assert tunnel.fs.options.ro
    assert tunnel.read("pink") == b"floyd"
    for refused in (
        lambda: tunnel.create("new"),
        lambda: tunnel.mkdir("new"),
        lambda: tunnel.fs.mknod(*tunnel.at("new"), new(stat.S_IFIFO, 0o600), asked()),
        lambda: tunnel.fs.symlink(*tunnel.at("new"), new(stat.S_IFLNK, 0o777), "x", asked()),
        lambda: tunnel.fs.tmpfile(tunnel.fs.root, new(stat.S_IFREG, 0o600), asked()),
        lambda: tunnel.fs.link(tunnel.fs.root, pink, name("new"), asked()),
        lambda: tunnel.rename("pink", "new"),
        lambda: tunnel.remove("pink"),
        lambda: tunnel.rmdir("dir"),
        lambda: tunnel.fs.setattr(pink, puffpy.SetAttr(mode=0o600), asked()),
        lambda: tunnel.fs.setextattr(pink, "user.x", b"", 0, asked()),
        lambda: tunnel.fs.deleteextattr(pink, "user.x", asked()),
        lambda: tunnel.fs.open(pink, os.O_WRONLY, asked()),
        lambda: tunnel.fs.open(pink, os.O_RDWR, asked()),
    ):
        with refuses(errno.EROFS):
            refused()
    assert sorted(os.listdir(top)) == ["dir", "pink"]
