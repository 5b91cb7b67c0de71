"""Attributes and data through a tunnel: what is done to a file, and to nothing else."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import puffpy
from tests.filesystems.direct import refuses
from tests.filesystems.tunnelled import NOBODY, Tunnel, asked, same_process

KEEP_SIZE, ZERO_RANGE = 1, 16
HOLE = 1 << 20

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends the rights of others")


@pytest.fixture(autouse=True)
def unchanged() -> Iterator[None]:
    with same_process():
        yield


@pytest.fixture
def pink(tmp_path: Path) -> Path:
    """A file in the directory that is tunnelled."""
    made = tmp_path / "top" / "pink"
    made.parent.mkdir()
    made.write_text("floyd")
    return made


@pytest.fixture
def tunnel(pink: Path) -> Iterator[Tunnel]:
    made = Tunnel(pink.parent)
    yield made
    made.fs.vfsops.unmount()


@pytest.fixture(params=["closed", "open"])
def opened(request: pytest.FixtureRequest, tunnel: Tunnel) -> Iterator[None]:
    """The file as it is, and while somebody has it open: then another system call does the same."""
    if request.param == "closed":
        yield
        return
    with tunnel.open("pink", os.O_RDONLY) as (node, call):
        assert tunnel.fs.nodes.reach(node) == call.handle
        yield
    assert tunnel.fs.nodes.reach(node) == tunnel.fs.nodes.path(node)


either_way = pytest.mark.usefixtures("opened")


def age(path: Path) -> None:
    os.utime(path, ns=(1, 1))


# attributes


@either_way
def test_mode_owner_and_times_are_set_underneath(tunnel: Tunnel, pink: Path) -> None:
    assert tunnel.set("pink", puffpy.SetAttr(mode=stat.S_IFREG | 0o4711)).mode == stat.S_IFREG | 0o4711
    va = tunnel.set("pink", puffpy.SetAttr(atime_ns=-5, mtime_ns=10**18 + 7))
    assert (va.atime_ns, va.mtime_ns) == (-5, 10**18 + 7)
    va = tunnel.set("pink", puffpy.SetAttr(mtime_ns=99))
    assert (va.atime_ns, va.mtime_ns) == (-5, 99)
    assert (pink.stat().st_atime_ns, pink.stat().st_mtime_ns) == (-5, 99)


@needs_root
@either_way
def test_an_owner_is_set_and_the_set_uid_bit_goes_with_it(tunnel: Tunnel, pink: Path) -> None:
    pink.chmod(0o6711)
    va = tunnel.set("pink", puffpy.SetAttr(uid=NOBODY, gid=77, kill_suidgid=True))
    assert (va.uid, va.gid, stat.S_IMODE(va.mode)) == (NOBODY, 77, 0o711)
    assert tunnel.set("pink", puffpy.SetAttr(gid=78)).uid == NOBODY


@needs_root
@either_way
def test_the_present_time_needs_the_right_to_write_and_any_other_the_owner(
    tunnel: Tunnel, pink: Path
) -> None:
    pink.chmod(0o666)
    age(pink)
    now = puffpy.SetAttr(atime_ns=0, mtime_ns=0, atime_now=True, mtime_now=True)
    assert tunnel.set("pink", now, NOBODY, NOBODY).mtime_ns > 10**18
    with refuses(errno.EPERM):
        tunnel.set("pink", puffpy.SetAttr(mtime_ns=5), NOBODY, NOBODY)
    pink.chmod(0o644)
    with refuses(errno.EACCES):
        tunnel.set("pink", now, NOBODY, NOBODY)


@either_way
def test_a_change_of_nothing_moves_the_time_of_change_alone(tunnel: Tunnel, pink: Path) -> None:
    age(pink)
    before = pink.stat()
    tunnel.set("pink", puffpy.SetAttr())
    after = pink.stat()
    assert after.st_ctime_ns > before.st_ctime_ns
    assert (after.st_mode, after.st_size, after.st_mtime_ns) == (before.st_mode, 5, 1)


@needs_root
@either_way
def test_a_change_of_nothing_clears_set_uid_for_whoever_is_about_to_write(tunnel: Tunnel, pink: Path) -> None:
    pink.chmod(0o6777)
    assert tunnel.set("pink", puffpy.SetAttr(), NOBODY, NOBODY).mode == stat.S_IFREG | 0o777


@needs_root
@pytest.mark.parametrize("kill_suidgid", [False, True])
def test_the_set_gid_bit_of_a_directory_is_no_privilege_and_stays(
    tunnel: Tunnel, pink: Path, kill_suidgid: bool
) -> None:
    directory = pink.parent / "shared"
    directory.mkdir()
    directory.chmod(0o2775)
    os.chown(directory, NOBODY, NOBODY)
    va = tunnel.set("shared", puffpy.SetAttr(kill_suidgid=kill_suidgid), NOBODY, NOBODY)
    assert va.mode == stat.S_IFDIR | 0o2775


def test_times_and_owners_of_a_symbolic_link_are_its_own(tunnel: Tunnel, pink: Path) -> None:
    link = pink.parent / "link"
    link.symlink_to("pink")
    before = pink.stat()
    assert tunnel.set("link", puffpy.SetAttr(atime_ns=5, mtime_ns=6)).mtime_ns == 6
    tunnel.set("link", puffpy.SetAttr(gid=os.getgid(), uid=os.getuid()))
    assert link.lstat().st_mtime_ns == 6
    assert pink.stat() == before


@either_way
def test_bits_to_be_killed_are_those_that_run_as_somebody(tunnel: Tunnel, pink: Path) -> None:
    for mode, left in ((0o6755, 0o755), (0o2644, 0o2644), (0o4644, 0o644), (0o1755, 0o1755)):
        pink.chmod(mode)
        tunnel.set("pink", puffpy.SetAttr(kill_suidgid=True))
        assert stat.S_IMODE(pink.stat().st_mode) == left


@either_way
def test_the_kernel_is_to_ask_each_time_while_a_file_is_set_uid(tunnel: Tunnel, pink: Path) -> None:
    assert tunnel.stat(tunnel.find("pink")).ttl is None
    pink.chmod(0o4755)
    assert tunnel.stat(tunnel.find("pink")).ttl == 0


@either_way
def test_extended_attributes_are_those_underneath(tunnel: Tunnel, pink: Path) -> None:
    node = tunnel.find("pink")
    tunnel.fs.setextattr(node, "user.of", b"the moon", 0, asked())
    assert os.getxattr(pink, "user.of") == tunnel.fs.getextattr(node, "user.of", asked()) == b"the moon"
    assert tunnel.fs.listextattr(node, asked()) == ["user.of"]
    with refuses(errno.EEXIST):
        tunnel.fs.setextattr(node, "user.of", b"", os.XATTR_CREATE, asked())
    with refuses(errno.ENODATA):
        tunnel.fs.setextattr(node, "user.no", b"", os.XATTR_REPLACE, asked())
    tunnel.fs.deleteextattr(node, "user.of", asked())
    with refuses(errno.ENODATA):
        tunnel.fs.getextattr(node, "user.of", asked())
    assert os.listxattr(pink) == []


@needs_root
@either_way
def test_trusted_attributes_are_shown_to_root_alone_and_acls_to_nobody(tunnel: Tunnel, pink: Path) -> None:
    node = tunnel.find("pink")
    tunnel.fs.setextattr(node, "trusted.of", b"", 0, asked())
    assert tunnel.fs.listextattr(node, asked()) == ["trusted.of"]
    assert tunnel.fs.listextattr(node, asked(NOBODY, NOBODY)) == []
    for act in (
        lambda: tunnel.fs.getextattr(node, "system.posix_acl_access", asked()),
        lambda: tunnel.fs.setextattr(node, "system.posix_acl_access", b"", 0, asked()),
        lambda: tunnel.fs.deleteextattr(node, "system.posix_acl_default", asked()),
    ):
        with refuses(errno.EOPNOTSUPP):
            act()


def test_labels_that_nobody_heeds_are_asked_for_once(
    tunnel: Tunnel, pink: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = tunnel.find("pink")
    for there, code in (("/", errno.ENODATA), ("/no/such/place", errno.EOPNOTSUPP)):
        monkeypatch.setattr("filesystems.tunnel.attributes.SELINUX", there)
        with refuses(code):
            tunnel.fs.getextattr(node, "security.selinux", asked())
        with refuses(errno.ENODATA):
            tunnel.fs.getextattr(node, "security.capability", asked())


@needs_root
def test_a_file_is_cut_for_its_user_though_only_the_server_may_open_its_handle(pink: Path) -> None:
    pink.chmod(0o666)
    tunnel = Tunnel(pink.parent, few=True)
    with tunnel.open("pink", os.O_RDWR, NOBODY, NOBODY) as (node, call):
        for size, handle in ((3, call.handle), (2, None)):
            tunnel.starve()
            assert node.fd < 0
            tunnel.fs.setattr(node, puffpy.SetAttr(size=size), puffpy.Call(NOBODY, NOBODY, 0, handle))
            assert pink.stat().st_size == size
    tunnel.fs.vfsops.unmount()


def test_of_two_open_files_of_one_node_the_other_may_end_first(tunnel: Tunnel, pink: Path) -> None:
    with tunnel.open("pink", os.O_RDONLY) as (node, first):
        with tunnel.open("pink", os.O_RDONLY):
            pass
        tunnel.set("pink", puffpy.SetAttr(mode=stat.S_IFREG | 0o600))
        assert stat.S_IMODE(pink.stat().st_mode) == 0o600
        assert bytes(tunnel.fs.read(node, 0, 9, first)) == b"floyd"


# data


def test_what_is_written_is_read_here_and_underneath(tunnel: Tunnel, pink: Path) -> None:
    with tunnel.open("pink", os.O_RDWR) as (node, call):
        assert tunnel.fs.write(node, 3, memoryview(b"wer"), call) == 3
        assert bytes(tunnel.fs.read(node, 1, 100, call)) == b"lower"
        assert bytes(tunnel.fs.read(node, 6, 100, call)) == b""
        assert pink.read_text() == "flower"
        big = os.urandom(3 << 20)
        assert tunnel.fs.write(node, 0, memoryview(big), call) == len(big)
        assert bytes(tunnel.fs.read(node, 0, len(big) + 1, call)) == big


def test_an_open_file_is_opened_as_its_user_said_but_for_the_kernels_own_business(
    tunnel: Tunnel, pink: Path
) -> None:
    with tunnel.open("pink", os.O_RDONLY) as (node, call), refuses(errno.EBADF):
        tunnel.fs.write(node, 0, memoryview(b"x"), call)
    with tunnel.open("pink", os.O_WRONLY | os.O_APPEND | os.O_DIRECT) as (node, call):
        assert tunnel.fs.write(node, 0, memoryview(b"c"), call) == 1
        with refuses(errno.EBADF):
            tunnel.fs.read(node, 0, 1, call)
    assert pink.read_text() == "cloyd"


def test_only_regular_files_are_opened(tunnel: Tunnel, pink: Path) -> None:
    os.mkfifo(pink.parent / "fifo")
    (pink.parent / "dir").mkdir()
    for text in ("fifo", "dir"):
        with refuses(errno.EINVAL), tunnel.open(text, os.O_RDONLY):
            pass


def test_a_size_is_set_through_the_open_file_or_without_one(tunnel: Tunnel, pink: Path) -> None:
    tunnel.set("pink", puffpy.SetAttr(size=2))
    assert pink.read_text() == "fl"
    with tunnel.open("pink", os.O_RDWR) as (node, call):
        pink.chmod(0)
        tunnel.fs.setattr(node, puffpy.SetAttr(size=4), call)
        assert pink.stat().st_size == 4
        assert tunnel.fs.getattr(node, call).size == 4
    pink.chmod(0o600)
    with tunnel.open("pink", os.O_RDONLY) as (node, call):
        tunnel.fs.setattr(node, puffpy.SetAttr(size=0), call)
    assert pink.read_text() == ""
    with refuses(errno.EISDIR):
        tunnel.fs.setattr(tunnel.fs.root, puffpy.SetAttr(size=0), asked())


@needs_root
def test_without_the_right_to_write_nothing_is_cut(tunnel: Tunnel, pink: Path) -> None:
    with refuses(errno.EACCES):
        tunnel.set("pink", puffpy.SetAttr(size=0), NOBODY, NOBODY)
    with tunnel.open("pink", os.O_RDONLY, NOBODY, NOBODY) as (node, call), refuses(errno.EACCES):
        tunnel.fs.setattr(node, puffpy.SetAttr(size=0), call)
    assert pink.read_text() == "floyd"


@needs_root
def test_who_may_run_a_file_need_not_be_able_to_read_it(tunnel: Tunnel, pink: Path) -> None:
    running = os.O_RDONLY | 0x20
    pink.chmod(0o711)
    with tunnel.open("pink", running, NOBODY, NOBODY) as (node, call):
        assert bytes(tunnel.fs.read(node, 0, 5, call)) == b"floyd"
    pink.chmod(0o744)
    with refuses(errno.EACCES), tunnel.open("pink", running, NOBODY, NOBODY):
        pass


def test_holes_are_where_they_are_underneath(tunnel: Tunnel, pink: Path) -> None:
    with tunnel.open("pink", os.O_RDWR) as (node, call):
        tunnel.fs.write(node, 2 * HOLE, memoryview(b"end"), call)
        assert tunnel.fs.seek(node, 100_000, os.SEEK_DATA, call) == 2 * HOLE
        assert tunnel.fs.seek(node, 2 * HOLE, os.SEEK_HOLE, call) == 2 * HOLE + 3
        with refuses(errno.ENXIO):
            tunnel.fs.seek(node, 3 * HOLE, os.SEEK_DATA, call)
        tunnel.fs.fallocate(node, 0, 3 * HOLE, 0, call)
        assert pink.stat().st_size == 3 * HOLE
        assert pink.stat().st_blocks * 512 >= 3 * HOLE
        tunnel.fs.fallocate(node, 3 * HOLE, HOLE, KEEP_SIZE, call)
        assert pink.stat().st_size == 3 * HOLE
        tunnel.fs.write(node, HOLE, memoryview(b"x" * HOLE), call)
        tunnel.fs.fdiscard(node, HOLE, HOLE, call)
        assert bytes(tunnel.fs.read(node, HOLE, HOLE, call)) == bytes(HOLE)
        assert pink.stat().st_size == 3 * HOLE
        with refuses(errno.EOPNOTSUPP):
            tunnel.fs.fallocate(node, 0, 1, 0x400, call)


def test_a_range_is_copied_underneath(tunnel: Tunnel, pink: Path) -> None:
    target = pink.parent / "target"
    target.write_text("........")
    with tunnel.open("pink", os.O_RDONLY) as (node, call), tunnel.open("target", os.O_RDWR) as (other, to):
        call.tohandle = to.handle
        assert tunnel.fs.copy_file_range(node, 1, other, 2, 3, call) == 3
        assert tunnel.fs.copy_file_range(node, 5, other, 0, 10, call) == 0
    assert target.read_text() == "..loy..."


def test_files_and_directories_can_be_made_safe(tunnel: Tunnel, pink: Path) -> None:
    with tunnel.open("pink", os.O_RDWR) as (node, call):
        tunnel.fs.write(node, 0, memoryview(b"x"), call)
        tunnel.fs.fsync(node, True, call)
        tunnel.fs.fsync(node, False, call)
    tunnel.fs.fsync(tunnel.fs.root, False, asked())
    assert pink.read_text() == "xloyd"


@needs_root
def test_a_sync_reaches_every_file_system_underneath(
    tunnel: Tunnel, pink: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []

    def syncfs(fd: int) -> None:
        os.fsync(fd)  # not to be had of a descriptor that is a path only
        synced.append(os.fstat(fd).st_dev)

    monkeypatch.setattr("filesystems.tunnel.vfsops.syncfs", syncfs)
    tunnel.fs.vfsops.sync(asked())
    assert synced == [pink.stat().st_dev]
    below = pink.parent / "below"
    below.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "puffpy-below", below], check=True)
    try:
        node = tunnel.find("below")
        tunnel.fs.vfsops.sync(asked())
        assert synced[1:] == [pink.stat().st_dev, below.stat().st_dev]
        tunnel.fs.reclaim(node)
    finally:
        subprocess.run(["umount", below], check=True)


def test_a_sync_that_fails_underneath_is_told(tunnel: Tunnel, monkeypatch: pytest.MonkeyPatch) -> None:
    def syncfs(fd: int) -> None:
        raise OSError(errno.EIO, "lost")

    monkeypatch.setattr("filesystems.tunnel.vfsops.syncfs", syncfs)
    with refuses(errno.EIO):
        tunnel.fs.vfsops.sync(asked())


def test_figures_are_those_underneath(tunnel: Tunnel, pink: Path) -> None:
    figures, st = tunnel.fs.vfsops.statvfs(tunnel.find("pink"), asked()), os.statvfs(pink)
    assert (figures.blocks, figures.files, figures.frsize) == (st.f_blocks, st.f_files, st.f_frsize)
    assert (figures.bsize, figures.namemax) == (st.f_bsize, st.f_namemax)
    assert 0 < figures.bavail <= figures.bfree <= figures.blocks
