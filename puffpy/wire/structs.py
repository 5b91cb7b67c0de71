"""The fixed-size structures of the FUSE protocol, one constant each.

Nothing here opens a file, blocks, or knows what a message or a file system is.

To add a structure: copy its nearest neighbour, keep the kernel's field names and order, write padding and
reserved words as ``x``, and state the size <linux/fuse.h> gives it.  A wrong size stops the import.
"""

from collections.abc import Mapping, Sequence
from struct import Struct
from struct import error as struct_error
from typing import TypeAlias

import attrs

from puffpy.errors import WireError

Buffer: TypeAlias = bytes | bytearray | memoryview
"""What a message may arrive in."""


@attrs.frozen
class Layout:
    """One kernel structure: fields of fixed width, in host byte order, no gaps but those written as ``x``."""

    name: str
    """The kernel's name without ``fuse_``."""

    size: int
    """In bytes, as the kernel declares it."""

    format: str
    """For :mod:`struct`, without the byte-order mark."""

    fields: tuple[str, ...]
    """One name a value, in wire order; padding has none."""

    struct: Struct = attrs.field(init=False, eq=False, repr=False)
    """Compiled; the hot paths unpack and pack through it, and meet ``struct.error`` if they are wrong."""

    @struct.default
    def _compile(self) -> Struct:
        return Struct("=" + self.format)

    def __attrs_post_init__(self) -> None:
        if self.struct.size != self.size:
            raise TypeError(f"{self.name} packs to {self.struct.size} bytes, the kernel's is {self.size}")
        values = len(self.struct.unpack(bytes(self.size)))
        if values != len(self.fields) or len(set(self.fields)) != values:
            raise TypeError(
                f"{self.name} holds {values} values, names {len(set(self.fields))} distinct fields"
            )

    def unpack_from(self, buffer: Buffer, offset: int = 0) -> tuple[int, ...]:
        """Return the values at *offset*; :class:`WireError` if the buffer ends too early."""
        if offset + self.size > len(buffer):
            raise WireError(
                f"{self.name} needs {self.size} bytes at offset {offset}, {len(buffer)} bytes in all"
            )
        return self.struct.unpack_from(buffer, offset)

    def named(self, values: Sequence[int]) -> dict[str, int]:
        """Return *values* by field name."""
        return dict(zip(self.fields, values, strict=True))

    def pack(self, *values: int) -> bytes:
        """Return exactly :attr:`size` bytes; :class:`WireError` if a value does not fit or one is missing."""
        try:
            return self.struct.pack(*values)
        except struct_error as exc:
            raise WireError(
                f"{self.name} cannot hold {values}: {exc}; its fields are {self.fields}"
            ) from None

    def pack_named(self, values: Mapping[str, int]) -> bytes:
        """Return *values* packed by field name; a field left out is 0, one that is not there is refused."""
        unknown = values.keys() - set(self.fields)
        if unknown:
            raise WireError(f"{self.name} has no field {sorted(unknown)}; its fields are {self.fields}")
        return self.pack(*(values.get(field, 0) for field in self.fields))

    def then(self, other: "Layout", name: str) -> "Layout":
        """Return this structure with *other* right behind it."""
        return Layout(name, self.size + other.size, self.format + other.format, self.fields + other.fields)


def _layout(name: str, size: int, fmt: str, fields: str) -> Layout:
    return Layout(name, size, fmt, tuple(fields.split()))


def reply_struct(layout: Layout | None) -> Struct:
    """Return the out header and *layout* as one struct, so that a reply is packed in one call."""
    return Struct("=" + OUT_HEADER.format + (layout.format if layout else ""))


# Headers.  The error of an out header is 0 or a negative errno; in a notification it is the positive code.
IN_HEADER = _layout("in_header", 40, "IIQQIIIH2x", "len opcode unique nodeid uid gid pid total_extlen")
OUT_HEADER = _layout("out_header", 16, "IiQ", "len error unique")

