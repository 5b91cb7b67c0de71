"""The vhost-user protocol as tables: every request understood here, its payload and its descriptors.

How a message is received is ``control``'s, what it changes ``device``'s; anything else is refused.

To add a request: its number in :class:`Request`, a row in :data:`ROWS`, a method of its name in ``device``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, IntFlag
from struct import Struct
from types import MappingProxyType
from typing import Final

import attrs


class Request(IntEnum):
    """What a front end asks (QEMU, docs/interop/vhost-user)."""

    GET_FEATURES = 1
    SET_FEATURES = 2
    SET_OWNER = 3
    RESET_OWNER = 4
    SET_MEM_TABLE = 5
    SET_VRING_NUM = 8
    SET_VRING_ADDR = 9
    SET_VRING_BASE = 10
    GET_VRING_BASE = 11
    SET_VRING_KICK = 12
    SET_VRING_CALL = 13
    SET_VRING_ERR = 14
    GET_PROTOCOL_FEATURES = 15
    SET_PROTOCOL_FEATURES = 16
    GET_QUEUE_NUM = 17
    SET_VRING_ENABLE = 18
    GET_MAX_MEM_SLOTS = 36
    ADD_MEM_REG = 37
    REM_MEM_REG = 38


class Feature(IntFlag):
    """Virtio's own feature bits, as far as they are offered or needed."""

    INDIRECT = 1 << 28
    PROTOCOL_FEATURES = 1 << 30
    VERSION_1 = 1 << 32


class ProtocolFeature(IntFlag):
    """What the two ends of the socket may agree on."""

    MQ = 1 << 0
    REPLY_ACK = 1 << 3
    CONFIGURE_MEM_SLOTS = 1 << 15


FEATURES: Final = Feature.VERSION_1 | Feature.PROTOCOL_FEATURES | Feature.INDIRECT
"""What is offered.

Not EVENT_IDX: whether the other side wants to be woken must be looked at after a full memory barrier, which
Python has none of.  So every request is announced and every answer is.
"""

PROTOCOL_FEATURES: Final = (
    ProtocolFeature.MQ | ProtocolFeature.REPLY_ACK | ProtocolFeature.CONFIGURE_MEM_SLOTS
)
"""What is offered.  Not CONFIG: the front end keeps the tag and the number of queues itself."""

HEADER: Final = Struct("<III")
"""Request, flags, bytes of payload."""

VERSION, VERSION_MASK, REPLY, NEED_REPLY = 1, 3, 4, 8
"""The bits of a header's flags."""

LONGEST: Final = 4096
"""Bytes that a payload may have; the longest, a full table of memory, has far less."""

U64: Final = Struct("<Q")
STATE: Final = Struct("<II")
"""A ring's index, and a number that concerns it."""

ADDRESSES: Final = Struct("<II4Q")
"""A ring's index, flags, and the front end's addresses of descriptors, used, avail and log."""

TABLE: Final = Struct("<I4x")
SLOT: Final = Struct("<8x")
REGION: Final = Struct("<4Q")
"""Guest address, size, the front end's address, offset in the descriptor."""

INDEX_MASK, NO_DESCRIPTOR = 0xFF, 0x100
"""Of the number that comes with a ring's descriptor: the ring's index, and that there is none."""

SLOTS: Final = 64
"""How many regions of memory there may be."""

QUEUES: Final = 64
"""How many queues there may be, that for urgent requests among them."""

QUEUE_SIZE: Final = 32768
"""The most descriptors of a queue (virtio 1.2, 2.7)."""


@attrs.frozen
class Row:
    """One request: the *payload* in front, what may repeat behind it, the most descriptors, and the answer.

    *answered* is false where only an acknowledgement is sent, and only if the front end asks for one.
    """

    payload: Struct | None = None
    repeated: Struct | None = None
    descriptors: int = 0
    answered: bool = False


ROWS: Final[Mapping[Request, Row]] = MappingProxyType(
    {
        Request.GET_FEATURES: Row(answered=True),
        Request.SET_FEATURES: Row(U64),
        Request.SET_OWNER: Row(),
        Request.RESET_OWNER: Row(),
        Request.SET_MEM_TABLE: Row(TABLE, repeated=REGION, descriptors=SLOTS),
        Request.SET_VRING_NUM: Row(STATE),
        Request.SET_VRING_ADDR: Row(ADDRESSES),
        Request.SET_VRING_BASE: Row(STATE),
        Request.GET_VRING_BASE: Row(STATE, answered=True),
        Request.SET_VRING_KICK: Row(U64, descriptors=1),
        Request.SET_VRING_CALL: Row(U64, descriptors=1),
        Request.SET_VRING_ERR: Row(U64, descriptors=1),
        Request.GET_PROTOCOL_FEATURES: Row(answered=True),
        Request.SET_PROTOCOL_FEATURES: Row(U64),
        Request.GET_QUEUE_NUM: Row(answered=True),
        Request.SET_VRING_ENABLE: Row(STATE),
        Request.GET_MAX_MEM_SLOTS: Row(answered=True),
        Request.ADD_MEM_REG: Row(SLOT, repeated=REGION, descriptors=1),
        Request.REM_MEM_REG: Row(SLOT, repeated=REGION, descriptors=1),
    }
)
