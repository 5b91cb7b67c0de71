"""Looking at a server: who may, what is seen, and that it costs nothing while nobody does."""

from __future__ import annotations

import errno
import logging
import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from puffpy.errors import WatchError
from puffpy.latency import Histogram
from puffpy.live import Operation, Pending, Snapshot, Watch, client, listener, listening, place, watch
from puffpy.live.place import Mounted, mounted_at
from puffpy.live.tap import MOST, Tap
from puffpy.record import Record, What, number
from puffpy.tracing import traced
from puffpy.wire import Opcode, encode_inval_entry
from tests.live.server import PATIENCE, Channel, InALoop, InAThread, Looked, Slow, serving

MNT = "/mnt"
MOUNT = Mounted(MNT, "0:99", "fuse.slow", os.geteuid())


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for sockets of our own, and a mount table in which /mnt is ours."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for room in (listener, client):
        monkeypatch.setattr(room, "mounted_at", lambda _: MOUNT)
    return tmp_path / "puffpy"


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def served(runtime: Path, slow: Slow) -> Iterator[tuple[Looked, Channel]]:
    with serving(slow) as (server, channel), listening(server, MNT, "Slow"):
        yield server, channel


def waiting(watching: Watch) -> Pending:
    """Return the first thing that is seen to wait."""
    deadline = time.monotonic() + PATIENCE
    for snapshot in watching.snapshots(0.05):
        assert time.monotonic() < deadline
        if snapshot is not None and snapshot.pending:
            return snapshot.pending[0]
    raise AssertionError("the server ended")


def counted(name: str, count: int, snapshots: Iterator[Snapshot | None]) -> Snapshot:
    """Return the first snapshot that has counted *name* so often."""
    deadline = time.monotonic() + PATIENCE
    for snapshot in snapshots:
        assert time.monotonic() < deadline
        seen = snapshot.operations.get(name) if snapshot is not None else None
        if seen is not None and seen.number >= count:
            assert snapshot is not None
            return snapshot
    raise AssertionError("the server ended")


def look(channel: Channel) -> int:
    """Look the file up, and return its number."""
    return channel.ask(Opcode.LOOKUP, names=(b"file",)).fields["nodeid"]


def test_what_passes_is_counted_while_somebody_looks(served: tuple[Looked, Channel], slow: Slow) -> None:
    _, channel = served
    slow.go.set()
    nodeid = look(channel)
    with watch(MNT) as watching:
        snapshots = watching.snapshots(0.05)
        assert next(snapshots) is not None
        assert (watching.pid, watching.title) == (os.getpid(), "Slow")
        for _ in range(3):
            channel.ask(Opcode.READ, nodeid, fields={"size": 4096})
        channel.ask(Opcode.WRITE, nodeid, data=b"12345")
        assert channel.ask(Opcode.LOOKUP, names=(b"nothing",)).error == errno.ENOENT
        channel.begin(Opcode.FORGET, nodeid)
        channel.ask(Opcode.STATFS)
        seen = counted("STATFS", 1, snapshots)
    numbers = {name: (each.number, each.errors, each.size) for name, each in seen.operations.items()}
    assert numbers == {
        "READ": (3, 0, 3 * 4096),
        "WRITE": (1, 0, 5),
        "LOOKUP": (1, 1, 0),
        "FORGET": (1, 0, 0),
        "STATFS": (1, 0, 0),
    }
    assert seen.operations["READ"].latencies.number == 3
    assert 0 < seen.operations["READ"].latencies.longest < seen.elapsed
    assert seen.pending == []


def test_nothing_is_in_the_way_of_a_request_before_and_after(served: tuple[Looked, Channel]) -> None:
    server, channel = served
    assert server.changes.empty()
    with watch(MNT) as one, watch(MNT) as other:
        assert next(one.snapshots(0.05)) is not None
        assert next(other.snapshots(0.05)) is not None
        assert [server.changes.get(timeout=PATIENCE) for _ in range(2)] == [1, 2]
    assert [server.changes.get(timeout=PATIENCE) for _ in range(2)] == [1, 0]
    assert channel.ask(Opcode.STATFS).error == 0


