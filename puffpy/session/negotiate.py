"""INIT: what the kernel offers, what is taken of it and why, and the terms that follow.

A table and the arithmetic of sizes; no message is received or sent here.

To take or refuse a new flag, give it a row that says why; a test holds the table against the protocol's bits.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from puffpy.dispatch import Terms
from puffpy.errors import WireError
from puffpy.options import MountOptions
from puffpy.wire.flags import InitFlag
from puffpy.wire.structs import INIT_IN, INIT_IN_COMPAT, INIT_OUT, WRITE_IN, reply_struct

MAJOR = 7
NEWEST_MINOR = 45
OLDEST_MINOR = 31
PAGE = 4096
MAX_PAGES = 0xFFFF
DEFAULT_PAGES = 32
"""What the kernel assumes where MAX_PAGES is not agreed on."""

STACK_DEPTH = 1
"""How many file systems may lie under a backing file; 1 leaves room for an overlay on top of the mount."""

AT_ONCE = 256
"""How much readahead the kernel asks for at once of a file system that answers beside itself; its own 12 are
thought for one that does not."""

pack_init = reply_struct(INIT_OUT).pack


@attrs.frozen
class Wishes:
    """What a file system and its options mean for the negotiation."""

    written: frozenset[str]
    options: MountOptions
    backing: bool = False
    waiting: frozenset[str] = frozenset()
    """The operations that run beside others, in worker threads or an event loop."""

    def has(self, *ops: str) -> bool:
        """Tell whether any of *ops* is written."""
        return not self.written.isdisjoint(ops)

    @property
    def no_open(self) -> bool:
        """Nothing is lost if the kernel opens files without asking.

        The author vouches for the page cache (``kernel_cache``) and no operation wants to know who has a
        file open.
        """
        knows = self.has("open", "close", "flush", "inactive", "advlock")
        changes = self.options.ro or self.has("write")
        return self.options.kernel_cache and not self.options.direct_io and changes and not knows

    @property
    def listed_for_later(self) -> bool:
        """The nodes told with a listing are of use: at hand, and not to be looked up again in any case."""
        return self.has("readdir") and "getattr" not in self.waiting and self.options.entry_timeout > 0


Want = Callable[[Wishes], bool]


def _always(_: Wishes) -> bool:
    return True


def _never(_: Wishes) -> bool:
    return False


def _if_written(*ops: str) -> Want:
    return lambda wishes: wishes.has(*ops)


def _sole_writer(wishes: Wishes) -> bool:
    return wishes.options.kernel_cache


@attrs.frozen
class Row:
    """One flag: whether it is wanted, and why or why not."""

    flag: InitFlag
    want: Want
    why: str


_F = InitFlag

NEGOTIATION: tuple[Row, ...] = (
    Row(_F.ASYNC_READ, _always, "every read names its offset, so their order does not matter"),
    Row(_F.POSIX_LOCKS, _if_written("advlock"), "the kernel's own locks are right unless advlock is written"),
    Row(_F.FILE_OPS, _never, "Linux never used it"),
    Row(
        _F.ATOMIC_O_TRUNC,
        _never,
        "a program that runs would be emptied: the kernel looks whether to say ETXTBSY after the OPEN",
    ),
    Row(_F.EXPORT_SUPPORT, _if_written("fhtonode"), "forgotten nodes can be found again only with fhtonode"),
    Row(_F.BIG_WRITES, _always, "without it every write is cut into pages"),
    Row(_F.DONT_MASK, _never, "the kernel applies the umask; only default ACLs would need otherwise"),
    Row(_F.SPLICE_WRITE, _never, "nothing is spliced, the flag would only say so"),
    Row(_F.SPLICE_MOVE, _never, "nothing is spliced, the flag would only say so"),
    Row(_F.SPLICE_READ, _never, "nothing is spliced, the flag would only say so"),
    Row(_F.FLOCK_LOCKS, _if_written("advlock"), "as POSIX_LOCKS"),
    Row(_F.HAS_IOCTL_DIR, _if_written("ioctl"), "directories' ioctls come like files'"),
    Row(
        _F.AUTO_INVAL_DATA,
        lambda w: w.options.auto_cache or not w.options.kernel_cache,
        "cached data is dropped when size or time of change differ, unless the author vouches for it",
    ),
    Row(
        _F.DO_READDIRPLUS,
        lambda w: w.listed_for_later,
        "a listing spares the lookups that follow it, unless it would wait for every node's attributes, or is"
        " forgotten by then",
    ),
    Row(_F.READDIRPLUS_AUTO, lambda w: w.listed_for_later, "and a plain listing does where none follow"),
    Row(_F.ASYNC_DIO, _always, "parts of a large direct read or write need not wait for each other"),
    Row(_F.WRITEBACK_CACHE, _never, "size and times would be the kernel's, and errors told too late"),
    Row(_F.NO_OPEN_SUPPORT, lambda w: w.no_open, "announces that OPEN is answered once, with ENOSYS"),
    Row(_F.PARALLEL_DIROPS, _always, "lookups in one directory need not wait for each other"),
    Row(_F.HANDLE_KILLPRIV, _never, "HANDLE_KILLPRIV_V2 says when, this one leaves guessing"),
    Row(_F.POSIX_ACL, _never, "ACLs are not kept; system.posix_acl_* is the file system's to refuse"),
    Row(_F.ABORT_ERROR, _always, "an aborted connection can be told from an unmounted one"),
    Row(_F.MAX_PAGES, _always, "requests of up to max_write instead of 128 KiB"),
    Row(_F.CACHE_SYMLINKS, _sole_writer, "a target changes only where somebody else writes"),
    Row(_F.NO_OPENDIR_SUPPORT, _never, "a listing is kept with its open directory"),
    Row(_F.EXPLICIT_INVAL_DATA, _sole_writer, "cached data is dropped when told to, by the author's word"),
    Row(_F.MAP_ALIGNMENT, _never, "DAX windows only"),
    Row(_F.SUBMOUNTS, _never, "virtiofs only"),
    Row(
        _F.HANDLE_KILLPRIV_V2,
        _if_written("setattr"),
        "set-uid bits are cleared by setattr, and no write is preceded by a GETXATTR",
    ),
    Row(_F.SETXATTR_EXT, _if_written("setextattr"), "the longer form is understood"),
    Row(_F.INIT_EXT, _always, "or the flags above bit 31 do not count"),
    Row(_F.INIT_RESERVED, _never, "must not be used"),
    Row(_F.SECURITY_CTX, _never, "labels are set by setextattr after the creation"),
    Row(_F.HAS_INODE_DAX, _never, "virtiofs only"),
    Row(_F.CREATE_SUPP_GROUP, _never, "call.groups knows all groups, not just one"),
    Row(_F.HAS_EXPIRE_ONLY, _always, "expire_entry uses it"),
    Row(_F.DIRECT_IO_ALLOW_MMAP, _always, "programs map files that are opened for direct I/O"),
    Row(
        _F.PASSTHROUGH,
        lambda w: w.backing and w.has("open", "create"),
        "an open may name a backing file, where the bridge can register one",
    ),
    Row(_F.NO_EXPORT_SUPPORT, _never, "handles of nodes the kernel still knows do no harm"),
    Row(_F.HAS_RESEND, _always, "resend uses it"),
    Row(_F.ALLOW_IDMAP, _never, "the caller's ids would be missing from most requests"),
    Row(_F.OVER_IO_URING, _never, "the bridge reads and writes"),
    Row(_F.REQUEST_TIMEOUT, _never, "a slow answer must not end the mount"),
)


def read_offer(message: bytes | bytearray, size: int, start: int) -> tuple[int, int, int, InitFlag]:
    """Return major, minor, readahead in bytes and the flags that INIT offers; both forms of it are known."""
    if size >= start + INIT_IN.size:
        major, minor, readahead, low, high = INIT_IN.struct.unpack_from(message, start)
        if not low & InitFlag.INIT_EXT:
            high = 0
    elif size >= start + INIT_IN_COMPAT.size:
        major, minor, readahead, low = INIT_IN_COMPAT.struct.unpack_from(message, start)
        high = 0
    else:
        raise WireError(f"INIT has {size} bytes; expected {start + INIT_IN_COMPAT.size} at least")
    return major, minor, readahead, InitFlag(low | high << 32)


def agree(wishes: Wishes, minor: int, offered: InitFlag) -> Terms:
    """Return the terms that *offered* and the wishes have in common."""
    flags = InitFlag(0)
    for row in NEGOTIATION:
        if row.flag & offered and row.want(wishes):
            flags |= row.flag
    pages = DEFAULT_PAGES
    if flags & InitFlag.MAX_PAGES:
        pages = max(1, min(-(-wishes.options.max_write // PAGE), MAX_PAGES))
    return Terms(
        minor=min(minor, NEWEST_MINOR),
        flags=flags,
        max_write=min(max(wishes.options.max_write, PAGE), pages * PAGE),
        max_pages=pages,
        no_open=wishes.no_open,
    )


def buffer_size(options: MountOptions) -> int:
    """Return how many bytes the largest message can have.

    The kernel refuses to fill a smaller buffer than ``80 + max_write`` (fuse_dev_do_read); one page more
    leaves room for the names and attributes that come with the largest requests.
    """
    pages = max(-(-options.max_write // PAGE), DEFAULT_PAGES)
    return pages * PAGE + PAGE + WRITE_IN.size


def init_reply(unique: int, terms: Terms, wishes: Wishes, readahead: int) -> bytes:
    """Return the reply to INIT."""
    options = wishes.options
    background = min(options.max_background or (AT_ONCE if wishes.waiting else 0), 0xFFFF)
    low, high = terms.flags & 0xFFFFFFFF, terms.flags >> 32
    if options.max_readahead is not None:
        readahead = min(readahead, options.max_readahead)
    return pack_init(
        16 + INIT_OUT.size,
        0,
        unique,
        MAJOR,
        terms.minor,
        readahead,
        low,
        background,
        background * 3 // 4,
        terms.max_write,
        1,
        terms.max_pages,
        0,
        high,
        STACK_DEPTH if terms.flags & InitFlag.PASSTHROUGH else 0,
        0,
    )
