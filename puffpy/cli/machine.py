"""What this machine has of what file systems need: looked at, not tried.

What the kernel offers to a mount is found by mounting: see ``trial``.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import platform
import shutil
import stat
from collections.abc import Iterator
from enum import Enum
from typing import Final

import attrs

import puffpy

DEVICE: Final = "/dev/fuse"
CONFIGURATION: Final = "/etc/fuse.conf"
CONNECTIONS: Final = "/sys/fs/fuse/connections"
HELPER: Final = "fusermount3"

EXTRAS: Final = (
    ("rich", "cli", "the live screen of puffpy top"),
    ("fsspec", "fsspec", "file systems by path, for pandas and others"),
    ("fuse", "fusepy", "libfuse as a bridge"),
    ("trio", "trio", "async operations under trio"),
)


class Verdict(Enum):
    """What is thought of a finding."""

    GOOD = "there"
    WITHOUT = "not there; one can do without"
    BAD = "in the way of mounting"


@attrs.frozen
class Finding:
    """One thing looked at: what it is, how it is, and what to do about it."""

    verdict: Verdict
    subject: str
    says: str
    remedy: str = ""


def findings() -> list[Finding]:
    """Return what was found."""
    return [_python(), _kernel(), _device(), _helper(), _others(), _connections(), *_extras()]


def _python() -> Finding:
    name = f"{platform.python_implementation()} {platform.python_version()}, puffpy {puffpy.__version__}"
    return Finding(Verdict.GOOD, "Python", name)


def _kernel() -> Finding:
    system = platform.uname()
    if system.system != "Linux":
        remedy = "mount on Linux; puffpy check and the user-space kernel work everywhere"
        return Finding(Verdict.BAD, "kernel", f"{system.system} {system.release}", remedy)
    return Finding(Verdict.GOOD, "kernel", f"Linux {system.release}")


def _device() -> Finding:
    try:
        status = os.stat(DEVICE)
        if not stat.S_ISCHR(status.st_mode):
            return Finding(Verdict.BAD, DEVICE, "is no device", f"as root: rm {DEVICE}; modprobe fuse")
        os.close(os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC))
    except OSError as exc:
        return Finding(Verdict.BAD, DEVICE, exc.strerror or "cannot be opened", _for_device(exc.errno))
    return Finding(Verdict.GOOD, DEVICE, "can be opened")


def _for_device(code: int | None) -> str:
    if code == errno.ENOENT:
        return "as root: modprobe fuse; in a container: start it with --device /dev/fuse --cap-add SYS_ADMIN"
    if code == errno.EACCES:
        return "as root: chmod 0666 /dev/fuse"
    if code == errno.EPERM:
        return "the container forbids it: start it with --device /dev/fuse"
    return "as root: modprobe fuse"


def _helper() -> Finding:
    path = shutil.which(HELPER)
    root = os.geteuid() == 0
    if path is None:
        verdict = Verdict.WITHOUT if root else Verdict.BAD
        return Finding(
            verdict, HELPER, "is not installed", "Debian: apt install fuse3; ordinary users need it"
        )
    status = os.stat(path)
    if not (status.st_mode & stat.S_ISUID and status.st_uid == 0):
        verdict = Verdict.WITHOUT if root else Verdict.BAD
        return Finding(verdict, HELPER, f"{path} is not set-uid root", f"as root: chmod 4755 {path}")
    return Finding(Verdict.GOOD, HELPER, f"{path}{', not needed by root' if root else ''}")


def _others() -> Finding:
    subject = "allow_other"
    if os.geteuid() == 0:
        return Finding(Verdict.GOOD, subject, "root may let everybody use a mount")
    try:
        with open(CONFIGURATION, encoding="utf-8", errors="replace") as file:
            allowed = any(line.split("#")[0].strip() == "user_allow_other" for line in file)
    except OSError:
        allowed = False
    if allowed:
        return Finding(Verdict.GOOD, subject, f"{CONFIGURATION} says user_allow_other")
    remedy = f"as root: echo user_allow_other >> {CONFIGURATION}"
    return Finding(Verdict.WITHOUT, subject, "ordinary users cannot let others use their mounts", remedy)


def _connections() -> Finding:
    subject = "fusectl"
    if os.path.ismount(CONNECTIONS):
        return Finding(Verdict.GOOD, subject, f"{CONNECTIONS}: a stuck mount can be aborted")
    remedy = f"as root: mount -t fusectl none {CONNECTIONS}"
    return Finding(Verdict.WITHOUT, subject, "is not mounted: a stuck mount cannot be aborted", remedy)


def _extras() -> Iterator[Finding]:
    for module, extra, purpose in EXTRAS:
        if importlib.util.find_spec(module) is not None:
            yield Finding(Verdict.GOOD, module, f"installed: {purpose}")
        else:
            remedy = f"pip install 'puffpy[{extra}]'"
            yield Finding(Verdict.WITHOUT, module, f"not installed: {purpose}", remedy)