def test_a_request_that_is_stuck_already_is_seen_with_its_python_line(
    served: tuple[Looked, Channel], slow: Slow
) -> None:
    _, channel = served
    unique = channel.begin(Opcode.READ, look(channel), fields={"size": 4096})
    assert slow.reading.wait(PATIENCE)
    with watch(MNT) as watching:
        stuck = waiting(watching)
    assert (stuck.name, stuck.unique, stuck.pid, stuck.age) == ("READ", unique, 1, None)
    assert stuck.line.endswith(" in nap")
    assert "tests/live/server.py:" in stuck.line
    assert any(line.endswith(" in read") for line in stuck.stack)
    slow.go.set()
    assert len(channel.end(Opcode.READ, unique).data) == 4096


def test_a_request_that_gets_stuck_meanwhile_has_an_age(served: tuple[Looked, Channel], slow: Slow) -> None:
    _, channel = served
    nodeid = look(channel)
    with watch(MNT) as watching:
        snapshots = watching.snapshots(0.05)
        assert next(snapshots) is not None
        begin = time.monotonic_ns()
        channel.begin(Opcode.READ, nodeid, fields={"size": 4096})
        assert slow.reading.wait(PATIENCE)
        stuck = [snapshot for snapshot, _ in zip(snapshots, range(3), strict=False) if snapshot][-1].pending[
            0
        ]
        assert stuck.age is not None
        assert 0 < stuck.age < time.monotonic_ns() - begin
        assert stuck.line.endswith(" in nap")


@pytest.mark.parametrize(("make", "function"), [(InAThread, "nap"), (InALoop, "doze")])
def test_an_operation_that_runs_elsewhere_is_seen_where_it_is(
    runtime: Path, make: type[Slow], function: str
) -> None:
    slow = make()
    with serving(slow) as (server, channel), listening(server, MNT):
        nodeid = look(channel)
        unique = channel.begin(Opcode.READ, nodeid, fields={"size": 4096})
        assert slow.reading.wait(PATIENCE)
        with watch(MNT) as watching:
            snapshots = watching.snapshots(0.05)
            first = next(snapshots)
            assert first is not None
            (stuck,) = first.pending
            assert stuck.line.endswith(f" in {function}")
            again = channel.begin(Opcode.READ, nodeid, fields={"size": 10})
            slow.go.set()
            assert len(channel.end(Opcode.READ, unique).data) == 4096
            assert len(channel.end(Opcode.READ, again).data) == 10
            seen = counted("READ", 1, snapshots)
        assert seen.operations["READ"].size == 10


def test_a_trace_has_every_message_and_no_file_data(served: tuple[Looked, Channel], slow: Slow) -> None:
    server, channel = served
    slow.go.set()
    with watch(MNT) as watching:
        heard = watching.records(0.4)
        assert next(heard).what is What.TRIMMED
        assert server.changes.get(timeout=PATIENCE) == 1
        nodeid = look(channel)
        channel.ask(Opcode.READ, nodeid, fields={"size": 100_000})
        channel.ask(Opcode.WRITE, nodeid, data=bytes(100_000))
        records = list(heard)
    trace = traced(records)
    assert [(each.name, each.path, each.size) for each in trace.exchanges] == [
        ("LOOKUP", "/file", 0),
        ("READ", "/file", 100_000),
        ("WRITE", "/file", 100_000),
    ]
    assert not [each for each in trace.exchanges if each.waits]
    assert sum(len(each.data) for each in records) < 2000


def test_a_server_that_ends_ends_the_look(runtime: Path) -> None:
    slow = Slow()
    with serving(slow) as (server, _):
        with listening(server, MNT), watch(MNT) as watching:
            snapshots = watching.snapshots(0.05)
            assert next(snapshots) is not None
            (socket_file,) = runtime.iterdir()
            assert stat.S_IMODE(socket_file.stat().st_mode) == 0o600
            assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
        assert not runtime.exists()


def test_what_a_killed_server_left_is_removed_and_what_a_living_one_has_is_not(runtime: Path) -> None:
    runtime.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(runtime / "0-98.sock"))
    with socket.socket(socket.AF_UNIX) as alive, serving(Slow()) as (server, _):
        alive.bind(str(runtime / "0-97.sock"))
        alive.listen()
        with listening(server, MNT):
            assert sorted(path.name for path in runtime.iterdir()) == ["0-97.sock", "0-99.sock"]
        assert [path.name for path in runtime.iterdir()] == ["0-97.sock"]


def test_a_stranger_is_not_let_in(served: tuple[Looked, Channel], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "_peer", lambda _: 12345)
    with watch(MNT) as watching, pytest.raises(WatchError, match="wants nobody to look"):
        next(watching.snapshots(0.05))


