"""INIT from the kernel's side: what is offered, and what then holds for the whole conversation.

Nothing is sent here.  The offer is Linux 6.18's, without what cannot be kept: each such bit has its reason.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

from puffpy.wire.flags import InitFlag
from puffpy.wire.opcodes import KERNEL_MAJOR, NEWEST_MINOR, OLDEST_MINOR

PAGE: Final = 4096
"""What ``max_pages`` counts, in bytes."""

LINUX_6_18: Final = InitFlag(0x73FFFFFB | 0x7FD << 32)
"""Every bit that kernel offers to a plain mount."""

NOT_OFFERED: Final[Mapping[InitFlag, str]] = MappingProxyType(
    {
        InitFlag.SPLICE_READ: "there is no device to splice from",
        InitFlag.SPLICE_WRITE: "there is no device to splice to",
        InitFlag.SPLICE_MOVE: "there are no pages to move",
        InitFlag.WRITEBACK_CACHE: "there is no page cache",
        InitFlag.POSIX_ACL: "access control lists are not enforced here",
        InitFlag.SECURITY_CTX: "there are no security modules",
        InitFlag.PASSTHROUGH: "there is no device to register a backing file with",
        InitFlag.ALLOW_IDMAP: "there are no idmapped mounts",
        InitFlag.OVER_IO_URING: "there is no ring",
        InitFlag.REQUEST_TIMEOUT: "nobody watches the time of a request",
        InitFlag.EXPORT_SUPPORT: "file handles are not made here",
        InitFlag.NO_EXPORT_SUPPORT: "file handles are not made here",
    }
)
"""What the user kernel cannot keep of Linux's offer, and why."""


def _kept() -> InitFlag:
    flags = LINUX_6_18
    for flag in NOT_OFFERED:
        flags &= ~flag
    return flags


OFFERED: Final = _kept()
"""What is offered unless somebody says otherwise."""

DEFAULT_MAX_PAGES: Final = 32
"""Where the server does not say (fs/fuse/fuse_i.h, FUSE_DEFAULT_MAX_PAGES_PER_REQ)."""


@attrs.frozen(kw_only=True)
class Offer:
    """What this kernel says of itself.

    *minor* below 45 makes it an older kernel, which does not send what came later.  *max_pages* caps what a
    server may ask for (``fs.fuse.max_pages_limit``), *max_readahead* is in bytes.
    """

    minor: int = attrs.field(default=NEWEST_MINOR)
    flags: InitFlag = OFFERED
    max_readahead: int = 128 << 10
    max_pages: int = 256

    @minor.validator
    def _spoken(self, _attribute: object, minor: int) -> None:
        if not OLDEST_MINOR <= minor <= NEWEST_MINOR:
            raise ValueError(f"minor is {minor}: {OLDEST_MINOR} to {NEWEST_MINOR} are spoken here")

    @property
    def fields(self) -> dict[str, int]:
        """The fields of INIT_IN; ``flags2`` only from 7.36 on, when it came."""
        flags = self.flags if self.minor >= 36 else self.flags & ~InitFlag.INIT_EXT
        return {
            "major": KERNEL_MAJOR,
            "minor": self.minor,
            "max_readahead": self.max_readahead,
            "flags": flags & 0xFFFFFFFF,
            "flags2": flags >> 32 if self.minor >= 36 else 0,
        }


@attrs.frozen(kw_only=True)
class Terms:
    """What INIT settled.  *max_read* and *max_write* are bytes in one request, *time_gran* nanoseconds."""

    minor: int
    flags: InitFlag
    max_read: int
    max_write: int
    max_pages: int
    max_readahead: int
    time_gran: int = 1

    @property
    def max_transfer(self) -> int:
        """The most that READDIR and IOCTL ask for, in bytes."""
        return self.max_pages * PAGE

    @property
    def name_max(self) -> int:
        """The longest component that is sent; what the server takes is its own matter."""
        return 4095 if self.max_pages > 1 else 1024


def settle(offer: Offer, reply: Mapping[str, int], *, max_read: int = 0, limit: int = 0) -> Terms:
    """Return what holds after *reply*, as the kernel reads it (fs/fuse/inode.c, process_init_reply).

    Args:
        offer: What was said to the server.
        reply: The fields of its INIT_OUT.
        max_read: The mount option, in bytes; 0 for none.
        limit: The longest message that gets through, in bytes; 0 for any.

    Raises:
        ECONNREFUSED: it speaks another protocol, or an older one than is spoken here.
    """
    if reply["major"] != KERNEL_MAJOR or reply["minor"] < OLDEST_MINOR:
        raise OSError(
            errno.ECONNREFUSED,
            f"the server speaks {reply['major']}.{reply['minor']}, this kernel {KERNEL_MAJOR}.{OLDEST_MINOR} "
            f"to {KERNEL_MAJOR}.{offer.minor}",
        )
    flags = InitFlag(reply["flags"])
    if flags & InitFlag.INIT_EXT:
        flags |= InitFlag(reply["flags2"] << 32)
    flags &= offer.flags
    pages = reply["max_pages"] if flags & InitFlag.MAX_PAGES else DEFAULT_MAX_PAGES
    pages = min(max(pages, 1), offer.max_pages)
    if limit:
        pages = min(pages, max(1, limit // PAGE - 1))  # one page's worth is left for the headers
    max_write = max(PAGE, reply["max_write"])
    if not flags & InitFlag.BIG_WRITES:
        max_write = PAGE
    return Terms(
        minor=min(offer.minor, reply["minor"]),
        flags=flags,
        max_read=min(pages * PAGE, max(PAGE, max_read)) if max_read else pages * PAGE,
        max_write=min(max_write, pages * PAGE),
        max_pages=pages,
        max_readahead=min(offer.max_readahead, reply["max_readahead"]),
        time_gran=max(1, reply["time_gran"]),
    )
