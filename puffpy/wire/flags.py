"""The bits of the protocol, one class for each word that holds some.

What the session asks for and what it then owes the kernel is not decided here.

A comment says what a bit makes the server responsible for; the number after it is the protocol minor
that brought it.  Bits without one are older than anything this room speaks.
"""

from enum import IntFlag


class InitFlag(IntFlag):
    """Offers of INIT, and what is taken of them: ``flags`` below bit 32, ``flags2`` above.

    The kernel reads the upper half of an answer only where INIT_EXT is set in the lower one, and takes every
    bit as it comes: set none that was not offered.
    """

    ASYNC_READ = 1 << 0  # several READs of one file at a time, in any order
    POSIX_LOCKS = 1 << 1  # fcntl locks are the server's, and dropped at FLUSH
    FILE_OPS = 1 << 2
    ATOMIC_O_TRUNC = 1 << 3  # OPEN truncates
    EXPORT_SUPPORT = 1 << 4  # LOOKUP of "." and ".." works on every node, forgotten ones included
    BIG_WRITES = 1 << 5  # without it every WRITE is one page
    DONT_MASK = 1 << 6  # the server applies the umask
    SPLICE_WRITE = 1 << 7
    SPLICE_MOVE = 1 << 8
    SPLICE_READ = 1 << 9
    FLOCK_LOCKS = 1 << 10  # flock locks are the server's, and dropped at RELEASE
    HAS_IOCTL_DIR = 1 << 11
    AUTO_INVAL_DATA = 1 << 12  # a changed mtime or size drops cached pages
    DO_READDIRPLUS = 1 << 13
    READDIRPLUS_AUTO = 1 << 14
    ASYNC_DIO = 1 << 15
    WRITEBACK_CACHE = 1 << 16  # size, mtime and ctime are the kernel's
    NO_OPEN_SUPPORT = 1 << 17
    PARALLEL_DIROPS = 1 << 18
    HANDLE_KILLPRIV = 1 << 19  # the server clears setuid, setgid and capabilities, always
    POSIX_ACL = 1 << 20  # the kernel enforces ACLs, the server keeps and inherits them
    ABORT_ERROR = 1 << 21
    MAX_PAGES = 1 << 22
    CACHE_SYMLINKS = 1 << 23
    NO_OPENDIR_SUPPORT = 1 << 24
    EXPLICIT_INVAL_DATA = 1 << 25  # only a notification drops cached pages
    MAP_ALIGNMENT = 1 << 26
    SUBMOUNTS = 1 << 27  # 7.32
    HANDLE_KILLPRIV_V2 = 1 << 28  # 7.33: as HANDLE_KILLPRIV, where a flag asks for it
    SETXATTR_EXT = 1 << 29  # 7.33: SETXATTR has 16 bytes in front of the name, not 8
    INIT_EXT = 1 << 30  # 7.36: flags2 counts
    INIT_RESERVED = 1 << 31  # never set
    SECURITY_CTX = 1 << 32  # 7.36: security contexts come with what is created
    HAS_INODE_DAX = 1 << 33  # 7.36
    CREATE_SUPP_GROUP = 1 << 34  # 7.38: one supplementary group comes with what is created
    HAS_EXPIRE_ONLY = 1 << 35  # 7.38
    DIRECT_IO_ALLOW_MMAP = 1 << 36  # 7.39
    PASSTHROUGH = 1 << 37  # 7.40: max_stack_depth counts
    NO_EXPORT_SUPPORT = 1 << 38  # 7.40
    HAS_RESEND = 1 << 39  # 7.40
    ALLOW_IDMAP = 1 << 40  # 7.41: only with default_permissions
    OVER_IO_URING = 1 << 41  # 7.42: requests wait until every queue is registered
    REQUEST_TIMEOUT = 1 << 42  # 7.43: request_timeout counts
    HAS_IO_URING_BUFPOOL = 1 << 43  # 7.46


