"""Requests and replies survive the way to bytes and back, and what is malformed is a WireError."""

import errno
import struct
import sys
from array import array
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puffpy.errors import WireError
from puffpy.wire import (
    MESSAGES,
    Opcode,
    Reply,
    Request,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
    records,
)
from puffpy.wire.structs import IN_HEADER, INIT_OUT, OUT_HEADER, WRITE_IN
from tests.wire.strategies import ANSWERED, opcodes_and_replies, requests_and_terms


def with_length(message: bytes) -> bytes:
    """Return *message* with the length in its header made true."""
    return len(message).to_bytes(4, sys.byteorder) + message[4:]


def native(words: str) -> bytes:
    """Return little-endian 32-bit *words* as this machine has them."""
    return array("I", struct.unpack(f"<{len(bytes.fromhex(words)) // 4}I", bytes.fromhex(words))).tobytes()


@given(requests_and_terms())
def test_a_request_survives_the_way_to_bytes_and_back(drawn: tuple[Request, bool]) -> None:
    request, setxattr_ext = drawn
    message = encode_request(request, setxattr_ext=setxattr_ext)
    assert decode_request(message, setxattr_ext=setxattr_ext) == request
    assert decode_request(memoryview(message), setxattr_ext=setxattr_ext) == request


@given(opcodes_and_replies())
def test_a_reply_survives_the_way_to_bytes_and_back(drawn: tuple[Opcode, Reply]) -> None:
    opcode, reply = drawn
    message = encode_reply(opcode, reply)
    assert decode_reply(opcode, message) == reply
    assert decode_reply(opcode, memoryview(message)) == reply


@given(requests_and_terms())
def test_a_request_cut_anywhere_is_refused_or_still_whole(drawn: tuple[Request, bool]) -> None:
    request, setxattr_ext = drawn
    message = encode_request(request, setxattr_ext=setxattr_ext)
    for length in range(len(message)):
        with pytest.raises(WireError):
            decode_request(message[:length], setxattr_ext=setxattr_ext)
        if length < 4:
            continue
        try:
            shorter = decode_request(with_length(message[:length]), setxattr_ext=setxattr_ext)
        except WireError:
            continue
        # INIT's older, shorter form says the same where the rest is zeros.
        assert request.opcode is Opcode.INIT or shorter != request


@given(opcodes_and_replies())
def test_a_reply_cut_anywhere_is_refused_or_still_whole(drawn: tuple[Opcode, Reply]) -> None:
    opcode, reply = drawn
    message = encode_reply(opcode, reply)
    for length in range(len(message)):
        with pytest.raises(WireError):
            decode_reply(opcode, message[:length])
        if length < 4:
            continue
        try:
            shorter = decode_reply(opcode, with_length(message[:length]))
        except WireError:
            continue
        assert opcode is Opcode.INIT or shorter != reply


