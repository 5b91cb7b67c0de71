"""The numbers a message is called by: requests, and the notifications that go the other way.

What belongs to each of them is in :mod:`puffpy.wire.messages`, not here.
"""

from enum import IntEnum


class Opcode(IntEnum):
    """What the kernel asks (``enum fuse_opcode``); 7 and 19 were never used."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    SETATTR = 4
    READLINK = 5
    SYMLINK = 6
    MKNOD = 8
    MKDIR = 9
    UNLINK = 10
    RMDIR = 11
    RENAME = 12
    LINK = 13
    OPEN = 14
    READ = 15
    WRITE = 16
    STATFS = 17
    RELEASE = 18
    FSYNC = 20
    SETXATTR = 21
    GETXATTR = 22
    LISTXATTR = 23
    REMOVEXATTR = 24
    FLUSH = 25
    INIT = 26
    OPENDIR = 27
    READDIR = 28
    RELEASEDIR = 29
    FSYNCDIR = 30
    GETLK = 31
    SETLK = 32
    SETLKW = 33
    ACCESS = 34
    CREATE = 35
    INTERRUPT = 36
    BMAP = 37
    DESTROY = 38
    IOCTL = 39
    POLL = 40
    NOTIFY_REPLY = 41
    BATCH_FORGET = 42
    FALLOCATE = 43
    READDIRPLUS = 44
    RENAME2 = 45
    LSEEK = 46
    COPY_FILE_RANGE = 47
    SETUPMAPPING = 48
    REMOVEMAPPING = 49
    SYNCFS = 50
    TMPFILE = 51
    STATX = 52
    COPY_FILE_RANGE_64 = 53
    CUSE_INIT = 4096


class NotifyCode(IntEnum):
    """What a file system tells the kernel unasked (``enum fuse_notify_code``)."""

    POLL = 1
    INVAL_INODE = 2
    INVAL_ENTRY = 3
    STORE = 4
    RETRIEVE = 5
    DELETE = 6
    RESEND = 7
    INC_EPOCH = 8
    PRUNE = 9


UNIQUE_NOTIFY = 0
"""The unique of an out header that is a notification and not a reply."""

UNIQUE_RESEND = 1 << 63
"""Set in the unique of a request the kernel sends again after NotifyCode.RESEND."""

KERNEL_MAJOR = 7
"""The protocol's major version; any other is another protocol."""

NEWEST_MINOR = 45
"""The newest minor version the tables of this room describe."""

OLDEST_MINOR = 31
"""The oldest minor version spoken here; from it on every structure has its present size."""

ROOT_NODEID = 1
"""The node every path starts from; the kernel knows it without a LOOKUP and never forgets it."""

MIN_READ_BUFFER = 8192
"""The device refuses a read into less than this (``FUSE_MIN_READ_BUFFER``)."""
