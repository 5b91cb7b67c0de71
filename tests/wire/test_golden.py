"""Messages byte by byte, as x86-64 kernels send and take them, both ways."""

import errno
import sys

import pytest

from puffpy.wire import (
    Notification,
    NotifyCode,
    Opcode,
    Reply,
    Request,
    decode_notify,
    decode_reply,
    decode_request,
    dirent,
    encode_delete,
    encode_reply,
    encode_request,
    unpack_dirents,
)
from puffpy.wire.structs import INIT_OUT

pytestmark = pytest.mark.skipif(sys.byteorder != "little", reason="the bytes are a little-endian machine's")

LOOKUP = bytes.fromhex(
    "2e000000 01000000"  # 46 bytes, LOOKUP
    "0400000000000000"  # unique 4
    "0100000000000000"  # in the root
    "e8030000 64000000 67120000"  # uid 1000, gid 100, pid 4711
    "0000 0000"  # no extensions, padding
    "68656c6c6f00"  # hello
)

ENTRY = bytes.fromhex(
    "90000000 00000000"  # 144 bytes, no error
    "0400000000000000"  # unique 4
    "0200000000000000 0700000000000000"  # nodeid 2, generation 7
    "0100000000000000 0200000000000000"  # the name for 1 s, the attributes for 2 s
    "00ca9a3b 00000000"  # and 1000000000 ns, and none
    "0200000000000000 0600000000000000 0100000000000000"  # ino 2, 6 bytes, 1 block
    "ffffffffffffffff 0000000000000000 0000000000000000"  # read in 1969, changed at the epoch
    "01000000 00000000 00000000"  # nanoseconds
    "a4810000 01000000 e8030000 64000000"  # 0o100644, 1 link, 1000:100
    "00000000 00100000 00000000"  # no device, blksize 4096, no flags
)
ENTRY_FIELDS = {
    "nodeid": 2,
    "generation": 7,
    "entry_valid": 1,
    "attr_valid": 2,
    "entry_valid_nsec": 1_000_000_000,
    "attr_valid_nsec": 0,
    "ino": 2,
    "size": 6,
    "blocks": 1,
    "atime": -1,
    "mtime": 0,
    "ctime": 0,
    "atimensec": 1,
    "mtimensec": 0,
    "ctimensec": 0,
    "mode": 0o100644,
    "nlink": 1,
    "uid": 1000,
    "gid": 100,
    "rdev": 0,
    "blksize": 4096,
    "flags": 0,
}

INIT = bytes.fromhex(
    "68000000 1a000000"  # 104 bytes, INIT
    "0200000000000000 0000000000000000"  # unique 2, no node
    "00000000 00000000 00000000 0000 0000"  # nobody, no extensions
    "07000000 2d000000"  # 7.45
    "00000200 fbffff73 fd070000" + "00" * 44  # max_readahead 131072, flags, flags2  # unused
)

INIT_REPLY = bytes.fromhex(
    "50000000 00000000 0200000000000000"  # 80 bytes, no error, unique 2
    "07000000 2d000000 00000200"  # 7.45, max_readahead 131072
    "20004040"  # BIG_WRITES, MAX_PAGES, INIT_EXT
    "0c00 0900"  # max_background 12, congestion_threshold 9
    "00001000 01000000"  # max_write 1 MiB, time_gran 1 ns
    "0001 0000"  # max_pages 256, map_alignment 0
    "20000000 01000000 0000" + "00" * 22  # PASSTHROUGH, max_stack_depth 1, request_timeout 0  # unused
)

MKDIR = bytes.fromhex(
    "62000000 09000000"  # 98 bytes, MKDIR
    "0a00000000000000 0100000000000000"  # unique 10, in the root
    "e8030000 e8030000 01000000"  # 1000:1000, pid 1
    "0600 0000"  # 6 units of extensions, padding
    "ed010000 12000000"  # 0o755, umask 0o22
    "6400"  # d, and the extensions begin here, unaligned
    "20000000 01000000"  # security contexts: 32 bytes, 1 of them
    "05000000 00000000"  # its value has 5 bytes
    "73656c696e757800"  # selinux
    "6c6162656c 000000"  # label, padding
    "10000000 20000000"  # groups: 16 bytes
    "01000000 09030000"  # one, 777
)