class OpenOut(IntFlag):
    """How an opened file is to be treated (``FOPEN_*``, ``open_out.open_flags``)."""

    DIRECT_IO = 1 << 0
    KEEP_CACHE = 1 << 1
    NONSEEKABLE = 1 << 2
    CACHE_DIR = 1 << 3
    STREAM = 1 << 4
    NOFLUSH = 1 << 5
    PARALLEL_DIRECT_WRITES = 1 << 6
    PASSTHROUGH = 1 << 7  # backing_id counts
    IO_URING_ZERO_COPY = 1 << 8


class SetattrValid(IntFlag):
    """Which fields of SETATTR count (``FATTR_*``)."""

    MODE = 1 << 0
    UID = 1 << 1
    GID = 1 << 2
    SIZE = 1 << 3
    ATIME = 1 << 4
    MTIME = 1 << 5
    FH = 1 << 6
    ATIME_NOW = 1 << 7
    MTIME_NOW = 1 << 8
    LOCKOWNER = 1 << 9
    CTIME = 1 << 10
    KILL_SUIDGID = 1 << 11


class GetattrFlag(IntFlag):
    """``getattr_in.getattr_flags``, and STATX's."""

    FH = 1 << 0


class LockFlag(IntFlag):
    """``lk_in.lk_flags``."""

    FLOCK = 1 << 0


class ReleaseFlag(IntFlag):
    """``release_in.release_flags``."""

    FLUSH = 1 << 0
    FLOCK_UNLOCK = 1 << 1


class WriteFlag(IntFlag):
    """``write_in.write_flags``."""

    CACHE = 1 << 0  # from the page cache: the handle is a guess and the caller unknown
    LOCKOWNER = 1 << 1
    KILL_SUIDGID = 1 << 2


class ReadFlag(IntFlag):
    """``read_in.read_flags``; bit 0 is not used."""

    LOCKOWNER = 1 << 1


class FsyncFlag(IntFlag):
    """``fsync_in.fsync_flags``."""

    FDATASYNC = 1 << 0


class OpenIn(IntFlag):
    """``open_in.open_flags`` and ``create_in.open_flags`` (``FUSE_OPEN_*``), not the O_ flags."""

    KILL_SUIDGID = 1 << 0


class SetxattrFlag(IntFlag):
    """``setxattr_in.setxattr_flags``, where InitFlag.SETXATTR_EXT was taken."""

    ACL_KILL_SGID = 1 << 0


class XattrFlag(IntFlag):
    """``setxattr_in.flags``: setxattr(2)'s own."""

    CREATE = 1 << 0
    REPLACE = 1 << 1


class RenameFlag(IntFlag):
    """``rename2_in.flags``: renameat2(2)'s own."""

    NOREPLACE = 1 << 0
    EXCHANGE = 1 << 1
    WHITEOUT = 1 << 2


class FallocateFlag(IntFlag):
    """``fallocate_in.mode``: fallocate(2)'s own."""

    KEEP_SIZE = 0x01
    PUNCH_HOLE = 0x02
    NO_HIDE_STALE = 0x04
    COLLAPSE_RANGE = 0x08
    ZERO_RANGE = 0x10
    INSERT_RANGE = 0x20
    UNSHARE_RANGE = 0x40


class InvalEntryFlag(IntFlag):
    """``notify_inval_entry_out.flags``."""

    EXPIRE_ONLY = 1 << 0


class AttrFlag(IntFlag):
    """``attr.flags``."""

    SUBMOUNT = 1 << 0
    DAX = 1 << 1


class IoctlFlag(IntFlag):
    """``ioctl_in.flags``, and RETRY in ``ioctl_out.flags``."""

    COMPAT = 1 << 0
    UNRESTRICTED = 1 << 1
    RETRY = 1 << 2
    IS_32BIT = 1 << 3
    DIR = 1 << 4
    COMPAT_X32 = 1 << 5


class PollFlag(IntFlag):
    """``poll_in.flags``."""

    SCHEDULE_NOTIFY = 1 << 0


class SetupmappingFlag(IntFlag):
    """``setupmapping_in.flags``."""

    WRITE = 1 << 0
    READ = 1 << 1


class CuseFlag(IntFlag):
    """``cuse_init_in.flags`` and ``cuse_init_out.flags``."""

    UNRESTRICTED_IOCTL = 1 << 0
