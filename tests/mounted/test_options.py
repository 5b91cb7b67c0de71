"""Mount options, those of every FUSE file system and detrempe's own, as programs in the mount see them."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.mounted.conftest import StartServer
from tests.mounted.harness import NOBODY, Server, run

MIB = 1024 * 1024


def refuses(number: int) -> pytest.RaisesExc[OSError]:
    """Expect an OSError of *number*."""
    return pytest.raises(OSError, check=lambda error: error.errno == number)


def by_nobody(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run *command* as a user who has no rights of any kind."""
    return subprocess.run(
        command,
        check=False,
        cwd="/",
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=20,
        env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
    )


@pytest.fixture
def mnt() -> Iterator[Path]:
    """A place to mount on that everybody can reach (pytest's own directories are closed to others)."""
    with tempfile.TemporaryDirectory(prefix="puffpy-open-") as top:
        os.chmod(top, 0o755)
        made = Path(top).resolve() / "mnt"
        made.mkdir()
        yield made


def test_df_and_mount_call_it_puffs_detrempe(detrempe: Server) -> None:
    assert detrempe.row.source == "puffs:detrempe"
    assert detrempe.row.fstype.startswith("fuse")
    assert run("df", "--output=source", detrempe.mnt).split()[1] == "puffs:detrempe"
    assert run("findmnt", "-n", "-o", "SOURCE", detrempe.mnt).strip() == "puffs:detrempe"


def test_fsname_and_subtype_rename_it(start: StartServer) -> None:
    row = start("-o", "fsname=rosebud,subtype=sledge").row
    assert (row.source, row.fstype) == ("rosebud", "fuse.sledge")


def test_ro_refuses_every_change(start: StartServer) -> None:
    server = start("-o", "ro")
    assert "ro" in server.row.options
    with refuses(errno.EROFS):
        (server.mnt / "pink").touch()
    with refuses(errno.EROFS):
        (server.mnt / "pink").mkdir()
    assert list(server.mnt.iterdir()) == []


def test_without_allow_other_nobody_else_comes_in(root: None, detrempe: Server) -> None:
    (detrempe.mnt / "pink").write_text("floyd")
    done = by_nobody("cat", detrempe.mnt / "pink")
    assert done.returncode != 0
    assert "Permission denied" in done.stderr


def test_with_allow_other_everybody_comes_in_as_far_as_the_modes_say(root: None, start: StartServer) -> None:
    mnt = start("-o", "allow_other").mnt
    (mnt / "open").write_text("floyd")
    (mnt / "open").chmod(0o644)
    (mnt / "closed").write_text("floyd")
    (mnt / "closed").chmod(0o600)
    (mnt / "theirs").mkdir()
    os.chown(mnt / "theirs", NOBODY, NOBODY)

    assert by_nobody("cat", mnt / "open").stdout == "floyd"
    for words in (("cat", "closed"), ("rm", "open"), ("touch", "new")):
        done = by_nobody(words[0], mnt / words[1])
        assert done.returncode != 0, words
        assert "Permission denied" in done.stderr
    assert by_nobody("touch", mnt / "theirs" / "new").returncode == 0
    status = (mnt / "theirs" / "new").stat()
    assert (status.st_uid, status.st_gid) == (NOBODY, NOBODY)


def test_devices_and_set_uid_programs_are_inert_unless_asked_for(root: None, start: StartServer) -> None:
    server = start()
    assert {"nosuid", "nodev"} <= server.row.options
    os.mknod(server.mnt / "null", stat.S_IFCHR | 0o666, os.stat("/dev/null").st_rdev)
    with refuses(errno.EACCES):
        (server.mnt / "null").write_bytes(b"away")
    server.unmount()

    server = start("-o", "dev,suid")
    assert not {"nosuid", "nodev"} & server.row.options
    os.mknod(server.mnt / "null", stat.S_IFCHR | 0o666, os.stat("/dev/null").st_rdev)
    assert (server.mnt / "null").write_bytes(b"away") == 4
    assert (server.mnt / "null").read_bytes() == b""


