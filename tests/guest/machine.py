"""Runs a virtual machine, within a time limit, and returns what its script said.

Always emulated: where /dev/kvm can be opened it may still be too slow to be of any use.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

from tests.guest.initramfs import BEGIN, END, initramfs
from tests.guest.kernel import Kernel

QEMU: Final = "qemu-system-x86_64"
MEMORY: Final = "256M"
LIMIT: Final = 90.0
"""Seconds that a machine may run; booting takes about five."""

APPEND: Final = "console=ttyS0 quiet panic=-1 nokaslr mitigations=off tsc=reliable no_timer_check"


@attrs.frozen
class Outcome:
    """What a guest's script said, line by line, and its exit status."""

    lines: tuple[str, ...]
    status: int

    def after(self, word: str) -> str:
        """Return the rest of the only line that begins with *word*."""
        (line,) = [line for line in self.lines if line.startswith(word + " ")]
        return line[len(word) + 1 :]


def run(
    kernel: Kernel,
    busybox: Path,
    script: str,
    place: Path,
    sockets: Mapping[str, Path],
    *,
    cpus: int = 1,
    queues: int = 1,
    queue_size: int = 128,
    seconds: float = LIMIT,
    reboots: bool = False,
) -> Outcome:
    """Run *script* in a guest that has a device, by its tag, for each of *sockets*."""
    initrd, log = place / "initrd", place / "serial"
    initrd.write_bytes(initramfs(kernel, busybox, "set -e\n" + script))
    command = [
        *(QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-M", "q35", "-accel", "tcg"),
        *("-cpu", "max", "-smp", str(cpus), "-m", MEMORY, "-numa", "node,memdev=memory"),
        *("-object", f"memory-backend-memfd,id=memory,size={MEMORY},share=on"),
        *("-serial", f"file:{log}", "-kernel", str(kernel.image), "-initrd", str(initrd), "-append", APPEND),
        *([] if reboots else ["-no-reboot"]),
        *_devices(sockets, f"num-request-queues={queues},queue-size={queue_size}"),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"the machine still runs after {seconds} s:\n{_said(log)}") from None
    assert done.returncode == 0, f"{QEMU}: {done.returncode}: {done.stderr}"
    said = _said(log)
    assert END in said, f"the script did not end:\n{said}"
    text, _, status = said.rpartition(BEGIN)[2].partition(END)
    return Outcome(tuple(text.strip().splitlines()), int(status.split()[0]))


def _devices(sockets: Mapping[str, Path], queues: str) -> Sequence[str]:
    words = []
    for tag, path in sockets.items():
        words += ["-chardev", f"socket,id={tag},path={path}"]
        words += ["-device", f"vhost-user-fs-pci,chardev={tag},tag={tag},{queues}"]
    return words


def _said(log: Path) -> str:
    return log.read_text(errors="replace").replace("\r", "") if log.exists() else ""
