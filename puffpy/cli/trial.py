"""A mount for a moment, to hear what the kernel offers.

What can be seen without one is ``machine``'s.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

import puffpy
from puffpy.cli.machine import Finding, Verdict
from puffpy.live import is_mounted
from puffpy.record import Record, What, number, read
from puffpy.wire import InitFlag, Opcode, Request, decode_request

CONTENT: Final = b"as it should be\n"
PATIENCE: Final = 10.0
REPORT: Final = "puffpy mount -d shows what is asked and answered"
URING: Final = "/sys/module/fuse/parameters/enable_uring"


class Trial(puffpy.VnodeOps):
    """One file, which the kernel is asked to read by itself, from *backing*."""

    def __init__(self, backing: str) -> None:
        self.backing = open(backing, "rb")  # noqa: SIM115  for as long as it is mounted
        self.root = puffpy.Node.directory()
        self.file = puffpy.Node.file(0o444, size=len(CONTENT))

    def lookup(self, dvp: Any, cn: puffpy.ComponentName, call: puffpy.Call) -> Any:  # noqa: ARG002
        """There is one name."""
        if cn.name != "file":
            raise FileNotFoundError
        return self.file

    def open(self, vp: Any, flags: int, call: puffpy.Call) -> puffpy.OpenFile:  # noqa: ARG002
        """Pass it through."""
        return puffpy.OpenFile(backing=self.backing.fileno())

    def read(self, vp: Any, offset: int, size: int, call: puffpy.Call) -> bytes:  # noqa: ARG002
        """Read it after all."""
        return CONTENT[offset : offset + size]


def tried() -> list[Finding]:
    """Mount, read, unmount, and return what was found."""
    with tempfile.TemporaryDirectory(prefix="puffpy-doctor-") as top:
        places = [os.path.join(top, name) for name in ("mnt", "backing", "recording")]
        os.mkdir(places[0])
        with open(places[1], "wb") as file:
            file.write(CONTENT)
        refusal = _served(*places)
        if refusal is not None:
            return [refusal]
        with open(places[2], "rb") as file:
            records = list(read(file))
    return [Finding(Verdict.GOOD, "mounting", "works"), *_offered(records), _passthrough(records)]


def _served(mnt: str, backing: str, recording: str) -> Finding | None:
    """Serve the trial in another process and read it here; return what was in the way.

    Not in this one: a process that waits for itself on a mount cannot even be killed.
    """
    command = [sys.executable, "-m", "puffpy", "mount", __file__, backing, mnt, "-f", "--record", recording]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        try:
            if not _is_mounted(mnt, server):
                server.terminate()
                said = (server.communicate()[1].strip().splitlines() or ["it does not say why"])[-1]
                says = said.partition(": ")[2]
                reason, _, remedy = says.rpartition(": ")
                return Finding(Verdict.BAD, "mounting", reason or says, remedy if reason else "")
            reader = subprocess.Popen(["cat", os.path.join(mnt, "file")], stdout=subprocess.PIPE)
            try:
                content, _ = reader.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()  # the kernel then gives the reader an error
                content, _ = reader.communicate()
        finally:
            server.terminate()
            try:
                server.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()
    return None if content == CONTENT else Finding(Verdict.BAD, "mounting", "a file cannot be read", REPORT)


def _is_mounted(mnt: str, server: subprocess.Popen[str]) -> bool:
    """Wait until *mnt* is mounted on; False if that does not happen."""
    deadline = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < deadline:
        if is_mounted(mnt):
            return True
        time.sleep(0.02)
    return False


def _init(records: Iterable[Record]) -> Request:
    requests = (decode_request(each.data) for each in records if each.what is What.REQUEST)
    return next(each for each in requests if each.opcode is Opcode.INIT)


def _flags(request: Request) -> InitFlag:
    return InitFlag(request.fields["flags"] | request.fields["flags2"] << 32)


def _offered(records: list[Record]) -> Iterator[Finding]:
    init = _init(records)
    version = f"{init.fields['major']}.{init.fields['minor']}"
    yield Finding(Verdict.GOOD, "protocol", f"the kernel speaks FUSE {version}")
    if _flags(init) & InitFlag.OVER_IO_URING:
        yield Finding(Verdict.GOOD, "io_uring", "is offered by the kernel")
    elif os.path.exists(URING):
        remedy = f"as root: echo 1 > {URING}"
        yield Finding(Verdict.WITHOUT, "io_uring", "the kernel has it and it is switched off", remedy)
    else:
        yield Finding(Verdict.WITHOUT, "io_uring", "the kernel has none for FUSE", "Linux 6.14 or later has")


def _passthrough(records: list[Record]) -> Finding:
    answers = [number(each) for each in records if each.what is What.BACKING]
    if not _flags(_init(records)) & InitFlag.PASSTHROUGH:
        remedy = "Linux 6.9 or later, built with CONFIG_FUSE_PASSTHROUGH"
        return Finding(Verdict.WITHOUT, "passthrough", "the kernel has none", remedy)
    if not answers or answers[0] < 0:
        reason = os.strerror(-answers[0]) if answers else "it was not asked for"
        return Finding(Verdict.WITHOUT, "passthrough", f"refused: {reason}", "serve as root (CAP_SYS_ADMIN)")
    return Finding(Verdict.GOOD, "passthrough", "the kernel reads and writes files by itself")
