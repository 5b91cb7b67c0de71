"""Very many files: what each takes in memory, and how it is found by its number."""

from __future__ import annotations

import errno
import gc
import os
import random
import stat
import tracemalloc

import pytest

from filesystems.detrempe import Detrempe
from filesystems.detrempe.nodes import Inode
from filesystems.detrempe.numbers import ROW, Numbers
from puffpy.wire import Opcode
from tests.dispatch.speaker import ROOT, Speaker
from tests.filesystems.direct import Direct, new, refuses

FILES = 4000
MOST = 620
"""Bytes that are asked for; with what is lost between them, ``benchmarks.growth`` measures up to 700."""


@pytest.mark.parametrize("uid", [0, 1000])
def test_an_empty_file_that_the_kernel_knows_is_small(uid: int) -> None:
    speaker = Speaker(Detrempe())

    def create(start: int, stop: int) -> None:
        who = (uid, uid, 1)
        for number in range(start, stop):
            made = speaker.ask(
                Opcode.CREATE,
                ROOT,
                b"file-%07d" % number,
                who=who,
                mode=0o100644,
                flags=os.O_CREAT | os.O_WRONLY,
            )
            fields = made.fields
            speaker.ask(Opcode.RELEASE, fields["nodeid"], fh=fields["fh"], flags=os.O_WRONLY)

    speaker.ask(Opcode.SETATTR, ROOT, valid=1, mode=0o40777)
    create(0, 10)
    gc.collect()
    tracemalloc.start()
    try:
        create(10, FILES)
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(speaker.session.nodes) == FILES + 1
    assert taken / FILES < MOST


def numbered(count: int) -> tuple[Numbers, dict[int, Inode]]:
    numbers, nodes = Numbers(), {}
    for _ in range(count):
        node = Inode(new(stat.S_IFIFO, 0o600))
        nodes[numbers.add(node)] = node
    return numbers, nodes


@pytest.mark.parametrize("count", [0, 1, ROW - 2, ROW - 1, ROW, ROW + 1, 10 * ROW])
def test_numbers_lead_to_their_nodes_until_they_are_taken_out(count: int) -> None:
    numbers, nodes = numbered(count)
    assert list(nodes) == list(range(1, count + 1))
    order = list(nodes)
    random.Random(count).shuffle(order)
    for number in order:
        assert numbers.get(number) is nodes[number]
        assert number in numbers
        assert len(numbers) == len(nodes)
        assert set(map(id, numbers)) == set(map(id, nodes.values()))
        assert numbers.take_out(number)
        assert numbers.get(number) is None
        assert not numbers.take_out(number)
        del nodes[number]
    assert len(numbers) == 0
    assert list(numbers) == []


@pytest.mark.parametrize("number", [0, 3, ROW, 1 << 63])
def test_a_number_that_nobody_has_leads_nowhere(number: int) -> None:
    numbers, _ = numbered(2)
    assert numbers.get(number) is None
    assert number not in numbers
    assert not numbers.take_out(number)


@pytest.mark.parametrize("alive", [0, 1, ROW])
def test_numbers_that_nobody_has_any_more_take_no_memory(alive: int) -> None:
    numbers, nodes = numbered(alive)
    node = Inode(new(stat.S_IFIFO, 0o600))
    for _ in range(3 * ROW):  # up to here a row may be half full
        numbers.take_out(numbers.add(node))
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(100 * ROW):
            numbers.take_out(numbers.add(node))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 100 * ROW
    assert [numbers.get(number) for number in nodes] == list(nodes.values())


def test_no_number_is_given_twice_and_a_gone_one_is_stale() -> None:
    fs = Direct(Detrempe())
    seen = set()
    for _ in range(3 * ROW):
        number = fs.file("f").vattr.ino
        assert number not in seen
        seen.add(number)
        node = fs.find("f")
        assert fs.fs.vfsops.fhtonode(number) is node
        fs.remove("f")
        fs.fs.reclaim(node)
        with refuses(errno.ESTALE):
            fs.fs.vfsops.fhtonode(number)
