"""Listings of any shape and size: what readdir may answer, and the quick ways through all told alike."""

from __future__ import annotations

import stat
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from puffpy.types import Dirent, Node, Vattr
from puffpy.wire import Opcode
from tests.dispatch.folder import UNKNOWN, opened
from tests.dispatch.speaker import ROOT, Scribe, Speaker
from tests.dispatch.untrue import node, refused

Entries = dict[str, Node]
REG, DIR = stat.S_IFREG >> 12, stat.S_IFDIR >> 12


class Odd(dict[str, Any]):
    """A dict whose copy is none."""

    def copy(self) -> Any:
        return sorted(self)


def default(entries: Entries) -> Iterable[Any]:
    named: defaultdict[str, Node] = defaultdict(Node.file)
    named.update(entries)
    return named.items()


ANSWERS: dict[str, Callable[[Entries], Iterable[Any]]] = {
    "list": lambda entries: list(entries.items()),
    "tuple": lambda entries: tuple(entries.items()),
    "generator": lambda entries: iter(entries.items()),
    "items of a dict": dict.items,
    "items in order": lambda entries: OrderedDict(entries).items(),
    "items with a default": default,
    "items of an odd dict": lambda entries: Odd(entries).items(),
    "with dots": lambda entries: {".": Node.directory(), "..": Node.directory(), **entries}.items(),
    "mapping": lambda entries: [(name, node) for name, node in entries.items()],
}
NAMES: dict[str, Callable[[int], str]] = {
    "one length": "entry-{:06d}".format,
    "one room": "f{}".format,
    "many lengths": lambda number: "x" * (number % 200) + str(number),
    "not in ASCII": "gr\xf6\xdfe-{:06d}".format,
    "not in UTF-8": "\udcff{:06d}".format,
}


def everything(speaker: Speaker, fh: int, size: int = 4096) -> list[tuple[str, int, int]]:
    told: list[tuple[str, int, int]] = []
    offset = 0
    while records := speaker.readdir(fh, offset, size):
        told += [(r.name.decode("utf-8", "surrogateescape"), r.ino, r.kind) for r in records]
        offset = records[-1].off
    return told


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("count", [0, 1, 300])
def test_a_listing_is_the_same_however_it_is_answered(
    answer: Callable[[Entries], Iterable[Any]], name: Callable[[int], str], count: int
) -> None:
    entries = {name(number): Node.file() for number in range(count)}
    for number, entry in enumerate(entries.values()):
        entry.vattr.ino = number + 1000
    speaker, fh = opened(Scribe(readdir=answer(entries)))
    told = everything(speaker, fh)
    assert [entry[0] for entry in told[:2]] == [".", ".."]
    assert told[2:] == [(name(number), number + 1000, REG) for number in range(count)]


def test_types_and_numbers_of_all_kinds_stand_in_one_listing() -> None:
    entries: Entries = {f"entry-{number:03d}": Node.file() for number in range(300)}
    entries["entry-007"] = Node.directory()
    known = entries["entry-008"]
    entries["entry-009"].vattr.ino = 1 << 63
    speaker, fh = opened(Scribe({"known": known}, readdir=entries.items()))
    cookie = speaker.ask(Opcode.LOOKUP, ROOT, b"known").fields["nodeid"]
    told = {name: (ino, kind) for name, ino, kind in everything(speaker, fh)}
    assert told["entry-006"] == (UNKNOWN, REG)
    assert told["entry-007"] == (UNKNOWN, DIR)
    assert told["entry-008"] == (cookie, REG)
    assert told["entry-009"] == (1 << 63, REG)


def test_what_is_listed_is_a_copy_of_the_dict() -> None:
    entries = {f"entry-{number:03d}": Node.file() for number in range(300)}
    speaker, fh = opened(Scribe(readdir=entries.items()))
    first = speaker.readdir(fh)
    names = list(entries)
    entries.clear()
    rest = everything(speaker, fh)
    assert [name for name, _, _ in rest] == [".", ".."]
    speaker, fh = opened(Scribe(readdir=dict.fromkeys(names, Node.file()).items()))
    assert [r.name for r in speaker.readdir(fh)] == [r.name for r in first]


def test_dirents_alone_are_told_like_dirents_among_nodes() -> None:
    alone = [Dirent(f"entry-{number:03d}", number, REG) for number in range(300)]
    speaker, fh = opened(Scribe(readdir=alone))
    told = everything(speaker, fh)[2:]
    speaker, fh = opened(Scribe(readdir=[*alone, ("entry-300", Node.directory())]))
    assert everything(speaker, fh)[2:] == [*told, ("entry-300", UNKNOWN, DIR)]
    assert told[0] == ("entry-000", UNKNOWN, REG)
    assert told[7] == ("entry-007", 7, REG)


WRONG: dict[str, tuple[Any, str]] = {
    "negative number": (node(ino=-1), "number -1"),
    "number too large": (node(ino=1 << 64), "number 18446744073709551616"),
    "number that is none": (node(ino="7"), "number '7'"),
    "type too large": (node(mode=1 << 50), "type 274877906944"),
}


@pytest.mark.parametrize(("wrong", "said"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("others", [0, 300])
@pytest.mark.parametrize("dirent", [False, True])
def test_attributes_that_cannot_be_listed_are_an_error_that_names_them(
    wrong: Node, said: str, others: int, dirent: bool, caplog: pytest.LogCaptureFixture
) -> None:
    va: Vattr = wrong.vattr
    entry: Any = Dirent("entry-bad", va.ino, va.mode >> 12) if dirent else ("entry-bad", wrong)
    listing = [*((f"entry-{number:03d}", Node.file()) for number in range(others)), entry]
    speaker, fh = opened(Scribe(readdir=listing))
    line = refused(speaker, caplog, "Scribe.readdir", Opcode.READDIR, fh=fh, size=4096)
    assert "entry-bad" in line
    assert said in line
