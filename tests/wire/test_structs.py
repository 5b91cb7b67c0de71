"""A structure table that is wrong stops the import, and a structure says what does not fit it."""

import pytest

from puffpy.errors import WireError
from puffpy.wire.structs import ATTR_OUT, ENTRY_OUT, OPEN_OUT, WRITE_OUT, Layout, reply_struct


def test_a_misdeclared_size_stops_the_import() -> None:
    with pytest.raises(TypeError, match="wrong packs to 12 bytes, the kernel's is 16"):
        Layout("wrong", 16, "QI", ("a", "b"))


def test_a_misnumbered_field_stops_the_import() -> None:
    with pytest.raises(TypeError, match="wrong holds 2 values, names 1 distinct fields"):
        Layout("wrong", 16, "QI4x", ("a",))
    with pytest.raises(TypeError, match="wrong holds 2 values, names 1 distinct fields"):
        Layout("wrong", 16, "QI4x", ("a", "a"))


def test_values_go_in_and_come_out_by_name() -> None:
    packed = OPEN_OUT.pack_named({"open_flags": 2, "backing_id": -1})
    assert OPEN_OUT.named(OPEN_OUT.unpack_from(packed)) == {"fh": 0, "open_flags": 2, "backing_id": -1}


def test_a_buffer_that_ends_too_early_is_refused_with_its_numbers() -> None:
    with pytest.raises(WireError, match="write_out needs 8 bytes at offset 16, 20 bytes in all"):
        WRITE_OUT.unpack_from(bytes(20), 16)


def test_a_value_that_does_not_fit_is_refused() -> None:
    with pytest.raises(WireError, match="write_out cannot hold"):
        WRITE_OUT.pack(-1)
    with pytest.raises(WireError, match="write_out has no field \\['sise'\\]; its fields are \\('size',\\)"):
        WRITE_OUT.pack_named({"sise": 1})


def test_a_time_before_1970_survives() -> None:
    entry = ENTRY_OUT.pack_named({"nodeid": 2, "mtime": -1})
    assert ENTRY_OUT.named(ENTRY_OUT.unpack_from(entry))["mtime"] == -1


def test_a_reply_is_packed_in_one_call() -> None:
    assert reply_struct(None).size == 16
    assert reply_struct(ATTR_OUT).size == 120
    assert reply_struct(WRITE_OUT).pack(24, 0, 4, 100)[16:] == WRITE_OUT.pack(100)