WRITE = bytes.fromhex(
    "54000000 10000000"  # 84 bytes, WRITE
    "0c00000000000000 0200000000000000"  # unique 12, node 2
    "00000000 00000000 00000000 0000 0000"  # from the page cache: nobody
    "0300000000000000 0010000000000000"  # handle 3, offset 4096
    "04000000 01000000"  # 4 bytes, CACHE
    "0000000000000000 02800000 00000000"  # no lock owner, O_RDWR | O_LARGEFILE, padding
    "64617461"  # data
)

REFUSAL = bytes.fromhex("10000000 feffffff 0400000000000000")  # 16 bytes, -ENOENT, unique 4

DELETE = bytes.fromhex(
    "2e000000 06000000 0000000000000000"  # 46 bytes, DELETE, unique 0: a notification
    "0100000000000000 0200000000000000"  # parent 1, child 2
    "05000000 00000000"  # 5 bytes of name, padding
    "68656c6c6f00"  # hello
)

DIRENTS = bytes.fromhex(
    "0100000000000000 0100000000000000"  # ino 1, the next cookie is 1
    "01000000 04000000"  # 1 byte of name, a directory
    "2e 00000000000000"  # .
    "0200000000000000 0200000000000000"  # ino 2, the next cookie is 2
    "08000000 08000000"  # 8 bytes of name, a regular file
    "666f72747974776f"  # fortytwo, no padding
)

REQUESTS = [
    (
        LOOKUP,
        Request(Opcode.LOOKUP, unique=4, nodeid=1, uid=1000, gid=100, pid=4711, names=(b"hello",)),
    ),
    (
        INIT,
        Request(
            Opcode.INIT,
            unique=2,
            fields={
                "major": 7,
                "minor": 45,
                "max_readahead": 131072,
                "flags": 0x73FFFFFB,
                "flags2": 0x7FD,
            },
        ),
    ),
    (
        MKDIR,
        Request(
            Opcode.MKDIR,
            unique=10,
            nodeid=1,
            uid=1000,
            gid=1000,
            pid=1,
            fields={"mode": 0o755, "umask": 0o22},
            names=(b"d",),
            secctx=((b"selinux", b"label"),),
            groups=(777,),
        ),
    ),
    (
        WRITE,
        Request(
            Opcode.WRITE,
            unique=12,
            nodeid=2,
            fields={
                "fh": 3,
                "offset": 4096,
                "size": 4,
                "write_flags": 1,
                "lock_owner": 0,
                "flags": 0o100002,
            },
            data=b"data",
        ),
    ),
]

INIT_REPLY_FIELDS = dict.fromkeys(INIT_OUT.fields, 0) | {
    "major": 7,
    "minor": 45,
    "max_readahead": 131072,
    "flags": 0x40400020,
    "max_background": 12,
    "congestion_threshold": 9,
    "max_write": 1 << 20,
    "time_gran": 1,
    "max_pages": 256,
    "flags2": 1 << 5,
    "max_stack_depth": 1,
}

REPLIES = [
    (Opcode.LOOKUP, ENTRY, Reply(4, fields=ENTRY_FIELDS)),
    (Opcode.LOOKUP, REFUSAL, Reply(4, error=errno.ENOENT)),
    (Opcode.INIT, INIT_REPLY, Reply(2, fields=INIT_REPLY_FIELDS)),
]


@pytest.mark.parametrize(("message", "request_"), REQUESTS, ids=lambda value: getattr(value, "opcode", None))
def test_a_request_is_these_bytes(message: bytes, request_: Request) -> None:
    assert encode_request(request_) == message
    assert decode_request(message) == request_


@pytest.mark.parametrize(("opcode", "message", "reply"), REPLIES, ids=["entry", "refusal", "init"])
def test_a_reply_is_these_bytes(opcode: Opcode, message: bytes, reply: Reply) -> None:
    assert encode_reply(opcode, reply) == message
    assert decode_reply(opcode, message) == reply


def test_a_notification_is_these_bytes() -> None:
    assert encode_delete(1, 2, b"hello") == DELETE
    fields = {"parent": 1, "child": 2, "namelen": 5}
    assert decode_notify(DELETE) == Notification(NotifyCode.DELETE, fields, name=b"hello")


def test_directory_entries_are_these_bytes() -> None:
    assert dirent(1, 1, 4, b".") + dirent(2, 2, 8, b"fortytwo") == DIRENTS
    assert [(entry.ino, entry.off, entry.kind, entry.name) for entry in unpack_dirents(DIRENTS)] == [
        (1, 1, 4, b"."),
        (2, 2, 8, b"fortytwo"),
    ]
