"""What belongs together in one run: one row each, with who is measured at what, and how much.

Nothing here measures.  To add one, give it a row; subjects and works are rows of their own tables.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from benchmarks.run import FREE, Settings
from benchmarks.subjects import AS_USED, PROGRAMS, REFERENCE, SUBJECTS, Subject
from benchmarks.works import AT_ONCE, CHORES, MIB, PASSED, WALKS, WORKS, Planted, Work

#: A directory in memory, for what is to be measured without a disk.
MEMORY = "/dev/shm"

EVERYBODY = {subject.name: subject for subject in (*SUBJECTS, *AS_USED, *PROGRAMS)}
NOTHING = Planted(data_bytes=MIB, entries=1, crowd=1)


@attrs.frozen
class Suite:
    """One run: *settings* as a person would want them, *quick* to see whether it works at all."""

    name: str
    title: str
    subjects: Sequence[Subject]
    works: Sequence[Work]
    settings: Settings
    quick: Settings
    #: Whether the times of all works are to be added up as well.
    total: bool = False


def _named(*names: str) -> list[Subject]:
    return [EVERYBODY[name] for name in names]


def _suite(
    name: str,
    title: str,
    subjects: Sequence[Subject],
    works: Sequence[Work],
    settings: Settings,
    *,
    small: Planted,
    total: bool = False,
) -> Suite:
    quick = attrs.evolve(settings, rounds=min(settings.rounds, 3), seconds=0.05, planted=small)
    return Suite(name, title, subjects, works, settings, quick, total)


SUITES = (
    _suite(
        "requests",
        "what a request costs; nothing is kept by the kernel",
        SUBJECTS,
        WORKS,
        Settings(),
        small=Planted(data_bytes=4 * MIB, crowd=2000),
    ),
    _suite(
        "clients",
        "one client, and four at once",
        _named("puffpy", REFERENCE),
        AT_ONCE,
        Settings(),
        small=Planted(data_bytes=4 * MIB, crowd=1),
    ),
    _suite(
        "compat",
        "a program written for mfusepy: there, and with one import changed",
        PROGRAMS,
        WORKS,
        Settings(
            references={
                "compat": "mfusepy",
                "mfusepy": "mfusepy",
                "compat-threads": "mfusepy-threads",
                "mfusepy-threads": "mfusepy-threads",
            }
        ),
        small=Planted(data_bytes=4 * MIB, crowd=2000),
    ),
    _suite(
        "passthrough",
        "data of the shipped file systems, with fio; beside what they live on",
        _named("detrempe", "tmpfs", "tunnel", "directory"),
        PASSED,
        Settings(
            rounds=8,
            seconds=0.5,
            planted=attrs.evolve(NOTHING, data_bytes=64 * MIB),
            modes=(FREE,),
            references={
                "detrempe": "tmpfs",
                "tmpfs": "tmpfs",
                "tunnel": "directory",
                "directory": "directory",
            },
            afresh=True,
        ),
        small=attrs.evolve(NOTHING, data_bytes=4 * MIB),
    ),
    _suite(
        "walks",
        "a large tree, the second time; beside tmpfs",
        _named("detrempe", "tunnel", "tunnel-watch", "passthrough_ll", "tmpfs"),
        WALKS,
        Settings(
            rounds=3,
            seconds=0,
            planted=attrs.evolve(NOTHING, walked=50_000),
            modes=(FREE,),
            references=dict.fromkeys(EVERYBODY, "tmpfs"),
            place=MEMORY,
        ),
        small=attrs.evolve(NOTHING, walked=1000),
    ),
    _suite(
        "chores",
        "what people do; beside C libfuse's passthrough_ll, all in memory",
        _named("detrempe", "tunnel", "tunnel-plain", "passthrough_ll", "pyfuse3-cached", "tmpfs"),
        CHORES,
        Settings(
            rounds=3,
            seconds=0,
            planted=attrs.evolve(NOTHING, files=20_000),
            modes=(FREE,),
            references=dict.fromkeys(EVERYBODY, "passthrough_ll"),
            place=MEMORY,
        ),
        small=attrs.evolve(NOTHING, files=500, share="/usr/share/perl"),
        total=True,
    ),
)