@given(requests_and_terms(), st.data())
def test_a_request_with_other_bytes_in_it_is_read_or_refused(
    drawn: tuple[Request, bool], data: st.DataObject
) -> None:
    message = bytearray(encode_request(drawn[0], setxattr_ext=drawn[1]))
    for _ in range(data.draw(st.integers(1, 4))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    with suppress(WireError):
        decode_request(message)


@given(st.binary(max_size=200), st.sampled_from(list(Opcode)), st.integers(0, 4), st.booleans())
def test_random_bytes_behind_a_true_header_are_read_or_refused(
    body: bytes, opcode: Opcode, extlen: int, flag: bool
) -> None:
    header = IN_HEADER.pack(IN_HEADER.size + len(body), opcode, 2, 1, 0, 0, 0, extlen)
    with suppress(WireError):
        decode_request(header + body, setxattr_ext=flag)
    with suppress(WireError):
        decode_reply(opcode, OUT_HEADER.pack(OUT_HEADER.size + len(body), 0, 2) + body, size_probe=flag)


@given(st.binary(max_size=200), st.sampled_from(list(Opcode)))
def test_random_bytes_are_read_or_refused(message: bytes, opcode: Opcode) -> None:
    with suppress(WireError):
        decode_request(message)
    with suppress(WireError):
        decode_reply(opcode, message)


def test_a_header_that_lies_about_the_length_is_named_with_both_numbers() -> None:
    message = encode_request(Request(Opcode.LOOKUP, unique=2, nodeid=1, names=(b"x",)))
    with pytest.raises(WireError, match="LOOKUP: the header's length: 43 bytes, expected 42"):
        decode_request(message + b"\0")


def test_a_name_without_a_nul_is_refused() -> None:
    message = encode_request(Request(Opcode.RENAME, unique=2, names=(b"old", b"new")))
    with pytest.raises(WireError, match="RENAME: 1 names with a NUL in 7 bytes, expected 2"):
        decode_request(with_length(message[:-1]))


def test_a_write_that_lies_about_its_size_is_refused() -> None:
    honest = encode_request(Request(Opcode.WRITE, unique=2, data=b"four"))
    message = honest[: IN_HEADER.size] + WRITE_IN.pack_named({"size": 5}) + b"four"
    with pytest.raises(WireError, match="WRITE: what follows: 4 bytes, expected 5"):
        decode_request(message)


def test_an_unknown_opcode_is_refused_by_its_number() -> None:
    header = IN_HEADER.pack(IN_HEADER.size, 7, 2, 1, 0, 0, 0, 0)
    with pytest.raises(WireError, match="opcode 7 is not in the table"):
        decode_request(header)


def test_an_extension_area_larger_than_the_message_is_refused() -> None:
    header = IN_HEADER.pack(IN_HEADER.size, Opcode.MKDIR, 2, 1, 0, 0, 0, 9)
    with pytest.raises(WireError, match="MKDIR: the extension area: 72 bytes, expected at most 0"):
        decode_request(header)


def test_an_extension_area_where_none_belongs_is_refused() -> None:
    name = b"a-long-name\0"
    message = IN_HEADER.pack(IN_HEADER.size + len(name), Opcode.UNLINK, 2, 1, 0, 0, 0, 1) + name
    with pytest.raises(WireError, match="UNLINK: the extension area: 8 bytes, expected at most 0"):
        decode_request(message)


@pytest.mark.parametrize(
    ("area", "complaint"),
    [
        ("0900000000000000", "extension at 0 says 9 bytes"),
        ("1000000000000000", "extension at 0 says 16 bytes; 8 bytes are left"),
        ("0000000020000000", "extension at 0 says 0 bytes"),
        ("1000000020000000 0200000000000000", "extension says 2 groups; it has room for 1"),
        ("0800000001000000", "secctx needs 8 bytes"),
        ("1000000001000000 0000000000000000", "has no NUL"),
        ("1800000001000000 0900000000000000 6100000000000000", "says 9 bytes of value; 6 are left"),
        ("0800000020000000", "supp_groups needs 4 bytes"),
    ],
)
def test_a_malformed_extension_is_refused(area: str, complaint: str) -> None:
    body = bytes(8) + b"dir\0"
    extensions = native(area)
    length = IN_HEADER.size + len(body) + len(extensions)
    header = IN_HEADER.pack(length, Opcode.MKDIR, 2, 1, 0, 0, 0, len(extensions) // 8)
    with pytest.raises(WireError, match=complaint):
        decode_request(header + body + extensions)


def test_an_extension_of_a_type_to_come_is_passed_over() -> None:
    area = native("10000000 21000000 ffffffffffffffff 10000000 20000000 01000000 09030000")
    header = IN_HEADER.pack(IN_HEADER.size + 12 + len(area), Opcode.MKDIR, 2, 1, 0, 0, 0, len(area) // 8)
    request = decode_request(header + bytes(8) + b"dir\0" + area)
    assert (request.groups, request.secctx) == ((777,), ())


def test_a_probe_for_a_size_is_answered_with_the_size() -> None:
    for opcode in (Opcode.GETXATTR, Opcode.LISTXATTR):
        reply = Reply(6, fields={"size": 300})
        message = encode_reply(opcode, reply, size_probe=True)
        assert decode_reply(opcode, message, size_probe=True) == reply
        with pytest.raises(WireError, match="expected 24"):
            decode_reply(opcode, encode_reply(opcode, Reply(6, data=b"blue")), size_probe=True)


def test_an_init_of_an_old_kernel_reads_as_one_without_upper_flags() -> None:
    fields = {"major": 7, "minor": 35, "max_readahead": 131072, "flags": 1, "flags2": 0}
    message = encode_request(Request(Opcode.INIT, unique=2, fields=fields))
    assert len(message) == 56
    assert decode_request(message).fields == fields


def test_an_init_of_a_kernel_to_come_is_read_as_far_as_it_is_known() -> None:
    fields = {"major": 7, "minor": 99, "max_readahead": 131072, "flags": 1, "flags2": 2}
    message = encode_request(Request(Opcode.INIT, unique=2, fields=fields))
    request = decode_request(with_length(message + bytes(16)))
    assert (request.fields, request.data) == (fields, b"")


def test_an_init_reply_cut_behind_max_write_reads_as_zeros() -> None:
    values = dict.fromkeys(INIT_OUT.fields, 9)
    message = encode_reply(Opcode.INIT, Reply(2, fields=values))[: OUT_HEADER.size + 24]
    reply = decode_reply(Opcode.INIT, with_length(message))
    assert reply.fields["max_write"] == 9
    assert reply.fields["time_gran"] == reply.fields["request_timeout"] == 0
    with pytest.raises(WireError, match="INIT: the reply: 36 bytes, expected 80"):
        decode_reply(Opcode.INIT, with_length(message[:-4]))


def test_a_setxattr_has_the_form_that_was_agreed_on() -> None:
    request = Request(
        Opcode.SETXATTR,
        unique=4,
        fields={"size": 1, "flags": 0, "setxattr_flags": 1},
        names=(b"user.a",),
        data=b"1",
    )
    assert decode_request(encode_request(request, setxattr_ext=True), setxattr_ext=True) == request
    with pytest.raises(WireError, match="setxattr_in_compat has no field"):
        encode_request(request)


def test_forgets_are_read_record_by_record() -> None:
    data = b"".join(number.to_bytes(8, sys.byteorder) for number in (5, 1, 6, 2))
    request = Request(Opcode.BATCH_FORGET, unique=2, data=data)
    assert records(decode_request(encode_request(request))) == [(5, 1), (6, 2)]
    with pytest.raises(WireError, match="READ: its data is not a row of records"):
        records(Request(Opcode.READ, unique=2))


@pytest.mark.parametrize("opcode", [row.opcode for row in MESSAGES.values() if not row.answered])
def test_what_is_not_answered_has_no_reply(opcode: Opcode) -> None:
    with pytest.raises(WireError, match=f"{opcode.name} is not answered"):
        encode_reply(opcode, Reply(2))
    with pytest.raises(WireError, match=f"{opcode.name} is not answered"):
        decode_reply(opcode, OUT_HEADER.pack(16, 0, 2))


@given(ANSWERED)
def test_an_error_reply_is_a_header_and_nothing_else(opcode: Opcode) -> None:
    message = encode_reply(opcode, Reply(8, error=errno.ENOENT))
    assert message == OUT_HEADER.pack(16, -errno.ENOENT, 8)
    with pytest.raises(WireError, match="an error reply: 17 bytes, expected 16"):
        decode_reply(opcode, with_length(message + b"\0"))


@pytest.mark.parametrize("error", [1, -512])
def test_a_reply_with_an_impossible_error_is_refused(error: int) -> None:
    with pytest.raises(WireError, match="it takes 0 to -511"):
        decode_reply(Opcode.UNLINK, OUT_HEADER.pack(16, error, 8))
    with pytest.raises(WireError, match="it takes an errno"):
        encode_reply(Opcode.UNLINK, Reply(8, error=-error))


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        (Request(Opcode.LOOKUP, unique=2), "LOOKUP: 0 names; it takes 1"),
        (Request(Opcode.LOOKUP, unique=2, names=(b"a\0b",)), "LOOKUP: a NUL in"),
        (Request(Opcode.LOOKUP, unique=2, names=(b"a",), fields={"fh": 1}), "LOOKUP: fields"),
        (Request(Opcode.LOOKUP, unique=2, names=(b"a",), groups=(1,)), "LOOKUP: 16 bytes of extensions"),
        (Request(Opcode.READ, unique=2, data=b"x"), "READ: the data: 1 bytes, expected 0"),
        (
            Request(Opcode.WRITE, unique=2, data=b"x", fields={"size": 2}),
            "WRITE: the data: 1 bytes, expected 2",
        ),
        (Request(Opcode.READ, unique=2, fields={"nosuch": 1}), "read_in has no field"),
        (Request(Opcode.READ, unique=2, fields={"size": 2**32}), "read_in cannot hold"),
        (Request(Opcode.MKDIR, unique=2, names=(b"a",), secctx=((b"a\0b", b""),)), "holds a NUL"),
        (Request(Opcode.MKDIR, unique=2, names=(b"a",), secctx=((b"a", b""),) * 32), "there is room for 31"),
    ],
)
def test_a_request_the_kernel_could_not_send_is_not_encoded(request_: Request, complaint: str) -> None:
    with pytest.raises(WireError, match=complaint):
        encode_request(request_)


@pytest.mark.parametrize(
    ("reply", "complaint"),
    [
        (Reply(2, data=b"x"), "the reply's data: 1 bytes, expected 0"),
        (Reply(2, error=5, fields={"fh": 1}), "in a reply that takes none"),
        (Reply(2, fields={"nosuch": 1}), "open_out has no field"),
    ],
)
def test_a_reply_the_kernel_would_refuse_is_not_encoded(reply: Reply, complaint: str) -> None:
    with pytest.raises(WireError, match=complaint):
        encode_reply(Opcode.OPEN, reply)
