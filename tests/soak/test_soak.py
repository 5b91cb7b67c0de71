"""A soak: four clients of mixed work on a mount to which everything is done, and nothing is lost or leaks.

``PUFFPY_SOAK_SECONDS`` is how long all of it takes, ``PUFFPY_SOAK_SEED`` what decides what is done; the time
at which it is done decides as well, so that the same seed is the same work, but not the same accidents.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import attrs
import pytest

from tests.mounted.conftest import StartServer
from tests.mounted.harness import Server, processes_naming, run, wait_for
from tests.mounted.killing import children, kill, serving
from tests.mounted.tunnelled import TUNNEL
from tests.soak.tormenting import Soak

SECONDS = float(os.environ.get("PUFFPY_SOAK_SECONDS", "30"))
SEED = int(os.environ.get("PUFFPY_SOAK_SEED") or int.from_bytes(os.urandom(4), "little"))

MIB = 1 << 20
SLACK = 8 * MIB
"""By how much memory may differ: Python takes a mebibyte at a time (arenas), of which one entry in use keeps
all, and glibc keeps what a large reply was made in.  Both reach their height after half a minute of work, not
in the first third of a short soak; the longer it is, the smaller a leak it finds."""

A_FEW = 8
"""By how many descriptors: workers and sockets that the library opens when they are first needed."""

FAULTS = {
    "write": "EIO,probability=0.03",
    "create": "ENOSPC,probability=0.03",
    "remove": "EIO,probability=0.03",
    "rename": "EXDEV,probability=0.03",
    "mkdir": "EDQUOT,probability=0.05",
    "setattr": "EPERM,probability=0.03",
    "setextattr": "ENOSPC,probability=0.03",
    "lookup": "ENOMEM,probability=0.005",
    "fsync": "EIO,probability=0.03",
}
"""What fails, and how; a fault strikes before anything has been done."""

SLOW = "faults:op=read,delay=5ms,probability=0.02,seed={seed}"
SHORT = "faults:op=write,short=0.5,probability=0.05,seed={seed}"


@attrs.frozen
class Subject:
    """A file system, how it is mounted, and what its clients must put up with."""

    command: tuple[str, ...]
    options: tuple[str, ...] = ()
    supervised: bool = False
    faults: tuple[str, ...] = ()


def layers() -> tuple[str, ...]:
    """Everything that goes wrong, as options."""
    rules = [f"faults:op={op},error={what},seed={{seed}}" for op, what in FAULTS.items()]
    rules += [SLOW, SHORT]
    return tuple(
        word for number, rule in enumerate(rules) for word in ("--layer", rule.format(seed=SEED + number))
    )


PUFFPY = (sys.executable, "-m", "puffpy", "mount")

SUBJECTS = {
    "detrempe": Subject((sys.executable, "-m", "filesystems.detrempe"), ("--supervise",), supervised=True),
    "tunnel": Subject((*TUNNEL, "{below}"), ("--supervise",), supervised=True),
    "faults": Subject(
        (*PUFFPY, "filesystems.detrempe"),
        layers(),
        faults=tuple(sorted({what.partition(",")[0] for what in FAULTS.values()})),
    ),
}


@attrs.frozen
class Use:
    """What the processes of a mount have to themselves."""

    memory: int
    descriptors: int

    @classmethod
    def of(cls, server: Server) -> Use:
        """Measure."""
        pids = [server.process.pid, *children(server.process.pid)]
        return cls(sum(map(_private, pids)), max(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids))

    def is_about(self, earlier: Use) -> bool:
        """Tell whether it is no more than it was *earlier*."""
        return self.memory <= earlier.memory + SLACK and self.descriptors <= earlier.descriptors + A_FEW


def _private(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


@pytest.mark.parametrize("name", SUBJECTS)
@pytest.mark.timeout(3 * SECONDS + 240)
def test_soak(name: str, root: None, start: StartServer, tmp_path: Path) -> None:
    subject, below, logs = SUBJECTS[name], tmp_path / "below", tmp_path / "logs"
    below.mkdir()
    logs.mkdir()
    command = tuple(word.format(below=below) for word in subject.command)
    server = start(*subject.options, command=command, limit=2 * SECONDS + 200)
    (server.mnt / "all").mkdir()
    (server.mnt / "counter").write_text(f"{0:020}")
    chance = random.Random(SEED)
    soak = Soak(server, logs, chance, supervised=subject.supervised, faults=",".join(subject.faults))
    share = SECONDS / len(SUBJECTS)

    soak.work(share / 3)
    warm = settled(server, subject)
    soak.work(share * 2 / 3)
    last = settled(server, subject)
    assert last.is_about(warm), f"{warm} became {last}"

    counted = int((server.mnt / "counter").read_text())
    least = soak.counts["counted"]
    assert least <= counted <= least + soak.counts["perhaps counted"]
    assert sorted(path.name for path in server.mnt.iterdir()) == ["all", "counter"]
    assert list((server.mnt / "all").iterdir()) == []
    print(summary(name, soak, warm, last))  # noqa: T201  what the soak was
    assert "Traceback" not in server.said()
    assert server.unmount() == 0
    assert not server.is_mounted
    wait_for(lambda: not processes_naming(server.mnt), "no process is left")
    assert "Z" not in run("ps", "--ppid", str(os.getpid()), "-o", "stat=").replace("\n", "")


def settled(server: Server, subject: Subject) -> Use:
    """Return what is in use when nobody works; of a new server, where one has been killed before."""
    if subject.supervised:
        victim = kill(server)
        wait_for(lambda: serving(server) != victim, "another one serves")
        os.stat(server.mnt)
    return Use.of(server)


def summary(name: str, soak: Soak, warm: Use, last: Use) -> str:
    """A line on what has been done, to what, and what it has cost."""
    counts = ", ".join(f"{number} {what}" for what, number in sorted(soak.counts.items()))
    return (
        f"\nsoak of {name}, seed {SEED}, {SECONDS / len(SUBJECTS):.0f} s: {counts}; memory "
        f"{warm.memory / MIB:.1f} -> {last.memory / MIB:.1f} MiB, descriptors {warm.descriptors} -> "
        f"{last.descriptors}"
    )
