"""Detrempe whose server may die: everything is in a tmpfs that its supervisor holds.

No file is kept in the server, so none is lost with it.  The operations are the tunnel's.
"""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import tempfile
from typing import Final

import attrs

import puffpy
from filesystems.detrempe.room import PAGE, memory, pages
from filesystems.detrempe.tmpfs import CLOEXEC, CREATE, FSCONFIG, FSMOUNT, FSOPEN, SET_STRING, _call
from filesystems.detrempe.vnodeops import UNLIMITED, permissions
from filesystems.tunnel.surviving import SurvivingTunnel
from filesystems.tunnel.volumes import Node

SHARED: Final = "/dev/shm"
"""A tmpfs where everybody may make a directory."""

NO_RIGHT: Final = (errno.EPERM, errno.EACCES, errno.ENOSYS)


class SupervisedDetrempe(SurvivingTunnel):
    """A complete POSIX file system in memory, which outlives its server.

    Args:
        size: As for :func:`supervised`.
        inodes: As for :func:`supervised`.
        mode: As for :func:`supervised`.
        passthrough: As for :func:`supervised`.

    Raises:
        OSError: a limit was given, and the right to set one is missing (CAP_SYS_ADMIN).
    """

    options = attrs.evolve(SurvivingTunnel.options, fsname="puffs:detrempe", subtype="detrempe")

    def __init__(
        self,
        *,
        size: puffpy.Size = UNLIMITED,
        inodes: int = 0,
        mode: str = "0755",
        passthrough: bool | None = None,
    ) -> None:
        if inodes < 0:
            raise ValueError(f"inodes={inodes}: give how many there may be, or 0")
        bits = permissions(mode)
        try:
            self._top = _tmpfs(pages(size) if size else memory() // 2 // PAGE, inodes, bits)
        except OSError as exc:
            if exc.errno not in NO_RIGHT:
                raise
            if size or inodes:
                raise OSError(exc.errno, "a limit on what is supervised takes CAP_SYS_ADMIN") from exc
            self._top = _directory(bits)
        self._backing = passthrough is not False
        super().__init__(f"/proc/self/fd/{self._top}")

    def _opened(self, vp: Node, fd: int) -> puffpy.OpenFile:
        opened = super()._opened(vp, fd)
        return opened if self._backing else puffpy.OpenFile(fd)


def _tmpfs(room: int, inodes: int, mode: int) -> int:
    """Return the top of a new tmpfs that nobody else sees."""
    context = _call(FSOPEN, b"tmpfs", CLOEXEC)
    try:
        for word in (f"size={room * PAGE}", f"nr_inodes={inodes}", f"mode={mode:o}"):
            name, _, value = word.partition("=")
            _call(FSCONFIG, context, SET_STRING, name.encode(), value.encode(), 0)
        _call(FSCONFIG, context, CREATE, None, None, 0)
        return _call(FSMOUNT, context, CLOEXEC, 0)
    finally:
        os.close(context)


def _directory(mode: int) -> int:
    """Return a new directory in everybody's tmpfs, which goes with this process."""
    place = tempfile.mkdtemp(prefix="detrempe-", dir=SHARED)
    os.chmod(place, mode)
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
