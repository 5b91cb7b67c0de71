"""When a server looks again instead of sleeping, and when it stops that; the clock and the core are ours."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from puffpy.bridges.busypoll import CROWDED, FIRST, NOTHING, RARELY, WORTH, BusyPoll
from puffpy.bridges.devfuse import DevFuse
from puffpy.options import MountOptions

SPAN = 100


class World:
    """A device that is a pipe, a clock that goes on when the core is yielded, and what then happens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fd, self._asking = os.pipe()
        self.now, self.turn, self.cores = 10**9, 2_000, {0, 1}
        self.yields = 0
        self.comes_after = -1
        monkeypatch.setattr(os, "sched_yield", self._yielded)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: self.cores)
        monkeypatch.setattr(time, "perf_counter_ns", lambda: self.now)

    def _yielded(self) -> None:
        self.now += self.turn
        self.yields += 1
        if self.yields == self.comes_after:
            self.ask()

    def ask(self) -> None:
        os.write(self._asking, b"pink")

    def look(self, busy: BusyPoll) -> int:
        """Have *busy* receive once; return what it says."""
        self.yields = 0
        return busy.receive(self.fd, (bytearray(8),))

    def close(self) -> None:
        os.close(self.fd)
        os.close(self._asking)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World(monkeypatch)
    yield world
    world.close()


def test_what_comes_within_moments_is_received_without_sleeping(world: World) -> None:
    busy = BusyPoll(SPAN)
    assert busy.countdown == FIRST
    world.comes_after = 3
    assert world.look(busy) == 4
    assert world.yields == 3
    assert not os.get_blocking(world.fd)


def test_what_is_there_already_costs_neither_a_look_at_the_clock_nor_a_turn(world: World) -> None:
    world.ask()
    assert world.look(BusyPoll(SPAN)) == 4
    assert world.yields == 0


def test_it_ends_in_time_and_the_device_waits_again(world: World) -> None:
    busy = BusyPoll(SPAN)
    began = world.now
    assert world.look(busy) == NOTHING
    assert SPAN * 1000 <= world.now - began <= SPAN * 1000 + world.turn
    assert os.get_blocking(world.fd)


def test_what_was_worth_it_is_done_again_with_the_next_message(world: World) -> None:
    busy = BusyPoll(SPAN)
    for _ in range(WORTH):
        world.ask()
        assert world.look(busy) == 4
    assert world.look(busy) == NOTHING
    assert busy.countdown == 0


def test_what_was_not_is_done_more_and_more_rarely(world: World) -> None:
    busy, last = BusyPoll(SPAN), 0
    for _ in range(12):
        assert world.look(busy) == NOTHING
        assert last < busy.countdown or busy.countdown == RARELY
        last = busy.countdown
    assert last == RARELY


def test_where_others_want_the_core_it_is_left_to_them(world: World) -> None:
    busy = BusyPoll(SPAN)
    world.turn = 3_000_000
    assert world.look(busy) == NOTHING
    assert world.yields == 1
    assert busy.countdown == CROWDED


@pytest.mark.parametrize(("cores", "span"), [({0}, SPAN), ({0, 1}, 0)])
def test_a_single_core_or_no_time_is_never(world: World, cores: set[int], span: int) -> None:
    world.cores = cores
    world.ask()
    busy = BusyPoll(span)
    assert world.look(busy) == NOTHING
    assert os.get_blocking(world.fd)
    assert busy.countdown == CROWDED


def test_a_device_that_was_closed_is_the_ordinary_ways_affair(world: World) -> None:
    busy = BusyPoll(SPAN)
    world.ask()
    assert world.look(busy) == 4
    gone = os.dup(world.fd)
    os.close(gone)
    assert busy.receive(gone, (bytearray(8),)) == NOTHING


def test_a_device_polls_as_the_options_say_and_nothing_is_lost_on_the_way(world: World) -> None:
    bridge = DevFuse()
    bridge.fd = os.dup(world.fd)
    bridge._poll_as(MountOptions(busy_poll=SPAN))
    try:
        for _ in range(2 * FIRST):
            world.ask()
            assert bridge.receive(bytearray(4)) == 4
        assert not os.get_blocking(bridge.fd)
        assert bridge.receive_now(bytearray(4)) == 0
        assert not os.get_blocking(bridge.fd)
        bridge._poll_as(MountOptions(busy_poll=0))
        assert os.get_blocking(bridge.fd)
    finally:
        bridge.close()
