"""Mounting as an ordinary user: the set-uid helper ``fusermount3`` mounts and hands the device over.

Only the helper is talked to here; what travels over the device afterwards is the same as for root.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess

from puffpy.bridges import mounting
from puffpy.bridges.descriptors import receive_with_descriptors
from puffpy.errors import MountError
from puffpy.options import MountOptions

HELPER = "fusermount3"
TIME_LIMIT = 30.0
"""Seconds for the helper to mount; it only waits for the kernel."""


def find() -> str:
    """Return where the helper is."""
    path = shutil.which(HELPER)
    if path is None:
        raise MountError(
            f"{HELPER} is not installed: install it (Debian: apt install fuse3), or mount as root"
        )
    return path


def option_list(options: MountOptions) -> str:
    """Return what the helper is told with ``-o``; it adds nosuid and nodev by itself."""
    plain = ("allow_other", "default_permissions", "ro", "sync", "dirsync", "noatime")
    words = [word for word in plain if getattr(options, word)]
    if not options.exec:
        words.append("noexec")
    if options.max_read:
        words.append(f"max_read={options.max_read}")
    words.append(f"fsname={mounting.escape(options.fsname or 'puffs')}")
    if options.subtype:
        words.append(f"subtype={mounting.escape(options.subtype)}")
    return ",".join(words)


def mount(mountpoint: str, options: MountOptions) -> int:
    """Mount at *mountpoint*; return the device's descriptor."""
    helper = find()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs:
        command = [helper, "-o", option_list(options), "--", mountpoint]
        child = subprocess.Popen(
            command,
            env={**os.environ, "_FUSE_COMMFD": str(theirs.fileno()), "LC_ALL": "C"},
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        theirs.close()
        ours.settimeout(TIME_LIMIT)
        try:
            _, fds = receive_with_descriptors(ours, 1, 1)
        except OSError:
            fds = []
        try:
            _, said = child.communicate(timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            child.kill()
            _, said = child.communicate()
    if not fds:
        raise MountError(explain(said.strip(), mountpoint))
    return fds[0]


def explain(said: str, mountpoint: str) -> str:
    """Return what the helper complained of, and what to do about it."""
    said = said.removeprefix("fusermount3: ").removeprefix("fusermount: ") or "it gave no reason"
    remedy = "see its manual page, fusermount3(1)"
    if "user_allow_other" in said:
        remedy = "add the line user_allow_other to /etc/fuse.conf, or leave allow_other out"
    elif "/dev/fuse" in said:
        remedy = "/dev/fuse must be there and open to you (as root: chmod 0666 /dev/fuse)"
    elif "mountpoint" in said or "Permission denied" in said or "bad mount point" in said:
        remedy = f"choose a directory that you own and may write to, not {mountpoint}"
    elif "Operation not permitted" in said:
        remedy = "the helper must be set-uid root (ls -l), and a container needs the right to mount"
    return f"{HELPER}: {said}: {remedy}"


def unmount_command(mountpoint: str, *, lazy: bool = True) -> list[str]:
    """Return the command that unmounts *mountpoint*."""
    return [shutil.which(HELPER) or HELPER, "-u", "-q", *(["-z"] if lazy else []), "--", mountpoint]


def unmount(mountpoint: str, *, lazy: bool = False) -> bool:
    """Unmount *mountpoint*; tell whether that was possible."""
    command = unmount_command(mountpoint, lazy=lazy)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIME_LIMIT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
