"""Which mount a path is on, and where the socket of its server is.

The mount itself is never asked: whoever wants to know may want to because it does not answer.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import Final

import attrs

from puffpy.errors import WatchError

NAME: Final = "puffpy"
LINKS: Final = 8
"""So many symbolic links are followed at the end of a path."""


@attrs.frozen
class Mounted:
    """A row of the mount table: *device* names it in the whole system, *owner* is the uid that mounted it."""

    mountpoint: str
    device: str
    fstype: str
    owner: int


def mounted_at(path: str) -> Mounted:
    """Return the mount that *path* is on.

    Raises:
        WatchError: that is no FUSE file system.
    """
    spellings = list(_spellings(path))
    rows = [row for row in mount_table() if any(_is_below(each, row.mountpoint) for each in spellings)]
    # The longest mount point, and the last of those mounted upon each other.
    found = max(enumerate(rows), key=lambda pair: (len(pair[1].mountpoint), pair[0]), default=None)
    if found is None or found[1].fstype.partition(".")[0] not in ("fuse", "fuseblk"):
        kind = f" (it is on {found[1].mountpoint}, {found[1].fstype})" if found else ""
        raise WatchError(f"{path} is not on a FUSE file system{kind}: give the mount point of one")
    return found[1]


def is_mounted(path: str) -> bool:
    """Whether something is mounted at *path*, which is written as the mount table has it."""
    return any(row.mountpoint == path for row in mount_table())


def mount_table() -> Iterator[Mounted]:
    """Yield the rows of this process's mount table."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        for line in table:
            # proc_pid_mountinfo(5): six fields, any number of tags, "-", three fields.
            left, right = line.rstrip("\n").split(" - ", 1)
            device, _, mountpoint = left.split(" ")[2:5]
            fstype, _, options = right.split(" ", 2)
            words = dict(word.partition("=")[::2] for word in options.split(","))
            yield Mounted(_unescaped(mountpoint), device, fstype, int(words.get("user_id") or 0))


def directories(uid: int) -> Iterator[str]:
    """Yield where the sockets of *uid*'s servers may be, the best place first."""
    own = os.environ.get("XDG_RUNTIME_DIR", "")
    if uid == os.geteuid() and os.path.isabs(own):
        yield os.path.join(own, NAME)
    yield f"/run/user/{uid}/{NAME}"
    yield f"/run/{NAME}-{uid}"
    yield f"/tmp/{NAME}-{uid}"


def made_directory() -> Iterator[str]:
    """Yield the places of this process's own user, each made, and closed to everybody else."""
    for directory in directories(os.geteuid()):
        with contextlib.suppress(OSError):
            with contextlib.suppress(FileExistsError):
                os.mkdir(directory, 0o700)
            if is_private(directory, os.geteuid()):
                yield directory


def is_private(directory: str, uid: int) -> bool:
    """Whether *directory* is one, *uid*'s, and nobody else may put anything into it."""
    status = os.lstat(directory)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == uid and not status.st_mode & 0o077


def socket_name(mount: Mounted) -> str:
    """Return what the socket of *mount*'s server is called."""
    return f"{mount.device.replace(':', '-')}.sock"


def sockets(mount: Mounted) -> Iterator[str]:
    """Yield the sockets that may be *mount*'s server's."""
    for directory in directories(mount.owner):
        with contextlib.suppress(OSError):
            path = os.path.join(directory, socket_name(mount))
            if is_private(directory, mount.owner) and os.path.exists(path):
                yield path


def _spellings(path: str) -> Iterator[str]:
    """Yield *path* as the mount table may have it.  Nothing is looked up on a FUSE mount."""
    path = os.path.abspath(path)
    for _ in range(LINKS):
        yield path
        head, tail = os.path.split(path)
        if _on_fuse(head):
            return
        path = os.path.join(os.path.realpath(head), tail)
        yield path
        try:
            # Of a mount point the kernel knows by itself that it is no link (do_readlinkat).
            path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
        except OSError:
            return


def _on_fuse(path: str) -> bool:
    rows = [row for row in mount_table() if _is_below(path, row.mountpoint)]
    found = max(enumerate(rows), key=lambda pair: (len(pair[1].mountpoint), pair[0]), default=None)
    return found is not None and found[1].fstype.startswith("fuse")


def _is_below(path: str, mountpoint: str) -> bool:
    return path == mountpoint or path.startswith(mountpoint.rstrip("/") + "/")


def _unescaped(text: str) -> str:
    """Undo the kernel's escapes: a blank is ``\\040``."""
    for code, plain in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, plain)
    return text
