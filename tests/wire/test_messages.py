"""The table of messages is complete, and each row agrees with itself."""

import pytest

from puffpy.wire import MESSAGES, NOTIFICATIONS, Message, NotifyCode, Opcode
from puffpy.wire.messages import ROWS
from puffpy.wire.notify import SHAPES
from puffpy.wire.opcodes import NEWEST_MINOR


def test_every_opcode_has_one_row() -> None:
    assert [row.opcode for row in ROWS] == list(Opcode)
    assert set(MESSAGES) == set(Opcode)


def test_every_notification_has_one_row() -> None:
    assert [row.code for row in SHAPES] == list(NotifyCode)
    assert set(NOTIFICATIONS) == set(NotifyCode)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.opcode.name)
def test_a_row_agrees_with_itself(row: Message) -> None:
    assert not (row.data and row.extensions), "nothing would tell where the data ends"
    assert bool(row.counted) == row.data
    assert not row.counted or (row.request is not None and row.counted in row.request.fields)
    assert row.data or row.records is None
    assert row.answered or (row.reply is None and not row.reply_data)
    assert 0 <= row.since <= NEWEST_MINOR
    assert "\n" not in row.note


def test_what_creates_something_may_have_extensions() -> None:
    assert {row.opcode.name for row in ROWS if row.extensions} == {
        "SYMLINK",
        "MKNOD",
        "MKDIR",
        "CREATE",
        "TMPFILE",
    }
