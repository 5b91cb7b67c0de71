"""The speed of tunnel in a virtual machine, beside the C server of the same protocol that comes with QEMU.

``python -m benchmarks.guest``: one guest, both servers over one directory, taking turns; the best of a few
rounds counts.  Then the same works on the host, where the same tunnel is attached by a UNIX socket, with the
device handed over and with a relay.  Needs QEMU with its virtiofsd (Debian: qemu-system-x86,
qemu-system-common), busybox-static, and a kernel (``python -m tests.guest.kernel``).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.guest.kernel import kept
from tests.guest.machine import Outcome, run

VIRTIOFSD: Final = "/usr/lib/qemu/virtiofsd"
MIB: Final = 64
NAMES: Final = 2000
ROUNDS: Final = 5
PATIENCE: Final = 10.0
LIMIT: Final = 600.0

WORKS: Final[Mapping[str, str]] = {
    f"read {MIB} MiB": "dd if=$1/big of=/dev/null bs=1M 2>/dev/null",
    f"write {MIB} MiB": f"dd if=/dev/zero of=$1/new bs=1M count={MIB} conv=fsync 2>/dev/null; rm $1/new",
    f"stat {NAMES} files": f"i=0; while [ $i -lt {NAMES} ]; do [ -e $1/names/$i ]; i=$((i + 1)); done",
    f"stat {NAMES} names that are absent": (
        f"i=0; while [ $i -lt {NAMES} ]; do [ ! -e $1/absent$i ]; i=$((i + 1)); done"
    ),
    "list them with attributes": "ls -l $1/names | wc -l >/dev/null",
    "make and remove 300 files": (
        "i=0; while [ $i -lt 300 ]; do : > $1/made$i; i=$((i + 1)); done; rm $1/made*"
    ),
}
TAGS: Final = ("virtiofsd", "puffpy")


def script() -> str:
    """Return what the guest does: every work, on each of the two in turn, with empty caches."""
    lines = [f"mkdir -p /mnt/{tag}; mount -t virtiofs {tag} /mnt/{tag}" for tag in TAGS]
    for number, work in enumerate(WORKS.values()):
        lines.append(f"work{number}() {{ {work}; }}")
    for round_ in range(ROUNDS):
        for number in range(len(WORKS)):
            for tag in TAGS if round_ % 2 else reversed(TAGS):
                lines += [
                    "sync; echo 3 > /proc/sys/vm/drop_caches",
                    "read start _ < /proc/uptime",
                    f"work{number} /mnt/{tag}",
                    "read stop _ < /proc/uptime",
                    f"echo took {number} {tag} $start $stop",
                ]
    return "\n".join(lines)


@contextlib.contextmanager
def served(place: Path, shared: Path) -> Iterator[dict[str, Path]]:
    """Serve *shared* by both in this context; gives their sockets."""
    sockets = {tag: place / tag for tag in TAGS}
    source = f"source={shared},cache=auto,sandbox=chroot"
    commands: list[list[str | Path]] = [
        [VIRTIOFSD, f"--socket-path={sockets['virtiofsd']}", "-o", source],
        [sys.executable, "-m", "filesystems.tunnel", shared, "-f", "--vhost-user", sockets["puffpy"]],
    ]
    processes = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        deadline = time.monotonic() + PATIENCE
        while not all(path.exists() for path in sockets.values()):
            if time.monotonic() > deadline:
                raise SystemExit("one of the servers does not start")
            time.sleep(0.01)
        yield sockets
    finally:
        for process in processes:
            process.terminate()
            process.wait(PATIENCE)


ATTACHED: Final[Mapping[str, tuple[str, ...]]] = {"device": (), "relay": ("--relay",)}
"""The ways to attach, and the options for them."""


def attached(place: Path, shared: Path, busybox: str) -> dict[tuple[int, str], float]:
    """Return the shortest time of each work on the host, for each way to attach, in seconds."""
    socket, puffpy = place / "socket", (sys.executable, "-m", "puffpy")
    best: dict[tuple[int, str], float] = {}
    server = subprocess.Popen([*puffpy, "serve", "filesystems.tunnel", shared, "--listen", socket, "-f"])
    with contextlib.ExitStack() as afterwards:
        afterwards.callback(server.wait, PATIENCE)
        afterwards.callback(server.terminate)
        while not socket.exists():
            time.sleep(0.01)
        for way, options in ATTACHED.items():
            mnt = place / way
            mnt.mkdir()
            subprocess.run([*puffpy, "attach", socket, mnt, *options], check=True)
            try:
                _take_turns(busybox, mnt, way, best)
            finally:
                subprocess.run(["umount", mnt], check=True)
    return best


def _take_turns(busybox: str, mnt: Path, way: str, best: dict[tuple[int, str], float]) -> None:
    for _ in range(ROUNDS):
        for number, work in enumerate(WORKS.values()):
            Path("/proc/sys/vm/drop_caches").write_text("3")
            began = time.monotonic()
            subprocess.run([busybox, "sh", "-c", work, "sh", mnt], check=True)
            took = time.monotonic() - began
            best[number, way] = min(took, best.get((number, way), took))


def figures(outcome: Outcome) -> dict[tuple[int, str], float]:
    """Return the shortest time of each work on each of the two, in seconds."""
    took: dict[tuple[int, str], list[float]] = defaultdict(list)
    for line in outcome.lines:
        word, *rest = line.split()
        if word == "took":
            number, tag, start, stop = rest
            took[int(number), tag].append(float(stop) - float(start))
    return {key: min(times) for key, times in took.items()}


def main() -> None:
    """Measure, and print a table."""
    busybox = shutil.which("busybox")
    if busybox is None or not os.path.exists(VIRTIOFSD) or not kept().complete:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        place = Path(name)
        shared = place / "shared"
        (shared / "names").mkdir(parents=True)
        (shared / "big").write_bytes(os.urandom(MIB << 20))
        for number in range(NAMES):
            (shared / "names" / str(number)).touch()
        with served(place, shared) as sockets:
            outcome = run(kept(), Path(busybox), script(), place, sockets, cpus=1, seconds=LIMIT)
        best = figures(outcome) | attached(place, shared, busybox)
    print(f"{'seconds, in the guest':<36} virtiofsd  puffpy   speed  on the host: device   relay")
    for number, work in enumerate(WORKS):
        c, python, device, relay = (best[number, way] for way in (*TAGS, *ATTACHED))
        print(f"{work:<36} {c:9.2f} {python:7.2f} {c / python:7.2f} {device:20.2f} {relay:7.2f}")


if __name__ == "__main__":
    main()
