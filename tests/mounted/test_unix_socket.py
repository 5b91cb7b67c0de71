"""A file system in one process and its mount in another: shared, handed over, relayed, without rights."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from tests.mounted.conftest import OrdinaryUser
from tests.mounted.harness import NOBODY, PROJECT, detach, environment, mount_table, run, wait_for

LIMIT = 60


@attrs.define
class Site:
    """A place for a socket and for mounts; whatever is started in it is ended."""

    place: Path
    processes: list[subprocess.Popen[str]] = attrs.field(factory=list)

    @property
    def socket(self) -> Path:
        return self.place / "socket"

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start ``python -m`` *words* in the foreground."""
        process = subprocess.Popen(
            [sys.executable, "-m", *map(str, words)],
            cwd=PROJECT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.processes.append(process)
        return process

    def serve(self, *words: str | Path) -> subprocess.Popen[str]:
        """Serve at the socket."""
        server = self.start("puffpy", "serve", *words, "--listen", self.socket, "-f")
        wait_for(lambda: answers(self.socket) or server.poll() is not None, "it listens")
        assert server.poll() is None, server.communicate()[0]
        return server

    def attach(self, name: str, *words: str) -> tuple[Path, subprocess.Popen[str]]:
        """Mount what is served there at *name*."""
        mnt = self.place / name
        mnt.mkdir(exist_ok=True)
        process = self.start("puffpy", "attach", self.socket, mnt, "-f", *words)
        wait_for(lambda: mounted(mnt) or process.poll() is not None, "it is mounted")
        assert process.poll() is None, process.communicate()[0]
        return mnt, process

    def end(self) -> None:
        """End everything."""
        for row in list(mount_table()):
            if row.startswith(f"{self.place}/"):
                detach(Path(row))
        for process in self.processes:
            process.kill()
            process.communicate()


def answers(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(str(place)) == 0


def mounted(mnt: Path) -> bool:
    return str(mnt) in mount_table()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path.resolve())
    yield made
    made.end()


WAYS = [(), ("--relay",)]


@pytest.mark.parametrize("way", WAYS, ids=["device", "relay"])
def test_what_is_served_at_a_socket_is_mounted_from_there(site: Site, way: tuple[str, ...]) -> None:
    server = site.serve("filesystems.detrempe")
    assert site.socket.stat().st_mode & 0o777 == 0o600
    mnt, attached = site.attach("mnt", *way)
    data = os.urandom(3 << 20)
    (mnt / "file").write_bytes(data)
    assert (mnt / "file").read_bytes() == data
    for number in range(300):
        (mnt / f"{number}").touch()
    assert len(list(mnt.iterdir())) == 301
    run("umount", mnt)
    assert attached.wait(LIMIT) == 0
    assert server.poll() is None
    mnt, attached = site.attach("mnt", *way)
    assert (mnt / "file").read_bytes() == data, "what it holds outlives a mount of it"
    attached.send_signal(signal.SIGTERM)
    assert attached.wait(LIMIT) == 0
    assert not mounted(mnt)
    server.terminate()
    assert server.wait(LIMIT) == 0
    assert not site.socket.exists()


@pytest.mark.parametrize("way", WAYS, ids=["device", "relay"])
def test_the_root_outlives_a_mount(site: Site, way: tuple[str, ...]) -> None:
    below = site.place / "below"
    below.mkdir()
    (below / "file").write_text("pink")
    server = site.serve("filesystems.tunnel", below)
    for _ in range(3):
        mnt, attached = site.attach("mnt", *way)
        assert (mnt / "file").read_text() == "pink"
        run("umount", mnt)
        assert attached.wait(LIMIT) == 0
    server.terminate()
    assert server.wait(LIMIT) == 0


def test_two_mounts_show_one_file_system(site: Site) -> None:
    site.serve("filesystems.detrempe", "-o", "attr_timeout=0,entry_timeout=0")
    one, _ = site.attach("one")
    two, _ = site.attach("two", "--relay")
    (one / "directory").mkdir()
    (one / "directory/file").write_text("seen by both")
    assert (two / "directory/file").read_text() == "seen by both"
    kept = os.open(two / "directory/file", os.O_RDONLY)
    (one / "directory/file").unlink()
    run("umount", one)
    assert os.read(kept, 100) == b"seen by both", "the other mount still uses it"
    os.close(kept)


@pytest.mark.parametrize("way", WAYS, ids=["device", "relay"])
def test_a_server_that_dies_leaves_no_mount(site: Site, way: tuple[str, ...]) -> None:
    server = site.serve("filesystems.detrempe")
    mnt, attached = site.attach("mnt", *way)
    server.kill()
    assert attached.wait(LIMIT) == 1
    assert attached.stdout is not None
    assert "the server has gone" in attached.stdout.read()
    assert not mounted(mnt)


def test_a_server_that_ends_unmounts(site: Site) -> None:
    server = site.serve("filesystems.detrempe")
    mnt, attached = site.attach("mnt")
    server.terminate()
    assert server.wait(LIMIT) == 0
    attached.wait(LIMIT)
    assert not mounted(mnt)


def test_the_socket_of_a_dead_server_is_used_again_and_nothing_else_is(site: Site) -> None:
    server = site.serve("filesystems.detrempe")
    server.kill()
    server.wait()
    site.serve("filesystems.detrempe")
    taken = site.start("puffpy", "serve", "filesystems.detrempe", "--listen", site.socket, "-f")
    assert "somebody listens at" in taken.communicate(timeout=LIMIT)[0]
    assert taken.returncode == 1
    plain = site.place / "plain"
    plain.write_text("keep me")
    refused = site.start("puffpy", "serve", "filesystems.detrempe", "--listen", plain, "-f")
    assert "something else than a socket" in refused.communicate(timeout=LIMIT)[0]
    assert plain.read_text() == "keep me"


def test_nobody_serves_there(site: Site) -> None:
    (site.place / "mnt").mkdir()
    lost = site.start("puffpy", "attach", site.socket, site.place / "mnt", "-f")
    assert "nobody serves at" in lost.communicate(timeout=LIMIT)[0]
    assert lost.returncode == 1


def spoken(place: Path, text: bytes) -> bytes:
    """Say *text* after the greeting, as this process's user; return all that is answered."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(LIMIT)
        sock.connect(str(place))
        sock.sendall(text)
        heard = b""
        while part := sock.recv(4096):
            heard += part
        return heard


@pytest.mark.parametrize(
    "text",
    [b"nonsense\n", b"device\n", b"relay\n" + b"\xff" * 64, b"relay\n" + b"\0" * 64, b"x" * 70000],
    ids=["a strange word", "no device", "a message too long", "a message too short", "a line without end"],
)
def test_a_connection_that_makes_no_sense_ends_and_harms_no_other(site: Site, text: bytes) -> None:
    site.serve("filesystems.detrempe")
    mnt, _ = site.attach("mnt")
    try:
        heard = spoken(site.socket, text)
    except ConnectionError:
        heard = b'{"puffpy"'
    assert heard.startswith(b'{"puffpy"')
    (mnt / "file").write_text("still there")
    assert (mnt / "file").read_text() == "still there"


def test_a_stranger_may_not_connect_unless_allowed(
    site: Site, user: OrdinaryUser, program: Callable[[str], str]
) -> None:
    site.serve("filesystems.detrempe")
    site.place.chmod(0o755)
    for parent in site.place.parents[:2]:
        parent.chmod(0o755)
    os.chmod(site.socket, 0o666)  # whatever its mode is, who connects is looked at
    say = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print(s.recv(999))"
    command = [*user.prefix, sys.executable, "-c", say, str(site.socket)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=True).stdout
    assert "may not connect" in told


def test_root_mounts_and_nobody_serves(site: Site, root: None) -> None:
    shown, mnt = site.place / "shown", site.place / "mnt"
    for directory in (shown, mnt):
        directory.mkdir()
    shown.chmod(0o777)
    (shown / "file").write_text("below")
    (site.place / "outside").write_text("not to be seen")
    for parent in (site.place, *site.place.parents[:2]):
        parent.chmod(0o755)
    served = site.start("filesystems.tunnel", "--user", str(NOBODY), shown, mnt, "-f")
    wait_for(lambda: mounted(mnt) or served.poll() is not None, "it is mounted")
    assert served.poll() is None, served.communicate()[0]
    assert (mnt / "file").read_text() == "below"
    (mnt / "new").write_text("by nobody")
    assert (shown / "new").stat().st_uid == NOBODY
    children = Path(f"/proc/{served.pid}/task/{served.pid}/children").read_text().split()
    (status,) = (
        said
        for said in (Path(f"/proc/{child}/status").read_text() for child in children)
        if f"Uid:\t{NOBODY}\t" in said
    )
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status
    run("umount", mnt)
    assert served.wait(LIMIT) == 0


def test_who_is_confined_opens_nothing_else(tmp_path: Path, root: None) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/file").write_text("mine")
    (tmp_path / "out").write_text("not mine")
    text = """
import sys
from puffpy.privileges import confine
print(confine([sys.argv[1] + "/in"]))
print(open(sys.argv[1] + "/in/file").read())
open(sys.argv[1] + "/in/new", "w").close()
try:
    open(sys.argv[1] + "/out")
except PermissionError:
    print("refused")
"""
    said = run(sys.executable, "-c", text, tmp_path)
    assert said.split() == ["True", "mine", "refused"]


def test_a_user_that_there_is_not_is_named(site: Site) -> None:
    (site.place / "mnt").mkdir()
    lost = site.start("filesystems.detrempe", "--user", "nosuchuser", site.place / "mnt", "-f")
    assert "there is no user nosuchuser" in lost.communicate(timeout=LIMIT)[0]
    assert lost.returncode == 1
