"""Directories: what a listing shows, also of one that is large, or changes while it is listed.

Whether a listing agrees with ``stat`` is in looking.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable

from puffpy.testing.promise import expect, promise
from puffpy.testing.trial import Trial

O_LIST = os.O_RDONLY | os.O_DIRECTORY
MANY = 1500
"""Enough that a listing takes several requests."""


def rest(k: Trial, fd: int) -> list[str]:
    """Return the names that are left to be read, dots and all."""
    names = []
    while (record := k.readdir(fd)) is not None:
        names.append(os.fsdecode(record.name))
    return names


def listed_once(names: list[str], expected: list[str], what: str) -> None:
    """Expect each of *expected* once among *names*, whatever else is there."""
    counts = Counter(names)
    expect([name for name in expected if counts[name] != 1], [], what)


@promise({"mkdir", "readdir"})
def dot_and_dot_dot_are_listed_once(k: Trial) -> None:
    k.mkdir("directory")
    with k.opened("directory", O_LIST) as fd:
        expect(sorted(rest(k, fd)), [".", ".."], "all that is listed of an empty directory")


@promise({"create", "readdir"})
def every_name_is_listed_once(k: Trial) -> None:
    names = [f"{number:05} with a name of some length" for number in range(MANY)]
    for name in names:
        k.make_file(name)
    k.drop_caches()
    expect(k.names(), names, f"the names of a directory of {MANY}")


@promise({"create", "readdir"})
def long_names_are_listed_too(k: Trial) -> None:
    longest = k.longest_name()
    names = [f"{number:03}".ljust(longest, "n") for number in range(300)]
    for name in names:
        k.make_file(name)
    k.drop_caches()
    expect(k.names(), names, "the names of a directory of 300, each as long as can be")


@promise({"create", "readdir"})
def an_unchanged_directory_lists_the_same_again(k: Trial) -> None:
    for number in range(50):
        k.make_file(f"file {number}")
    with k.opened(".", O_LIST) as fd:
        first = rest(k, fd)
        k.rewinddir(fd)
        expect(rest(k, fd), first, "what is listed after rewinding")


@promise({"create", "remove", "readdir"})
def a_changing_directory_lists_what_stays_once(k: Trial) -> None:
    """What comes or goes meanwhile may be listed or not; what was there all the time must be, once."""
    names = [f"{number:05} with a name of some length" for number in range(MANY)]
    for name in names:
        k.make_file(name)

    def remove_every_third() -> None:
        for name in names[::3]:
            k.unlink(name)

    def make_some() -> None:
        for number in range(300):
            k.make_file(f"new {number}")

    stays = [name for name in names if name not in names[::3]]
    for what, change in (("removed", remove_every_third), ("made", make_some)):
        _list_amid(k, stays, what, change)


def _list_amid(k: Trial, stays: list[str], what: str, change: Callable[[], None]) -> None:
    with k.opened(".", O_LIST) as fd:
        first = [os.fsdecode(record.name) for _ in range(100) if (record := k.readdir(fd)) is not None]
        change()
        names = first + rest(k, fd)
    listed_once(names, stays, f"names that stay, and are not listed once, while others are {what}")


@promise({"create", "remove", "readdir"})
def rewinding_shows_what_has_changed(k: Trial) -> None:
    k.make_file("removed")
    with k.opened(".", O_LIST) as fd:
        rest(k, fd)
        k.unlink("removed")
        k.make_file("made")
        k.rewinddir(fd)
        shown = [name for name in rest(k, fd) if name in ("removed", "made")]
        expect(shown, ["made"], "what is listed of the two, after rewinding")


@promise({"mkdir", "rmdir", "readdir"})
def a_removed_directory_lists_nothing(k: Trial) -> None:
    k.mkdir("directory")
    with k.opened("directory", O_LIST) as fd:
        k.rmdir("directory")
        expect(set(rest(k, fd)) - {".", ".."}, set(), "what is listed of a removed directory")


@promise({"mkdir", "readdir", "create"})
def a_listing_does_not_descend(k: Trial) -> None:
    k.makedirs("directory/below")
    k.make_file("directory/below/file")
    k.drop_caches()
    expect(k.names("directory"), ["below"], "the names in a directory with one subdirectory")
