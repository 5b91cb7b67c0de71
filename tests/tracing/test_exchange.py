"""Requests and replies are paired, and it is known what they were about."""

from __future__ import annotations

import errno

import pytest

from puffpy.record import Record, What, counted
from puffpy.tracing import Exchange, Trace, traced
from puffpy.wire import Opcode, Reply, Request, encode_inval_entry, encode_reply, encode_request
from tests.tracing.sessions import recording, records, work


@pytest.fixture(scope="module")
def trace() -> Trace:
    return traced(records(recording(work)))


def of(trace: Trace, name: str) -> list[Exchange]:
    return [each for each in trace.exchanges if each.name == name]


def asked(when: int, opcode: Opcode, unique: int, **more: object) -> Record:
    request = Request(opcode, unique=unique, nodeid=1, pid=4711, **more)  # type: ignore[arg-type]
    return Record(when, What.REQUEST, encode_request(request))


def answered(when: int, opcode: Opcode, unique: int, what: What = What.REPLY, error: int = 0) -> Record:
    return Record(when, what, encode_reply(opcode, Reply(unique, error=error)))


def test_every_request_that_wants_an_answer_has_one(trace: Trace) -> None:
    assert len(trace.exchanges) > 15
    assert not [each for each in trace.exchanges if each.waits]
    for each in trace.exchanges:
        assert each.duration is None or 0 < each.duration < trace.end - trace.begin


def test_paths_follow_renames_of_the_file_and_of_what_it_is_in(trace: Trace) -> None:
    (create,) = of(trace, "CREATE")
    assert create.path == "/directory/file"
    first, last = of(trace, "WRITE")[0], of(trace, "WRITE")[-1]
    assert (first.path, last.path) == ("/directory/file", "/elsewhere/moved")
    assert {each.path for each in of(trace, "READ")} == {"/directory/moved"}


def test_an_operation_on_two_names_shows_both(trace: Trace) -> None:
    renames = [each.path for each in trace.exchanges if each.name in ("RENAME", "RENAME2")]
    assert renames == ["/directory/file -> /directory/moved", "/directory -> /elsewhere"]
    (link,) = of(trace, "LINK")
    assert link.path == "/elsewhere/moved -> /name"


def test_an_extended_attribute_is_named(trace: Trace) -> None:
    (refused,) = of(trace, "GETXATTR")
    assert refused.path.endswith(" [user.colour]")
    assert refused.error == errno.ENODATA


def test_data_are_counted_either_way(trace: Trace) -> None:
    assert sum(each.size for each in of(trace, "WRITE")) == 10_003
    assert sum(each.size for each in of(trace, "READ")) >= 4096
    assert sum(each.size for each in of(trace, "LOOKUP")) == 0


def test_a_reply_that_came_later_is_the_requests() -> None:
    trace = traced(
        [
            asked(100, Opcode.FSYNC, 2),
            asked(200, Opcode.STATFS, 4),
            answered(300, Opcode.STATFS, 4, error=errno.EIO),
            answered(900, Opcode.FSYNC, 2, What.LATER),
        ]
    )
    assert [each.duration for each in trace.exchanges] == [800, 100]
    assert [each.error for each in trace.exchanges] == [0, errno.EIO]


def test_what_was_not_answered_is_the_slowest_of_all() -> None:
    trace = traced(
        [
            asked(100, Opcode.STATFS, 2),
            asked(150, Opcode.FSYNC, 4),
            answered(250, Opcode.FSYNC, 4),
            asked(300, Opcode.FORGET, 6),
        ]
    )
    assert [each.waits for each in trace.exchanges] == [True, False, False]
    assert [each.name for each in trace.slowest(5)] == ["STATFS", "FSYNC"]


def test_a_node_whose_name_was_never_seen_shows_its_number() -> None:
    request = Request(Opcode.UNLINK, unique=2, nodeid=17, names=(b"caf\xc3\xa9\n",))
    (exchange,) = traced([Record(1, What.REQUEST, encode_request(request))]).exchanges
    assert exchange.path == "#17/caf\N{LATIN SMALL LETTER E WITH ACUTE}\\n"


def test_a_request_sent_twice_is_answered_once() -> None:
    first, again = asked(100, Opcode.FSYNC, 2), asked(200, Opcode.FSYNC, 2 | 1 << 63)
    trace = traced([first, again, answered(300, Opcode.FSYNC, 2)])
    assert trace.exchanges[-1].duration == 100


def test_notifications_and_losses_are_told() -> None:
    notice = Record(10, What.LATER, encode_inval_entry(1, b"name"))
    trace = traced([notice, counted(20, What.LOST, 5), counted(30, What.TRIMMED, 0)])
    (told,) = trace.notices
    assert told.text.startswith("! INVAL_ENTRY")
    assert trace.lost == 5
    assert trace.exchanges == []


def test_an_opcode_that_nobody_knows_is_shown_by_number() -> None:
    raw = bytearray(encode_request(Request(Opcode.STATFS, unique=2, nodeid=1)))
    raw[4:8] = (999).to_bytes(4, "little")
    (exchange,) = traced([Record(1, What.REQUEST, bytes(raw))]).exchanges
    assert exchange.name == "opcode 999"
    assert exchange.waits
