"""A tunnel mounted: the directory underneath is what the mount shows, and the other way round."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

import puffpy
from filesystems.demo import pick_bin
from filesystems.tunnel import TunnelFS
from tests.filesystems.direct import refuses
from tests.mounted.conftest import OrdinaryUser, StartServer
from tests.mounted.harness import NOBODY, Server, run
from tests.mounted.tunnelled import descriptors, through

MANY = 5_000
LIMIT = 1_024
PATIENT = 220
"""Seconds for what takes a few, but where each step walks a path, on a machine that does other things too."""

# Nobody at all: without even the right to read what is closed, which harness.as_user leaves.
NOBODY_AT_ALL = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


@pytest.fixture
def below(tmp_path: Path) -> Path:
    """The directory that is tunnelled."""
    made = tmp_path.resolve() / "below"
    made.mkdir()
    return made


@pytest.fixture
def tunnel(start: StartServer, below: Path) -> Server:
    return start(command=through(below))


@pytest.fixture
def public(start: StartServer, root: None, program: Callable[[str], str], below: Path) -> Server:
    """A tunnel that everybody may use, on a path that everybody may walk."""
    program("setpriv")
    for directory in (below, *below.parents):
        if directory.stat().st_uid == 0 and str(directory).startswith("/tmp/"):
            directory.chmod(directory.stat().st_mode | 0o011)
    return start("-o", "allow_other", command=through(below))


def test_a_tree_is_the_same_after_it_was_copied_in_and_out(
    tunnel: Server, below: Path, tmp_path: Path
) -> None:
    tree = pick_bin()
    run("cp", "-a", tree, tunnel.mnt / "in")
    run("cp", "-a", tunnel.mnt / "in", tmp_path / "out")
    for copy in (below / "in", tunnel.mnt / "in", tmp_path / "out"):
        assert run("diff", "-r", "--no-dereference", tree, copy) == ""
    for original in tree.iterdir():
        theirs = original.lstat()
        for copy in (tunnel.mnt / "in", tmp_path / "out"):
            mine = (copy / original.name).lstat()
            assert (mine.st_mode, mine.st_size, mine.st_mtime_ns) == (
                theirs.st_mode,
                theirs.st_size,
                theirs.st_mtime_ns,
            ), original.name
    run("rm", "-r", tunnel.mnt / "in")
    assert os.listdir(below) == []


def test_what_is_shown_of_a_file_is_what_there_is_underneath(tunnel: Server, below: Path) -> None:
    (below / "pink").write_text("floyd")
    (below / "pink").chmod(0o4751)
    os.setxattr(below / "pink", "user.of", b"the moon")
    (below / "link").symlink_to("pink")
    mine, theirs = (tunnel.mnt / "pink").stat(), (below / "pink").stat()
    for field in (*("st_ino", "st_mode", "st_nlink", "st_uid", "st_gid"), *("st_size", "st_blocks")):
        assert getattr(mine, field) == getattr(theirs, field), field
    assert (mine.st_mtime_ns, mine.st_ctime_ns) == (theirs.st_mtime_ns, theirs.st_ctime_ns)
    assert os.getxattr(tunnel.mnt / "pink", "user.of") == b"the moon"
    assert os.readlink(tunnel.mnt / "link") == "pink"
    born = ("stat", "-c", "%W")
    assert run(*born, tunnel.mnt / "pink") == run(*born, below / "pink")
    figures, theirs_too = os.statvfs(tunnel.mnt / "pink"), os.statvfs(below)
    for field in ("f_bsize", "f_frsize", "f_blocks", "f_files", "f_namemax"):
        assert getattr(figures, field) == getattr(theirs_too, field), field
    assert tunnel.row.source == "puffs:tunnel"
    assert tunnel.row.fstype == "fuse.tunnel"


def test_names_are_moved_linked_and_exchanged(tunnel: Server, below: Path) -> None:
    mnt = tunnel.mnt
    (mnt / "a").mkdir()
    (mnt / "a" / "pink").write_text("floyd")
    (mnt / "b").symlink_to("a")
    os.link(mnt / "a" / "pink", mnt / "dire")
    assert (mnt / "dire").stat().st_ino == (mnt / "b" / "pink").stat().st_ino
    assert (below / "dire").stat().st_nlink == (mnt / "dire").stat().st_nlink == 2
    (mnt / "a" / "pink").rename(mnt / "straits")
    run("mv", "-T", mnt / "a", mnt / "c")
    (mnt / "b").unlink()
    os.mkfifo(mnt / "c" / "fifo")
    assert sorted(path.relative_to(below).as_posix() for path in below.rglob("*")) == [
        *("c", "c/fifo", "dire", "straits")
    ]
    os.rename(mnt / "dire", mnt / "straits")  # two names of one file: both stay
    (mnt / "straits").unlink()
    (mnt / "dire").unlink()
    assert stat.S_ISFIFO((below / "c" / "fifo").stat().st_mode)
    with refuses(errno.ENOTEMPTY):
        (mnt / "c").rmdir()


def test_a_removed_file_stays_for_whoever_has_it_open(tunnel: Server, below: Path) -> None:
    with open(tunnel.mnt / "pink", "w+b", buffering=0) as file:
        file.write(b"floyd")
        (tunnel.mnt / "pink").unlink()
        assert os.listdir(below) == []
        assert os.fstat(file.fileno()).st_nlink == 0
        file.write(b" wall")
        assert os.pread(file.fileno(), 100, 0) == b"floyd wall"
        os.ftruncate(file.fileno(), 3)
        assert os.fstat(file.fileno()).st_size == 3


def test_a_file_without_a_name_is_linked_later(tunnel: Server, below: Path) -> None:
    fd = os.open(tunnel.mnt, os.O_TMPFILE | os.O_RDWR, 0o640)
    os.write(fd, b"floyd")
    assert os.listdir(below) == []
    os.link(f"/proc/self/fd/{fd}", tunnel.mnt / "pink", src_dir_fd=fd, follow_symlinks=True)
    os.close(fd)
    assert (below / "pink").read_text() == "floyd"
    assert (below / "pink").stat().st_mode & 0o777 == 0o640 & ~current_umask()


def current_umask() -> int:
    umask = os.umask(0o022)
    os.umask(umask)
    return umask


def test_a_working_directory_that_is_removed_is_empty_and_stays_so(tunnel: Server, below: Path) -> None:
    script = "mkdir d; cd d; rmdir ../d; ls -A; touch x 2>/dev/null || echo refused"
    assert run("sh", "-c", script, cwd=tunnel.mnt) == "refused\n"


def test_locks_hold_between_processes(tunnel: Server) -> None:
    with open(tunnel.mnt / "pink", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        run("flock", "-n", tunnel.mnt / "pink", "true", status=1)
        fcntl.flock(file, fcntl.LOCK_UN)
        run("flock", "-n", tunnel.mnt / "pink", "true")


def test_holes_and_ranges_are_those_underneath(tunnel: Server, below: Path) -> None:
    with open(tunnel.mnt / "pink", "w+b", buffering=0) as file:
        fd = file.fileno()
        os.pwrite(fd, b"end", 300 << 30)
        assert os.lseek(fd, 0, os.SEEK_DATA) == os.lseek(fd, 300 << 30, os.SEEK_SET)
        os.pwrite(fd, b"x" * (1 << 20), 0)
        run("fallocate", "-p", "-o", "0", "-l", str(1 << 19), tunnel.mnt / "pink")
        assert os.lseek(fd, 0, os.SEEK_DATA) == 1 << 19
        assert (below / "pink").stat().st_blocks == (tunnel.mnt / "pink").stat().st_blocks
    run("cp", "--sparse=always", tunnel.mnt / "pink", tunnel.mnt / "copy")
    assert (below / "copy").stat().st_size == (300 << 30) + 3
    assert (below / "copy").stat().st_blocks < 2048


def test_everybody_works_with_their_own_rights_and_owns_what_they_make(public: Server, below: Path) -> None:
    mnt = public.mnt
    for text, mode in (("open", 0o1777), ("closed", 0o700), ("shared", 0o2777)):
        (below / text).mkdir()
        (below / text).chmod(mode)
    os.chown(below / "shared", 0, 4321)
    (below / "open" / "roots").write_text("mine")
    (below / "closed" / "file").write_text("secret")
    (below / "closed" / "file").chmod(0o666)
    assert (mnt / "closed" / "file").read_text() == "secret"  # so that the kernel knows the name
    nobody = (
        "sh",
        "-c",
        "umask 027; echo x > open/mine; mkdir open/dir shared/dir; ln -s x open/link; id -g",
    )
    assert run(*NOBODY_AT_ALL, *nobody, cwd=mnt) == f"{NOBODY}\n"
    for text in ("open/mine", "open/dir", "open/link"):
        assert ((below / text).lstat().st_uid, (below / text).lstat().st_gid) == (NOBODY, NOBODY)
    assert stat.S_IMODE((below / "open" / "mine").stat().st_mode) == 0o640
    assert (below / "shared" / "dir").stat().st_gid == 4321
    assert stat.S_IMODE((below / "shared" / "dir").stat().st_mode) == 0o2750
    for line in (
        "cat closed/file",
        "echo x > open/roots",
        "rm -f open/roots",
        "mv open/roots open/other",
        "chmod 666 open/roots",
        "chown 65534 open/roots",
        "mkdir x",
        "touch -d 2001-01-01 open/roots",
    ):
        refused = f"{{ {line}; }} 2>&1 | grep -qE 'denied|permitted'"
        run(*NOBODY_AT_ALL, "sh", "-c", refused, cwd=mnt)
    assert (mnt / "open" / "roots").read_text() == "mine"
    run(*NOBODY_AT_ALL, "sh", "-c", "chmod 600 open/mine; rm open/mine; rmdir open/dir shared/dir", cwd=mnt)


def test_supplementary_groups_count(public: Server, below: Path) -> None:
    (below / "ours").mkdir()
    os.chown(below / "ours", 0, 4321)
    (below / "ours").chmod(0o770)
    member = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--groups=4321")
    run(*member, "sh", "-c", "echo x > ours/file; chgrp 4321 ours/file", cwd=public.mnt)
    assert (below / "ours" / "file").stat().st_gid == 4321
    run(*NOBODY_AT_ALL, "sh", "-c", "echo x > ours/other", cwd=public.mnt, status=2)


def test_a_write_by_somebody_else_clears_the_set_uid_bit(public: Server, below: Path) -> None:
    (public.mnt / "pink").write_text("floyd")
    for line, mode in (
        ("echo wall >> pink", 0o777),
        ("echo wall > pink", 0o777),
        ("truncate -s 1 pink", 0o777),
        ("true", 0o6777),
    ):
        (public.mnt / "pink").chmod(0o6777)
        run(*NOBODY_AT_ALL, "sh", "-c", line, cwd=public.mnt)
        assert stat.S_IMODE((public.mnt / "pink").stat().st_mode) == mode, line


def test_programs_run_from_it_even_those_that_cannot_be_read(public: Server) -> None:
    run("cp", "/bin/echo", public.mnt / "say")
    (public.mnt / "say").chmod(0o711)
    assert run(*NOBODY_AT_ALL, public.mnt / "say", "pink") == "pink\n"
    run(*NOBODY_AT_ALL, "cat", public.mnt / "say", status=1)


def test_an_ordinary_user_tunnels_what_is_theirs(start: StartServer, user: OrdinaryUser) -> None:
    below = user.directory("below")
    server = start(command=through(below), on=user.directory("mnt"), prefix=user.prefix)
    line = f"cd {server.mnt}; echo floyd > pink; mkdir d; mv pink d; cat d/pink"
    assert run(*user.prefix, "sh", "-ec", line) == "floyd\n"
    assert (below / "d" / "pink").read_text() == "floyd\n"
    assert (below / "d" / "pink").stat().st_uid == user.uid


@pytest.mark.parametrize("way", ["by handle", "by walking"])
def test_five_thousand_files_need_no_more_than_a_thousand_descriptors(
    way: str, start: StartServer, root: None, below: Path
) -> None:
    lame = ("setpriv", "--bounding-set=-dac_read_search") if way == "by walking" else ()
    prefix = ("prlimit", f"--nofile={LIMIT}:{LIMIT}", *lame)
    server = start(command=through(below), prefix=prefix, limit=PATIENT)
    for number in range(50):
        (below / str(number)).mkdir()
        for inner in range(MANY // 50):
            (below / str(number) / str(inner)).write_text(f"{number}/{inner}")
    texts = [f"{number}/{inner}" for number in range(50) for inner in range(MANY // 50)]
    inos = [(server.mnt / text).stat().st_ino for text in texts]
    assert len(set(inos)) == MANY
    assert descriptors(server) < LIMIT
    files = [open(server.mnt / text) for text in texts[:600]]  # noqa: SIM115  all of them at once
    assert [(server.mnt / text).stat().st_ino for text in texts] == inos
    assert [file.read() for file in files] == texts[:600]
    for file in files:
        file.close()
    assert [(server.mnt / text).read_text() for text in texts] == texts
    run("mv", server.mnt / "7", server.mnt / "49" / "seven")
    assert (server.mnt / "49" / "seven" / "77").read_text() == "7/77"
    run("rm", "-r", *(server.mnt / text for text in os.listdir(server.mnt)))
    assert os.listdir(below) == []
    assert server.unmount() == 0


def test_a_mount_inside_of_what_it_shows_is_not_looked_at(start: StartServer, below: Path) -> None:
    inside, text = below / "inside", below / "pink"
    inside.mkdir()
    text.write_text("floyd")
    start(command=through(below), on=inside)
    assert sorted(os.listdir(inside)) == ["inside", "pink"]
    assert (inside / "pink").read_text() == "floyd"
    with refuses(errno.ELOOP):
        os.listdir(inside / "inside")
    run("find", inside, status=1)


def test_a_directory_can_be_covered_by_its_own_tunnel(start: StartServer, below: Path) -> None:
    (below / "pink").write_text("floyd")
    server = start("-o", "hide=*.key", command=through(below), on=below)
    (below / "dire").write_text("straits")
    assert sorted(os.listdir(below)) == ["dire", "pink"]
    assert server.unmount() == 0
    assert (below / "dire").read_text() == "straits"


def test_a_file_system_mounted_below_is_shown_with_numbers_of_its_own(
    start: StartServer, root: None, below: Path
) -> None:
    (below / "sub").mkdir()
    run("mount", "-t", "tmpfs", "none", below / "sub")
    try:
        server = start(command=through(below))
        (server.mnt / "sub" / "pink").write_text("floyd")
        assert (below / "sub" / "pink").read_text() == "floyd"
        inner = (server.mnt / "sub" / "pink").stat().st_ino
        assert inner != (below / "sub" / "pink").stat().st_ino
        assert {entry.name: entry.inode() for entry in os.scandir(server.mnt / "sub")} == {"pink": inner}
        assert os.statvfs(server.mnt / "sub" / "pink").f_files == os.statvfs(below / "sub").f_files
        assert os.statvfs(server.mnt).f_files == os.statvfs(below).f_files
        with refuses(errno.EXDEV):
            (server.mnt / "sub" / "pink").rename(server.mnt / "pink")
        assert server.unmount() == 0
    finally:
        run("umount", below / "sub")


def test_a_program_that_mounts_one_keeps_its_own_umask(below: Path, mnt: Path) -> None:
    before = os.umask(0o027)
    try:
        with puffpy.mount(TunnelFS(str(below)), mnt):
            (mnt / "pink").write_text("floyd")
            (mnt / "dir").mkdir(0o777)
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert stat.S_IMODE((below / "pink").stat().st_mode) == 0o640
    assert stat.S_IMODE((below / "dir").stat().st_mode) == 0o750


def test_what_is_no_directory_is_no_mount(below: Path, mnt: Path) -> None:
    run(*through(below / "absent"), mnt, status=1)
    (below / "file").touch()
    run(*through(below / "file"), mnt, status=1)
    assert not os.path.ismount(mnt)