def test_only_so_many_may_look_at_once(
    served: tuple[Looked, Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "MOST", 1)
    with watch(MNT) as one, watch(MNT) as other:
        assert next(one.snapshots(0.05)) is not None
        with pytest.raises(WatchError, match="others look"):
            next(other.snapshots(0.05))


def test_a_server_that_says_nothing_is_told_from_one_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PATIENCE", 0.1)
    ours, theirs = socket.socketpair()
    with theirs, Watch(MOUNT, ours) as watching, pytest.raises(WatchError, match="does not answer"):
        next(watching.snapshots(1))


def test_a_server_that_counts_backwards_is_not_believed() -> None:
    ours, theirs = socket.socketpair()
    greeting = b'{"pid": 1, "mountpoint": "/mnt", "title": "Slow"}\n'
    counts = [Operation("READ", number, 0, 0, Histogram.of([5] * number)) for number in (1, 2, 1)]
    said = [Snapshot(10**9, {"READ": each}, []).packed() for each in counts]
    theirs.sendall(greeting + b"".join(said))
    with theirs, Watch(MOUNT, ours) as watching:
        heard = watching.snapshots(1)
        assert next(heard) is not None
        assert next(heard) is not None
        with pytest.raises(WatchError, match="counts less than it did before"):
            next(heard)


def test_nothing_is_open_once_nobody_looks() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(b'{"pid": 1, "mountpoint": "/mnt", "title": "Slow"}\n' + Snapshot(1, {}, []).packed())
    with theirs:
        with Watch(MOUNT, ours) as watching:
            heard = watching.snapshots(1)  # which still reads, and is never ended
            assert next(heard) is not None
            assert theirs.recv(99).startswith(b"top")
        assert theirs.recv(99) == b""
        with pytest.raises(ValueError, match="closed file"):
            next(heard)


def test_where_no_socket_can_be_made_the_mount_is_served_all_the_same(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(place, "directories", lambda _: iter([str(runtime / "not" / "there")]))
    slow = Slow()
    with (
        caplog.at_level(logging.INFO, "puffpy"),
        serving(slow) as (server, channel),
        listening(server, MNT),
    ):
        assert channel.ask(Opcode.STATFS).error == 0
    assert "/mnt cannot be looked at" in caplog.text
    with pytest.raises(WatchError, match="opens no socket"):
        watch(MNT)


def test_a_directory_that_others_may_write_to_is_no_place_for_a_socket(tmp_path: Path) -> None:
    assert place.is_private(str(tmp_path), os.geteuid()) == (stat.S_IMODE(tmp_path.stat().st_mode) == 0o700)
    tmp_path.chmod(0o700)
    assert place.is_private(str(tmp_path), os.geteuid())
    tmp_path.chmod(0o711)
    assert not place.is_private(str(tmp_path), os.geteuid())
    tmp_path.chmod(0o700)
    assert not place.is_private(str(tmp_path), os.geteuid() + 1)
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    assert not place.is_private(str(link), os.geteuid())


def test_a_path_that_is_on_no_fuse_mount_is_refused_with_what_it_is_on(tmp_path: Path) -> None:
    with pytest.raises(WatchError, match="is not on a FUSE file system"):
        mounted_at(str(tmp_path))
    with pytest.raises(WatchError, match=r"is on /proc, proc"):
        mounted_at("/proc/self")


def test_the_uppermost_mount_at_a_place_is_the_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to("mnt")
    mnt = str(tmp_path / "mnt")
    rows = [
        Mounted("/", "0:1", "ext4", 0),
        Mounted(mnt, "0:7", "fuse.one", 0),
        Mounted(mnt, "0:8", "fuse.two", 0),
        Mounted(f"{mnt}/below", "0:9", "fuse", 0),
        Mounted(f"{mnt}er", "0:10", "fuse", 0),
    ]
    monkeypatch.setattr(place, "mount_table", lambda: iter(rows))
    assert mounted_at(mnt).device == "0:8"
    assert mounted_at(f"{mnt}/some/file").device == "0:8"
    assert mounted_at(f"{mnt}/below/x").device == "0:9"
    assert mounted_at(str(tmp_path / "link")).device == "0:8"


def test_a_tap_that_nobody_takes_from_loses_records_and_says_how_many() -> None:
    tap = Tap()
    for _ in range(MOST + 5):
        tap.later(encode_inval_entry(1, b"name"))
    taken = list(tap.taken(0))
    assert len(taken) == MOST + 1
    lost = Record(0, What.LOST, taken[0][13:])
    assert number(lost) == 5
    assert list(tap.taken(0)) == []
