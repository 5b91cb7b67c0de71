"""The FUSE protocol, 7.31 to 7.45, as tables: bytes to messages and back, for both halves.

Not here: any input or output, any thread, any file system, and io_uring, which carries the same structures
another way.  What a message leads to is decided in dispatch; which versions and flags are agreed on, in the
session.

    opcodes      what is asked, and what is told unasked
    structs      every fixed-size structure
    flags        every word of bits
    messages     what belongs to each opcode: start here
    codec        requests and replies, whole
    extensions   what ends a request that creates something
    dirents      directory entries
    notify       what the kernel is told unasked
    rdev         device numbers
    dump         one line for people
"""

from puffpy.wire.codec import (
    Reply,
    Request,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
    records,
)
from puffpy.wire.dirents import (
    DirentPlusRecord,
    DirentRecord,
    dirent,
    direntplus,
    dirents,
    unpack_dirents,
    unpack_direntsplus,
)
from puffpy.wire.dump import Direction, dump
from puffpy.wire.flags import InitFlag
from puffpy.wire.messages import MESSAGES, Message
from puffpy.wire.notify import (
    NOTIFICATIONS,
    Notification,
    decode_notify,
    encode_delete,
    encode_inc_epoch,
    encode_inval_entry,
    encode_inval_inode,
    encode_poll,
    encode_prune,
    encode_resend,
    encode_retrieve,
    encode_store,
)
from puffpy.wire.opcodes import NotifyCode, Opcode
from puffpy.wire.rdev import decode_rdev, encode_rdev
from puffpy.wire.structs import IN_HEADER, OUT_HEADER, Layout, reply_struct

__all__ = [
    "IN_HEADER",
    "MESSAGES",
    "NOTIFICATIONS",
    "OUT_HEADER",
    "Direction",
    "DirentPlusRecord",
    "DirentRecord",
    "InitFlag",
    "Layout",
    "Message",
    "Notification",
    "NotifyCode",
    "Opcode",
    "Reply",
    "Request",
    "decode_notify",
    "decode_rdev",
    "decode_reply",
    "decode_request",
    "dirent",
    "direntplus",
    "dirents",
    "dump",
    "encode_delete",
    "encode_inc_epoch",
    "encode_inval_entry",
    "encode_inval_inode",
    "encode_poll",
    "encode_prune",
    "encode_rdev",
    "encode_reply",
    "encode_request",
    "encode_resend",
    "encode_retrieve",
    "encode_store",
    "records",
    "reply_struct",
    "unpack_dirents",
    "unpack_direntsplus",
]
