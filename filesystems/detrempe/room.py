"""What a mount may hold: pages of data, counted one by one.

No data and no nodes are kept here.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import puffpy

PAGE: Final = 4096
"""The unit in which data are counted, in ``st_blocks``, in ``df`` and against a limit."""


CGROUPS: Final = Path("/sys/fs/cgroup")


def memory(membership: Path = Path("/proc/self/cgroup"), cgroups: Path = CGROUPS) -> int:
    """Return the bytes of memory that this process may have.

    That is the machine's memory, or what its limits (setrlimit(2)) or its control groups leave of it: whoever
    finds out by failing is killed, or left without a byte to say so with.
    """
    most = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        soft, _ = resource.getrlimit(limit)
        if soft != resource.RLIM_INFINITY:
            most.append(soft)
    return min([*most, *_granted(membership, cgroups)])


def _granted(membership: Path, cgroups: Path) -> Iterator[int]:
    """Yield the limits of the control group that *membership* names, and of those it is in (cgroups(7))."""
    try:
        line = next(line for line in membership.read_text().splitlines() if line.startswith("0::/"))
    except (OSError, StopIteration):
        return
    group = cgroups / line.removeprefix("0::/")
    for each in (group, *group.parents):
        if not each.is_relative_to(cgroups):
            return
        try:
            limit = (each / "memory.max").read_text().strip()
        except OSError:
            continue
        if limit.isdigit():
            yield int(limit)


def pages(size: int) -> int:
    """Return how many pages *size* bytes need."""
    return -(-size // PAGE)


class Room:
    """Room for *limit* pages, of which some are taken."""

    __slots__ = ("limit", "taken")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0

    @property
    def free(self) -> int:
        """How many pages can still be taken."""
        return self.limit - self.taken

    def fits(self, count: int) -> bool:
        """Tell whether *count* pages can be taken, one after the other or at once."""
        return self.taken + count <= self.limit

    def take(self, count: int) -> None:
        """Take *count* pages (negative: give back), or raise ENOSPC and take none."""
        if count > 0 and not self.fits(count):
            raise puffpy.FsError(errno.ENOSPC)
        self.taken += count