# Shared by several messages.  The kernel declares times unsigned and reads them as signed seconds
# (fs/fuse/inode.c, fuse_change_attributes_common): q keeps what happened before 1970.
ATTR = _layout(
    "attr",
    88,
    "3Q3q10I",
    "ino size blocks atime mtime ctime atimensec mtimensec ctimensec mode nlink uid gid rdev blksize flags",
)
FILE_LOCK = _layout("file_lock", 24, "QQII", "start end type pid")
STATX = _layout(
    "statx",
    256,
    "IIQIIIH2x4Q" + "qI4x" * 4 + "4I112x",
    "mask blksize attributes nlink uid gid mode ino size blocks attributes_mask"
    " atime atimensec btime btimensec ctime ctimensec mtime mtimensec"
    " rdev_major rdev_minor dev_major dev_minor",
)
DIRENT = _layout("dirent", 24, "QQII", "ino off namelen type")

# Requests, in the order of their opcodes.
FORGET_IN = _layout("forget_in", 8, "Q", "nlookup")
FORGET_ONE = _layout("forget_one", 16, "QQ", "nodeid nlookup")
BATCH_FORGET_IN = _layout("batch_forget_in", 8, "I4x", "count")
GETATTR_IN = _layout("getattr_in", 16, "I4xQ", "getattr_flags fh")
STATX_IN = _layout("statx_in", 24, "I4xQII", "getattr_flags fh sx_flags sx_mask")
SETATTR_IN = _layout(
    "setattr_in",
    88,
    "I4x3Q3q4I4xII4x",
    "valid fh size lock_owner atime mtime ctime atimensec mtimensec ctimensec mode uid gid",
)
MKNOD_IN = _layout("mknod_in", 16, "3I4x", "mode rdev umask")
MKDIR_IN = _layout("mkdir_in", 8, "II", "mode umask")
RENAME_IN = _layout("rename_in", 8, "Q", "newdir")
RENAME2_IN = _layout("rename2_in", 16, "QI4x", "newdir flags")
LINK_IN = _layout("link_in", 8, "Q", "oldnodeid")
OPEN_IN = _layout("open_in", 8, "II", "flags open_flags")
CREATE_IN = _layout("create_in", 16, "4I", "flags mode umask open_flags")
READ_IN = _layout("read_in", 40, "QQIIQI4x", "fh offset size read_flags lock_owner flags")
WRITE_IN = _layout("write_in", 40, "QQIIQI4x", "fh offset size write_flags lock_owner flags")
RELEASE_IN = _layout("release_in", 24, "QIIQ", "fh flags release_flags lock_owner")
FLUSH_IN = _layout("flush_in", 24, "Q8xQ", "fh lock_owner")
FSYNC_IN = _layout("fsync_in", 16, "QI4x", "fh fsync_flags")
SETXATTR_IN = _layout("setxattr_in", 16, "3I4x", "size flags setxattr_flags")
SETXATTR_IN_COMPAT = _layout("setxattr_in_compat", 8, "II", "size flags")  # without InitFlag.SETXATTR_EXT
GETXATTR_IN = _layout("getxattr_in", 8, "I4x", "size")
LK_IN = _layout("lk_in", 48, "4Q3I4x", "fh owner start end type pid lk_flags")
ACCESS_IN = _layout("access_in", 8, "I4x", "mask")
INIT_IN = _layout("init_in", 64, "5I44x", "major minor max_readahead flags flags2")
INIT_IN_COMPAT = _layout("init_in_compat", 16, "4I", "major minor max_readahead flags")  # before 7.36
INTERRUPT_IN = _layout("interrupt_in", 8, "Q", "unique")
BMAP_IN = _layout("bmap_in", 16, "QI4x", "block blocksize")
IOCTL_IN = _layout("ioctl_in", 32, "QIIQII", "fh flags cmd arg in_size out_size")
POLL_IN = _layout("poll_in", 24, "QQII", "fh kh flags events")
NOTIFY_RETRIEVE_IN = _layout("notify_retrieve_in", 40, "8xQI20x", "offset size")
FALLOCATE_IN = _layout("fallocate_in", 32, "QQQI4x", "fh offset length mode")
LSEEK_IN = _layout("lseek_in", 24, "QQI4x", "fh offset whence")
COPY_FILE_RANGE_IN = _layout(
    "copy_file_range_in", 56, "7Q", "fh_in off_in nodeid_out fh_out off_out len flags"
)
SETUPMAPPING_IN = _layout("setupmapping_in", 40, "5Q", "fh foffset len flags moffset")
REMOVEMAPPING_IN = _layout("removemapping_in", 4, "I", "count")
REMOVEMAPPING_ONE = _layout("removemapping_one", 16, "QQ", "moffset len")
SYNCFS_IN = _layout("syncfs_in", 8, "8x", "")
CUSE_INIT_IN = _layout("cuse_init_in", 16, "II4xI", "major minor flags")