@pytest.mark.parametrize(
    "options",
    [
        "default_permissions",
        "allow_other,default_permissions",
        "max_read=4096",
        "attr_timeout=0,entry_timeout=0,negative_timeout=0",
        "attr_timeout=1.5,entry_timeout=3600",
        "negative_timeout=10",
        "direct_io",
        "noatime,noexec",
        "rw,nosuid,nodev",
    ],
)
def test_options_of_other_fuse_file_systems_are_understood(start: StartServer, options: str) -> None:
    if "allow_other" in options and os.geteuid() != 0:
        pytest.skip("an ordinary user may allow_other only where /etc/fuse.conf says so")
    mnt = start("-o", options).mnt
    data = os.urandom(300_000)
    assert not (mnt / "pink").exists()
    (mnt / "pink").write_bytes(data)
    assert (mnt / "pink").read_bytes() == data
    (mnt / "pink").rename(mnt / "floyd")
    assert not (mnt / "pink").exists()
    assert (mnt / "floyd").stat().st_size == len(data)


def test_options_may_be_given_in_one_word_or_in_several(start: StartServer) -> None:
    assert os.statvfs(start("-o", "ro", "-o", "size=1m,inodes=100").mnt).f_files == 100


def test_a_full_file_system_says_so_and_loses_nothing(start: StartServer) -> None:
    mnt = start("-o", "size=1m").mnt
    room = os.statvfs(mnt)
    assert room.f_blocks * room.f_frsize == MIB
    kept = os.urandom(600 * 1024)
    (mnt / "kept").write_bytes(kept)

    with refuses(errno.ENOSPC), open(mnt / "big", "wb", buffering=0) as big:
        for _ in range(2 * MIB // 4096):
            big.write(b"x" * 4096)
    assert os.statvfs(mnt).f_bavail * room.f_frsize < 8192
    assert (mnt / "kept").read_bytes() == kept
    written = (mnt / "big").read_bytes()
    assert set(written) == {ord("x")}

    # A full file system still takes names away and gives files other names.
    (mnt / "kept").rename(mnt / "still")
    with open(mnt / "still", "r+b") as still, refuses(errno.ENOSPC):
        os.posix_fallocate(still.fileno(), 0, 2 * MIB)
    (mnt / "big").unlink()
    (mnt / "again").write_bytes(b"y" * 300 * 1024)
    assert (mnt / "again").read_bytes() == b"y" * 300 * 1024
    assert (mnt / "still").read_bytes() == kept


@pytest.mark.parametrize("way", ["passthrough=yes", "passthrough=no"])
def test_the_room_of_a_file_is_free_when_its_name_goes(root: None, start: StartServer, way: str) -> None:
    """Four clients: the kernel's word that a file is forgotten comes behind what the others ask."""
    mnt = start("-o", f"size=4m,{way}").mnt

    def replace(number: int) -> None:
        name, other = mnt / f"{number}", mnt / f"{number}.new"
        for _ in range(50):
            name.write_bytes(b"x" * 900 * 1024)
            name.unlink()
            for _ in range(3):
                other.write_bytes(b"y" * 400 * 1024)
                other.rename(name)
            assert name.read_bytes() == b"y" * 400 * 1024
            name.unlink()

    with ThreadPoolExecutor(4) as clients:
        list(clients.map(replace, range(4)))
    assert os.statvfs(mnt).f_bfree == os.statvfs(mnt).f_blocks


def test_a_hole_takes_no_room(start: StartServer) -> None:
    mnt = start("-o", "size=1m").mnt
    with open(mnt / "sparse", "wb") as sparse:
        sparse.truncate(1 << 40)
    assert (mnt / "sparse").stat().st_size == 1 << 40
    assert (mnt / "sparse").stat().st_blocks == 0
    assert os.statvfs(mnt).f_bfree == os.statvfs(mnt).f_blocks


def test_a_file_system_without_nodes_left_says_so_and_loses_nothing(start: StartServer) -> None:
    mnt = start("-o", "inodes=10").mnt
    assert os.statvfs(mnt).f_files == 10
    free = os.statvfs(mnt).f_ffree
    assert free == 9  # the root is the tenth
    for number in range(free):
        (mnt / str(number)).write_text(str(number))
    assert os.statvfs(mnt).f_ffree == 0
    for one_more in (Path.touch, Path.mkdir):
        with refuses(errno.ENOSPC):
            one_more(mnt / "one more")
    with refuses(errno.ENOSPC):
        (mnt / "one more").symlink_to("0")
    (mnt / "another name").hardlink_to(mnt / "0")
    assert [(mnt / str(number)).read_text() for number in range(free)] == [str(n) for n in range(free)]

    (mnt / "1").unlink()
    (mnt / "one more").mkdir()
    assert os.statvfs(mnt).f_ffree == 0
