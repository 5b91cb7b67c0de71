"""The guest's memory, as the front end shares it: addresses to views, each within bounds.

What lies at an address is not known here.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from itertools import pairwise

import attrs

from puffpy.errors import WireError


@attrs.frozen(eq=False)
class Region:
    """A part of the memory: where the *guest* sees it, where the front end (*user*) does, and its bytes.

    It is unmapped when the last view of it is gone.
    """

    guest: int
    size: int
    user: int
    view: memoryview

    @classmethod
    def map(cls, guest: int, size: int, user: int, offset: int, fd: int) -> Region:
        """Map *size* bytes of *fd* from *offset* on; *fd* stays the caller's.

        Raises:
            WireError: there are not so many, or they cannot be mapped.
        """
        if not size:
            raise WireError(f"a memory region of no size at {guest:#x}")
        extra = offset % mmap.ALLOCATIONGRANULARITY
        try:
            # A file that is too short is refused here: to touch what is not there would end the process.
            whole = memoryview(mmap.mmap(fd, size + extra, offset=offset - extra))
        except (OSError, OverflowError, ValueError) as exc:
            raise WireError(f"a memory region of {size} bytes at {guest:#x} cannot be mapped: {exc}") from exc
        return cls(guest, size, user, whole[extra:])


class Memory:
    """All regions.  Views that were handed out stay good when others take their place.

    Raises:
        WireError: two of them overlap.
    """

    def __init__(self, regions: Iterable[Region] = ()) -> None:
        self.regions = sorted(regions, key=lambda region: region.guest)
        for one, next_one in pairwise(self.regions):
            if one.guest + one.size > next_one.guest:
                raise WireError(f"the memory regions at {one.guest:#x} and {next_one.guest:#x} overlap")

    def reach(self, address: int, length: int, views: list[memoryview]) -> None:
        """Add the *length* bytes at the guest's *address* to *views*; several where regions adjoin.

        Raises:
            WireError: some of them are not memory.
        """
        left = length
        for region in self.regions:
            start = address - region.guest
            if 0 <= start < region.size:
                stop = start + left
                if stop <= region.size:
                    views.append(region.view[start:stop])
                    return
                views.append(region.view[start:])
                address += region.size - start
                left -= region.size - start
        raise WireError(f"{length} bytes up to {address + left:#x} are not all memory")

    def user(self, address: int, length: int) -> memoryview:
        """Return the *length* bytes at the front end's own *address*.

        Raises:
            WireError: they are not all in one region.
        """
        for region in self.regions:
            start = address - region.user
            if start >= 0 and start + length <= region.size:
                return region.view[start : start + length]
        raise WireError(f"a ring of {length} bytes at {address:#x} is not in memory")
