"""Notifications survive the way to bytes and back, and what the kernel would refuse is a WireError."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puffpy.errors import WireError
from puffpy.wire import (
    Notification,
    NotifyCode,
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
from puffpy.wire.flags import InvalEntryFlag
from puffpy.wire.structs import OUT_HEADER

CASES = {
    NotifyCode.POLL: (encode_poll(7), Notification(NotifyCode.POLL, {"kh": 7})),
    NotifyCode.INVAL_INODE: (
        encode_inval_inode(2, -1, 0),
        Notification(NotifyCode.INVAL_INODE, {"ino": 2, "off": -1, "len": 0}),
    ),
    NotifyCode.INVAL_ENTRY: (
        encode_inval_entry(1, b"hello", InvalEntryFlag.EXPIRE_ONLY),
        Notification(NotifyCode.INVAL_ENTRY, {"parent": 1, "namelen": 5, "flags": 1}, name=b"hello"),
    ),
    NotifyCode.STORE: (
        encode_store(2, 4096, b"data"),
        Notification(NotifyCode.STORE, {"nodeid": 2, "offset": 4096, "size": 4}, data=b"data"),
    ),
    NotifyCode.RETRIEVE: (
        encode_retrieve(9, 2, 0, 4096),
        Notification(NotifyCode.RETRIEVE, {"notify_unique": 9, "nodeid": 2, "offset": 0, "size": 4096}),
    ),
    NotifyCode.DELETE: (
        encode_delete(1, 2, b"hello"),
        Notification(NotifyCode.DELETE, {"parent": 1, "child": 2, "namelen": 5}, name=b"hello"),
    ),
    NotifyCode.RESEND: (encode_resend(), Notification(NotifyCode.RESEND)),
    NotifyCode.INC_EPOCH: (encode_inc_epoch(), Notification(NotifyCode.INC_EPOCH)),
    NotifyCode.PRUNE: (
        encode_prune([2, 3]),
        Notification(NotifyCode.PRUNE, {"count": 2}, nodeids=(2, 3)),
    ),
}


def with_length(message: bytes) -> bytes:
    _, code, unique = OUT_HEADER.unpack_from(message)
    return OUT_HEADER.pack(len(message), code, unique) + message[OUT_HEADER.size :]


def test_every_code_has_a_case() -> None:
    assert set(CASES) == set(NotifyCode)


@pytest.mark.parametrize("code", NotifyCode)
def test_a_notification_reads_as_what_was_said(code: NotifyCode) -> None:
    message, said = CASES[code]
    assert decode_notify(message) == said
    assert decode_notify(memoryview(message)) == said


@pytest.mark.parametrize("code", NotifyCode)
def test_a_notification_of_any_other_length_is_refused(code: NotifyCode) -> None:
    message = CASES[code][0]
    for length in range(len(message)):
        with pytest.raises(WireError):
            decode_notify(message[:length])
    for length in range(OUT_HEADER.size, len(message)):
        with pytest.raises(WireError):
            decode_notify(with_length(message[:length]))
    with pytest.raises(WireError, match="bytes follow, expected"):
        decode_notify(with_length(message + b"\0"))


@given(st.integers(0, 10), st.binary(max_size=80))
def test_random_bytes_behind_a_true_header_are_read_or_refused(code: int, body: bytes) -> None:
    with suppress(WireError):
        decode_notify(OUT_HEADER.pack(OUT_HEADER.size + len(body), code, 0) + body)


def test_a_reply_is_no_notification() -> None:
    with pytest.raises(WireError, match="unique is 4: a reply"):
        decode_notify(OUT_HEADER.pack(16, 0, 4))


def test_an_unknown_code_is_refused_by_its_number() -> None:
    with pytest.raises(WireError, match="notification code 10 is not in the table"):
        decode_notify(OUT_HEADER.pack(16, 10, 0))


def test_a_name_with_its_nul_in_the_wrong_place_is_refused() -> None:
    message = encode_inval_entry(1, b"hello").replace(b"hello\0", b"hel\0lo")
    with pytest.raises(WireError, match="INVAL_ENTRY: NUL at 3"):
        decode_notify(message)


def test_what_does_not_fit_is_not_encoded() -> None:
    with pytest.raises(WireError, match="holds a NUL"):
        encode_delete(1, 2, b"a\0b")
    with pytest.raises(WireError, match="a nodeid is 0 to"):
        encode_prune([-1])
    with pytest.raises(WireError, match="notify_poll_wakeup_out cannot hold"):
        encode_poll(-1)
