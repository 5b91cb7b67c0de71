"""What the file system sees through libfuse, and what is seen of it."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.mounted.clients import steps
from tests.mounted.conftest import StartServer
from tests.mounted.harness import PATIENCE, run, wait_for
from tests.mounted.tunnelled import through
from tests.posix.linux import Linux

NOREPLACE, EXCHANGE = 1, 2


@pytest.fixture
def linux() -> Linux:
    return Linux()


def test_whoever_calls_is_known_with_all_groups(place: Path, root: None) -> None:
    top = place / "top"
    top.mkdir()
    os.chown(top, 0, 3001)
    top.chmod(0o2771)
    member = ("setpriv", "--reuid=1001", "--regid=1001", "--groups=3001")
    run(*member, "sh", "-c", "umask 027; touch mine; mkdir below", cwd=top)
    mine, below = (top / "mine").stat(), (top / "below").stat()
    assert (mine.st_uid, mine.st_gid, stat.S_IMODE(mine.st_mode)) == (1001, 3001, 0o640)
    assert (below.st_gid, stat.S_IMODE(below.st_mode)) == (3001, 0o2750)
    run("setpriv", "--reuid=1002", "--regid=1002", "--clear-groups", "cat", top / "mine", status=1)


def test_a_tunnel_lets_in_who_may_and_sees_what_happens_below(
    start: StartServer, bridge: tuple[str, str], tmp_path: Path
) -> None:
    below = tmp_path / "below"
    below.mkdir()
    (below / "f").write_text("pink")
    server = start(*bridge, command=through(below))
    assert (server.mnt / "f").read_text() == "pink"
    (below / "f").write_text("floyd")
    wait_for(lambda: (server.mnt / "f").read_text() == "floyd", "the change below is seen")
    (server.mnt / "g").symlink_to("f")
    assert os.readlink(below / "g") == "f"
    assert server.unmount() == 0


def test_one_time_of_two_may_be_changed_or_left_alone(place: Path) -> None:
    file = place / "f"
    file.touch()
    os.utime(file, ns=(1_073_741_822, 1_073_741_823))  # what utimensat(2) has for "leave it" and "now"
    assert (file.stat().st_atime_ns, file.stat().st_mtime_ns) == (1_073_741_822, 1_073_741_823)
    run("touch", "-a", "-d", "2001-01-01T00:00:00.123456789Z", file)
    assert file.stat().st_mtime_ns == 1_073_741_823
    assert file.stat().st_atime_ns % 1_000_000_000 == 123_456_789
    run("touch", "-m", file)
    assert file.stat().st_atime_ns % 1_000_000_000 == 123_456_789
    assert file.stat().st_mtime > 1_500_000_000


def test_rename_flags_are_kept_or_refused_but_never_left_out(place: Path, binding: str, linux: Linux) -> None:
    one, other, third = (str(place / name) for name in ("one", "other", "third"))
    steps.write(os, one, b"1")
    steps.write(os, other, b"2")
    if binding == "fusepy":
        for target, flags in ((third, NOREPLACE), (other, EXCHANGE)):
            steps.refused(errno.EINVAL, lambda to, what: linux.rename(one, to, flags=what), target, flags)
        assert (steps.read(os, one), steps.read(os, other)) == (b"1", b"2")
    else:
        steps.refused(errno.EEXIST, lambda: linux.rename(one, other, flags=NOREPLACE))
        linux.rename(one, other, flags=EXCHANGE)
        assert (steps.read(os, one), steps.read(os, other)) == (b"2", b"1")
        linux.rename(one, third, flags=NOREPLACE)
        assert sorted(os.listdir(place)) == ["other", "third"]


def test_a_mapping_and_a_program_work(place: Path) -> None:
    copy = place / "true"
    run("cp", "/bin/true", copy)
    run(copy)
    assert run("cmp", "/bin/true", copy) == ""


def test_paths_may_be_deeper_than_a_path_can_say(place: Path) -> None:
    name = "n" * 200
    here = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(25):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    assert os.listdir(here) == ["bottom"]
    os.close(here)
    run("rm", "-r", place / name)
    assert os.listdir(place) == []


def test_many_who_use_it_at_once_do_not_disturb_each_other(place: Path) -> None:
    line = "for i in 1 2 3 4 5 6 7 8 9; do echo $1 > $1-$i; mv $1-$i $1+$i; cat $1+$i; rm $1+$i; done"
    running = [
        subprocess.Popen(["sh", "-ec", line, "sh", str(number)], cwd=place, stdout=subprocess.PIPE)
        for number in range(8)
    ]
    for number, each in enumerate(running):
        assert each.communicate(timeout=PATIENCE)[0].decode() == f"{number}\n" * 9
        assert each.returncode == 0
    assert os.listdir(place) == []
