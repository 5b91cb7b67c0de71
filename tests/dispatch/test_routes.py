"""The routes against the protocol's table and the operations': no opcode and no operation is lost between."""

from __future__ import annotations

import errno

import pytest

from puffpy.dispatch import ROUTES, Route
from puffpy.ops import OPERATIONS, Answer
from puffpy.options import MountOptions
from puffpy.wire import MESSAGES, Opcode
from puffpy.wire.flags import InitFlag
from tests.dispatch.samples import ANSWERS, SAMPLES, Conversation
from tests.dispatch.speaker import Scribe, Speaker

ANSWERED = [opcode for opcode in Opcode if MESSAGES[opcode].answered and opcode is not Opcode.INTERRUPT]
LEFT_OUT = [
    row for row in ROUTES.values() if row.ops and not row.needed and row.factory and row.ops[0] != "lookup"
]
HANDLED = [opcode for opcode in ANSWERED if ROUTES[opcode].factory is not None]


def errno_left_out(name: str) -> int:
    """What a caller is told of an operation that is left out, by its row alone."""
    row = OPERATIONS[name]
    return errno.ENOSYS if row.answer is Answer.KERNEL else row.errno or errno.EOPNOTSUPP


def test_every_opcode_has_a_route_and_a_sample() -> None:
    assert set(ROUTES) == set(Opcode) == set(MESSAGES) == set(SAMPLES)


def test_an_opcode_that_leads_nowhere_says_why() -> None:
    for row in ROUTES.values():
        assert row.factory is not None or row.note, row.opcode.name


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_on_the_routes_of_its_opcodes_and_on_no_other(name: str) -> None:
    named = {Opcode[opcode] for opcode in OPERATIONS[name].opcodes}
    routed = {row.opcode for row in ROUTES.values() if name in row.ops}
    extra = {
        "create": {Opcode.MKNOD},  # regular files are create's, however they are made
        "advlock": {Opcode.FLUSH},  # which gives its owner's locks up
        "readdir": {Opcode.OPENDIR, Opcode.RELEASEDIR},  # the library's, for its sake
    }
    missing = {"start": {Opcode.INIT}, "nodetofh": {Opcode.LOOKUP}, "fhtonode": {Opcode.LOOKUP}}
    assert routed == (named | extra.get(name, set())) - missing.get(name, set())


@pytest.mark.parametrize("row", ROUTES.values(), ids=lambda row: row.opcode.name)
def test_a_routes_operations_exist(row: Route) -> None:
    assert set(row.ops) <= set(OPERATIONS)


@pytest.mark.parametrize("row", LEFT_OUT, ids=lambda row: row.opcode.name)
def test_what_is_left_out_is_answered_from_the_table(row: Route) -> None:
    assert Conversation().say(row.opcode).error == errno_left_out(row.ops[0])


def test_enosys_is_said_exactly_where_the_kernel_is_to_answer_alone() -> None:
    speaker = Conversation()
    said = {
        opcode
        for opcode in ANSWERED
        if opcode is not Opcode.DESTROY and speaker.say(opcode).error == errno.ENOSYS
    }
    kernel = {
        opcode
        for opcode, row in ROUTES.items()
        if row.ops and row.factory and OPERATIONS[row.ops[0]].answer is Answer.KERNEL
    }
    nowhere = {opcode for opcode, row in ROUTES.items() if row.factory is None}
    nowhere -= {Opcode.INTERRUPT, Opcode.DESTROY, Opcode.NOTIFY_REPLY}  # the session's own
    assert said == kernel | nowhere


@pytest.mark.parametrize("opcode", HANDLED, ids=lambda opcode: opcode.name)
def test_a_full_vector_answers_every_opcode_that_leads_to_it(opcode: Opcode) -> None:
    assert Conversation(*ANSWERS).say(opcode).error == 0


@pytest.mark.parametrize(
    "name", sorted(set(ANSWERS) - {"inactive", "reclaim", "start", "unmount", "fdiscard"})
)
def test_an_operation_that_is_written_is_called_by_each_of_its_opcodes(name: str) -> None:
    for opcode in OPERATIONS[name].opcodes:
        speaker = Conversation(*{name, "readdir", "write"})
        speaker.say(Opcode[opcode])
        assert name in speaker.scribe.calls(), opcode


def test_an_opcode_nobody_knows_is_refused_with_enosys() -> None:
    speaker = Conversation()
    message = bytearray(speaker.sample(Opcode.GETATTR))
    message[4:8] = (999).to_bytes(4, "little")
    whole = speaker.tell(bytes(message))
    assert whole is not None
    assert int.from_bytes(whole[4:8], "little", signed=True) == -errno.ENOSYS


def test_a_kernel_that_may_open_alone_is_told_so_once() -> None:
    options = MountOptions(kernel_cache=True)
    speaker = Speaker(Scribe(read=b"", write=None), options=options)
    assert speaker.flags & InitFlag.NO_OPEN_SUPPORT
    assert speaker.refused(Opcode.OPEN) == errno.ENOSYS


def test_extended_attributes_that_nobody_wants_are_as_good_as_left_out() -> None:
    speaker = Conversation(*ANSWERS, options=MountOptions(xattr=False))
    refused = {opcode.name for opcode in HANDLED if speaker.say(opcode).error == errno.ENOSYS}
    assert refused == {"GETXATTR", "SETXATTR", "LISTXATTR", "REMOVEXATTR"}
    assert not [name for name in speaker.scribe.calls() if "extattr" in name]