# The extension area at the end of a request that creates something.
EXT_HEADER = _layout("ext_header", 8, "II", "size type")
SUPP_GROUPS = _layout("supp_groups", 4, "I", "nr_groups")
SECCTX_HEADER = _layout("secctx_header", 8, "II", "size nr_secctx")
SECCTX = _layout("secctx", 8, "I4x", "size")

# Replies.
ENTRY_OUT = _layout(
    "entry_out", 40, "4QII", "nodeid generation entry_valid attr_valid entry_valid_nsec attr_valid_nsec"
).then(ATTR, "entry_out")
ATTR_OUT = _layout("attr_out", 16, "QI4x", "attr_valid attr_valid_nsec").then(ATTR, "attr_out")
STATX_OUT = _layout("statx_out", 32, "QII16x", "attr_valid attr_valid_nsec flags").then(STATX, "statx_out")
OPEN_OUT = _layout("open_out", 16, "QIi", "fh open_flags backing_id")
CREATE_OUT = ENTRY_OUT.then(OPEN_OUT, "create_out")  # CREATE and TMPFILE answer with the two, back to back
WRITE_OUT = _layout("write_out", 8, "I4x", "size")
STATFS_OUT = _layout("statfs_out", 80, "5Q3I28x", "blocks bfree bavail files ffree bsize namelen frsize")
GETXATTR_OUT = _layout("getxattr_out", 8, "I4x", "size")
LK_OUT = FILE_LOCK
INIT_OUT = _layout(
    "init_out",
    64,
    "4I2H2I2H2IH22x",
    "major minor max_readahead flags max_background congestion_threshold max_write time_gran"
    " max_pages map_alignment flags2 max_stack_depth request_timeout",
)
BMAP_OUT = _layout("bmap_out", 8, "Q", "block")
IOCTL_OUT = _layout("ioctl_out", 16, "i3I", "result flags in_iovs out_iovs")
IOCTL_IOVEC = _layout("ioctl_iovec", 16, "QQ", "base len")
POLL_OUT = _layout("poll_out", 8, "I4x", "revents")
LSEEK_OUT = _layout("lseek_out", 8, "Q", "offset")
COPY_FILE_RANGE_OUT = _layout("copy_file_range_out", 8, "Q", "bytes_copied")
CUSE_INIT_OUT = _layout(
    "cuse_init_out", 72, "II4x5I40x", "major minor flags max_read max_write dev_major dev_minor"
)
DIRENTPLUS = ENTRY_OUT.then(
    _layout("dirent", 24, "QQII", "dirent_ino off namelen type"), "direntplus"
)  # the entry has an ino too: the record's own is dirent_ino

# Notifications, behind an out header whose unique is 0.
NOTIFY_POLL_WAKEUP_OUT = _layout("notify_poll_wakeup_out", 8, "Q", "kh")
NOTIFY_INVAL_INODE_OUT = _layout("notify_inval_inode_out", 24, "Qqq", "ino off len")
NOTIFY_INVAL_ENTRY_OUT = _layout("notify_inval_entry_out", 16, "QII", "parent namelen flags")
NOTIFY_DELETE_OUT = _layout("notify_delete_out", 24, "QQI4x", "parent child namelen")
NOTIFY_STORE_OUT = _layout("notify_store_out", 24, "QQI4x", "nodeid offset size")
NOTIFY_RETRIEVE_OUT = _layout("notify_retrieve_out", 32, "QQQI4x", "notify_unique nodeid offset size")
NOTIFY_PRUNE_OUT = _layout("notify_prune_out", 16, "I12x", "count")

# Arguments of the device's ioctls.
BACKING_MAP = _layout("backing_map", 16, "iI8x", "fd flags")
