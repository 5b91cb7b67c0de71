"""One line for every message, whatever its bytes."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puffpy.wire import (
    Direction,
    Opcode,
    Reply,
    Request,
    dirent,
    direntplus,
    dump,
    encode_inval_entry,
    encode_prune,
    encode_reply,
    encode_request,
)
from puffpy.wire.dump import FLAG_WORDS, flag_names
from puffpy.wire.flags import InitFlag, InvalEntryFlag, OpenOut, SetattrValid
from puffpy.wire.messages import ROWS
from puffpy.wire.notify import SHAPES
from puffpy.wire.structs import FORGET_ONE, IN_HEADER, OUT_HEADER
from tests.wire.strategies import opcodes_and_replies, requests_and_terms


def asked(opcode: Opcode, **parts: object) -> str:
    return dump(encode_request(Request(opcode, unique=10, **parts)))  # type: ignore[arg-type]


def answered(opcode: Opcode, **parts: object) -> str:
    message = encode_reply(opcode, Reply(10, **parts))  # type: ignore[arg-type]
    return dump(message, opcode_of={10: opcode}.get)


def test_a_request_is_one_readable_line() -> None:
    line = asked(Opcode.LOOKUP, nodeid=1, uid=1000, gid=100, pid=4711, names=(b"h\xc3'",))
    assert line == '> 10 LOOKUP node=1 uid=1000 gid=100 pid=4711 "h\\xc3\'"'


def test_bits_are_named() -> None:
    fields = {"valid": SetattrValid.MODE | SetattrValid.FH | 1 << 20, "mode": 0o100644}
    assert asked(Opcode.SETATTR, fields=fields) == "> 10 SETATTR valid=MODE|FH|0x100000 mode=0o100644"
    fields = {"flags": os.O_RDWR | os.O_APPEND}
    assert asked(Opcode.OPEN, fields=fields) == "> 10 OPEN flags=O_RDWR|O_APPEND"
    fields = {"fh": 3, "open_flags": OpenOut.KEEP_CACHE}
    assert answered(Opcode.OPEN, fields=fields) == "< 10 OPEN fh=3 open_flags=KEEP_CACHE"


def test_both_halves_of_the_init_flags_are_one_word() -> None:
    fields = {"major": 7, "minor": 45, "flags": InitFlag.INIT_EXT, "flags2": InitFlag.PASSTHROUGH >> 32}
    assert asked(Opcode.INIT, fields=fields) == "> 10 INIT major=7 minor=45 flags=INIT_EXT|PASSTHROUGH"
    assert answered(Opcode.INIT, fields=fields) == "< 10 INIT major=7 minor=45 flags=INIT_EXT|PASSTHROUGH"


def test_data_is_shown_by_its_length() -> None:
    assert asked(Opcode.WRITE, fields={"fh": 1}, data=b"four") == "> 10 WRITE fh=1 size=4 4 bytes"
    assert answered(Opcode.READ, data=b"four") == "< 10 READ 4 bytes"
    assert answered(Opcode.READDIR, data=dirent(1, 1, 4, b".")) == "< 10 READDIR 1 entries, 32 bytes"
    data = direntplus(bytes(128), 1, 1, 4, b".")
    assert answered(Opcode.READDIRPLUS, data=data) == "< 10 READDIRPLUS 1 entries, 160 bytes"


def test_a_link_target_is_quoted() -> None:
    assert answered(Opcode.READLINK, data=b"../up") == "< 10 READLINK '../up'"


def test_a_device_number_is_shown_in_its_two_parts() -> None:
    fields = {"mode": 0o20666, "rdev": 0x103}
    assert asked(Opcode.MKNOD, fields=fields, names=(b"null",)) == "> 10 MKNOD mode=0o20666 rdev=1:3 'null'"


def test_what_comes_with_a_creation_is_shown() -> None:
    line = asked(Opcode.MKDIR, names=(b"d",), groups=(7, 8), secctx=((b"security.x", b"v"),))
    assert line == "> 10 MKDIR 'd' groups=7,8 'security.x'='v'"


def test_an_error_is_shown_by_its_name() -> None:
    assert answered(Opcode.GETXATTR, error=errno.ENODATA) == "< 10 GETXATTR ENODATA"
    assert answered(Opcode.INIT, error=errno.EPROTO) == "< 10 INIT EPROTO"
    assert dump(OUT_HEADER.pack(16, -400, 10)) == "< 10 error -400"


def test_a_reply_without_a_body_says_ok() -> None:
    assert answered(Opcode.UNLINK) == "< 10 UNLINK ok"


def test_a_reply_to_an_unknown_request_is_shown_by_its_length() -> None:
    assert dump(OUT_HEADER.pack(20, 0, 10) + b"four") == "< 10 ok 4 bytes"
    assert dump(OUT_HEADER.pack(24, 0, 10)) == "< 10 ok malformed: says 24 bytes, holds 16"
    assert dump(OUT_HEADER.pack(16, 0, 10), opcode_of=lambda unique: 7) == "< 10 opcode 7 ok"


def test_forgotten_nodes_are_shown_up_to_a_number() -> None:
    data = b"".join(FORGET_ONE.pack(nodeid, 1) for nodeid in range(2, 12))
    line = asked(Opcode.BATCH_FORGET, data=data)
    assert line == "> 10 BATCH_FORGET count=10 2:1 3:1 4:1 5:1 6:1 7:1 8:1 9:1 ..."


def test_a_notification_is_told_from_a_reply() -> None:
    assert dump(encode_inval_entry(1, b"x", InvalEntryFlag.EXPIRE_ONLY)) == (
        "! INVAL_ENTRY parent=1 namelen=1 flags=EXPIRE_ONLY 'x'"
    )
    assert dump(encode_prune([5, 6])) == "! PRUNE count=2 5 6"
    assert dump(OUT_HEADER.pack(16, 99, 0), direction=Direction.TO_KERNEL).startswith("! notifycode 99 malf")


def test_a_request_sent_again_says_so() -> None:
    message = encode_request(Request(Opcode.STATFS, unique=10 | 1 << 63, nodeid=1))
    assert dump(message) == "> 10 (again) STATFS node=1"


def test_both_forms_of_setxattr_are_read() -> None:
    for name in (b"a", b"user.colour", b"12345678"):
        for extended in (False, True):
            request = Request(Opcode.SETXATTR, unique=10, names=(name,), data=b"blue")
            line = dump(encode_request(request, setxattr_ext=extended))
            assert line == f"> 10 SETXATTR size=4 '{name.decode()}' 4 bytes"


def test_what_is_malformed_says_what_is_wrong() -> None:
    assert dump(b"short") == "? malformed: 5 bytes, a header has 16 at least"
    message = encode_request(Request(Opcode.LOOKUP, unique=10, names=(b"x",)))
    assert dump(message[:-1]) == "> 10 LOOKUP malformed: LOOKUP: the header's length: 41 bytes, expected 42"
    line = dump(OUT_HEADER.pack(24, 0, 10) + bytes(8), opcode_of=lambda unique: Opcode.OPEN)
    assert line == "< 10 OPEN malformed: OPEN: the reply: 24 bytes, expected 32"
    assert dump(IN_HEADER.pack(40, 99, 10, 1, 0, 0, 0, 0)) == (
        "> 10 opcode 99 malformed: opcode 99 is not in the table"
    )


@pytest.mark.parametrize("value", [0, 1 << 40])
def test_bits_without_a_name_are_a_number(value: int) -> None:
    assert flag_names(OpenOut, value) == hex(value)


def test_words_of_bits_belong_to_fields_that_exist() -> None:
    rows = [layout for row in ROWS for layout in (row.request, row.reply) if layout]
    shapes = [shape.layout for shape in SHAPES if shape.layout]
    layouts = {layout.name: layout for layout in rows + shapes}
    for name, words in FLAG_WORDS.items():
        assert words.keys() <= set(layouts[name].fields), name


@given(requests_and_terms())
def test_every_request_is_one_line_and_not_malformed(drawn: tuple[Request, bool]) -> None:
    line = dump(encode_request(drawn[0], setxattr_ext=drawn[1]), direction=Direction.TO_SERVER)
    assert line.isprintable()
    assert "malformed" not in line


@given(opcodes_and_replies())
def test_every_reply_is_one_line(drawn: tuple[Opcode, Reply]) -> None:
    opcode, reply = drawn
    line = dump(encode_reply(opcode, reply), opcode_of=lambda unique: opcode)
    assert line.isprintable()
    assert line.startswith(f"< {reply.unique & ~(1 << 63)}")


@given(st.binary(max_size=150), st.sampled_from([None, *Direction]), st.sampled_from([None, 7, *Opcode]))
def test_random_bytes_are_one_line(message: bytes, direction: Direction | None, opcode: int | None) -> None:
    assert dump(message, direction=direction, opcode_of=lambda unique: opcode).isprintable()


@given(requests_and_terms(), st.data())
def test_a_request_with_other_bytes_in_it_is_one_line(
    drawn: tuple[Request, bool], data: st.DataObject
) -> None:
    message = bytearray(encode_request(drawn[0], setxattr_ext=drawn[1]))
    message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    for cut in (len(message), data.draw(st.integers(0, len(message)))):
        assert dump(memoryview(message)[:cut]).isprintable()
