"""INIT: what is offered, and what is made of the answer."""

from __future__ import annotations

import errno

import pytest

from puffpy.userkernel.negotiate import LINUX_6_18, NOT_OFFERED, OFFERED, PAGE, Offer, settle
from puffpy.wire import Opcode
from puffpy.wire.flags import InitFlag
from tests.userkernel.stand_in import fields, stand_in

ANSWER = {
    "major": 7,
    "minor": 45,
    "max_readahead": 1 << 30,
    "flags": int(InitFlag.BIG_WRITES | InitFlag.MAX_PAGES | InitFlag.INIT_EXT),
    "flags2": 0,
    "max_write": 1 << 20,
    "max_pages": 256,
    "time_gran": 1,
}


def test_every_bit_of_linux_is_offered_or_has_its_reason() -> None:
    left_out = InitFlag(0)
    for flag, reason in NOT_OFFERED.items():
        assert flag & LINUX_6_18, f"{flag!r} is not Linux's to leave out"
        assert reason
        left_out |= flag
    assert OFFERED | left_out == LINUX_6_18
    assert not OFFERED & left_out


def test_the_first_message_is_init_and_says_what_this_kernel_is() -> None:
    kernel, server = stand_in()
    (init,) = server.seen(Opcode.INIT)
    assert (init.unique, init.nodeid, init.uid) == (2, 0, 0)
    assert (init.fields["major"], init.fields["minor"]) == (7, 45)
    assert init.fields["flags"] | init.fields["flags2"] << 32 == OFFERED
    kernel.unmount()


def test_a_kernel_before_7_36_sends_no_second_word() -> None:
    kernel, server = stand_in(offer=Offer(minor=31))
    (init,) = server.seen(Opcode.INIT)
    assert init.fields["flags2"] == 0
    assert not init.fields["flags"] & InitFlag.INIT_EXT
    assert kernel.terms.minor == 31
    kernel.unmount()


def test_a_minor_that_is_not_spoken_is_refused() -> None:
    with pytest.raises(ValueError, match="31 to 45"):
        Offer(minor=30)


def test_the_older_of_two_minors_holds() -> None:
    assert settle(Offer(), ANSWER | {"minor": 34}).minor == 34
    assert settle(Offer(minor=33), ANSWER).minor == 33


def test_bits_that_were_not_offered_do_not_hold() -> None:
    greedy = ANSWER | {"flags": ANSWER["flags"] | InitFlag.WRITEBACK_CACHE}
    assert not settle(Offer(), greedy).flags & InitFlag.WRITEBACK_CACHE


def test_the_second_word_counts_only_with_its_bit() -> None:
    word = int(InitFlag.HAS_RESEND) >> 32
    assert settle(Offer(), ANSWER | {"flags2": word}).flags & InitFlag.HAS_RESEND
    without = ANSWER | {"flags": int(InitFlag.BIG_WRITES), "flags2": word}
    assert not settle(Offer(), without).flags & InitFlag.HAS_RESEND


@pytest.mark.parametrize(
    ("change", "max_write"),
    [
        ({}, 1 << 20),
        ({"max_write": 0}, PAGE),
        ({"max_pages": 2}, 2 * PAGE),
        ({"flags": int(InitFlag.BIG_WRITES)}, 32 * PAGE),
        ({"flags": int(InitFlag.MAX_PAGES)}, PAGE),
        ({"max_pages": 60000}, 1 << 20),
    ],
)
def test_a_write_carries_what_pages_and_max_write_allow(change: dict[str, int], max_write: int) -> None:
    assert settle(Offer(), ANSWER | change).max_write == max_write


def test_a_read_carries_what_the_mount_option_allows() -> None:
    assert settle(Offer(), ANSWER).max_read == 1 << 20
    assert settle(Offer(), ANSWER, max_read=10000).max_read == 10000
    assert settle(Offer(), ANSWER, max_read=1).max_read == PAGE


def test_a_narrow_link_narrows_what_is_carried() -> None:
    terms = settle(Offer(), ANSWER, limit=10 * PAGE)
    assert terms.max_write == terms.max_read == 9 * PAGE


@pytest.mark.parametrize("answer", [{"major": 8}, {"minor": 30}])
def test_another_protocol_is_refused(answer: dict[str, int]) -> None:
    with pytest.raises(OSError, match="7.31 to 7.45") as caught:
        settle(Offer(), ANSWER | answer)
    assert caught.value.errno == errno.ECONNREFUSED


def test_a_server_that_refuses_init_is_no_server() -> None:
    with pytest.raises(ConnectionRefusedError):
        stand_in({Opcode.INIT: errno.EPROTO})


def test_a_short_answer_to_init_is_an_answer() -> None:
    kernel, _ = stand_in({Opcode.INIT: fields(major=7, minor=31, max_write=4096)})
    assert kernel.terms.max_pages == 32
    kernel.unmount()
